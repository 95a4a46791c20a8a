//! `dedup.exact`: what stands twice word for word.
//!
//! Two passes. The first hashes the things that are compared, one after another; the second goes through them
//! in the same order and leaves out those that were there before.

use std::collections::BTreeMap;

use llmp_artifacts::docs::{Doc, Reader, Writer};
use llmp_stage::{Context, Dropped, Input, Lint, Result, Rule};
use serde::Deserialize;
use unicode_segmentation::UnicodeSegmentation;

use super::seen::{Asked, Found, Seen};

/// What must not come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The whole text.
    Document,
    /// Where it was found.
    Url,
    /// What stands between blank lines.
    Paragraph,
    /// A line.
    Line,
    /// So many sentences behind each other.
    Sentences,
}

/// The settings of `dedup.exact`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What must not come twice.
    pub by: By,
    /// Sentences of a span.
    pub span: usize,
    /// Characters of the shortest line or paragraph that is compared.
    pub min_characters: usize,
    /// Words that must be left.
    pub min_words: usize,
    /// Bytes of a Bloom filter.
    pub bloom: Option<u64>,
}

/// Settings that are about another way to compare.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let idle = |path, message: &str, help: &str| Lint::new("E0309", path, message).help(help);
    let mut lints = Vec::new();
    if settings.span != 3 && settings.by != By::Sentences {
        lints.push(idle(
            &["span"],
            "`span` counts sentences, and none are compared",
            "write `by = sentences`",
        ));
    }
    if settings.min_characters != 1 && !matches!(settings.by, By::Line | By::Paragraph) {
        let message = "`min_characters` is about lines and paragraphs, and none are compared";
        lints.push(idle(&["min_characters"], message, "write `by = line` or `by = paragraph`"));
    }
    lints
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[
        Rule {
            name: "exact.document",
            drops: "a document before it has the same text",
            setting: Some("by"),
            off: None,
            source: "this program",
        },
        Rule {
            name: "exact.url",
            drops: "a document before it was found at the same address",
            setting: Some("by"),
            off: None,
            source: "this program",
        },
        Rule {
            name: "exact.nothing_left",
            drops: "parts of it stand before, and what is left has less than `min_words` words",
            setting: Some("min_words"),
            off: None,
            source: "lines and paragraphs: CCNet, Wenzek et al. (2020); spans of sentences: C4, Raffel et al. (2020)",
        },
    ]
}

/// Runs the stage.
///
/// # Errors
/// Where documents or the files of hashes cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("docs")?;
    let mut seen = match settings.bloom {
        Some(bytes) => Seen::bloom(bytes),
        None => Seen::sorted(&ctx.state().join("seen"))?,
    };
    for file in input.with_suffix(".parquet") {
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        for doc in reader {
            ctx.proceed()?;
            hashes(&doc?, &settings, |hash| seen.add(hash))?;
            bar.add(1);
        }
    }
    let whole = matches!(settings.by, By::Document | By::Url);
    let found = seen.finish(ctx, if whole { Asked::Firsts } else { Asked::Later })?;
    let firsts = if whole { Firsts::find(ctx, input, &settings, &found)? } else { Firsts::default() };
    copy(ctx, input, &settings, &found, &firsts)
}

/// Calls `each` with the hashes of the things that are compared in a document.
fn hashes(doc: &Doc, settings: &Settings, mut each: impl FnMut(u128) -> Result<()>) -> Result<()> {
    match settings.by {
        By::Document => each(hash(&doc.text)),
        // What has no address is not compared.
        By::Url if doc.url.is_empty() => Ok(()),
        By::Url => each(hash(&doc.url)),
        By::Line => compared(doc.text.split('\n'), settings).try_for_each(|(_, hash)| each(hash)),
        By::Paragraph => {
            compared(paragraphs(&doc.text).into_iter(), settings).try_for_each(|(_, hash)| each(hash))
        }
        By::Sentences => spans(&doc.text, settings.span).1.into_iter().try_for_each(each),
    }
}

/// The places of the pieces that are compared, with their hashes.
fn compared<'a>(
    pieces: impl Iterator<Item = &'a str>,
    settings: &Settings,
) -> impl Iterator<Item = (usize, u128)> {
    pieces.enumerate().filter_map(|(at, piece)| {
        let normal = normal(piece);
        (normal.chars().count() >= settings.min_characters).then(|| (at, hash(&normal)))
    })
}

