//! Stage `eval.loss`: how well models foretell documents, by source.

use std::collections::{BTreeMap, BTreeSet};

use llmp_artifacts::docs::{Doc, Reader, text_of};
use llmp_model::{Candidates, Likelihood, memory, work};
use llmp_stage::shown::{Better, Cell, Column, Row, Shown, Table, Unit};
use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::written;

/// The label of all sources together.
const ALL: &str = "all";
/// The label of sources beyond [`MAX_SOURCES`].
const OTHERS: &str = "others";
/// Sources with rows of their own, those with the most text.
const MAX_SOURCES: usize = 40;
/// Tokens that are laid out at a time.
const AT_ONCE: usize = 1 << 16;

/// How to read the tables.
const LEGEND: &str = "loss: nats a token. bits a byte: of text in UTF-8. perplexity: e to the power of the loss, of one token. Every \
                      token counts once; windows overlap where the stride is smaller than the context.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    by: By,
    stride: Option<usize>,
}

/// What the source of a document is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    File,
    Dump,
    Language,
    Host,
}

impl By {
    /// A document's source, `-` where it has none; `shard` is what people call what its shard was made of.
    fn source<'a>(self, doc: &'a Doc, shard: Option<&'a str>) -> &'a str {
        let source = match self {
            Self::File if doc.file_path.is_empty() => shard.unwrap_or_default(),
            Self::File => doc.file_path.as_str(),
            Self::Dump => doc.dump.as_str(),
            Self::Language => doc.language.as_deref().unwrap_or_default(),
            Self::Host => host(&doc.url),
        };
        if source.is_empty() { "-" } else { source }
    }
}

/// The host of a URL; empty where there is none.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split_once(':').map_or(host, |(host, _)| host)
}

/// What it will need: the documents are read once for each model.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let configs: Option<Vec<_>> = inputs.all("models").iter().map(memory::config_of).collect();
    let Some(configs) = configs else { return Cost::default() };
    let memory = configs.iter().map(|config| memory::of_sampling(config, 1, config.context as u64)).max();
    let flops = inputs.get("docs").bytes.map(|bytes| {
        let reading = |config: &llmp_artifacts::model::Config| {
            let stride = settings.stride.unwrap_or(config.context).min(config.context);
            let overlap = config.context as f64 / stride as f64;
            overlap * work::of_reading(config, text_of(bytes) as f64)
        };
        configs.iter().map(reading).sum()
    });
    Cost { flops, memory, ..Cost::default() }
}

/// What was found in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    documents: u64,
    tokens: u64,
    bytes: u64,
    /// The negative log-likelihood of all tokens.
    nats: f64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.tokens += other.tokens;
        self.bytes += other.bytes;
        self.nats += other.nats;
    }

    /// A row of [`columns`].
    fn row(&self, model: &str, source: &str, total: bool) -> Row {
        let loss = self.nats / self.tokens as f64;
        let mut cells: Vec<Cell> = vec![model.into(), source.into()];
        cells.extend([self.documents, self.tokens, self.bytes].map(|count| Cell::Number(count as f64)));
        cells.extend(
            [loss, self.nats / std::f64::consts::LN_2 / self.bytes as f64, loss.exp()].map(Cell::Number),
        );
        Row { cells, total }
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("model"),
        Column::text("source"),
        Column::number("documents", Unit::Count),
        Column::number("tokens", Unit::Count),
        Column::number("bytes", Unit::Count),
        Column::measure("loss", Unit::Number, Better::Lower),
        Column::measure("bits a byte", Unit::Number, Better::Lower).of("bits_per_byte"),
        Column::measure("perplexity", Unit::Number, Better::Lower),
    ]
}

