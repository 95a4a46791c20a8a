//! Stages from crawled pages to tokens: crawl, filter, extract, dedup, tokenize.
//!
//! Each stage is a pair of neighbours: its signature (`filter/language.llmp`) and its implementation
//! (`filter/language.rs`), with its tests beside it.

pub mod crawl;
pub mod dedup;
pub mod docs;
pub mod extract;
pub mod filter;
mod pages;
pub mod tokenize;
pub mod warc;

use llmp_stage::{Signature, Stage};

/// The stages of this crate.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    [crawl::stages(), extract::stages(), filter::stages(), dedup::stages(), tokenize::stages()]
        .into_iter()
        .flatten()
        .collect()
}

const PARTS: [&[Signature]; 5] =
    [crawl::SIGNATURES, extract::SIGNATURES, filter::SIGNATURES, dedup::SIGNATURES, tokenize::SIGNATURES];

/// Their signatures, for the compiler to read.
pub const SIGNATURES: &[Signature] = &joined::<{ count(PARTS) }>(PARTS);

const fn count(parts: [&[Signature]; PARTS.len()]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

/// Joins lists at compile time.
const fn joined<const N: usize>(parts: [&[Signature]; PARTS.len()]) -> [Signature; N] {
    let mut all = [Signature { path: "", text: "" }; N];
    let (mut part, mut at, mut total) = (0, 0, 0);
    while part < parts.len() {
        while at < parts[part].len() {
            all[total] = parts[part][at];
            (at, total) = (at + 1, total + 1);
        }
        (part, at) = (part + 1, 0);
    }
    all
}