/// A line as CCNet compares it.
fn normal(line: &str) -> String {
    let lower = line.chars().flat_map(char::to_lowercase);
    let kept = lower.filter(|sign| sign.is_alphanumeric() || unicode_mark(*sign));
    kept.map(|sign| if sign.is_numeric() { '0' } else { sign }).collect()
}

/// Signs that are no letters and yet parts of words, such as the vowels of Indian scripts.
fn unicode_mark(sign: char) -> bool {
    !sign.is_ascii() && !sign.is_whitespace() && !sign.is_control() && {
        let mut text = [0; 4];
        let text: &str = sign.encode_utf8(&mut text);
        // A mark makes no grapheme of its own behind a letter.
        let both = format!("a{text}");
        both.graphemes(true).count() == 1
    }
}

/// What stands between blank lines.
fn paragraphs(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut blank) = (Vec::new(), 0, true);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            if !blank {
                found.push(text[start..at].trim_end_matches('\n'));
            }
            blank = true;
        } else if blank {
            (start, blank) = (at, false);
        }
        at += line.len();
    }
    if !blank {
        found.push(text[start..].trim_end_matches('\n'));
    }
    found
}

/// The sentences of a text, which follow each other without gaps, and the hash of every span of so many that
/// are not blank.
fn spans(text: &str, span: usize) -> (Vec<&str>, Vec<u128>) {
    let sentences: Vec<&str> = text.split_sentence_bounds().collect();
    let said: Vec<&str> =
        sentences.iter().map(|sentence| sentence.trim()).filter(|sentence| !sentence.is_empty()).collect();
    let hashes = said.windows(span.max(1)).map(|span| {
        let mut hasher = blake3::Hasher::new();
        for sentence in span {
            hasher.update(&(sentence.len() as u64).to_le_bytes()).update(sentence.as_bytes());
        }
        number(&hasher)
    });
    let hashes = hashes.collect();
    (sentences, hashes)
}

fn hash(text: &str) -> u128 {
    number(blake3::Hasher::new().update(text.as_bytes()))
}

fn number(hasher: &blake3::Hasher) -> u128 {
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}

/// The ids of documents that others were left out for, by the place of the others.
#[derive(Default)]
struct Firsts {
    ids: BTreeMap<u64, String>,
    of: BTreeMap<u64, u64>,
}

impl Firsts {
    fn find(ctx: &dyn Context, input: &Input, settings: &Settings, found: &Found) -> Result<Self> {
        let of: BTreeMap<u64, u64> = found.firsts.iter().copied().collect();
        let mut ids: BTreeMap<u64, String> = of.values().map(|first| (*first, String::new())).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let mut place = 0;
        for file in input.with_suffix(".parquet") {
            for doc in Reader::names(&file.path)? {
                ctx.proceed()?;
                let doc = doc?;
                if settings.by == By::Url && doc.url.is_empty() {
                    continue;
                }
                if let Some(id) = ids.get_mut(&place) {
                    *id = doc.id;
                }
                place += 1;
            }
        }
        Ok(Self { ids, of })
    }

    /// What is told of a document that goes.
    fn value(&self, place: u64) -> String {
        match self.of.get(&place).and_then(|first| self.ids.get(first)) {
            Some(id) => Dropped::like(id),
            None => "it stands before, as far as a Bloom filter knows".into(),
        }
    }
}

/// Second pass: writes what is left.
fn copy(ctx: &dyn Context, input: &Input, settings: &Settings, found: &Found, firsts: &Firsts) -> Result<()> {
    let mut place = 0;
    for file in input.with_suffix(".parquet") {
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        let mut removed = 0;
        for doc in reader {
            ctx.proceed()?;
            bar.add(1);
            let doc = doc?;
            let mut later = Vec::new();
            let start = place;
            hashes(&doc, settings, |_| {
                later.push(found.later.get(place));
                place += 1;
                Ok(())
            })?;
            if !later.contains(&true) {
                writer.write(doc)?;
                continue;
            }
            let drop = |doc: &Doc, rule: &str, value| {
                let (id, url) = (doc.id.clone(), doc.url.clone());
                ctx.dropped(Dropped { id, url, rule: rule.into(), value });
            };
            match settings.by {
                By::Document => drop(&doc, "exact.document", firsts.value(start)),
                By::Url => drop(&doc, "exact.url", firsts.value(start)),
                By::Paragraph | By::Line | By::Sentences => {
                    let (text, gone) = without(&doc.text, settings, &later);
                    removed += gone;
                    let words = text.unicode_words().count();
                    if words < settings.min_words || text.is_empty() {
                        let value = format!("{words} words are left of {}", doc.text.unicode_words().count());
                        drop(&doc, "exact.nothing_left", value);
                    } else {
                        ctx.count("changed", 1);
                        writer.write(Doc { text, token_count: None, ..doc })?;
                    }
                }
            }
        }
        ctx.count("documents", writer.finish()?);
        let name = match settings.by {
            By::Line => "removed.lines",
            By::Paragraph => "removed.paragraphs",
            By::Sentences => "removed.sentences",
            By::Document | By::Url => continue,
        };
        ctx.count(name, removed);
    }
    Ok(())
}