/// How a model read the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Reading {
    model: String,
    /// Tokens that a window has at most.
    context: usize,
    /// Tokens that each window after a document's first foretells.
    stride: usize,
    /// Windows of all documents.
    windows: u64,
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let models = ctx.inputs("models");
    let documents = documents(ctx)?;
    let bar = ctx.bar(documents * models.len() as u64, "documents");
    let (mut rows, mut readings) = (Vec::new(), Vec::new());
    for number in 0..models.len() {
        let subject = Subject::load(ctx, models, number)?;
        bar.note(&subject.name);
        let (sums, reading) = measure(ctx, &subject, &settings, &mut |done| bar.add(done))?;
        rows.extend(rows_of(&subject.name, &sums)?);
        readings.push(reading);
    }
    let shown = Shown {
        title: "how well documents are foretold".into(),
        tables: vec![Table { columns: columns(), rows }, windows(&readings)],
        ..Shown::default()
    };
    written::write(ctx, "loss", &shown, &readings, LEGEND)
}

/// How many documents there are.
fn documents(ctx: &dyn Context) -> Result<u64> {
    let files = ctx.input("docs")?.with_suffix(".parquet");
    files.map(|file| Reader::open(&file.path).map(|reader| reader.rows())).sum()
}

/// Sums by source, in the order of the sources' names.
fn measure(
    ctx: &dyn Context,
    subject: &Subject,
    settings: &Settings,
    done: &mut dyn FnMut(u64),
) -> Result<(BTreeMap<String, Sum>, Reading)> {
    let (context, start) = (subject.context(), subject.start()?);
    let stride = settings.stride.unwrap_or(context).min(context);
    let mut reading = Reading { model: subject.name.clone(), context, stride, windows: 0 };
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let (mut given, mut sources, mut tokens, mut read) = (Vec::new(), Vec::new(), 0, 0);
    let judge = |given: &mut Vec<Candidates>, sources: &mut Vec<String>, sums: &mut BTreeMap<String, Sum>| {
        let found = subject.sampler.likelihoods(given, &|| ctx.proceed())?;
        for (source, found) in sources.drain(..).zip(found) {
            sums.entry(source).or_default().nats -= found.iter().map(Likelihood::sum).sum::<f64>();
        }
        given.clear();
        Ok::<_, Error>(())
    };
    let mut empty = 0;
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        for doc in Reader::open(&file.path)? {
            ctx.proceed()?;
            let doc = doc?;
            read += 1;
            let ids = subject.tokenizer.encode(&doc.text);
            if ids.is_empty() {
                empty += 1;
                continue;
            }
            let source = settings.by.source(&doc, file.label.as_deref()).to_owned();
            let of = Sum { documents: 1, tokens: ids.len() as u64, bytes: doc.text.len() as u64, nats: 0.0 };
            sums.entry(source.clone()).or_default().add(&of);
            for window in Windows::new(&ids, start, [context, stride]) {
                tokens += context;
                reading.windows += 1;
                given.push(window);
                sources.push(source.clone());
                // One book may have more windows than are laid out at a time.
                if tokens >= AT_ONCE {
                    judge(&mut given, &mut sources, &mut sums)?;
                    tokens = 0;
                }
            }
            if given.is_empty() {
                done(std::mem::take(&mut read));
            }
        }
    }
    judge(&mut given, &mut sources, &mut sums)?;
    done(read);
    if empty > 0 {
        ctx.count("documents.empty", empty);
    }
    Ok((sums, reading))
}

/// The windows that a document is read in.
struct Windows<'a> {
    ids: &'a [u32],
    start: u32,
    context: usize,
    stride: usize,
    /// Tokens that were foretold.
    done: usize,
}

impl<'a> Windows<'a> {
    fn new(ids: &'a [u32], start: u32, [context, stride]: [usize; 2]) -> Self {
        Self { ids, start, context, stride, done: 0 }
    }
}

