//! Stages from files to tokens, conversations and questions, without tensors: crawl, filter, extract, dedup,
//! tokenize, load.
//!
//! Each stage is a pair of neighbours: its signature (`filter/language.llmp`) and its implementation
//! (`filter/language.rs`), with its tests beside it.

mod chat;
pub mod classifier;
pub mod crawl;
pub mod dedup;
pub mod docs;
pub mod extract;
pub mod filter;
mod knowledge;
mod pages;
mod shards;
pub mod tokenize;

use llmp_stage::Stage;

/// The stages of this crate.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    let modules = [
        chat::stages(),
        classifier::stages(),
        crawl::stages(),
        dedup::stages(),
        docs::stages(),
        extract::stages(),
        filter::stages(),
        knowledge::stages(),
        tokenize::stages(),
    ];
    modules.into_iter().flatten().collect()
}
