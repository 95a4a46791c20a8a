//! `llmp gc`: removes results that neither a kept run nor a pin needs.
//!
//! It takes the store alone: while another process uses results nothing is removed, so that no rule about
//! ages or clocks has to guess what that process needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use llmp_compiler::key::Digest;
use llmp_insight::reach::{KEPT_RUNS, Keep, Reach, size_of, stale_work};
use llmp_records::text;
use llmp_store::{Downloads, Kind, Ledger, Manifest, Result, Store, write_atomically};
use serde_json::json;

use super::{Failure, Outcome, StoreArguments};
use crate::render::pad;

/// Rows that are shown; JSON has all.
const MAX_ROWS: usize = 12;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Runs of each pipeline whose results are kept
    #[arg(long, value_name = "N", default_value_t = KEPT_RUNS)]
    keep_runs: usize,
    /// Also keep runs that are younger, e.g. `30d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Empty the download cache instead: files that were fetched from other machines, for all pipelines
    #[arg(long)]
    downloads: bool,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print what goes as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    if arguments.downloads {
        return downloads(arguments);
    }
    let store = arguments.store.open()?;
    let alone = store.alone()?;
    if alone.is_none() && !arguments.dry_run {
        return Err(Failure::new("another process uses the store: a run, a chat, or another command").help(
            "wait for its end; a run that is stopped with Ctrl-C goes on from its last checkpoint later",
        ));
    }
    let mut ledger = Ledger::open(&store.ledger_path())?;
    let keep = Keep { runs: arguments.keep_runs, younger_than: arguments.older_than };
    let garbage = Garbage::find(&store, &ledger, keep)?;
    if !arguments.dry_run {
        garbage.remove(&store, &mut ledger)?;
    }
    let mut out = crate::output::stdout();
    if alone.is_none() {
        writeln!(
            crate::output::stderr(),
            "note: another process uses the store; its unfinished work is counted, too"
        )?;
    }
    if arguments.json {
        writeln!(out, "{:#}", garbage.json(arguments.dry_run))?;
    } else {
        garbage.print(&mut out, &store, arguments.dry_run)?;
    }
    Ok(0)
}

/// Empties the download cache, or says what is in it.
fn downloads(arguments: &Arguments) -> Outcome {
    let downloads = Downloads::of_user();
    let (files, bytes) = downloads.size();
    if !arguments.dry_run {
        downloads.clear()?;
    }
    let mut out = crate::output::stdout();
    if arguments.json {
        let folder = text::path(downloads.root());
        writeln!(
            out,
            "{:#}",
            json!({"downloads": folder, "files": files, "bytes": bytes, "dry_run": arguments.dry_run})
        )?;
    } else {
        let word = if arguments.dry_run { "would remove" } else { "removed" };
        let (files, bytes) = (text::plural(files, "file"), text::bytes(bytes));
        writeln!(out, "{word} {files}, {bytes}, from {}", downloads.root().display())?;
    }
    Ok(0)
}

/// What may go.
pub(super) struct Garbage {
    kept: BTreeSet<u64>,
    pins: BTreeMap<String, u64>,
    needed: BTreeSet<Digest>,
    objects: BTreeMap<Digest, u64>,
    /// Bytes that go, by the stage that made them, and by the newest run that used them.
    by_stage: Vec<(String, u64)>,
    by_run: Vec<(u64, u64)>,
    /// Work and damaged objects that nobody will use, and objects that were never finished.
    work: Vec<(PathBuf, u64)>,
    leftovers: Vec<(PathBuf, u64)>,
    set_aside: u64,
}

impl Garbage {
    /// Finds what may go under a rule.
    pub(super) fn find(store: &Store, ledger: &Ledger, keep: Keep) -> Result<Self> {
        let reach = Reach::new(store, ledger)?;
        let pins = store.pins();
        let kept = reach.kept(keep, &pins);
        let needed = reach.needed(&kept);
        let objects = reach.objects.iter().filter(|(digest, _)| !needed.contains(digest));
        let objects: BTreeMap<_, _> = objects.map(|(digest, size)| (*digest, *size)).collect();
        let mut left: BTreeSet<Digest> = objects.keys().copied().collect();
        let mut by_stage = Vec::new();
        for (stage, needs) in &reach.of_stage {
            let gone: Vec<Digest> = needs.iter().filter(|digest| left.remove(digest)).copied().collect();
            by_stage.push((stage.clone(), reach.bytes(&gone)));
        }
        by_stage.push(("(in no result)".into(), reach.bytes(&left)));
        let mut left: BTreeSet<Digest> = objects.keys().copied().collect();
        let mut by_run = Vec::new();
        for (run, needs) in reach.of_run.iter().rev() {
            let gone: Vec<Digest> = needs.iter().filter(|digest| left.remove(digest)).copied().collect();
            by_run.push((*run, reach.bytes(&gone)));
        }
        by_stage.retain(|(_, bytes)| *bytes > 0);
        by_run.retain(|(_, bytes)| *bytes > 0);
        by_stage.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let since =
            reach.runs.iter().filter(|run| kept.contains(&run.run)).map(|run| run.started).reduce(f64::min);
        Ok(Self {
            kept,
            pins,
            needed,
            objects,
            by_stage,
            by_run,
            work: stale_work(store, since)?,
            leftovers: store.objects.leftovers()?,
            set_aside: size_of(&store.root().join("quarantine")),
        })
    }

    /// All bytes that go.
    pub(super) fn bytes(&self) -> u64 {
        self.objects.values().sum::<u64>() + self.unfinished() + self.set_aside
    }