impl Iterator for Windows<'_> {
    type Item = Candidates;

    fn next(&mut self) -> Option<Candidates> {
        let left = self.ids.len() - self.done;
        let (prompt, end) = match (left, self.done) {
            (0, _) => return None,
            (_, 0) => (vec![self.start], left.min(self.context)),
            (_, done) => {
                let end = done + left.min(self.stride);
                // What is read is all but the last token.
                (self.ids[end - 1 - self.context..done].to_vec(), end)
            }
        };
        let tokens = self.ids[self.done..end].to_vec();
        self.done = end;
        Some(Candidates { prompt, continuations: vec![tokens] })
    }
}

/// A row for each source, the smallest beyond [`MAX_SOURCES`] together, and one for all.
fn rows_of(model: &str, sums: &BTreeMap<String, Sum>) -> Result<Vec<Row>> {
    let mut by_size: Vec<(&String, &Sum)> = sums.iter().collect();
    by_size.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.bytes));
    let large: BTreeSet<&String> = by_size.iter().take(MAX_SOURCES).map(|(source, _)| *source).collect();
    let (mut all, mut others) = (Sum::default(), Sum::default());
    let mut rows = Vec::new();
    for (source, sum) in sums {
        all.add(sum);
        match large.contains(source) {
            true => rows.push(sum.row(model, source, false)),
            false => others.add(sum),
        }
    }
    if all.tokens == 0 {
        return Err(Error::new("the documents hold no text to measure with"));
    }
    if others.documents > 0 {
        let label = format!("{OTHERS} ({})", sums.len() - large.len());
        rows.push(others.row(model, &label, false));
    }
    rows.push(all.row(model, ALL, true));
    Ok(rows)
}

