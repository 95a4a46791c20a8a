//! `llmp show STAGE`: rows of a result as people read them. What a row looks like stands beside its kind, in
//! its `Form`.

use std::io::Write;

use clap::Args;
use llmp_artifacts::conversations::from_row;
use llmp_artifacts::model::Config;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_assistant::preview;
use llmp_assistant::render::Template;
use llmp_compiler::artifact::ArtifactKind;
use llmp_insight::trace::{Left, Tracer};
use llmp_records::text;
use llmp_stage::{Form, Tone, View, Views};
use serde_json::{Value, json};

use super::results::{OfRun, One, Results, must_make, unpack};
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use crate::library::standard;
use crate::render::{cells, paint, stdout_colour};

/// Letters of a row that are shown where nobody asked for all of it.
const SHOWN: usize = 800;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage whose result is shown
    stage: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
    /// Rows to show at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    rows: usize,
    /// Show this row in full; the first is 0
    #[arg(long, value_name = "N", conflicts_with = "dropped")]
    row: Option<u64>,
    /// Only rows where a column has a value, `language=zh`, or that hold a text
    #[arg(long = "where", value_name = "COLUMN=VALUE|TEXT")]
    filter: Option<String>,
    /// Conversations: render them as this stage's model is taught them, with ids, what is learned, and the
    /// cut
    #[arg(short, long, value_name = "STAGE")]
    model: Option<String>,
    /// Show the documents that the stage dropped, with rule, value and text
    #[arg(long)]
    dropped: bool,
    /// Of those that were dropped, only these, e.g. `c4.curly_bracket`
    #[arg(long, value_name = "RULE", requires = "dropped")]
    rule: Option<String>,
    /// Show what is to be known of the whole only: counts, columns, a model's shape
    #[arg(long)]
    schema: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, stage) = arguments.pipeline.with_first(Some(&arguments.stage));
    let stage = stage.ok_or_else(|| {
        Failure::new("which stage?").help("name one: `llmp show STAGE FILE`; `llmp graph` lists them")
    })?;
    let results = Results::of(&pipeline, arguments.of.run.as_deref())?;
    let one = results.named(&stage, &|_| true)?;
    if !arguments.json {
        results.say(&one);
    }
    if arguments.dropped {
        return dropped(arguments, &results, &one);
    }
    let kind = one.stage.output.as_ref().map_or("Files", |output| output.kind.name());
    let form = standard()
        .form(kind)
        .ok_or_else(|| Failure::new(format!("results of the kind {kind} cannot be shown")))?;
    let input = results.input(&one)?;
    let whole = arguments.row.is_none() && arguments.filter.is_none();
    let mut out = crate::output::stdout();
    if arguments.schema || (whole && !arguments.json) {
        facts(&mut out, form, &input, arguments.json && arguments.schema)?;
    }
    if arguments.schema {
        return Ok(0);
    }
    let rendered = renderer(arguments, &results, &one)?;
    let views = form.views(&input)?;
    print(&mut out, arguments, views, rendered.as_ref())
}

/// Where conversations are to be shown as a model reads them: its template.
fn renderer(arguments: &Arguments, results: &Results, one: &One<'_>) -> Result<Option<Template>, Failure> {
    let Some(name) = &arguments.model else { return Ok(None) };
    must_make(one.stage, ArtifactKind::Conversations, one.run)?;
    let model = results.named(name, &|stage| stage.makes(ArtifactKind::Model))?;
    must_make(model.stage, ArtifactKind::Model, model.run)?;
    let folder = unpack(&results.store, &model.artifact)?;
    Ok(Some(Template::new(Tokenizer::load(&folder)?, Config::load(&folder)?.context)?))
}

fn facts(
    out: &mut impl Write,
    form: &dyn Form,
    input: &llmp_stage::Input,
    as_json: bool,
) -> Result<(), Failure> {
    let facts = form.facts(input)?;
    if as_json {
        let all: serde_json::Map<String, Value> =
            facts.into_iter().map(|(name, value)| (name, value.into())).collect();
        writeln!(out, "{}", Value::Object(all))?;
        return Ok(());
    }
    let width = facts.iter().map(|(name, _)| cells(name)).max().unwrap_or(0);
    for (name, value) in &facts {
        writeln!(out, "{name}{}  {value}", " ".repeat(width - cells(name)))?;
    }
    Ok(())
}

fn print(out: &mut impl Write, arguments: &Arguments, views: Views, template: Option<&Template>) -> Outcome {
    let colour = stdout_colour();
    let (mut shown, mut seen) = (0, 0_u64);
    for (number, view) in (0_u64..).zip(views) {
        let mut view = view?;
        seen = number + 1;
        if arguments.row.is_some_and(|row| row != number)
            || !arguments.filter.as_ref().is_none_or(|filter| fits(&view, filter))
        {
            continue;
        }
        if let Some(template) = template {
            let messages = from_row(&view.json).map_err(Failure::new)?;
            view = preview(template, &messages);
        }
        if arguments.json {
            writeln!(out, "{}", json!({"row": number, "value": view.json}))?;
        } else {
            one(out, &view, number, colour, arguments.row.is_none())?;
        }
        shown += 1;
        if shown == arguments.rows || arguments.row.is_some() {
            return Ok(0);
        }
    }
    match (arguments.row, &arguments.filter) {
        (Some(row), None) => Err(Failure::new(format!("there is no row {row}"))
            .help(format!("there are {}, the first is 0", text::plural(seen, "row")))),
        (_, Some(filter)) if shown == 0 => {
            Err(Failure::new(format!("none of {} fits `{filter}`", text::plural(seen, "row"))))
        }
        _ => Ok(0),
    }
}

