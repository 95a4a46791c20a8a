//! Stage `tokenize.report`: bytes a token by language and kind of text, beside the vocabularies that people
//! know.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use llmp_artifacts::docs::{Doc, Reader};
use llmp_artifacts::report;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::shown::{Better, Cell, Column, Row, Shown, Table, Unit};
use llmp_stage::{Context, Error, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::filter::language::Detector;
use crate::shards::thread_pool;

/// Version of `report.json`.
const VERSION: u32 = 1;
/// The label of all together.
const ALL: &str = "all";
/// Languages with rows of their own, those with the most text.
const MAX_LANGUAGES: usize = 40;
/// Bytes that are encoded at a time.
const BATCH_BYTES: usize = 8 << 20;
/// Characters of a text from which its language is found.
const ASKED: usize = 4_000;
/// The share of lines, or of signs, that makes a document code, or numbers.
const SHARE: f64 = 0.25;

/// How to read the tables.
const LEGEND: &str = "bytes a token: of text in UTF-8, more is shorter for the model. code: a quarter of the lines look like a \
                      program's. numbers: a quarter of the signs but blanks are digits.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    beside: Vec<BuiltIn>,
    most: u64,
}

/// A tokenizer that is built in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BuiltIn {
    Gpt2,
    Cl100k,
    O200k,
}

impl BuiltIn {
    fn load(self) -> (String, Tokenizer) {
        let (name, tokenizer) = match self {
            Self::Gpt2 => ("gpt2", Tokenizer::gpt2()),
            Self::Cl100k => ("cl100k", Tokenizer::cl100k()),
            Self::O200k => ("o200k", Tokenizer::o200k()),
        };
        (name.to_owned(), tokenizer)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    kind: &'static str,
    #[serde(flatten)]
    shown: &'a Shown,
}

/// What one tokenizer made of documents of a language and kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    documents: u64,
    bytes: u64,
    characters: u64,
    tokens: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.characters += other.characters;
        self.tokens += other.tokens;
    }

    fn bytes_per_token(self) -> Option<f64> {
        (self.tokens > 0).then(|| self.bytes as f64 / self.tokens as f64)
    }
}

/// Sums of each tokenizer, by language and kind.
type Sums = BTreeMap<(String, &'static str), Vec<Sum>>;

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut tokenizers = Vec::new();
    for input in ctx.inputs("tokenizers") {
        tokenizers.push((input.label.clone(), Tokenizer::open(input)?));
    }
    tokenizers.extend(settings.beside.iter().map(|one| one.load()));
    if tokenizers.is_empty() {
        return Err(
            Error::new("there is no tokenizer to report on").help("give one, or name some in `beside`")
        );
    }
    let sums = measured(ctx, &tokenizers, settings.most)?;
    let names: Vec<&str> = tokenizers.iter().map(|(name, _)| name.as_str()).collect();
    let shown = Shown {
        title: "bytes a token".into(),
        tables: vec![long(&names, &sums), wide(&names, &sums)],
        ..Shown::default()
    };
    let tables = shown.tables.iter().rev().map(|table| format!("{}\n", table.markdown()));
    let page = format!("# {}\n\n{}{LEGEND}\n", shown.title, tables.collect::<String>());
    report::write(ctx.output(), &Written { version: VERSION, kind: "tokens", shown: &shown }, &page)?;
    ctx.show(&shown.tables.last().map_or_else(String::new, Table::aligned));
    Ok(())
}

fn measured(ctx: &dyn Context, tokenizers: &[(String, Tokenizer)], most: u64) -> Result<Sums> {
    let (pool, detector, mut sums) = (thread_pool(ctx)?, Detector::built_in(), Sums::new());
    // What has been taken of each language and kind, so that batches decide nothing.
    let mut taken: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let mut reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        loop {
            ctx.proceed()?;
            let (mut batch, mut bytes): (Vec<Doc>, _) = (Vec::new(), 0);
            while bytes < BATCH_BYTES {
                let Some(doc) = reader.next().transpose()? else { break };
                bytes += doc.text.len();
                batch.push(doc);
            }
            if batch.is_empty() {
                break;
            }
            let known: Vec<_> = pool.install(|| {
                batch.par_iter().map(|doc| (language(&detector, doc), kind(&doc.text))).collect()
            });
            let mut chosen = Vec::new();
            for (key, doc) in known.into_iter().zip(&batch) {
                let taken = taken.entry(key.clone()).or_default();
                if *taken < most {
                    *taken += doc.text.len() as u64;
                    chosen.push((key, doc));
                }
            }
            let found: Vec<Vec<Sum>> =
                pool.install(|| chosen.par_iter().map(|(_, doc)| encoded(tokenizers, &doc.text)).collect());
            ctx.count("documents", chosen.len() as u64);
            for ((key, _), of_doc) in chosen.into_iter().zip(found) {
                let all = sums.entry(key).or_insert_with(|| vec![Sum::default(); tokenizers.len()]);
                all.iter_mut().zip(of_doc).for_each(|(sum, one)| sum.add(one));
            }
            bar.add(batch.len() as u64);
        }
    }
    Ok(sums)
}

