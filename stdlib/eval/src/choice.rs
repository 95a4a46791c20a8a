//! Stage `eval.choice`: multiple choice by likelihood.

mod tasks;

use std::collections::BTreeMap;
use std::path::Path;

use llmp_artifacts::random::Random;
use llmp_artifacts::rows::read_table;
use llmp_model::{Candidates, Likelihood, memory, work};
use llmp_stage::shown::{Better, Cell, Column, Example, Row, Shown, Table, Unit};
use llmp_stage::{Context, Cost, Dropped, Error, Fit, Input, Inputs, Result};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::written;
use tasks::Item;

/// The label of all tasks together.
const MEAN: &str = "mean";
/// Between examples, and between them and the question, as in lm-eval.
const BETWEEN: &str = "\n\n";
/// Between a prompt and a choice, as in lm-eval.
const BEFORE_CHOICE: &str = " ";
/// Questions whose prompts are laid out at a time.
const AT_ONCE: usize = 256;
/// Wrong choices that are shown of each model.
const MAX_EXAMPLES: usize = 5;

/// How to read the table.
const LEGEND: &str = "acc: the right choice is the likeliest. acc_norm: it is the likeliest for each of its bytes. chance: what guessing \
                      reaches. centred: (acc - chance) / (1 - chance). bits a byte: of the right choices. mean: every task counts \
                      the same.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    few_shot: usize,
    limit: Option<usize>,
    seed: u64,
    start: bool,
}

/// A file of questions.
struct Task {
    name: String,
    items: Vec<Item>,
    left_out: usize,
}

/// What a model made of a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Answer {
    model: String,
    task: String,
    /// Where the question stands.
    place: String,
    /// The right choice.
    gold: usize,
    /// The log-likelihood of each choice, in nats.
    nats: Vec<f64>,
    /// The bytes of each choice.
    bytes: Vec<usize>,
    /// Whether the prompt lost its beginning, for it did not fit the model's context.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl Answer {
    /// The likeliest choice, the first of several.
    fn chosen(&self) -> usize {
        best(self.nats.iter().copied())
    }

    /// The likeliest choice for each byte.
    fn chosen_by_length(&self) -> usize {
        best(self.nats.iter().zip(&self.bytes).map(|(nats, bytes)| nats / *bytes as f64))
    }
}

/// The place of the largest value, the first of several.
fn best(values: impl Iterator<Item = f64>) -> usize {
    let largest = |best: (usize, f64), one: (usize, f64)| if one.1 > best.1 { one } else { best };
    values.enumerate().fold((0, f64::NEG_INFINITY), largest).0
}

/// What it will need: the tasks are read once for each model, with each question its examples.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let configs: Option<Vec<_>> = inputs.all("models").iter().map(memory::config_of).collect();
    let Some(configs) = configs else { return Cost::default() };
    let memory = configs.iter().map(|config| memory::of_sampling(config, 1, config.context as u64)).max();
    // How much of it a limit leaves is not known before the rows are counted.
    let bytes = inputs.get("tasks").bytes.filter(|_| settings.limit.is_none());
    let flops = bytes.map(|bytes| {
        let text = bytes as f64 * (1 + settings.few_shot) as f64;
        configs.iter().map(|config| work::of_reading(config, text)).sum()
    });
    Cost { flops, memory, ..Cost::default() }
}

