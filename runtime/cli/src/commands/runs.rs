//! `llmp runs`: all runs as one table or page, and what the user writes about them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use llmp_insight::report::{Comparison, Price, Report, Row, compared, number};
use llmp_records::{Notes, text};
use llmp_store::{Store, pipeline_id, write_atomically};

use super::which_run::which_run;
use super::{Failure, Outcome, StoreArguments, at_least_one};
use crate::library::standard;
use crate::render::{cells, pad, stdout_width};

/// Columns of settings, and of measures, that the table for people has.
const MAX_COLUMNS: usize = 6;
/// Letters of a cell for people.
const MAX_CELL: usize = 28;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    change: Option<Change>,
    /// Runs of this pipeline only
    file: Option<PathBuf>,
    /// So many of the newest runs
    #[arg(short = 'n', long, default_value = "30", value_name = "N", value_parser = at_least_one)]
    last: usize,
    /// Runs with this tag only; may be given several times
    #[arg(long, value_name = "WORD")]
    tag: Vec<String>,
    /// Runs of which this holds only: `lr=0.02`, `base.loss<2.5`, `status=done`, `failed=0`; may be given
    /// several times
    #[arg(long = "where", value_name = "NAME=VALUE")]
    conditions: Vec<String>,
    /// Sort by a column, the lowest first: `loss`, `base.lr`, `time`, `cost`, `failed`
    #[arg(long, value_name = "NAME")]
    sort: Option<String>,
    /// Turn the order round
    #[arg(long)]
    reverse: bool,
    /// What an hour of the machine costs, in your money, for a column `cost`; `DEVICE=AMOUNT` is of runs on
    /// that device. May be given several times, the first that fits counts
    #[arg(long, value_name = "AMOUNT", env = "LLMP_PRICE", value_delimiter = ',', value_parser = price)]
    price: Vec<Price>,
    /// Print the table as JSON, with all columns
    #[arg(long)]
    json: bool,
    /// Write a page with the table and the curves over each other to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
}