fn encoded(tokenizers: &[(String, Tokenizer)], text: &str) -> Vec<Sum> {
    let (bytes, characters) = (text.len() as u64, text.chars().count() as u64);
    let one = |(_, tokenizer): &(String, Tokenizer)| {
        let tokens = tokenizer.encode(text).len() as u64;
        Sum { documents: 1, bytes, characters, tokens }
    };
    tokenizers.iter().map(one).collect()
}

/// The language of a document, `-` where none is found.
fn language(detector: &Detector, doc: &Doc) -> String {
    let own = doc.language.as_deref().filter(|language| !language.is_empty());
    let found = own
        .map_or_else(|| detector.detect(&doc.text.chars().take(ASKED).collect::<String>()).0, str::to_owned);
    if found.is_empty() { "-".to_owned() } else { found }
}

/// What kind of text it is.
fn kind(text: &str) -> &'static str {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.trim_start().is_empty());
    let (code, all) =
        lines.fold((0usize, 0usize), |(code, all), line| (code + usize::from(is_code(line)), all + 1));
    let signs = text.chars().filter(|sign| !sign.is_whitespace());
    let (digits, solid) = signs
        .fold((0usize, 0usize), |(digits, all), sign| (digits + usize::from(sign.is_numeric()), all + 1));
    if all > 1 && code as f64 >= SHARE * all as f64 {
        "code"
    } else if solid > 0 && digits as f64 >= SHARE * solid as f64 {
        "numbers"
    } else {
        "prose"
    }
}

/// Whether a line looks like a program's: how it ends, how it starts, or the marks in it.
fn is_code(line: &str) -> bool {
    const STARTS: [&str; 14] = [
        "def ", "fn ", "import ", "from ", "class ", "return ", "#include", "let ", "const ", "var ", "if (",
        "for (", "//", "public ",
    ];
    let inner = line.trim_start();
    line.ends_with([';', '{', '}', '\\'])
        || (line.ends_with("):") || line.ends_with("):\t"))
        || STARTS
            .iter()
            .any(|start| inner.starts_with(start) && inner.contains(['(', '=', '{', '<', ';', '/', '.']))
        || [" = ", "->", "=>", "==", "();", "::"].iter().any(|mark| inner.contains(mark))
            && !inner.ends_with('.')
}

/// Languages by their text, the largest first; those beyond [`MAX_LANGUAGES`] have no rows of their own.
fn languages(sums: &Sums) -> Vec<&str> {
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for ((language, _), all) in sums {
        *bytes.entry(language).or_default() += all.first().map_or(0, |sum| sum.bytes);
    }
    let mut by_size: Vec<(&str, u64)> = bytes.into_iter().collect();
    by_size.sort_by_key(|(language, bytes)| (Reverse(*bytes), *language));
    by_size.into_iter().map(|(language, _)| language).take(MAX_LANGUAGES).collect()
}

/// The rows: language, kind, the sums of each tokenizer, and whether it is a total.
fn rows(sums: &Sums, tokenizers: usize) -> Vec<(&str, &'static str, Vec<Sum>, bool)> {
    let together = |fits: &dyn Fn(&str, &str) -> bool| {
        let mut all = vec![Sum::default(); tokenizers];
        for (_, of) in sums.iter().filter(|((language, kind), _)| fits(language, kind)) {
            all.iter_mut().zip(of).for_each(|(sum, one)| sum.add(*one));
        }
        all
    };
    let mut rows = Vec::new();
    for language in languages(sums) {
        let kinds: BTreeSet<&'static str> =
            sums.keys().filter(|(other, _)| other == language).map(|(_, kind)| *kind).collect();
        for kind in &kinds {
            rows.push((language, *kind, together(&|other, of| other == language && of == *kind), false));
        }
        if kinds.len() > 1 {
            rows.push((language, ALL, together(&|other, _| other == language), false));
        }
    }
    rows.push((ALL, ALL, together(&|_, _| true), true));
    rows
}

/// Every number in a row of its own, as gates read them.
fn long(names: &[&str], sums: &Sums) -> Table {
    let columns = vec![
        Column::text("tokenizer"),
        Column::text("language"),
        Column::text("kind"),
        Column::number("documents", Unit::Count),
        Column::number("tokens", Unit::Count),
        Column::number("bytes", Unit::Count),
        Column::measure("bytes a token", Unit::Number, Better::Higher).of("bytes_per_token"),
        Column::measure("characters a token", Unit::Number, Better::Higher).of("characters_per_token"),
    ];
    let mut out = Vec::new();
    for (number, name) in names.iter().enumerate() {
        for (language, kind, all, total) in rows(sums, names.len()) {
            let sum = all[number];
            let share = |part: u64| {
                if sum.tokens == 0 { Cell::Empty } else { Cell::Number(part as f64 / sum.tokens as f64) }
            };
            let mut cells: Vec<Cell> = [*name, language, kind].map(|text| Cell::Text(text.to_owned())).into();
            cells.extend([sum.documents, sum.tokens, sum.bytes].map(|count| Cell::Number(count as f64)));
            cells.extend([share(sum.bytes), share(sum.characters)]);
            out.push(Row { cells, total });
        }
    }
    Table { columns, rows: out }
}