/// Files are told by their names.
pub(crate) fn probe(name: &str, _: &[u8]) -> Fit {
    let lower = name.to_ascii_lowercase();
    let plain = [".gz", ".zst"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
    match [".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"].iter().any(|end| plain.ends_with(end)) {
        true => Fit::Reads,
        false => Fit::Refuses(format!(
            "`{name}` is no table of questions: neither JSONL, JSON, CSV, TSV nor Parquet"
        )),
    }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let tasks = read(ctx)?;
    let drawn: Vec<Vec<usize>> = tasks.iter().map(|task| draw(task, &settings)).collect();
    let models = ctx.inputs("models");
    let questions: usize = drawn.iter().map(Vec::len).sum();
    let bar = ctx.bar((models.len() * questions) as u64, "questions");
    let (mut rows, mut answers) = (Vec::new(), Vec::new());
    for number in 0..models.len() {
        let subject = Subject::load(ctx, models, number)?;
        bar.note(&subject.name);
        let (mut scores, mut left_out) = (Vec::new(), 0);
        for (task, drawn) in tasks.iter().zip(&drawn) {
            let mut found = Vec::new();
            for chunk in drawn.chunks(AT_ONCE) {
                found.extend(judge(ctx, &subject, task, chunk, &settings)?);
                bar.add(chunk.len() as u64);
            }
            let unjudged = task.left_out + drawn.len() - found.len();
            left_out += unjudged;
            let Some(score) = Score::of(&found) else {
                let message =
                    format!("no question of `{}` fits the context of `{}`", task.name, subject.name);
                return Err(Error::new(message));
            };
            rows.push(score.row(&subject.name, &task.name, unjudged, false));
            scores.push(score);
            answers.extend(found);
        }
        rows.push(Score::mean(&scores).row(&subject.name, MEAN, left_out, true));
    }
    let cut = answers.iter().filter(|answer| answer.cut).count();
    if cut > 0 {
        ctx.count("prompts.cut", cut as u64);
        ctx.show(&format!("{cut} prompts lost their beginning: they are longer than the model's context"));
    }
    let shown = Shown {
        title: "multiple choice".into(),
        tables: vec![Table { columns: columns(), rows }],
        examples: examples(&tasks, &answers),
        ..Shown::default()
    };
    written::write(ctx, "choice", &shown, &answers, LEGEND)
}

/// Reads the tasks, in the order of their names. What is left out is told and counted.
fn read(ctx: &dyn Context) -> Result<Vec<Task>> {
    let files: Vec<_> = ctx.inputs("tasks").iter().flat_map(|input: &Input| &input.files).collect();
    let label = |file: &llmp_stage::InputFile| file.label.clone().unwrap_or_else(|| file.name.clone());
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        *stems.entry(stem(&label(file)).to_owned()).or_default() += 1;
    }
    let mut tasks = Vec::new();
    for file in files {
        let label = label(file);
        // Where files in several folders are called the same, such as `test.jsonl`, the folder belongs to the
        // name.
        let name = match stems.get(stem(&label)) {
            Some(2..) => without_endings(&label),
            _ => stem(&label),
        };
        let mut task = Task { name: name.to_owned(), items: Vec::new(), left_out: 0 };
        read_table(file, |row, place| {
            ctx.proceed()?;
            match tasks::item(&row, place)? {
                Ok(item) => task.items.push(item),
                Err(fault) => {
                    task.left_out += 1;
                    left_out(ctx, place, fault.rule());
                }
            }
            Ok(())
        })?;
        if task.items.is_empty() {
            let message = match task.left_out {
                0 => format!("`{label}` holds no questions"),
                rows => format!(
                    "`{label}` holds no question that can be judged: all of its {rows} rows are left out"
                ),
            };
            return Err(Error::new(message).help("rows need at least two choices, and the right one"));
        }
        tasks.push(task);
    }
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(both) = tasks.windows(2).find(|both| both[0].name == both[1].name) {
        return Err(
            Error::new(format!("two files are the task `{}`", both[0].name)).help("give them other names")
        );
    }
    match tasks.is_empty() {
        true => Err(Error::new("there are no task files")),
        false => Ok(tasks),
    }
}

fn left_out(ctx: &dyn Context, place: &str, rule: &str) {
    let value = String::new();
    ctx.dropped(Dropped { id: place.to_owned(), url: String::new(), rule: rule.to_owned(), value });
}

/// The name of a file without what says how it is written.
fn stem(label: &str) -> &str {
    let name = Path::new(label).file_name().and_then(std::ffi::OsStr::to_str).unwrap_or(label);
    without_endings(name)
}

fn without_endings(label: &str) -> &str {
    let plain = [".gz", ".zst"].iter().find_map(|end| label.strip_suffix(end)).unwrap_or(label);
    plain.rsplit_once('.').map_or(plain, |(name, _)| name)
}

/// The questions that are asked: all, or as many as are wanted, in the order in which they stand.
fn draw(task: &Task, settings: &Settings) -> Vec<usize> {
    let mut all: Vec<usize> = (0..task.items.len()).collect();
    if let Some(limit) = settings.limit.filter(|limit| *limit < all.len()) {
        Random::new(settings.seed, 0).shuffle(&mut all);
        all.truncate(limit);
        all.sort_unstable();
    }
    all
}

