//! What every filter over documents does: read shards in order, judge documents in parallel, write what is
//! kept.

use std::path::Path;

use llmp_artifacts::docs::{Doc, Reader, Writer};
use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use rayon::prelude::*;

/// Documents are judged in batches of at most so many bytes, so that memory is bounded.
const BATCH_BYTES: usize = 16 << 20;

/// What becomes of a document.
#[expect(clippy::large_enum_variant, reason = "most documents are kept; a box would cost each of them")]
pub(crate) enum Verdict {
    /// It is kept, perhaps changed.
    Keep(Doc),
    /// It is left out.
    Drop {
        /// The rule that dropped it, e.g. `gopher.min_words`.
        rule: &'static str,
        /// The value that the rule saw, as people read it.
        value: String,
    },
}

/// Runs `judge` over the shards of the input `docs`, on as many threads as the context allows, and writes
/// what it keeps to output shards of the same names and in the same order.
///
/// # Errors
/// Where a shard cannot be read or written, `judge` fails, or the run was stopped.
pub(crate) fn filter_shards(ctx: &dyn Context, judge: impl Fn(Doc) -> Result<Verdict> + Sync) -> Result<()> {
    let input = ctx.input("docs")?;
    let pool = thread_pool(ctx)?;
    for file in input.with_suffix(".parquet") {
        let mut reader = Reader::open(&file.path)?;
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let bar = ctx.bar(reader.rows(), "documents");
        loop {
            ctx.proceed()?;
            let batch = next_batch(&mut reader)?;
            if batch.is_empty() {
                break;
            }
            let documents = batch.len() as u64;
            let verdicts: Vec<_> = pool.install(|| {
                batch
                    .into_par_iter()
                    .map(|doc| {
                        let (id, url) = (doc.id.clone(), doc.url.clone());
                        judge(doc).map(|verdict| (id, url, verdict))
                    })
                    .collect::<Result<_>>()
            })?;
            let mut kept = 0;
            for (id, url, verdict) in verdicts {
                match verdict {
                    Verdict::Keep(doc) => {
                        writer.write(doc)?;
                        kept += 1;
                    }
                    Verdict::Drop { rule, value } => {
                        ctx.dropped(Dropped { id, url, rule: rule.into(), value });
                    }
                }
            }
            ctx.count("documents", kept);
            bar.add(documents);
        }
        writer.finish()?;
    }
    Ok(())
}

/// Puts a shard into the output as it is.
pub(crate) fn pass_on(file: &InputFile, output: &Path) -> Result<()> {
    let path = output.join(&file.name);
    // A link costs nothing; elsewhere than in the store there may be none.
    if std::fs::hard_link(&file.path, &path).is_err() {
        std::fs::copy(&file.path, &path).map_err(Error::io("cannot copy", &file.path))?;
    }
    Ok(())
}

fn next_batch(reader: &mut Reader) -> Result<Vec<Doc>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES {
        let Some(doc) = reader.next().transpose()? else { break };
        bytes += doc.size();
        batch.push(doc);
    }
    Ok(batch)
}

/// A pool of as many threads as the stage may keep busy.
pub(crate) fn thread_pool(ctx: &dyn Context) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(ctx.threads().max(1))
        .build()
        .map_err(|error| Error::new("cannot start threads").because(error))
}

#[cfg(test)]
pub(crate) mod testing {
    //! Shards of documents for the tests of filters.

    use llmp_artifacts::docs::{Doc, Reader, Writer};
    use llmp_stage::testing::TestContext;
    use llmp_stage::{Context, Result};

    /// A shard of documents.
    pub(crate) fn shard_of(docs: Vec<Doc>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard");
        let mut writer = Writer::create(&path).unwrap();
        for doc in docs {
            writer.write(doc).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    }

    /// A shard of documents with these texts.
    pub(crate) fn shard(texts: &[&str]) -> Vec<u8> {
        let doc = |(number, text): (usize, &&str)| Doc {
            text: (*text).to_owned(),
            id: number.to_string(),
            ..Doc::default()
        };
        shard_of(texts.iter().enumerate().map(doc).collect())
    }

    /// The texts that a filter left in the shard `a.parquet`.
    pub(crate) fn kept(ctx: &TestContext) -> Vec<String> {
        let reader = Reader::open(&ctx.output().join("a.parquet")).unwrap();
        reader.map(|doc| doc.map(|doc| doc.text)).collect::<Result<_>>().unwrap()
    }
}
