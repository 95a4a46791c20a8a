//! `tokenize.train`: a vocabulary from documents.

use llmp_stage::{Context, Cost, Error, Inputs, Known, Result};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::merges::{Word, learn_merges};
use crate::shards::thread_pool;
use llmp_artifacts::docs::Reader;
use llmp_artifacts::tokenizer::{Pattern, Tokenizer, Vocabulary, special};

/// Texts are counted in batches of at least so many bytes.
const BATCH_BYTES: usize = 32 << 20;
/// Longer pieces (only found in text that is none) are cut, so that one of them cannot slow down every merge.
const MAX_PIECE_BYTES: usize = 1_024;

/// Bytes that the pieces of a text take, against its bytes to the power of 3/4.
const PIECE_BYTES: f64 = 100.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    size: u32,
    pattern: Pattern,
    min_frequency: u64,
    documents: u64,
}

/// What it will need: a batch of texts, and the different pieces of all of them, of which longer texts have
/// fewer for their length.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let memory = inputs.get("docs").bytes.map(|bytes| {
        let text = llmp_artifacts::docs::text_of(bytes);
        let pieces = PIECE_BYTES * (text as f64).powf(0.75);
        text.min(2 * BATCH_BYTES as u64) + pieces as u64
    });
    let result = Known { vocabulary: Some(settings.size.into()), ..Known::default() };
    Cost { memory, result, ..Cost::default() }
}
/// How fast it is: documents.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 25e6, gives: 0.03 }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let ordinary =
        settings.size.checked_sub(special::ALL.len() as u32).filter(|ordinary| *ordinary >= 256).ok_or_else(
            || Error::new(format!("a vocabulary of {} is too small, expected 264", settings.size)),
        )?;
    let words = count_words(ctx, &settings)?;
    ctx.count("words", words.len() as u64);
    let bar = ctx.bar(u64::from(ordinary) - 256, "merges");
    let (tokens, merges) = learn_merges(words, ordinary as usize, settings.min_frequency, || {
        bar.add(1);
        ctx.proceed()
    })?;
    ctx.count("merges", merges.len() as u64);
    if tokens.len() < ordinary as usize {
        ctx.log(&format!(
            "{} of {ordinary} tokens found: the documents hold no further pair seen {} times; the other ids stay unassigned",
            tokens.len(),
            settings.min_frequency
        ));
    }
    let specials = special::ALL.iter().map(|name| (*name).to_owned()).zip(ordinary..).collect();
    Tokenizer::new(&Vocabulary { tokens, merges, pattern: settings.pattern, specials })?.save(ctx.output())
}

/// The pieces of all documents and how often each occurs, in the order of their bytes.
fn count_words(ctx: &dyn Context, settings: &Settings) -> Result<Vec<Word>> {
    let paths: Vec<_> = ctx.input("docs")?.with_suffix(".parquet").map(|file| &file.path).collect();
    let mut total = 0;
    for path in &paths {
        total += Reader::open(path)?.rows();
    }
    let chosen = Sample::new(settings.documents, total);
    let pool = thread_pool(ctx)?;
    let bar = ctx.bar(total, "documents");
    let mut counts = Counts::default();
    for path in paths {
        let mut reader = Reader::open(path)?;
        let mut left = true;
        while left {
            ctx.proceed()?;
            let (mut texts, mut bytes) = (Vec::new(), 0);
            while left && bytes < BATCH_BYTES {
                let Some(doc) = reader.next().transpose()? else {
                    left = false;
                    break;
                };
                bar.add(1);
                if chosen.holds(&doc.text) {
                    bytes += doc.text.len();
                    texts.push(doc.text);
                }
            }
            ctx.count("documents", texts.len() as u64);
            ctx.count("bytes", bytes as u64);
            let part = pool.install(|| count_batch(&texts, settings.pattern));
            counts = merge(counts, part);
        }
    }
    let mut words: Vec<Word> =
        counts.into_iter().map(|(piece, count)| Word { bytes: piece.into(), count }).collect();
    words.sort_unstable_by(|a, b| a.bytes.cmp(&b.bytes));
    Ok(words)
}

/// How often each piece occurs.
type Counts = FxHashMap<Box<str>, u64>;

