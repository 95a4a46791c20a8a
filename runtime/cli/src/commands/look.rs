//! `llmp look STAGE`: what a filter's rules saw, where their thresholds stand, what others would keep, and
//! documents on both sides. The stage runs once more over a sample of its input, in a folder that goes; the
//! store is read only.

mod watch;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use llmp_artifacts::docs::{Doc, Reader, Writer};
use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::graph::{FileSet, Producer, Stage};
use llmp_compiler::key::{Digest, Hasher};
use llmp_insight::look::{Document, Look, RuleLook, Shown, Values, number};
use llmp_insight::trace::Tracer;
use llmp_planning::settings;
use llmp_records::text;
use llmp_stage::{Input, InputFile};
use llmp_store::write_atomically;
use serde_json::json;

use super::results::{One, Results};
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use crate::library::standard;

use watch::Watching;

/// The file that holds the sample.
const SHARD: &str = "look.parquet";
/// Documents of the records that are looked at for what rules without values dropped.
const MAX_LEFT: usize = 2_000;
/// Letters of a document that a line on the screen shows.
const SHOWN: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The filter that is looked at
    stage: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Only this rule, e.g. `gopher.min_words`
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only documents that hold this text
    #[arg(long = "where", value_name = "TEXT")]
    filter: Option<String>,
    /// Documents to show of each kind
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3, value_parser = at_least_one)]
    rows: usize,
    /// Documents whose values are looked at, chosen by chance and the same ones every time
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = at_least_one)]
    sample: usize,
    /// Write a page for the browser, which needs no network
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, stage) = arguments.pipeline.with_first(Some(&arguments.stage));
    let stage = stage.ok_or_else(|| {
        Failure::new("which filter?").help("name one: `llmp look STAGE FILE`; `llmp graph` lists the stages")
    })?;
    let results = Results::of(&pipeline, None)?;
    let Some(program) = &results.pipeline else {
        return Err(Failure::new("which pipeline?").help("name its file: `llmp look STAGE FILE`"));
    };
    let found = results.named(&stage, &|_| true)?;
    let id = program.stage(&found.stage.name)?;
    let graph = &program.compilation.graph;
    let lowered = graph.stage(id);
    let record =
        found.stage.key.and_then(|key| results.ledger.record(&key).ok().flatten()).unwrap_or_default();
    let implementation = standard().stage(&lowered.kind);
    let rules = implementation.map_or(&[][..], |one| one.rules());
    if rules.is_empty() && !record.counts.keys().any(|name| name.starts_with("dropped.")) {
        return Err(Failure::new(format!("`{}` leaves no documents out", found.stage.name))
            .help("`llmp show` prints rows of any result"));
    }
    let documents = again(arguments.sample, &results, &found, lowered)?;
    let tracer = Tracer::new(&results.store, &results.ledger, found.run, standard())?;
    let fits =
        |dropped: &llmp_stage::Dropped| arguments.rule.as_ref().is_none_or(|rule| *rule == dropped.rule);
    let left = tracer.left_out(&found.stage.name, MAX_LEFT, &fits)?;
    let name = (found.stage.name.as_str(), lowered.kind.as_str());
    let most = if arguments.filter.is_some() { usize::MAX } else { arguments.rows };
    let mut look = Look::of(name, rules, &record.counts, &documents, &left, most);
    if let Some(rule) = &arguments.rule
        && !look.rules.iter().any(|one| one.rule == *rule)
    {
        let names: Vec<&str> = look.rules.iter().map(|one| one.rule.as_str()).collect();
        let failure = Failure::new(format!("`{}` knows no rule `{rule}`", found.stage.name));
        return Err(match super::did_you_mean(rule, names.iter().copied()) {
            Some(close) => failure.help(format!("did you mean `{close}`?")),
            None => failure.help(format!("its rules are {}", names.join(", "))),
        });
    }
    look.filter(arguments.rule.as_deref(), arguments.filter.as_deref());
    let mut out = crate::output::stdout();
    match &arguments.out {
        Some(path) => {
            write_atomically(path, look.html().as_bytes())?;
            writeln!(out, "{}", path.display())?;
        }
        None if arguments.json => writeln!(out, "{}", json!(look))?,
        None => print(&mut out, &look)?,
    }
    Ok(0)
}