/// Whether a row has the value in the column, or holds the text.
fn fits(view: &View, filter: &str) -> bool {
    let column = filter.split_once('=').and_then(|(column, value)| {
        let mut names = column.trim().split('.');
        let found = names.try_fold(&view.json, |at, name| at.get(name))?;
        Some((found, value.trim()))
    });
    match column {
        Some((Value::String(text), value)) => text == value,
        Some((Value::Array(items), value)) => items.iter().any(|item| is(item, value)),
        Some((found, value)) => is(found, value),
        None => view.head.contains(filter) || view.all_text().contains(filter),
    }
}

fn is(found: &Value, value: &str) -> bool {
    // A number is compared as it is written.
    let written = found.to_string();
    found.as_str().unwrap_or(&written) == value
}

fn one(out: &mut impl Write, view: &View, number: u64, colour: bool, cut: bool) -> Result<(), Failure> {
    writeln!(out, "\n{}", paint(&format!("--- {number}  {}", clean(&view.head)), Tone::Label, colour))?;
    let all: usize = view.body.iter().map(|piece| piece.text.chars().count()).sum();
    let mut room = if cut { SHOWN } else { usize::MAX };
    let mut ends = true;
    for piece in &view.body {
        let text: String = piece.text.chars().take(room).collect();
        room -= text.chars().count().min(room);
        if !text.is_empty() {
            ends = text.ends_with('\n');
            write!(out, "{}", paint(&clean(&text), piece.tone, colour))?;
        }
    }
    if !ends {
        writeln!(out)?;
    }
    if cut && all > SHOWN {
        let rest = text::count((all - SHOWN) as u64);
        let rest = format!("… {rest} more characters: `--row {number}`");
        writeln!(out, "{}", paint(&rest, Tone::Aside, colour))?;
    }
    Ok(())
}

/// A text that moves no cursor and rings no bell.
fn clean(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' | '\t' => letter,
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(shown).collect()
}

/// What the stage dropped: counts by rule, and some of them with their texts.
fn dropped(arguments: &Arguments, results: &Results, found: &One<'_>) -> Outcome {
    let stage = &found.stage.name;
    let record =
        found.stage.key.and_then(|key| results.ledger.record(&key).ok().flatten()).unwrap_or_default();
    let mut counts: Vec<(&str, u64)> = record
        .counts
        .iter()
        .filter_map(|(name, count)| Some((name.strip_prefix("dropped.")?, *count)))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    if let Some(rule) = &arguments.rule
        && !counts.iter().any(|(name, _)| name == rule)
    {
        let names = counts.iter().map(|(name, _)| *name);
        let failure = Failure::new(format!("`{stage}` dropped nothing by `{rule}`"));
        return Err(match super::did_you_mean(rule, names.clone()) {
            Some(close) => failure.help(format!("did you mean `{close}`?")),
            None => failure.help(format!("it dropped by {}", names.collect::<Vec<_>>().join(", "))),
        });
    }
    let tracer = Tracer::new(&results.store, &results.ledger, found.run, standard())?;
    let fits = |dropped: &llmp_stage::Dropped| {
        let rule = arguments.rule.as_ref().is_none_or(|rule| *rule == dropped.rule);
        rule && arguments
            .filter
            .as_ref()
            .is_none_or(|text| dropped.url.contains(text) || dropped.value.contains(text))
    };
    let left = tracer.left_out(stage, arguments.rows, &fits)?;
    let mut out = crate::output::stdout();
    if arguments.json {
        for one in &left {
            writeln!(out, "{}", json!(one))?;
        }
        return Ok(0);
    }
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    writeln!(out, "{} dropped", text::plural(all, "document"))?;
    let width = counts.iter().map(|(name, _)| cells(name)).max().unwrap_or(0);
    for (name, count) in &counts {
        writeln!(out, "  {name:<width$}  {}", text::count(*count))?;
    }
    let colour = stdout_colour();
    for (number, left) in (0..).zip(&left) {
        one(&mut out, &as_view(left), number, colour, true)?;
    }
    Ok(0)
}

fn as_view(left: &Left) -> View {
    let head = if left.url.is_empty() { &left.id } else { &left.url };
    let view = View::new(head.as_str(), Value::Null);
    let view = view.piece(format!("{}: {}\n", left.rule, left.value), Tone::Cut);
    match &left.text {
        Some(text) => view.text(text.as_str()),
        None => view.piece("its text is in no input\n", Tone::Aside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_a_column_or_a_text() {
        let view =
            View::new("u1", json!({"language": "zh", "tags": {"seen": "no"}, "values": ["a", "b"], "of": 3}))
                .text("x = 1 and more");
        for filter in ["language=zh", "tags.seen=no", "values=b", "of=3", "and more", "u1", "x = 1"] {
            assert!(fits(&view, filter), "{filter}");
        }
        for filter in ["language=en", "tags.seen=yes", "values=c", "of=4", "nothing", "x = 2"] {
            assert!(!fits(&view, filter), "{filter}");
        }
    }

    #[test]
    fn control_characters_move_nothing() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc"), "a\u{fffd}[2Jb\u{fffd}\n\tc");
    }
}
