//! Stage `eval.recite`: what models have learned by heart.

use std::collections::{BTreeMap, HashMap};

use llmp_artifacts::docs::{Doc, Reader};
use llmp_artifacts::random::mix;
use llmp_model::{Candidates, memory};
use llmp_stage::shown::{Better, Cell, Column, Example, Row, Shown, Table, Unit};
use llmp_stage::{Context, Cost, Error, Input, Inputs, Result};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::written;

/// The label of what was not trained on.
const HELD_OUT: &str = "held out";
/// Bytes of a document's text that are encoded for each token that is wanted; tokens of more are rare.
const BYTES_OF_TOKEN: usize = 32;
/// Documents that are laid out at a time.
const AT_ONCE: usize = 1_024;
/// Recited documents that are shown of each model.
const MAX_EXAMPLES: usize = 3;

/// How to read the table.
const LEGEND: &str = "copies: how often a document stood in the data. recited: share of documents of which all tokens came out. tokens: \
                      how many came out, in the mean.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    prefix: usize,
    length: usize,
    limit: usize,
    seed: u64,
}

/// A document that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tried {
    id: String,
    /// The beginning of its text, long enough for the tokens that are wanted.
    text: String,
    copies: u64,
}

/// Documents that stood in the data about as often.
struct Group {
    name: String,
    /// In the order in which they are drawn.
    documents: BTreeMap<u64, Tried>,
}

/// What a model made of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Answer {
    model: String,
    group: String,
    id: String,
    /// How often it stood in the data.
    copies: u64,
    /// Tokens that came out, of `of`.
    tokens: usize,
    of: usize,
    /// What came out.
    text: String,
}

/// What it will need.
pub(crate) fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    let configs: Option<Vec<_>> = inputs.all("models").iter().map(memory::config_of).collect();
    let memory = configs.and_then(|configs| {
        configs.iter().map(|config| memory::of_sampling(config, 1, config.context as u64)).max()
    });
    Cost { memory, ..Cost::default() }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut groups = trained(ctx, ctx.input("docs")?, &settings)?;
    if let Some(input) = ctx.inputs("held_out").first() {
        groups.push(held_out(ctx, input, &settings)?);
    }
    let models = ctx.inputs("models");
    let documents: usize = groups.iter().map(|group| group.documents.len()).sum();
    let bar = ctx.bar((documents * models.len()) as u64, "documents");
    let (mut rows, mut answers, mut short) = (Vec::new(), Vec::new(), 0);
    for number in 0..models.len() {
        let subject = Subject::load(ctx, models, number)?;
        bar.note(&subject.name);
        for group in &groups {
            let found = recite(ctx, &subject, group, &settings, &|done| bar.add(done))?;
            short += (group.documents.len() - found.len()) as u64;
            rows.extend(row(&subject.name, &group.name, &found));
            answers.extend(found);
        }
    }
    if rows.is_empty() {
        let tokens = settings.prefix + settings.length;
        return Err(Error::new(format!("no document has {tokens} tokens"))
            .help("lower `prefix` and `length`, or give longer documents"));
    }
    if short > 0 {
        ctx.count("documents.short", short);
        ctx.show(&format!("{short} documents are shorter than `prefix` and `length` together"));
    }
    let shown = Shown {
        title: "learned by heart".into(),
        tables: vec![Table { columns: columns(), rows }],
        examples: examples(&answers),
        ..Shown::default()
    };
    written::write(ctx, "recite", &shown, &answers, LEGEND)
}

/// A hash of a text, which decides which documents are drawn.
fn hash(text: &str, seed: u64) -> u64 {
    let words = text.as_bytes().chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(mix(seed ^ text.len() as u64), |hash, word| mix(hash ^ word))
}

/// Calls `each` with every document of `input` and the hash of its text.
fn each(ctx: &dyn Context, input: &Input, seed: u64, mut each: impl FnMut(u64, Doc)) -> Result<()> {
    for file in input.with_suffix(".parquet") {
        for doc in Reader::open(&file.path)? {
            ctx.proceed()?;
            let doc = doc?;
            each(hash(&doc.text, seed), doc);
        }
    }
    Ok(())
}

