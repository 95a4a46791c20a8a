//! `tokenize.encode`: documents to token ids.

use llmp_stage::{Context, Cost, Inputs, Known, Result, shard_of};
use rayon::prelude::*;
use serde::Deserialize;

use crate::shards::thread_pool;
use llmp_artifacts::docs::Reader;
use llmp_artifacts::tokenizer::{Tokenizer, special};
use llmp_artifacts::tokens::{Dtype, TokenWriter, TokensInfo};

/// Text is encoded in batches of at least so many bytes, so that memory is bounded and threads are busy.
const BATCH_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

/// What it will need: a batch of texts with their tokens. Its vocabulary is the tokenizer's.
pub(crate) fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    let vocabulary = inputs.get("tokenizer").vocabulary;
    let text = inputs.get("docs").bytes.map(llmp_artifacts::docs::text_of);
    let memory =
        text.zip(vocabulary).map(|(text, vocabulary)| text.min(3 * BATCH_BYTES as u64) + 300 * vocabulary);
    Cost { memory, result: Known { vocabulary, ..Known::default() }, ..Cost::default() }
}
/// How fast it is: documents, on two cores.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 22e6, gives: 1.8 }
}

pub(crate) fn run(ctx: &dyn Context, _settings: Settings) -> Result<()> {
    let tokenizer = Tokenizer::open(ctx.input("tokenizer")?)?;
    let info = TokensInfo {
        dtype: Dtype::for_vocabulary(tokenizer.vocab_size()),
        vocab_size: tokenizer.vocab_size(),
        eot: tokenizer.require_special(special::END_OF_TEXT)?,
    };
    tokenizer.save(ctx.output())?;
    info.save(ctx.output())?;
    let pool = thread_pool(ctx)?;
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let mut reader = Reader::open(&file.path)?;
        let mut writer = TokenWriter::create(ctx.output(), shard_of(&file.name), info)?;
        let bar = ctx.bar(reader.rows(), "documents");
        loop {
            ctx.proceed()?;
            let texts = next_texts(&mut reader)?;
            if texts.is_empty() {
                break;
            }
            let encoded: Vec<Vec<u32>> =
                pool.install(|| texts.par_iter().map(|text| tokenizer.encode(text)).collect());
            for ids in &encoded {
                writer.document(ids)?;
            }
            ctx.count("documents", texts.len() as u64);
            ctx.count("bytes", texts.iter().map(|text| text.len() as u64).sum());
            bar.add(texts.len() as u64);
        }
        ctx.count("tokens", writer.finish()?);
    }
    Ok(())
}

fn next_texts(reader: &mut Reader) -> Result<Vec<String>> {
    let (mut texts, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES {
        let Some(doc) = reader.next().transpose()? else { break };
        bytes += doc.text.len();
        texts.push(doc.text);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::docs::{Doc, Writer};

    use llmp_artifacts::tokens::TokenSet;
    use llmp_stage::testing::TestContext;

    #[test]
    fn documents_become_tokens_that_decode_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let (docs, tokenizer) = (folder.path().join("docs"), folder.path().join("tokenizer"));
        std::fs::create_dir(&docs).unwrap();
        std::fs::create_dir(&tokenizer).unwrap();
        Tokenizer::cl100k().save(&tokenizer).unwrap();
        let texts = ["hello", "", "a <|endoftext|> b", "你好\r\n\n  world"];
        let mut writer = Writer::create(&docs.join("0a.parquet")).unwrap();
        for text in texts {
            writer.write(Doc { text: text.into(), ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();

        let ctx =
            TestContext::new(folder.path()).with_folder("docs", &docs).with_folder("tokenizer", &tokenizer);
        run(&ctx, Settings {}).unwrap();

        let made = TestContext::new(&folder.path().join("read")).with_folder("tokens", ctx.output());
        let set = TokenSet::open(made.input("tokens").unwrap()).unwrap();
        assert_eq!(set.documents(), 4);
        assert_eq!(set.tokens(), ctx.counted("tokens"));
        assert_eq!(ctx.counted("documents"), 4);
        assert_eq!(ctx.counted("bytes"), texts.iter().map(|text| text.len() as u64).sum::<u64>());
        for (document, text) in (0..).zip(texts) {
            let ids = set.doc(document).unwrap();
            let (last, ids) = ids.split_last().unwrap();
            assert_eq!(*last, 100_257);
            assert!(!ids.contains(last));
            assert_eq!(Tokenizer::cl100k().decode(ids), text);
        }
        let copy = std::fs::read(ctx.output().join("tokenizer.json")).unwrap();
        assert!(copy == std::fs::read(tokenizer.join("tokenizer.json")).unwrap());
    }
}
