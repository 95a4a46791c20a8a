//! Stages that start a pipeline: from files on disk to pages or documents.

pub mod docs;
pub mod html;
pub mod warc;

use llmp_stage::{InputFile, Signature, Stage, stage};

/// The stages of this module.
pub(crate) fn stages() -> Vec<Box<dyn Stage>> {
    vec![stage("crawl.warc", warc::run), stage("crawl.html", html::run), stage("crawl.docs", docs::run)]
}

/// Their signatures.
pub(crate) const SIGNATURES: &[Signature] = &[
    Signature { path: "data/crawl/warc.llmp", text: include_str!("warc.llmp") },
    Signature { path: "data/crawl/html.llmp", text: include_str!("html.llmp") },
    Signature { path: "data/crawl/docs.llmp", text: include_str!("docs.llmp") },
];

/// The name of the shard made of a file: the first 16 hexadecimal digits of its digest.
fn shard_name(file: &InputFile) -> &str {
    file.digest.get(..16).unwrap_or(&file.digest)
}

/// What people call a file.
fn label(file: &InputFile) -> &str {
    file.label.as_deref().unwrap_or(&file.name)
}