/// The examples before a question, which follow from the seed and the question's place.
fn shots(task: &Task, question: usize, settings: &Settings) -> Result<String> {
    if settings.few_shot == 0 {
        return Ok(String::new());
    }
    let asked = &task.items[question];
    let others = |place: &usize| task.items[*place].contexts != asked.contexts;
    let mut pool: Vec<usize> = (0..task.items.len()).filter(others).collect();
    if pool.len() < settings.few_shot {
        let message = format!("`{}` has {} questions beside `{}`", task.name, pool.len(), asked.place);
        return Err(
            Error::new(message).help(format!("`few_shot = {}` takes as many examples", settings.few_shot))
        );
    }
    let mut random = Random::new(settings.seed, 1 + question as u64);
    let mut text = String::new();
    for drawn in 0..settings.few_shot {
        let other = drawn + random.below(pool.len() - drawn);
        pool.swap(drawn, other);
        let shot = &task.items[pool[drawn]];
        for part in [&shot.contexts[shot.gold], BEFORE_CHOICE, &shot.choices[shot.gold], BETWEEN] {
            text.push_str(part);
        }
    }
    Ok(text)
}

/// What a model makes of questions; those of which a choice does not fit its context are left out.
fn judge(
    ctx: &dyn Context,
    subject: &Subject,
    task: &Task,
    questions: &[usize],
    settings: &Settings,
) -> Result<Vec<Answer>> {
    let start = settings.start.then(|| subject.start()).transpose()?;
    let mut given: Vec<Candidates> = Vec::new();
    let mut answers = Vec::new();
    for &question in questions {
        let item = &task.items[question];
        let before = format!("{}{}", item.description, shots(task, question, settings)?);
        let pairs: Result<Option<Vec<Pair>>> = (item.contexts.iter().zip(&item.choices))
            .map(|(context, choice)| {
                Pair::new(subject, start, &format!("{before}{context}"), &format!("{BEFORE_CHOICE}{choice}"))
            })
            .collect();
        let Some(pairs) = pairs? else {
            left_out(ctx, &item.place, "choice.too_long");
            continue;
        };
        let mut groups = Vec::new();
        let cut = pairs.iter().any(|pair| pair.cut);
        for pair in pairs {
            // Choices of one prompt share its computation.
            match given.last_mut().filter(|last| !groups.is_empty() && last.prompt == pair.prompt) {
                Some(last) => last.continuations.push(pair.tokens),
                None => {
                    groups.push(given.len());
                    given.push(Candidates { prompt: pair.prompt, continuations: vec![pair.tokens] });
                }
            }
        }
        answers.push((
            Answer {
                model: subject.name.clone(),
                task: task.name.clone(),
                place: item.place.clone(),
                gold: item.gold,
                nats: Vec::new(),
                bytes: item.choices.iter().map(String::len).collect(),
                cut,
            },
            groups,
        ));
    }
    let found = subject.sampler.likelihoods(&given, &|| ctx.proceed())?;
    let nats = |group: &usize| found[*group].iter().map(Likelihood::sum);
    Ok(answers
        .into_iter()
        .map(|(answer, groups)| Answer { nats: groups.iter().flat_map(nats).collect(), ..answer })
        .collect())
}

/// A choice behind its prompt, as the model reads them.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    prompt: Vec<u32>,
    tokens: Vec<u32>,
    cut: bool,
}

impl Pair {
    /// Encodes both as one text and parts them where the prompt alone would end, as lm-eval does: blanks at
    /// the prompt's end belong to the choice, and what does not fit is cut off at the prompt's beginning.
    /// `None` where the choice alone does not fit.
    fn new(subject: &Subject, start: Option<u32>, context: &str, choice: &str) -> Result<Option<Self>> {
        let (head, blanks) = context.split_at(context.trim_end().len());
        let choice = format!("{blanks}{choice}");
        let (mut prompt, mut tokens) = (subject.tokenizer.encode(head), Vec::new());
        let mut whole = subject.tokenizer.encode(&format!("{head}{choice}"));
        if whole.len() > prompt.len() {
            tokens.extend(whole.drain(prompt.len()..));
        } else if let Some(last) = whole.pop() {
            // The choice has melted into the prompt's last token.
            (prompt, tokens) = (whole, vec![last]);
        }
        match start {
            Some(start) => prompt.insert(0, start),
            None if prompt.is_empty() => prompt.push(subject.start()?),
            None => {}
        }
        let room = (subject.context() + 1).saturating_sub(tokens.len());
        if room == 0 || tokens.is_empty() {
            return Ok(None);
        }
        let over = prompt.len().saturating_sub(room);
        prompt.drain(..over);
        Ok(Some(Self { prompt, tokens, cut: over > 0 }))
    }
}

