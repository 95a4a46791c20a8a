//! `filter.decontaminate`: leaves out documents that hold what models are measured with.

use std::collections::{BTreeMap, BTreeSet};

use llmp_artifacts::docs::{Doc, Reader};
use llmp_artifacts::questions::{QUESTIONS_FILE, read_questions};
use llmp_artifacts::random::mix;
use llmp_artifacts::words;
use llmp_stage::{Context, Result, Rule};
use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};

/// The settings of `filter.decontaminate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Words of a sequence.
    pub ngram: usize,
    /// Words of the shortest text that counts as a whole.
    pub least: usize,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[Rule {
        name: "decontaminate.ngram",
        drops: "it shares a sequence of so many words with a question, an answer or a document to keep clear of",
        setting: Some("ngram"),
        off: None,
        source: "GPT-3: Brown et al. (2020), appendix C",
    }]
}

/// Runs the stage.
///
/// # Errors
/// Where documents or questions cannot be read, or documents cannot be written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut known = Known::new(settings);
    for input in ctx.inputs("against") {
        if input.is("Questions") || input.files.iter().any(|file| file.name == QUESTIONS_FILE) {
            for question in read_questions(input)? {
                ctx.proceed()?;
                known.add(&question.id, &[&question.question, &question.answer]);
            }
            continue;
        }
        for file in input.with_suffix(".parquet") {
            for doc in Reader::open(&file.path)? {
                ctx.proceed()?;
                let doc = doc?;
                known.add(&doc.id, &[&doc.text]);
            }
        }
    }
    if known.short > 0 {
        ctx.log(&format!("{} texts are too short to tell anything by", known.short));
    }
    filter_shards(ctx, |doc| Ok(known.judge(doc)))
}

/// The sequences that documents must not hold.
struct Known {
    settings: Settings,
    /// By hash, the number of what holds it.
    sequences: FxHashMap<u64, u32>,
    lengths: BTreeSet<usize>,
    /// What holds them, by number.
    ids: Vec<String>,
    short: u64,
}

impl Known {
    fn new(settings: Settings) -> Self {
        let (sequences, lengths) = (FxHashMap::default(), BTreeSet::new());
        Self { settings, sequences, lengths, ids: Vec::new(), short: 0 }
    }

    /// Takes in the texts of what is called `id`.
    fn add(&mut self, id: &str, texts: &[&str]) {
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id.to_owned());
        for text in texts {
            let hashed = Hashed::new(text);
            let length = hashed.words().min(self.settings.ngram);
            if length < self.settings.least {
                self.short += 1;
                continue;
            }
            self.lengths.insert(length);
            for start in 0..=hashed.words() - length {
                self.sequences.entry(hashed.of(start, length)).or_insert(number);
            }
        }
    }

    fn judge(&self, doc: Doc) -> Verdict {
        let hashed = Hashed::new(&doc.text);
        // Of several the first in the document is told.
        let mut first: BTreeMap<usize, (usize, u32)> = BTreeMap::new();
        for &length in &self.lengths {
            for start in 0..(hashed.words() + 1).saturating_sub(length) {
                if let Some(number) = self.sequences.get(&hashed.of(start, length)) {
                    first.entry(start).or_insert((length, *number));
                    break;
                }
            }
        }
        let Some((start, (length, number))) = first.pop_first() else { return Verdict::Keep(doc) };
        let (from, to) = (hashed.spans[start].start, hashed.spans[start + length - 1].end);
        let id = self.ids.get(number as usize).map_or("", String::as_str);
        let text: Vec<&str> = doc.text[from..to].split_whitespace().collect();
        let text: String = text.join(" ").chars().take(TOLD).collect();
        Verdict::Drop { rule: "decontaminate.ngram", value: format!("“{text}”, as in {id}") }
    }
}

/// Characters of a sequence that are told.
const TOLD: usize = 200;

