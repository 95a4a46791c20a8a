//! Stages from crawled pages to tokens: crawl, filter, extract, dedup, tokenize.
//!
//! Each stage is a pair of neighbours: its signature (`filter/language.llmp`) and its implementation
//! (`filter/language.rs`), with its tests beside it.

pub mod docs;
pub mod tokenize;
pub mod warc;

use llmp_stage::{Signature, Stage};

/// The stages of this crate.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    tokenize::stages()
}

/// Their signatures, for the compiler to read.
pub const SIGNATURES: &[Signature] = tokenize::SIGNATURES;