/// The stage once more, over a sample of its documents; none where it reads no documents, or is the user's
/// own.
fn again(
    sample: usize,
    results: &Results,
    found: &One<'_>,
    lowered: &Stage,
) -> Result<Vec<Document>, Failure> {
    let (Some(implementation), Some(program)) = (standard().stage(&lowered.kind), &results.pipeline) else {
        return Ok(vec![]);
    };
    let graph = &program.compilation.graph;
    let mut inputs: BTreeMap<String, Vec<Input>> = BTreeMap::new();
    let mut sampled = Vec::new();
    let folder = Folder::new()?;
    let past = program.open()?;
    let files = |set: &FileSet| -> Result<Vec<InputFile>, Failure> {
        let files = past.find(set).map_err(|absent| Failure::new(absent.to_string()))?;
        let file = |file: &llmp_planning::Found| InputFile {
            name: file.label.clone(),
            path: file.path.clone(),
            digest: file.digest.hex(),
            label: Some(file.label.clone()),
        };
        Ok(files.found.iter().map(file).collect())
    };
    for input in &lowered.inputs {
        let given = match &input.from {
            Producer::Files(set) => Input { label: set.to_string(), files: files(set)?, ..Input::default() },
            Producer::Stage(from) => {
                let from = graph.stage(*from);
                let stage = found.run.stage(&from.name);
                let Some((stage, artifact)) = stage.and_then(|stage| Some((stage, stage.artifact?))) else {
                    return Ok(vec![]);
                };
                let whole = results.input(&One { run: found.run, stage, artifact })?;
                if from.makes(ArtifactKind::Docs) && input.role == "docs" {
                    sampled = choose(&whole, sample)?;
                    shard(&whole.label, &sampled, &folder.0)?
                } else {
                    Input { kind: from.output.as_ref().map(|output| output.kind.name().to_owned()), ..whole }
                }
            }
        };
        inputs.entry(input.role.clone()).or_default().push(given);
    }
    // A stage over pages, or over what all documents have in common, shows nothing in a sample.
    if sampled.is_empty() || lowered.kind.starts_with("dedup.") {
        return Ok(vec![]);
    }
    for setting in &lowered.settings {
        for path in setting.paths() {
            let set = FileSet::of([path]);
            let given = Input { label: path.to_owned(), files: files(&set)?, ..Input::default() };
            inputs.entry(setting.name.clone()).or_default().push(given);
        }
    }
    let watching = Watching::new(&folder.0, inputs, lowered.per_shard.is_some().then_some("look"))?;
    implementation.run(&watching, &settings(lowered))?;
    let (mut values, mut dropped) = watching.taken();
    Ok(sampled
        .into_iter()
        .enumerate()
        .map(|(number, doc)| Document {
            values: values.remove(&number.to_string()).unwrap_or_default(),
            dropped: dropped.remove(&number.to_string()),
            id: doc.id,
            url: doc.url,
            text: doc.text,
        })
        .collect())
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("llmp-look-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// At most `most` documents: those whose id, URL and text have the least hashes, so that neither order nor
/// shards decide. Equal documents are one.
fn choose(input: &Input, most: usize) -> Result<Vec<Doc>, Failure> {
    let mut chosen: BTreeMap<Digest, Doc> = BTreeMap::new();
    for file in input.with_suffix(".parquet") {
        for doc in Reader::open(&file.path)? {
            let doc = doc?;
            let rank = Hasher::new("llmp look 1").text(&doc.id).text(&doc.url).text(&doc.text).finish();
            if chosen.len() < most || chosen.last_key_value().is_some_and(|(last, _)| rank < *last) {
                chosen.insert(rank, doc);
                if chosen.len() > most {
                    chosen.pop_last();
                }
            }
        }
    }
    Ok(chosen.into_values().collect())
}

/// The sample as a shard, in which documents are called by their places.
fn shard(label: &str, docs: &[Doc], folder: &Path) -> Result<Input, Failure> {
    let folder = folder.join("docs");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(SHARD);
    let mut writer = Writer::create(&path)?;
    for (number, doc) in docs.iter().enumerate() {
        writer.write(Doc { id: number.to_string(), ..doc.clone() })?;
    }
    writer.finish()?;
    let file = InputFile { name: SHARD.to_owned(), path, digest: String::new(), label: None };
    Ok(Input { label: label.to_owned(), kind: Some("Docs".to_owned()), files: vec![file], folder })
}

fn print(out: &mut impl Write, look: &Look) -> Result<(), Failure> {
    writeln!(
        out,
        "{} {}: {} kept, {} dropped",
        look.stage,
        look.kind,
        text::count(look.kept),
        text::count(look.dropped)
    )?;
    if look.sampled > 0 {
        let (all, kept) = (text::count(look.sampled as u64), text::count(look.sampled_kept as u64));
        writeln!(out, "values of {all} documents, chosen by chance, of which {kept} are kept")?;
    }
    let idle = |rule: &&RuleLook| {
        rule.dropped == 0
            && rule.values.as_ref().is_none_or(|values| values.broken == 0)
            && look.rules.len() > 1
    };
    for rule in look.rules.iter().filter(|rule| !idle(rule)) {
        one(out, rule, look.sampled)?;
    }
    let names: Vec<&str> = look.rules.iter().filter(idle).map(|rule| rule.rule.as_str()).collect();
    if !names.is_empty() {
        writeln!(out, "\nno document breaks {}", names.join(", "))?;
    }
    if !look.samples.is_empty() {
        writeln!(out, "\nkept")?;
        documents(out, &look.samples)?;
    }
    Ok(())
}

fn one(out: &mut impl Write, rule: &RuleLook, sampled: usize) -> Result<(), Failure> {
    let setting = rule.setting.as_ref().map_or(String::new(), |setting| format!("  (`{setting}`)"));
    writeln!(out, "\n{}  {} dropped{setting}", rule.rule, text::count(rule.dropped))?;
    if let Some(values) = &rule.values {
        histogram(out, values, sampled)?;
    }
    documents(out, &rule.samples)?;
    if !rule.near.is_empty() {
        writeln!(out, "  only just kept")?;
        documents(out, &rule.near)?;
    }
    Ok(())
}

/// One line of bars, and below it where the threshold stands.
fn histogram(out: &mut impl Write, values: &Values, sampled: usize) -> Result<(), Failure> {
    const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.bars.iter().map(|bar| bar.kept + bar.dropped).max().unwrap_or(0).max(1);
    let level = |count: usize| if count == 0 { 0 } else { (count * 8).div_ceil(most).max(1) };
    let line: String = values.bars.iter().map(|bar| LEVELS[level(bar.kept + bar.dropped)]).collect();
    let (first, last) = (values.bars.first(), values.bars.last());
    let (from, to) = (first.map_or(0.0, |bar| bar.from), last.map_or(0.0, |bar| bar.to));
    writeln!(out, "  {} {line} {}", number(from), number(to))?;
    let at = values
        .bars
        .iter()
        .position(|bar| values.limit.0 < bar.to)
        .unwrap_or(values.bars.len().saturating_sub(1));
    let limit = match values.limit {
        (one, same) if one == same => number(one),
        (least, most) => format!("{} to {} by language", number(least), number(most)),
    };
    let word = if values.least { "at least" } else { "at most" };
    writeln!(out, "  {}▲ {word} {limit}", " ".repeat(number(from).len() + 1 + at))?;
    writeln!(
        out,
        "  {} of {} break it, {} of them no other rule",
        text::count(values.broken as u64),
        text::count(values.asked as u64),
        text::count(values.alone as u64)
    )?;
    let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / sampled.max(1) as f64);
    writeln!(out, "  {word:>12}  pass it  pass all")?;
    for other in &values.others {
        let now = if other.present { "  now" } else { "" };
        writeln!(
            out,
            "  {:>12}  {:>7}  {:>8}{now}",
            number(other.limit),
            share(other.passes),
            share(other.kept)
        )?;
    }
    Ok(())
}

fn documents(out: &mut impl Write, list: &[Shown]) -> Result<(), Failure> {
    for shown in list {
        let called = if shown.url.is_empty() { &shown.id } else { &shown.url };
        let value = if shown.value.is_empty() { String::new() } else { format!("{}  ", shown.value) };
        let begins: String = shown.text.iter().flat_map(|text| text.chars()).take(SHOWN).collect();
        let line = format!("  - {value}{called}  {begins}");
        let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
        writeln!(out, "{}", line.chars().map(shown).collect::<String>().trim_end())?;
    }
    Ok(())
}