/// How the models read.
fn windows(readings: &[Reading]) -> Table {
    let columns = vec![
        Column::text("model"),
        Column::number("context", Unit::Count),
        Column::number("stride", Unit::Count),
        Column::number("windows", Unit::Count),
    ];
    let row = |reading: &Reading| Row {
        cells: vec![
            reading.model.as_str().into(),
            reading.context.into(),
            reading.stride.into(),
            Cell::Number(reading.windows as f64),
        ],
        total: false,
    };
    Table { columns, rows: readings.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Writer;
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::testing::{CONTEXT, END, bigrams, nats};

    const PAIRS: [(u32, u32, f64); 3] =
        [('t' as u32, 'h' as u32, 500.0), ('h' as u32, 'e' as u32, 80.0), (END, 't' as u32, 20.0)];

    fn context(root: &std::path::Path, docs: &[(&str, &str)]) -> TestContext {
        let (model, folder) = (root.join("model"), root.join("docs"));
        bigrams(&model, &PAIRS);
        std::fs::create_dir_all(&folder).unwrap();
        let mut writer = Writer::create(&folder.join("a.parquet")).unwrap();
        for (source, text) in docs {
            let doc = Doc { text: (*text).to_owned(), file_path: (*source).to_owned(), ..Doc::default() };
            writer.write(doc).unwrap();
        }
        writer.finish().unwrap();
        TestContext::new(root).with_folder("models", &model).with_folder("docs", &folder)
    }

    fn measured(ctx: &TestContext, stride: Option<usize>) -> Shown {
        run(ctx, Settings { by: By::File, stride }).unwrap();
        let text = std::fs::read_to_string(ctx.output().join("report.json")).unwrap();
        Shown::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-4 * expected.abs()
    }

    #[test]
    fn loss_is_what_was_worked_out_by_hand_whatever_the_stride() {
        let root = tempfile::tempdir().unwrap();
        let long = "the hat on the ü ".repeat(12);
        let ctx = context(root.path(), &[("one", "the"), ("two", &long), ("one", "that"), ("two", "")]);
        let one = -(nats(&PAIRS, END, "the") + nats(&PAIRS, END, "that"));
        let two = -nats(&PAIRS, END, &long);
        // The model looks at one token before, so that windows may not change anything.
        for (stride, windows) in [(None, 7.0), (Some(1), 171.0), (Some(7), 27.0), (Some(999), 7.0)] {
            let shown = measured(&ctx, stride);
            let value = |measure: &str, source: &str| shown.value(measure, &["models", source]).unwrap();
            assert!(close(value("loss", "one"), one / 7.0), "{stride:?}");
            assert!(close(value("loss", "two"), two / long.len() as f64), "{stride:?}");
            let bits = (one + two) / std::f64::consts::LN_2 / (7 + long.len()) as f64;
            assert!(close(value("bits_per_byte", "all"), bits));
            assert!(close(value("perplexity", "one"), (one / 7.0).exp()));
            assert_eq!((value("documents", "all"), value("tokens", "two")), (3.0, long.len() as f64));
            assert_eq!(shown.tables[1].rows[0].cells[3], Cell::Number(windows), "{stride:?}");
        }
        assert_eq!(ctx.counted("documents.empty"), 4, "once a run");
    }

    #[test]
    fn every_token_is_foretold_once_with_as_many_before_as_fit() {
        let ids: Vec<u32> = (0..131).collect();
        for stride in [1, 5, 47, CONTEXT] {
            let mut next = 0;
            for (number, window) in Windows::new(&ids, END, [CONTEXT, stride]).enumerate() {
                let tokens = &window.continuations[0];
                let read = window.prompt.len() + tokens.len() - 1;
                assert_eq!((tokens[0], read), (next, CONTEXT), "{stride} {number}");
                match number {
                    0 => assert_eq!(window.prompt, [END]),
                    _ => assert_eq!(window.prompt.last(), Some(&(next - 1))),
                }
                next += tokens.len() as u32;
            }
            assert_eq!(next, 131);
        }
        let short: Vec<Candidates> = Windows::new(&ids[..3], END, [CONTEXT, 5]).collect();
        assert_eq!(short, [Candidates { prompt: vec![END], continuations: vec![vec![0, 1, 2]] }]);
        assert_eq!(Windows::new(&[], END, [CONTEXT, 5]).count(), 0);
    }

    #[test]
    fn sources_are_parts_of_a_document() {
        let doc = Doc {
            url: "https://me@a.example:8080/b?c".into(),
            language: Some("en".into()),
            ..Doc::default()
        };
        let sources = [By::File, By::Dump, By::Language, By::Host].map(|by| by.source(&doc, None));
        assert_eq!(sources, ["-", "-", "en", "a.example"]);
        assert_eq!(By::File.source(&doc, Some("a.jsonl")), "a.jsonl");
        assert_eq!((host("a.example/b"), host("https://a.example")), ("", "a.example"));
    }

    #[test]
    fn small_sources_stand_together() {
        let sum = |bytes| Sum { documents: 1, tokens: 2, bytes, nats: 3.0 };
        let sums: BTreeMap<String, Sum> = (1..=43).map(|size| (format!("s{size:02}"), sum(size))).collect();
        let rows = rows_of("m", &sums).unwrap();
        assert_eq!((rows.len(), rows[0].cells[1].clone()), (42, "s04".into()));
        assert_eq!(
            (rows[40].cells[1].clone(), rows[40].cells[4].clone()),
            ("others (3)".into(), Cell::Number(6.0))
        );
        assert!(rows[41].total && rows[41].cells[3] == Cell::Number(86.0));
    }

    #[test]
    fn no_text_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let ctx = context(root.path(), &[("one", "")]);
        let error = run(&ctx, Settings { by: By::File, stride: None }).unwrap_err();
        assert_eq!(error.to_string(), "the documents hold no text to measure with");
    }

    #[test]
    fn measures_are_those_of_the_signature() {
        let signature = include_str!("loss.llmp");
        for column in &columns()[2..] {
            let measure = column.measure.as_deref().unwrap_or(&column.name);
            assert!(signature.contains(&format!("  measure {measure}[model, source]: ")), "{measure}");
        }
        assert_eq!(signature.matches("  measure ").count(), columns().len() - 2);
    }
}