fn count_batch(texts: &[String], pattern: Pattern) -> Counts {
    let chunk = texts.len().div_ceil(rayon::current_num_threads() * 4).max(1);
    texts
        .par_chunks(chunk)
        .map(|texts| {
            let mut counts = Counts::default();
            for text in texts {
                pattern.pieces(text, |piece| {
                    let mut rest = piece;
                    while !rest.is_empty() {
                        let (part, after) = rest.split_at(rest.floor_char_boundary(MAX_PIECE_BYTES));
                        match counts.get_mut(part) {
                            Some(count) => *count += 1,
                            None => {
                                counts.insert(part.into(), 1);
                            }
                        }
                        rest = after;
                    }
                });
            }
            counts
        })
        .reduce(Counts::default, merge)
}

fn merge(a: Counts, b: Counts) -> Counts {
    let (mut larger, smaller) = if a.len() < b.len() { (b, a) } else { (a, b) };
    for (piece, count) in smaller {
        *larger.entry(piece).or_default() += count;
    }
    larger
}

/// A choice of documents that depends on their text only, not on their order.
struct Sample {
    /// Documents are taken whose digest, as a number, is at most this.
    up_to: u64,
}

impl Sample {
    fn new(wanted: u64, total: u64) -> Self {
        let up_to = if wanted >= total {
            u64::MAX
        } else {
            // Exact in u128: below u64::MAX, since wanted < total.
            (u128::from(u64::MAX) * u128::from(wanted) / u128::from(total)) as u64
        };
        Self { up_to }
    }

    fn holds(&self, text: &str) -> bool {
        self.up_to == u64::MAX || {
            let digest = blake3::hash(text.as_bytes());
            let first: [u8; 8] = std::array::from_fn(|at| digest.as_bytes()[at]);
            u64::from_le_bytes(first) <= self.up_to
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::docs::{Doc, Writer};

    use llmp_stage::testing::TestContext;
    use std::path::Path;

    fn train(folder: &Path, shards: &[&[&str]], size: u32) -> Tokenizer {
        let docs = folder.join("docs");
        std::fs::create_dir_all(&docs).unwrap();
        for (number, texts) in shards.iter().enumerate() {
            let mut writer = Writer::create(&docs.join(format!("{number}.parquet"))).unwrap();
            for text in *texts {
                writer.write(Doc { text: (*text).to_owned(), ..Doc::default() }).unwrap();
            }
            writer.finish().unwrap();
        }
        let ctx = TestContext::new(folder).with_folder("docs", &docs);
        let settings = Settings { size, pattern: Pattern::Cl100k, min_frequency: 2, documents: 1_000_000 };
        run(&ctx, settings).unwrap();
        Tokenizer::load(ctx.output()).unwrap()
    }

    const TEXTS: [&str; 3] = [
        "The cat sat on the mat, and the other cat sat on the other mat.",
        "猫坐在垫子上。另一只猫坐在另一个垫子上。",
        "1234 12345 123456",
    ];

    #[test]
    fn a_trained_tokenizer_round_trips_and_compresses() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = train(folder.path(), &[&TEXTS], 300);
        assert_eq!(tokenizer.vocab_size(), 300);
        assert_eq!(tokenizer.special(special::END_OF_TEXT), Some(292));
        assert_eq!(tokenizer.special(special::RESULT_END), Some(299));
        for text in TEXTS.into_iter().chain(["", "unseen: émoji 🦀\t\r\n\0", "<|im_end|><SEARCH_START>"]) {
            let ids = tokenizer.encode(text);
            assert_eq!(tokenizer.decode(&ids), text);
            assert!(ids.iter().all(|id| !tokenizer.is_special(*id)));
        }
        assert!(tokenizer.encode(TEXTS[0]).len() * 2 < TEXTS[0].len());
    }

    #[test]
    fn order_and_shards_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        train(&a, &[&TEXTS], 290);
        train(&b, &[&[TEXTS[2]], &[TEXTS[1], TEXTS[0]]], 290);
        let read = |folder: &Path| std::fs::read(folder.join("output/tokenizer.json")).unwrap();
        assert!(read(&a) == read(&b));
    }

    #[test]
    fn a_small_corpus_leaves_ids_unassigned() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = train(folder.path(), &[&["aa aa"]], 1_000);
        assert_eq!(tokenizer.vocab_size(), 1_000);
        assert_eq!(tokenizer.special(special::END_OF_TEXT), Some(992));
        assert_eq!(tokenizer.token_bytes(900), None);
        assert_eq!(tokenizer.decode(&[900, 256]), "aa");
    }

    #[test]
    fn samples_hold_about_as_many_as_wanted() {
        let sample = Sample::new(100, 1_000);
        let held = (0..1_000).filter(|number: &u32| sample.holds(&number.to_string())).count();
        assert!((60..140).contains(&held), "{held}");
    }
}