/// Reads `2.49`, or `cuda=2.49`.
fn price(text: &str) -> Result<Price, String> {
    let (device, amount) = match text.rsplit_once('=') {
        Some((device, amount)) => (Some(device.trim().to_owned()), amount),
        None => (None, text),
    };
    match amount.trim().parse::<f64>() {
        Ok(hour) if hour >= 0.0 && hour.is_finite() => Ok(Price { device, hour }),
        Ok(_) => Err("a price is not negative".to_owned()),
        Err(_) => Err("it is no number; write `2.49`, or `cuda=2.49`".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Give a run a tag, by which it is found again
    Tag {
        /// The run: its number, `last`, `last-1`, or the name of a pin
        run: String,
        /// The tags
        #[arg(required = true)]
        words: Vec<String>,
        /// Take them away
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Write a note about a run; an empty text removes it
    Note {
        /// The run: its number, `last`, `last-1`, or the name of a pin
        run: String,
        /// The note
        text: String,
        #[command(flatten)]
        store: StoreArguments,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    if let Some(change) = &arguments.change {
        return write(change);
    }
    let store = arguments.store.open()?;
    let reports = reports(arguments, &store)?;
    let notes = |report: &Report| store.read_notes(report.run);
    let mut comparison = Comparison::of(reports.iter().map(|report| (report, notes(report))));
    comparison.price(&arguments.price);
    for tag in &arguments.tag {
        comparison.retain(|row| row.notes.tags.contains(tag));
    }
    for condition in &arguments.conditions {
        // Of no run nothing holds, and no column is known.
        if comparison.rows.is_empty() {
            break;
        }
        let condition = Condition::read(condition, &comparison)?;
        comparison.retain(|row| condition.holds(row));
    }
    sort(arguments, &mut comparison)?;
    let mut out = crate::output::stdout();
    if let Some(path) = &arguments.html {
        let wanted: BTreeSet<u64> = comparison.rows.iter().map(|row| row.run).collect();
        let shown: Vec<&Report> = reports.iter().filter(|report| wanted.contains(&report.run)).collect();
        write_atomically(path, compared(&comparison, &shown).as_bytes())?;
        writeln!(out, "{}", path.display())?;
    }
    if arguments.json {
        writeln!(out, "{:#}", comparison.json())?;
    } else if arguments.html.is_none() {
        print(&mut out, &comparison)?;
    }
    Ok(0)
}

/// The reports of the runs in question, the newest first.
fn reports(arguments: &Arguments, store: &Store) -> Result<Vec<Report>, Failure> {
    let id = match &arguments.file {
        Some(file) if !file.is_file() => {
            return Err(Failure::new(format!("there is no file `{}`", file.display())).help(
                "name a pipeline, or nothing for the runs of all; `llmp runs tag RUN WORD` gives a tag",
            ));
        }
        file => file.as_deref().map(|file| pipeline_id(store, file)),
    };
    let runs = store.ended_runs().filter(|run| id.as_ref().is_none_or(|id| run.pipeline_id == *id));
    // Tags are looked up before reports, which are larger.
    let tagged = |run: u64| {
        let notes = store.read_notes(run);
        arguments.tag.iter().all(|tag| notes.tags.contains(tag))
    };
    let runs = runs.filter(|run| arguments.tag.is_empty() || tagged(run.run)).take(arguments.last);
    runs.map(|run| Report::of(store, run.run, standard()).map_err(Failure::from)).collect()
}

/// `base.lr=0.02`
struct Condition {
    column: Column,
    operator: &'static str,
    value: String,
}

/// What a row is looked at for.
enum Column {
    Status,
    Time,
    Work,
    Run,
    Cost,
    /// Gates that came out so.
    Passed,
    Failed,
    /// A setting or a measure, by its whole name.
    Named(String),
}

impl Column {
    fn find(name: &str, comparison: &Comparison) -> Result<Self, Failure> {
        match name {
            "status" => return Ok(Self::Status),
            "time" => return Ok(Self::Time),
            "work" => return Ok(Self::Work),
            "run" => return Ok(Self::Run),
            "passed" => return Ok(Self::Passed),
            "failed" => return Ok(Self::Failed),
            "cost" if comparison.rows.iter().all(|row| row.cost.is_none()) => {
                return Err(Failure::new("no run has a cost")
                    .help("state what an hour of the machine costs: `--price 2.49`, or LLMP_PRICE=2.49"));
            }
            "cost" => return Ok(Self::Cost),
            _ => {}
        }
        comparison.column(name).map(|name| Self::Named(name.to_owned())).map_err(|fits| {
            let failure = Failure::new(match fits.as_slice() {
                [] => format!("none of the runs has a setting or measure `{name}`"),
                _ => format!("`{name}` may be several columns"),
            });
            match fits.as_slice() {
                [] => failure.help(
                    "`llmp runs --json` lists them; besides, there are `status`, `time`, `work`, `run`, `cost`, and the \
                     gates that `passed` and `failed`",
                ),
                fits => failure.help(format!("write one of {}", fits.join(", "))),
            }
        })
    }

    fn number(&self, row: &Row) -> Option<f64> {
        match self {
            Self::Status => None,
            Self::Time => Some(row.seconds),
            Self::Work => Some(row.work),
            Self::Run => Some(row.run as f64),
            Self::Cost => row.cost,
            Self::Passed => Some(row.gates.passed as f64),
            Self::Failed => Some(row.gates.failed as f64),
            Self::Named(name) => row.number(name),
        }
    }

    fn text<'r>(&self, row: &'r Row) -> Option<&'r str> {
        match self {
            Self::Status => Some(&row.status),
            Self::Named(name) => row.settings.get(name).map(String::as_str),
            Self::Time | Self::Work | Self::Run | Self::Cost | Self::Passed | Self::Failed => None,
        }
    }
}

impl Condition {
    fn read(text: &str, comparison: &Comparison) -> Result<Self, Failure> {
        let found = ["<=", ">=", "!=", "=", "<", ">"].into_iter();
        let found = found.filter_map(|operator| Some((text.find(operator)?, operator)));
        // The first in the text; the longer one where two begin at one place.
        let Some((at, operator)) =
            found.min_by_key(|(at, operator)| (*at, std::cmp::Reverse(operator.len())))
        else {
            return Err(Failure::new(format!("`{text}` is no condition")).help(
                "write a column, `=`, `!=`, `<`, `<=`, `>` or `>=`, and a value: `--where 'base.loss<2.5'`",
            ));
        };
        let (name, value) = (text[..at].trim(), text[at + operator.len()..].trim());
        let column = Column::find(name, comparison)?;
        if !matches!(operator, "=" | "!=") && number(value).is_none() {
            return Err(Failure::new(format!("`{value}` is no number"))
                .help("`<` and `>` compare numbers; `=` compares texts, too"));
        }
        Ok(Self { column, operator, value: value.to_owned() })
    }

    /// Whether it holds of a run; never of one that lacks the column.
    fn holds(&self, row: &Row) -> bool {
        let both = self.column.number(row).zip(number(&self.value));
        let equal = match both {
            Some((mine, value)) => mine == value,
            None => match self.column.text(row) {
                Some(text) => text == self.value,
                None => return false,
            },
        };
        match (self.operator, both) {
            ("=", _) => equal,
            ("!=", _) => !equal,
            ("<", Some((mine, value))) => mine < value,
            ("<=", Some((mine, value))) => mine <= value,
            (">", Some((mine, value))) => mine > value,
            (">=", Some((mine, value))) => mine >= value,
            _ => false,
        }
    }
}

/// Sorts by a column: numbers before texts, and what lacks it at the end in either order.
fn sort(arguments: &Arguments, comparison: &mut Comparison) -> Result<(), Failure> {
    let Some(name) = &arguments.sort else {
        if arguments.reverse {
            comparison.rows.reverse();
        }
        return Ok(());
    };
    if comparison.rows.is_empty() {
        return Ok(());
    }
    let column = Column::find(name, comparison)?;
    let (mut has, mut lacks): (Vec<Row>, Vec<Row>) = std::mem::take(&mut comparison.rows)
        .into_iter()
        .partition(|row| column.number(row).is_some() || column.text(row).is_some());
    has.sort_by(|one, other| match (column.number(one), column.number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => column.text(one).cmp(&column.text(other)),
    });
    if arguments.reverse {
        has.reverse();
    }
    has.append(&mut lacks);
    comparison.rows = has;
    Ok(())
}

fn short(text: &str) -> String {
    match text.chars().count() > MAX_CELL {
        true => text.chars().take(MAX_CELL - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// The table for people: what says the same in every row is left out.
fn print(out: &mut impl Write, comparison: &Comparison) -> Result<(), Failure> {
    let rows = &comparison.rows;
    if rows.is_empty() {
        writeln!(out, "no such run")?;
        return Ok(());
    }
    let settings: Vec<&String> = comparison.settings.iter().take(MAX_COLUMNS).collect();
    let varies = |name: &&String| {
        let values: BTreeSet<Option<u64>> =
            rows.iter().map(|row| row.measures.get(*name).map(|one| one.value.to_bits())).collect();
        let training = rows.iter().any(|row| row.measures.get(*name).is_some_and(|one| one.training));
        training || values.len() > 1 || rows.len() == 1
    };
    let shown: Vec<&String> = comparison.measures.iter().filter(varies).take(MAX_COLUMNS).collect();
    let mut table: Vec<Vec<String>> = vec![["run", "pipeline", "status"].map(str::to_owned).to_vec()];
    if let Some(head) = table.first_mut() {
        head.extend(settings.iter().chain(&shown).map(|name| short(name)));
        head.extend(["gates", "time", "work", "cost", "tags", "note"].map(str::to_owned));
    }
    for row in rows {
        let mut cells = vec![
            format!("{}{}", row.run, short(row.member.as_deref().unwrap_or_default())),
            short(&row.title),
            row.status.clone(),
        ];
        cells.extend(
            settings.iter().map(|name| row.settings.get(*name).map_or("–".into(), |value| short(value))),
        );
        cells.extend(shown.iter().map(|name| row.measures.get(*name).map_or("–".into(), |one| one.text())));
        let cost = row.cost.map_or("–".into(), |cost| format!("{cost:.2}"));
        cells.extend([row.gates.text(), text::duration(row.seconds), text::duration(row.work), cost]);
        let tags: Vec<&str> = row.notes.tags.iter().map(String::as_str).collect();
        cells.extend([tags.join(", "), short(row.notes.note.as_deref().unwrap_or_default())]);
        table.push(cells);
    }
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| cells(cell)).max().unwrap_or(0)
    };
    // A column with nothing below its head is left out.
    let said = |column: usize| {
        table.iter().skip(1).any(|row| row.get(column).is_some_and(|cell| !cell.is_empty() && cell != "–"))
    };
    let mut kept: Vec<(usize, usize)> =
        (0..columns).filter(|&column| said(column)).map(|column| (column, width(column))).collect();
    // What the terminal has no room for is in the JSON: measures go before settings, the last ones first.
    let (first, room) = (3, stdout_width().unwrap_or(usize::MAX));
    let variable = first..first + settings.len() + shown.len();
    let before = kept.len();
    while kept.iter().map(|(_, width)| width + 2).sum::<usize>() > room.saturating_add(2) {
        let Some(last) = kept.iter().rposition(|(column, _)| variable.contains(column)) else { break };
        kept.remove(last);
    }
    let unseen = before - kept.len();
    for row in &table {
        let cells = kept.iter().filter_map(|&(column, width)| Some(pad(row.get(column)?, width)));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    let more = comparison.settings.len() + comparison.measures.len() + unseen - settings.len() - shown.len();
    if comparison.measures.iter().any(|name| name.ends_with("loss")) {
        writeln!(
            out,
            "\na loss is the mean of the last {} steps, a held-out one the last measurement",
            llmp_stage::LAST_STEPS
        )?;
    }
    if more > 0 {
        writeln!(out, "{} more: `--json` has all", text::plural(more as u64, "column"))?;
    }
    Ok(())
}

fn write(change: &Change) -> Outcome {
    let mut out = crate::output::stdout();
    let (Change::Tag { run, store, .. } | Change::Note { run, store, .. }) = change;
    let store = store.open()?;
    let number = which_run(&store, run)?.run;
    let mut notes = store.read_notes(number);
    match change {
        Change::Tag { words, remove, .. } => {
            if let Some(bad) = words.iter().find(|word| !Notes::is_tag(word)) {
                return Err(Failure::new(format!("`{bad}` cannot be a tag"))
                    .help("a tag is a word of letters, digits, `-`, `_`, `.` and `:`; `llmp runs note` takes sentences"));
            }
            for word in words {
                match remove {
                    true if !notes.tags.remove(word) => {
                        let failure = Failure::new(format!("run {number} has no tag `{word}`"));
                        let has: Vec<&str> = notes.tags.iter().map(String::as_str).collect();
                        return Err(match has.as_slice() {
                            [] => failure,
                            has => failure.help(format!("it has {}", has.join(", "))),
                        });
                    }
                    true => {}
                    false => drop(notes.tags.insert(word.clone())),
                }
            }
            let has: Vec<&str> = notes.tags.iter().map(String::as_str).collect();
            let has = if has.is_empty() { "no tags".to_owned() } else { has.join(", ") };
            writeln!(out, "run {number}: {has}")?;
        }
        Change::Note { text, .. } => {
            notes.note = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            writeln!(out, "run {number}: {}", notes.note.as_deref().unwrap_or("no note"))?;
        }
    }
    store.write_notes(number, &notes)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use llmp_insight::report::Gates;

    use super::*;

    fn rows() -> Comparison {
        let row = |run: u64, lr: &str| Row {
            run,
            status: "done".into(),
            seconds: run as f64,
            settings: BTreeMap::from([("base.lr".into(), lr.into()), ("base.rule".into(), "a=b".into())]),
            ..Row::default()
        };
        let mut comparison =
            Comparison { rows: vec![row(3, "0.02"), row(2, "0.1"), row(1, "0.05")], ..Comparison::default() };
        let gates = Gates { failed: 1, ..Gates::default() };
        comparison.rows.push(Row { run: 9, status: "failed".into(), gates, ..Row::default() });
        comparison
    }

    fn kept(condition: &str) -> Vec<u64> {
        let mut all = rows();
        let condition = Condition::read(condition, &all).unwrap();
        all.retain(|row| condition.holds(row));
        all.rows.iter().map(|row| row.run).collect()
    }

    #[test]
    fn conditions_compare_numbers_and_texts() {
        assert_eq!(kept("lr=0.020"), [3]);
        assert_eq!(kept("base.lr<=0.05"), [3, 1]);
        assert_eq!(kept("lr != 0.1"), [3, 1], "what lacks the column is in neither");
        assert_eq!(kept("status=failed"), [9]);
        assert_eq!(kept("base.rule=a=b"), [3, 2, 1]);
        assert_eq!(kept("time>2.5"), [3]);
        assert_eq!(kept("failed>0"), [9]);
        assert_eq!(kept("passed=0"), [3, 2, 1, 9]);
        for (text, read) in
            [("2.49", Some((None, 2.49))), ("cuda=3", Some((Some("cuda"), 3.0))), ("-1", None), ("x", None)]
        {
            let price = price(text).ok();
            assert_eq!(price.as_ref().map(|price| (price.device.as_deref(), price.hour)), read, "{text}");
        }
        for bad in ["lr", "lr<many", "rate=1", "=3", "cost<1"] {
            assert!(Condition::read(bad, &rows()).is_err(), "{bad}");
        }
    }
}