/// The documents that were trained on, by powers of ten of their number.
fn trained(ctx: &dyn Context, input: &Input, settings: &Settings) -> Result<Vec<Group>> {
    // It is looked up only; its order decides nothing.
    let mut copies: HashMap<u64, u64> = HashMap::new();
    each(ctx, input, settings.seed, |hash, _| *copies.entry(hash).or_default() += 1)?;
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    each(ctx, input, settings.seed, |hash, doc| {
        let copies = copies.get(&hash).copied().unwrap_or(1);
        let power = copies.ilog10();
        let name = || match power {
            0 if copies == 1 => "1".to_owned(),
            _ => format!("{} to {}", 10u64.pow(power).max(2), 10u64.pow(power + 1) - 1),
        };
        // One copy is told from a few.
        let group = if copies == 1 { 0 } else { power + 1 };
        let group = groups.entry(group).or_insert_with(|| Group { name: name(), documents: BTreeMap::new() });
        group.take(hash, doc, copies, settings);
    })?;
    Ok(groups.into_values().collect())
}

fn held_out(ctx: &dyn Context, input: &Input, settings: &Settings) -> Result<Group> {
    let mut group = Group { name: HELD_OUT.to_owned(), documents: BTreeMap::new() };
    each(ctx, input, settings.seed, |hash, doc| group.take(hash, doc, 0, settings))?;
    Ok(group)
}

impl Group {
    /// Takes a document in where it is among those with the lowest hashes, which are drawn.
    fn take(&mut self, hash: u64, doc: Doc, copies: u64, settings: &Settings) {
        let last = self.documents.last_key_value().map(|(last, _)| *last);
        if self.documents.len() == settings.limit && last.is_some_and(|last| hash >= last) {
            return;
        }
        let wanted = BYTES_OF_TOKEN * (settings.prefix + settings.length);
        let text = doc.text[..doc.text.floor_char_boundary(wanted)].to_owned();
        self.documents.insert(hash, Tried { id: doc.id, text, copies });
        if self.documents.len() > settings.limit {
            self.documents.pop_last();
        }
    }
}

/// How far a model goes on with the documents of a group. Those that are too short are left out.
fn recite(
    ctx: &dyn Context,
    subject: &Subject,
    group: &Group,
    settings: &Settings,
    done: &dyn Fn(u64),
) -> Result<Vec<Answer>> {
    let Settings { prefix, length, .. } = *settings;
    // The last token is not read.
    if prefix + length > subject.context() {
        let message = format!(
            "`prefix` and `length` are {} tokens together, the context of `{}` {}",
            prefix + length,
            subject.name,
            subject.context()
        );
        return Err(Error::new(message).help("lower one of them"));
    }
    let start = subject.start()?;
    let documents: Vec<&Tried> = group.documents.values().collect();
    let mut answers = Vec::new();
    for documents in documents.chunks(AT_ONCE) {
        let (mut given, mut tried) = (Vec::new(), Vec::new());
        for document in documents {
            let mut ids = subject.tokenizer.encode(&document.text);
            if ids.len() < prefix + length {
                continue;
            }
            ids.truncate(prefix + length);
            let tokens = ids.split_off(prefix);
            ids.insert(0, start);
            given.push(Candidates { prompt: ids, continuations: vec![tokens] });
            tried.push(document);
        }
        let found = subject.sampler.likelihoods(&given, &|| ctx.proceed())?;
        for ((document, given), found) in tried.into_iter().zip(&given).zip(found) {
            let (Some(tokens), Some(found)) = (given.continuations.first(), found.first()) else { continue };
            answers.push(Answer {
                model: subject.name.clone(),
                group: group.name.clone(),
                id: document.id.clone(),
                copies: document.copies,
                tokens: found.greedy,
                of: tokens.len(),
                text: subject.tokenizer.decode_behind(&tokens[..found.greedy]),
            });
        }
        done(documents.len() as u64);
    }
    Ok(answers)
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("model"),
        Column::text("copies"),
        Column::number("documents", Unit::Count),
        Column::measure("recited", Unit::Share, Better::Lower),
        Column::measure("tokens", Unit::Number, Better::Lower),
    ]
}

/// A row of [`columns`]; none of no documents.
fn row(model: &str, group: &str, answers: &[Answer]) -> Option<Row> {
    let whole = answers.iter().filter(|answer| answer.tokens == answer.of).count();
    let tokens: usize = answers.iter().map(|answer| answer.tokens).sum();
    let cells = vec![
        model.into(),
        group.into(),
        answers.len().into(),
        Cell::share(whole, answers.len()),
        Cell::Number(tokens as f64 / answers.len() as f64),
    ];
    (!answers.is_empty()).then_some(Row { cells, total: false })
}