/// A text without those of its compared things that were there before, and how many pieces went.
fn without(text: &str, settings: &Settings, later: &[bool]) -> (String, u64) {
    let left = |pieces: &[&str], between: &str| {
        let mut gone = vec![false; pieces.len()];
        for ((at, _), later) in compared(pieces.iter().copied(), settings).zip(later) {
            gone[at] = *later;
        }
        let count = gone.iter().filter(|gone| **gone).count() as u64;
        let kept = pieces.iter().zip(gone).filter(|(_, gone)| !gone).map(|(piece, _)| *piece);
        (kept.collect::<Vec<_>>().join(between).trim_matches('\n').to_owned(), count)
    };
    match settings.by {
        By::Line => left(&text.split('\n').collect::<Vec<_>>(), "\n"),
        By::Paragraph => left(&paragraphs(text), "\n\n"),
        _ => {
            let (sentences, _) = spans(text, settings.span);
            // How often a sentence that is not blank stands in a span that goes.
            let mut gone = vec![false; later.len() + settings.span];
            for (at, _) in later.iter().enumerate().filter(|(_, later)| **later) {
                gone[at..at + settings.span].fill(true);
            }
            let (mut kept, mut said, mut count) = (String::new(), 0, 0);
            for sentence in sentences {
                let blank = sentence.trim().is_empty();
                let goes = !blank && gone.get(said).copied().unwrap_or(false);
                said += usize::from(!blank);
                if !goes {
                    kept.push_str(sentence);
                    continue;
                }
                count += 1;
                // Its line ends where it did.
                if sentence.ends_with('\n') && !kept.is_empty() && !kept.ends_with('\n') {
                    kept.truncate(kept.trim_end().len());
                    kept.push('\n');
                }
            }
            (kept.trim().to_owned(), count)
        }
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;

    fn settings(by: By) -> Settings {
        Settings { by, span: 3, min_characters: 1, min_words: 1, bloom: None }
    }

    /// What is left of shards `a` and `b` of texts, each with its number as id and address.
    fn dedup(shards: &[(&str, &[&str])], settings: Settings) -> (Vec<(String, String)>, TestContext) {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let docs = folder.join("docs");
        std::fs::create_dir(&docs).expect("made");
        let mut number = 0;
        for (name, texts) in shards {
            let mut writer = Writer::create(&docs.join(name)).expect("made");
            for text in *texts {
                let url = if settings.by == By::Url { (*text).to_owned() } else { format!("u{number}") };
                let text = (*text).to_owned();
                writer.write(Doc { id: number.to_string(), url, text, ..Doc::default() }).expect("written");
                number += 1;
            }
            writer.finish().expect("written");
        }
        let ctx = TestContext::new(&folder.join("work")).with_folder("docs", &docs);
        run(&ctx, settings).expect("it runs");
        let mut left = Vec::new();
        for (name, _) in shards {
            for doc in Reader::open(&ctx.output().join(name)).expect("opens") {
                let doc = doc.expect("read");
                left.push((doc.id, doc.text));
            }
        }
        (left, ctx)
    }

    fn texts(left: &[(String, String)]) -> Vec<&str> {
        left.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn drops(ctx: &TestContext) -> Vec<(String, String, String)> {
        let drops = ctx.drops.lock().expect("unpoisoned");
        drops.iter().map(|drop| (drop.id.clone(), drop.rule.clone(), drop.value.clone())).collect()
    }

    #[test]
    fn the_first_of_equal_documents_stays() {
        let shards: [(&str, &[&str]); 2] =
            [("a.parquet", &["one", "two", "one"]), ("b.parquet", &["Two", "two", "three"])];
        for bloom in [None, Some(1 << 16)] {
            let (left, ctx) = dedup(&shards, Settings { bloom, ..settings(By::Document) });
            let ids: Vec<&str> = left.iter().map(|(id, _)| id.as_str()).collect();
            assert_eq!(ids, ["0", "1", "3", "5"]);
            let of = |number: &str| match bloom {
                None => format!("like {number}"),
                Some(_) => "it stands before, as far as a Bloom filter knows".to_owned(),
            };
            let rule = "exact.document".to_owned();
            assert_eq!(drops(&ctx), [("2".into(), rule.clone(), of("0")), ("4".into(), rule, of("1"))]);
        }
    }

    #[test]
    fn settings_of_another_way_are_errors() {
        assert_eq!(lint(&Settings { span: 2, min_characters: 9, ..settings(By::Document) }).len(), 2);
        assert!(lint(&Settings { span: 2, ..settings(By::Sentences) }).is_empty());
        assert!(lint(&Settings { min_characters: 9, ..settings(By::Line) }).is_empty());
    }

    #[test]
    fn documents_without_an_address_are_no_duplicates_of_each_other() {
        let (left, ctx) = dedup(&[("a.parquet", &["", "u", "", "u", "v"])], settings(By::Url));
        assert_eq!(left.len(), 4);
        assert_eq!(drops(&ctx), [("3".into(), "exact.url".into(), "like 1".into())]);
    }

    #[test]
    fn lines_are_compared_as_ccnet_does_it() {
        assert_eq!(normal("  Don’t PANIC: 42, ½ of ü! "), "dontpanic000ofü");
        assert_eq!(normal("— … !"), "");
        let shards: [(&str, &[&str]); 1] = [(
            "a.parquet",
            &[
                "Menu 1\nA text about geese.\n\n—",
                "MENU: 2!\nAnother text.\n\n—\nMore",
                "menu 3",
                "Menu\nA text, about geese",
            ],
        )];
        let (left, ctx) = dedup(&shards, settings(By::Line));
        assert_eq!(texts(&left), ["Menu 1\nA text about geese.\n\n—", "Another text.\n\n—\nMore", "Menu"]);
        assert_eq!(drops(&ctx), [("2".into(), "exact.nothing_left".into(), "0 words are left of 2".into())]);
        assert_eq!(
            (ctx.counted("removed.lines"), ctx.counted("changed"), ctx.counted("documents")),
            (3, 2, 3)
        );
        let (left, _) = dedup(&shards, Settings { min_characters: 6, ..settings(By::Line) });
        assert_eq!(texts(&left)[2..], ["menu 3", "Menu"], "`menu0` has five");
    }

    #[test]
    fn paragraphs_stand_between_blank_lines() {
        assert_eq!(paragraphs("\n a\nb\n \n\nc\n"), [" a\nb", "c"]);
        assert!(paragraphs(" \n\n").is_empty());
        let shards: [(&str, &[&str]); 1] =
            [("a.parquet", &["one\ntwo\n\nthree", "four\n\nOne\ntwo.\n\nfive", "two"])];
        let (left, _) = dedup(&shards, settings(By::Paragraph));
        assert_eq!(texts(&left), ["one\ntwo\n\nthree", "four\n\nfive", "two"]);
    }

    #[test]
    fn a_span_of_three_sentences_goes_and_two_stay() {
        let shards: [(&str, &[&str]); 1] = [(
            "a.parquet",
            &[
                "First here. Second here. Third here. Fourth.",
                "Before. First here. Second here. Third here. Behind.\nA line.",
                "First here. Second here. Another.",
            ],
        )];
        let (left, ctx) = dedup(&shards, settings(By::Sentences));
        assert_eq!(
            texts(&left),
            [
                "First here. Second here. Third here. Fourth.",
                "Before. Behind.\nA line.",
                "First here. Second here. Another."
            ]
        );
        assert_eq!(ctx.counted("removed.sentences"), 3);
        let (left, _) = dedup(
            &[("a.parquet", &["A b. C d. E f.", "A b. C d. E f.", "A b.", "A b."])],
            settings(By::Sentences),
        );
        assert_eq!(left.len(), 3, "what is shorter than a span is none");
    }
}
