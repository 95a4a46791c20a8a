//! The first step of `dedup.minhash`: signatures of a shard's documents.

use llmp_artifacts::docs::{Doc, Reader};
use llmp_stage::{Context, Cost, Inputs, Result};
use rayon::prelude::*;
use serde::Deserialize;

use super::shard_of;
use super::signed::{Rank, SUFFIX, Writer};
use crate::dedup::signature::Hasher;
use crate::shards::{pass_on, thread_pool};

/// The settings of `dedup.minhash.sign`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Words in a sequence.
    pub ngram: usize,
    /// Hashes of a document.
    pub hashes: usize,
    /// Chooses the hash functions.
    pub seed: u64,
}

/// Documents hashed at once.
const BATCH: usize = 512;

/// What it will need: a batch of texts, and the ids of a shard.
#[must_use]
pub fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    let docs = inputs.get("docs");
    let memory = docs.bytes.zip(docs.items).map(|(bytes, documents)| {
        let text = llmp_artifacts::docs::text_of(bytes);
        2 * text.checked_div(documents.div_ceil(BATCH as u64)).unwrap_or(0) + documents * 100
    });
    Cost { memory, ..Cost::default() }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read, or signatures cannot be written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let hasher = Hasher::new(settings.ngram, settings.hashes, settings.seed);
    let pool = thread_pool(ctx)?;
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let path = ctx.output().join(format!("{}{SUFFIX}", shard_of(file)));
        let mut writer = Writer::create(path, settings.hashes)?;
        let mut reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        loop {
            ctx.proceed()?;
            let batch: Vec<Doc> = reader.by_ref().take(BATCH).collect::<Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            let hashed: Vec<_> = pool.install(|| {
                batch.par_iter().map(|doc| (hasher.signature(&doc.text), Rank::of(doc))).collect()
            });
            for (doc, (signature, rank)) in batch.iter().zip(&hashed) {
                writer.write(signature, *rank, &doc.id)?;
            }
            bar.add(batch.len() as u64);
        }
        writer.finish()?;
        ctx.count("documents", reader.rows());
        pass_on(file, ctx.output())?;
    }
    Ok(())
}