/// Bytes a token, the tokenizers beside each other.
fn wide(names: &[&str], sums: &Sums) -> Table {
    let mut columns =
        vec![Column::text("language"), Column::text("kind"), Column::number("bytes", Unit::Count)];
    columns.extend(names.iter().map(|name| Column::number(*name, Unit::Number)));
    let row = |(language, kind, all, total): (&str, &'static str, Vec<Sum>, bool)| {
        let mut cells: Vec<Cell> = [language, kind].map(|text| Cell::Text(text.to_owned())).into();
        cells.push(Cell::Number(all.first().map_or(0, |sum| sum.bytes) as f64));
        cells.extend(all.into_iter().map(|sum| sum.bytes_per_token().map_or(Cell::Empty, Cell::Number)));
        Row { cells, total }
    };
    Table { columns, rows: rows(sums, names.len()).into_iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Doc;
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::shards::testing::shard_of;

    const CODE: &str = "fn main() {\n    let x = 5;\n    println!(\"{}\", x);\n}\n\nfn other(a: u32) -> u32 {\n    return a + 1;\n}\n";

    #[test]
    fn kinds_are_told() {
        assert_eq!(kind(CODE), "code");
        assert_eq!(kind("import os\n\ndef read(path):\n    return os.listdir(path)\n"), "code");
        assert_eq!(kind("12 13 14 2024 3.5\n7 8 9 10 11"), "numbers");
        assert_eq!(kind("It was a dark night; the rain fell.\nNobody came (as usual) to the door."), "prose");
        assert_eq!(kind("河水漫过了田野。\n村里的老人说从来没有见过这样的景象。"), "prose");
        assert_eq!(kind(""), "prose");
    }

    #[test]
    fn bytes_a_token_are_those_of_the_vocabularies() {
        let doc = |text: &str, language: &str| Doc {
            text: text.into(),
            language: Some(language.into()),
            ..Doc::default()
        };
        let chinese = "河水漫过了田野，村里的老人说从来没有见过这样的景象。";
        let docs = vec![doc("The river rose in the night.", "en"), doc(CODE, "en"), doc(chinese, "zh")];
        let root = tempfile::tempdir().unwrap();
        let run = |name: &str, most: u64| {
            let ctx = TestContext::new(&root.path().join(name))
                .with_files("docs", &[("a.parquet", &shard_of(docs.clone()))]);
            super::run(&ctx, Settings { beside: vec![BuiltIn::Gpt2, BuiltIn::O200k], most }).unwrap();
            let text = std::fs::read_to_string(ctx.output().join("report.json")).unwrap();
            Shown::of(&serde_json::from_str(&text).unwrap()).unwrap()
        };
        let shown = run("all", 1 << 20);
        let value = |measure: &str, keys: [&str; 3]| shown.value(measure, &keys).unwrap();
        for (name, tokenizer) in [("gpt2", Tokenizer::gpt2()), ("o200k", Tokenizer::o200k())] {
            let tokens = tokenizer.encode(chinese).len() as f64;
            assert_eq!(value("tokens", [name, "zh", "prose"]), tokens);
            assert_eq!(value("bytes_per_token", [name, "zh", "prose"]), chinese.len() as f64 / tokens);
        }
        assert!(
            value("bytes_per_token", ["o200k", "zh", "prose"])
                > value("bytes_per_token", ["gpt2", "zh", "prose"])
        );
        assert_eq!(value("documents", ["gpt2", "en", "all"]), 2.0);
        assert_eq!(value("documents", ["gpt2", "all", "all"]), 3.0);
        assert_eq!(value("bytes", ["gpt2", "en", "code"]), CODE.len() as f64);
        assert_eq!(run("again", 1 << 20), shown);
    }

    #[test]
    fn so_much_is_read_of_each_and_none_is_an_error() {
        let docs: Vec<Doc> = (0..10)
            .map(|n| Doc {
                text: format!("The river rose in night {n}."),
                language: Some("en".into()),
                ..Doc::default()
            })
            .collect();
        let root = tempfile::tempdir().unwrap();
        let ctx = |name: &str| {
            TestContext::new(&root.path().join(name))
                .with_files("docs", &[("a.parquet", &shard_of(docs.clone()))])
        };
        let some = ctx("some");
        run(&some, Settings { beside: vec![BuiltIn::Gpt2], most: 60 }).unwrap();
        assert_eq!(some.counted("documents"), 3);
        let error = run(&ctx("none"), Settings { beside: vec![], most: 60 }).unwrap_err().to_string();
        assert!(error.contains("no tokenizer"), "{error}");
    }
}