/// Shares of a task, or their means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Score {
    questions: usize,
    acc: f64,
    stderr: f64,
    acc_norm: f64,
    chance: f64,
    centred: f64,
    centred_norm: f64,
    bits_per_byte: f64,
}

impl Score {
    /// `None` of no answers.
    fn of(answers: &[Answer]) -> Option<Self> {
        let all = answers.len() as f64;
        if answers.is_empty() {
            return None;
        }
        let share =
            |right: &dyn Fn(&Answer) -> bool| answers.iter().filter(|it| right(it)).count() as f64 / all;
        let acc = share(&|answer| answer.chosen() == answer.gold);
        let acc_norm = share(&|answer| answer.chosen_by_length() == answer.gold);
        let chance = answers.iter().map(|answer| 1.0 / answer.nats.len() as f64).sum::<f64>() / all;
        let centred = |acc: f64| (acc - chance) / (1.0 - chance);
        let nats: f64 = answers.iter().map(|answer| -answer.nats[answer.gold]).sum();
        let bytes: usize = answers.iter().map(|answer| answer.bytes[answer.gold]).sum();
        Some(Self {
            questions: answers.len(),
            acc,
            stderr: (acc * (1.0 - acc) / (all - 1.0).max(1.0)).sqrt(),
            acc_norm,
            chance,
            centred: centred(acc),
            centred_norm: centred(acc_norm),
            bits_per_byte: nats / std::f64::consts::LN_2 / bytes as f64,
        })
    }

    /// Every task counts the same.
    fn mean(scores: &[Self]) -> Self {
        let all = scores.len().max(1) as f64;
        let mean = |part: fn(&Self) -> f64| scores.iter().map(part).sum::<f64>() / all;
        Self {
            questions: scores.iter().map(|score| score.questions).sum(),
            acc: mean(|score| score.acc),
            stderr: scores.iter().map(|score| score.stderr.powi(2)).sum::<f64>().sqrt() / all,
            acc_norm: mean(|score| score.acc_norm),
            chance: mean(|score| score.chance),
            centred: mean(|score| score.centred),
            centred_norm: mean(|score| score.centred_norm),
            bits_per_byte: mean(|score| score.bits_per_byte),
        }
    }

    /// A row of [`columns`].
    fn row(&self, model: &str, task: &str, left_out: usize, total: bool) -> Row {
        let Self { acc, stderr, acc_norm, chance, centred, centred_norm, bits_per_byte, .. } = *self;
        let mut cells: Vec<Cell> = vec![model.into(), task.into(), self.questions.into(), left_out.into()];
        let numbers = [acc, stderr, acc_norm, chance, centred, centred_norm, bits_per_byte];
        cells.extend(numbers.map(Cell::Number));
        Row { cells, total }
    }
}

fn columns() -> Vec<Column> {
    let share = |name: &str, better| Column::measure(name, Unit::Share, better);
    vec![
        Column::text("model"),
        Column::text("task"),
        Column::number("questions", Unit::Count),
        Column::number("left out", Unit::Count).of("left_out"),
        share("acc", Better::Higher),
        Column::number("±", Unit::Share).of("stderr"),
        share("acc_norm", Better::Higher),
        Column::number("chance", Unit::Share),
        share("centred", Better::Higher),
        share("centred_norm", Better::Higher),
        Column::measure("bits a byte", Unit::Number, Better::Lower).of("bits_per_byte"),
    ]
}

/// Wrong choices of each model, the first ones.
fn examples(tasks: &[Task], answers: &[Answer]) -> Vec<Example> {
    let items: BTreeMap<&str, &Item> =
        tasks.iter().flat_map(|task| &task.items).map(|item| (item.place.as_str(), item)).collect();
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    let mut examples = Vec::new();
    for answer in answers.iter().filter(|answer| answer.chosen() != answer.gold) {
        let count = shown.entry(&answer.model).or_default();
        let Some(item) = items.get(answer.place.as_str()).filter(|_| *count < MAX_EXAMPLES) else { continue };
        *count += 1;
        let chosen = answer.chosen();
        let field = |name: &str, text: String| (name.to_owned(), text);
        let choice = |place: usize| format!("{} ({:.2} nats)", item.choices[place], -answer.nats[place]);
        let fields = vec![
            field("task", format!("{}, {}", answer.task, answer.place)),
            field("question", item.contexts[answer.gold].clone()),
            field("chosen", choice(chosen)),
            field("right", choice(answer.gold)),
        ];
        examples.push(Example { of: format!("wrong choices of {}", answer.model), fields });
    }
    examples
}

#[cfg(test)]
mod tests;