    /// Bytes of what was begun and will never be finished.
    fn unfinished(&self) -> u64 {
        self.work.iter().chain(&self.leftovers).map(|(_, size)| size).sum()
    }

    fn remove(&self, store: &Store, ledger: &mut Ledger) -> std::result::Result<(), Failure> {
        // The ledger first: what it no longer offers may go.
        let gone = |digest: &Digest| self.objects.contains_key(digest);
        for (key, kind, artifact) in ledger.all() {
            let lost = match kind {
                Kind::Forgotten => false,
                Kind::Stage => {
                    gone(&artifact)
                        || store.objects.manifest(&artifact).is_ok_and(|manifest| touches(&manifest, gone))
                }
                Kind::Shard => ledger
                    .record(&key)?
                    .and_then(|record| Manifest::parse(&artifact, record.manifest.as_deref()?).ok())
                    .is_some_and(|manifest| touches(&manifest, gone)),
            };
            if lost {
                // The record stays: it tells what the stage was, for `llmp why` and for estimates.
                let mut record = ledger.record(&key)?.unwrap_or_default();
                record.lost = "`llmp gc` removed it".into();
                ledger.append(Kind::Forgotten, &key, &artifact, &record)?;
            }
        }
        ledger.sync()?;
        ledger.compact()?;
        // Then what is linked to objects, so that their bytes are really free.
        self.unlink_results(store)?;
        let _ = fs::remove_dir_all(store.root().join("open"));
        let _ = fs::remove_dir_all(store.root().join("shared"));
        for object in self.objects.keys() {
            store.objects.remove(object)?;
        }
        for (path, _) in &self.leftovers {
            fs::remove_file(path)?;
        }
        for (path, _) in &self.work {
            fs::remove_dir_all(path)?;
        }
        let _ = fs::remove_dir_all(store.root().join("quarantine"));
        Ok(())
    }

    /// Takes results that go out of `out/`.
    fn unlink_results(&self, store: &Store) -> std::result::Result<(), Failure> {
        for pipeline in fs::read_dir(store.root().join("out")).into_iter().flatten().flatten() {
            let index = pipeline.path().join(".artifacts.json");
            let text = fs::read_to_string(&index).unwrap_or_default();
            let Ok(mut known) = serde_json::from_str::<BTreeMap<String, String>>(&text) else { continue };
            let goes =
                |hex: &str| Digest::from_hex(hex).is_none_or(|artifact| !self.needed.contains(&artifact));
            let names: Vec<String> =
                known.iter().filter(|(_, hex)| goes(hex)).map(|(name, _)| name.clone()).collect();
            for name in &names {
                let _ = fs::remove_dir_all(pipeline.path().join(name));
                known.remove(name);
            }
            if !names.is_empty() {
                let text = serde_json::to_string_pretty(&known).unwrap_or_default();
                write_atomically(&index, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn json(&self, dry_run: bool) -> serde_json::Value {
        let stages: Vec<_> =
            self.by_stage.iter().map(|(name, bytes)| json!({"stage": name, "bytes": bytes})).collect();
        let runs: Vec<_> =
            self.by_run.iter().map(|(run, bytes)| json!({"run": run, "bytes": bytes})).collect();
        json!({"format_version": 1, "dry_run": dry_run, "bytes": self.bytes(), "objects": self.objects.len(),
            "kept_runs": self.kept, "pins": self.pins, "stages": stages, "runs": runs, "work": self.unfinished(),
            "quarantine": self.set_aside})
    }

    fn print(&self, out: &mut impl Write, store: &Store, dry_run: bool) -> std::result::Result<(), Failure> {
        let word = if dry_run { "would free" } else { "freed" };
        let objects = text::plural(self.objects.len() as u64, "object");
        writeln!(out, "{word} {} in {objects}", text::bytes(self.bytes()))?;
        for (stage, bytes) in self.by_stage.iter().take(MAX_ROWS) {
            writeln!(out, "  {} {:>10}", pad(stage, 28), text::bytes(*bytes))?;
        }
        if self.by_stage.len() > MAX_ROWS {
            writeln!(out, "  and {} more", text::plural((self.by_stage.len() - MAX_ROWS) as u64, "stage"))?;
        }
        for (name, bytes) in [("unfinished work", self.unfinished()), ("damaged, set aside", self.set_aside)]
        {
            if bytes > 0 {
                writeln!(out, "  {name:<28} {:>10}", text::bytes(bytes))?;
            }
        }
        for (number, bytes) in self.by_run.iter().take(MAX_ROWS) {
            let run = store.read_run(*number);
            let pipeline = run.map_or(String::new(), |run| run.title());
            writeln!(out, "  {} {:>10}", pad(&format!("run {number}  {pipeline}"), 28), text::bytes(*bytes))?;
        }
        let named = |run: &u64| {
            let pin = self.pins.iter().find(|(_, pinned)| *pinned == run);
            pin.map_or(run.to_string(), |(name, _)| format!("{run} ({name})"))
        };
        let kept: Vec<_> = self.kept.iter().rev().take(MAX_ROWS).map(named).collect();
        let more = if self.kept.len() > MAX_ROWS { " …" } else { "" };
        match kept.as_slice() {
            [] if !self.needed.is_empty() => {
                writeln!(out, "kept is what was finished by runs that were killed")?
            }
            [] => writeln!(out, "no run is kept")?,
            [one] => writeln!(out, "kept is what run {one} needs")?,
            many => writeln!(out, "kept is what the runs {}{more} need", many.join(", "))?,
        }
        Ok(())
    }
}

fn touches(manifest: &Manifest, gone: impl Fn(&Digest) -> bool) -> bool {
    manifest.files.values().any(|file| gone(&file.digest))
}