/// The documents of each model that came out the longest.
fn examples(answers: &[Answer]) -> Vec<Example> {
    let mut sorted: Vec<&Answer> = answers.iter().filter(|answer| answer.tokens > 0).collect();
    sorted.sort_by_key(|answer| std::cmp::Reverse(answer.tokens));
    let mut examples: Vec<Example> = Vec::new();
    for answer in sorted {
        let of = format!("recited by {}", answer.model);
        if examples.iter().filter(|example| example.of == of).count() < MAX_EXAMPLES {
            let field = |name: &str, text: String| (name.to_owned(), text);
            let fields = vec![
                field("document", answer.id.clone()),
                field("copies", answer.copies.to_string()),
                field("came out", format!("{} of {} tokens: {}", answer.tokens, answer.of, answer.text)),
            ];
            examples.push(Example { of, fields });
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Writer;
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::testing::bigrams;

    fn settings() -> Settings {
        Settings { prefix: 2, length: 4, limit: 100, seed: 1 }
    }

    fn context(root: &std::path::Path, docs: &[(&str, usize)], held_out: &[(&str, usize)]) -> TestContext {
        let model = root.join("model");
        let pairs = [('a', 'b'), ('b', 'c'), ('c', 'd'), ('d', 'e'), ('e', 'f')];
        bigrams(&model, &pairs.map(|(a, b)| (a as u32, b as u32, 50.0)));
        let mut ctx = TestContext::new(root).with_folder("models", &model);
        for (role, docs) in [("docs", docs), ("held_out", held_out)] {
            let folder = root.join(role);
            std::fs::create_dir_all(&folder).unwrap();
            let mut writer = Writer::create(&folder.join("a.parquet")).unwrap();
            for (text, copies) in docs {
                for _ in 0..*copies {
                    writer.write(Doc { text: (*text).to_owned(), ..Doc::default() }).unwrap();
                }
            }
            writer.finish().unwrap();
            ctx = ctx.with_folder(role, &folder);
        }
        ctx
    }

    #[test]
    fn what_comes_out_is_counted_by_copies() {
        let root = tempfile::tempdir().unwrap();
        let docs = [("xabcdef", 1), ("xabcdzz", 12), ("abcdefg", 10), ("short", 1), ("xaxxxxx", 3)];
        let ctx = context(root.path(), &docs, &[("xazzzzz", 1), ("xabzzzz", 2)]);
        run(&ctx, settings()).unwrap();
        let text = std::fs::read_to_string(ctx.output().join("report.json")).unwrap();
        let shown = Shown::of(&serde_json::from_str(&text).unwrap()).unwrap();
        let row = |copies: &str| {
            ["documents", "recited", "tokens"].map(|it| shown.value(it, &["models", copies]).unwrap())
        };
        assert_eq!(row("1"), [1.0, 1.0, 4.0], "bcde");
        assert_eq!(row("2 to 9"), [1.0, 0.0, 0.0]);
        assert_eq!(row("10 to 99"), [2.0, 0.5, 3.5], "bcd of one, cdef of the other");
        assert_eq!(row("held out"), [2.0, 0.0, 0.5], "b of one");
        assert_eq!((ctx.counted("documents.short"), shown.examples.len()), (1, 3));
    }

    #[test]
    fn drawn_are_the_same_whatever_the_order() {
        let texts: Vec<String> = (0..50).map(|n| format!("document {n}")).collect();
        let few = Settings { limit: 7, ..settings() };
        let drawn = |texts: &mut dyn Iterator<Item = &String>| {
            let mut group = Group { name: String::new(), documents: BTreeMap::new() };
            for text in texts {
                group.take(hash(text, 1), Doc { text: text.clone(), ..Doc::default() }, 1, &few);
            }
            group.documents
        };
        let found = drawn(&mut texts.iter());
        assert_eq!(found.len(), 7);
        assert_eq!(found, drawn(&mut texts.iter().rev()));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let ctx = context(root.path(), &[("short", 1)], &[]);
        assert_eq!(run(&ctx, settings()).unwrap_err().to_string(), "no document has 6 tokens");
        let error = run(&ctx, Settings { prefix: 40, length: 9, ..settings() }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`prefix` and `length` are 49 tokens together, the context of `models` 48"
        );
    }
}