/// An odd number without a pattern: a sequence's hash is a polynomial of the hashes of its words.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A text with the hashes of its sequences at hand.
struct Hashed {
    spans: Vec<std::ops::Range<usize>>,
    /// The hashes of its first words, from none to all.
    sums: Vec<u64>,
}

impl Hashed {
    fn new(text: &str) -> Self {
        let spans: Vec<_> = words::spans(text).collect();
        let mut sums = vec![0_u64];
        for span in &spans {
            let letters = text[span.clone()].chars().flat_map(char::to_lowercase);
            let word = letters.fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
                (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3)
            });
            let before = sums.last().copied().unwrap_or_default();
            sums.push(before.wrapping_mul(BASE).wrapping_add(mix(word)));
        }
        Self { spans, sums }
    }

    fn words(&self) -> usize {
        self.spans.len()
    }

    /// The hash of so many words from one on.
    fn of(&self, start: usize, length: usize) -> u64 {
        let power = BASE.wrapping_pow(u32::try_from(length).unwrap_or(u32::MAX));
        let before = self.sums[start].wrapping_mul(power);
        mix(self.sums[start + length].wrapping_sub(before) ^ mix(length as u64))
    }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Writer;
    use llmp_stage::testing::TestContext;

    use super::*;

    fn folder(texts: &[&str]) -> std::path::PathBuf {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let mut writer = Writer::create(&folder.join("a.parquet")).expect("made");
        for (number, text) in texts.iter().enumerate() {
            let (id, text) = (format!("<{number}>"), (*text).to_owned());
            writer.write(Doc { id, text, ..Doc::default() }).expect("written");
        }
        writer.finish().expect("written");
        folder
    }

    fn left(docs: &[&str], ngram: usize, least: usize) -> (Vec<String>, TestContext) {
        let questions = r#"{"id": "q1", "question": "When was the old mill beside the river built by its first owner?", "answer": "In 1786.", "values": ["1786"]}"#;
        let ctx = TestContext::new(&tempfile::tempdir().expect("a folder").keep())
            .with_folder("docs", &folder(docs))
            .with_files("against", &[(QUESTIONS_FILE, questions.as_bytes())])
            .of_kind("against", "Questions")
            .with_folder("against", &folder(&["湖上的风很冷，所以没有人愿意在那里等船。"]))
            .of_kind("against", "Docs");
        run(&ctx, Settings { ngram, least }).expect("it runs");
        let docs = Reader::open(&ctx.output().join("a.parquet")).expect("opens");
        (docs.map(|doc| doc.expect("read").id).collect(), ctx)
    }

    #[test]
    fn what_shares_a_sequence_goes_and_says_with_what() {
        let docs = [
            "Nobody knows. WHEN was the old mill, beside the river, built by its first owner? In 1786.",
            "When was the old mill beside the river built? Its first owner never said.",
            "他说湖上的风很冷，所以没有人愿意在那里等船，我们就走了。",
            "Geese.",
            "",
        ];
        let (ids, ctx) = left(&docs, 13, 8);
        assert_eq!(ids, ["<1>", "<3>", "<4>"]);
        let drops = ctx.drops.lock().expect("unpoisoned");
        let values: Vec<&str> = drops.iter().map(|drop| drop.value.as_str()).collect();
        assert_eq!(
            values,
            [
                "“WHEN was the old mill, beside the river, built by its first owner”, as in q1",
                "“湖上的风很冷，所以没有人愿意”, as in <0>"
            ]
        );
        assert_eq!(ctx.counted("dropped.decontaminate.ngram"), 2);
        assert_eq!(ctx.lines.lock().expect("unpoisoned")[0], "1 texts are too short to tell anything by");
        assert_eq!(left(&docs, 8, 8).0, ["<3>", "<4>"], "eight words are in the second, too");
        assert_eq!(left(&["Built in 1786, they say."], 13, 2).0, [""; 0], "a short answer as a whole");
    }
}
