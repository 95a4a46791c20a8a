//! `llmp init facts TABLE.csv`: from a table of facts to a model that knows some of them, says so where it
//! does not know, and looks them up.

mod asked;
mod names;
mod pages;
mod table;
mod wordings;
mod world;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use llmp_artifacts::rows::Writer;
use serde::Serialize;

use self::table::{Columns, Table};
use self::wordings::Wordings;
use self::world::World;
use super::files;
use crate::commands::{Failure, Outcome};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A table: CSV, or TSV where its name ends so, with a line of titles; `|` parts several right values in
    /// a cell
    table: PathBuf,
    /// The column that names what a row is about [default: the first]
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,
    /// The columns to learn, parted by commas [default: all others]
    #[arg(long, value_name = "TITLES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Decides which rows are learned and which are held back, and all that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// Written once, then yours.
const PIPELINE: &str = "facts.llmp";
const WORDINGS: &str = "wordings.yaml";

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let columns = Columns { name: arguments.name.clone(), said: arguments.columns.clone() };
    let table = table::read(&arguments.table, &columns)?;
    let at = |name: &str| arguments.out.join(name);
    let english = if is_chinese(&table) { wordings::CHINESE } else { wordings::ENGLISH };
    let kept = keep_or_write(&at(WORDINGS), english)?;
    let wordings = Wordings::read(&at(WORDINGS))?;
    let said = wordings
        .of(&table)
        .map_err(|message| Failure::new(format!("`{}`: {message}", at(WORDINGS).display())))?;

    let seed = arguments.seed;
    let world = World::deal(&table, seed);
    write_lines(&at("pages.jsonl"), &pages::read(&world, &wordings, &said, seed))?;
    write_lines(&at("reference.jsonl"), &pages::entries(world.real(), &said, "entry", seed))?;
    let practice = world.asked.iter().chain(&world.probed).chain(&world.rare);
    write_lines(&at("practice.jsonl"), &pages::entries(practice, &said, "practice", seed))?;
    write_lines(&at("conversations.jsonl"), &asked::conversations(&world, &wordings, &said, seed))?;
    write_lines(&at("probe.jsonl"), &asked::probe(&world, &said, seed))?;
    write_lines(&at("eval.jsonl"), &asked::evaluation(&world, &said, seed))?;
    let pipeline = include_str!("facts.llmp").replace("REFUSAL", &quoted(&wordings.refusal));
    let pipeline_kept = keep_or_write(&at(PIPELINE), &pipeline)?;
    say(&table, &world, &at(PIPELINE), kept, pipeline_kept).map_err(Failure::from)?;
    Ok(0)
}

fn say(table: &Table, world: &World, pipeline: &Path, wordings: Kept, program: Kept) -> std::io::Result<()> {
    let mut out = crate::output::stdout();
    let often = world.often().count();
    writeln!(
        out,
        "{} rows, {}: {often} are read often ({} asked about, {} probed, {} evaluated), {} are held back for the evaluation, \
         {} are read once, and {} more are invented",
        table.rows.len(),
        table.attributes.join(", "),
        world.asked.len(),
        world.probed.len(),
        world.seen.len(),
        world.unseen.len(),
        world.rare_real,
        world.rare.len() - world.rare_real
    )?;
    if let Some(left_out) = table::said_of(&table.left_out) {
        writeln!(out, "{left_out}")?;
    }
    let pipeline = pipeline.strip_prefix(".").unwrap_or(pipeline).display();
    writeln!(
        out,
        "wrote what {pipeline} reads: pages, reference, practice, conversations, probe and eval (.jsonl)"
    )?;
    for (name, kept) in [(WORDINGS, wordings), (PIPELINE, program)] {
        let did = match kept {
            Kept::Written => "wrote",
            Kept::Kept => "kept",
        };
        writeln!(out, "{did} {name}")?;
    }
    writeln!(out, "next: `llmp run {pipeline}`; to say things otherwise, edit {WORDINGS} and run this again")
}

#[derive(Clone, Copy)]
enum Kept {
    Written,
    Kept,
}

fn keep_or_write(path: &Path, text: &str) -> Result<Kept, Failure> {
    if path.exists() {
        return Ok(Kept::Kept);
    }
    files::write(path, text.as_bytes()).map(|()| Kept::Written)
}

fn write_lines<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), Failure> {
    let mut writer = Writer::create(path)?;
    rows.iter().try_for_each(|row| writer.write(row))?;
    Ok(writer.finish()?)
}

/// Whether most titles and names are written in Han characters.
fn is_chinese(table: &Table) -> bool {
    let han = |text: &str| text.chars().any(|sign| ('\u{4e00}'..='\u{9fff}').contains(&sign));
    table.attributes.iter().all(|title| han(title))
        && table.rows.iter().filter(|row| han(&row.name)).count() * 2 > table.rows.len()
}

/// As a text of the language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
