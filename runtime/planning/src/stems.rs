//! Stems: what trainings left of the part that does not depend on how long they were to be, so that a longer
//! one goes on from there.
//!
//! Each is an object of its own, found by the stem's key ([`llmp_compiler::key::stem`]) and a number: frames
//! of one stem's key are a chain, whose numbers rise without a gap. So a garbage collection takes each with
//! the run that made it, and leaves the others.

use llmp_compiler::graph::Stage;
use llmp_compiler::key::{Digest, Hasher, Key, stem};
use llmp_records::Record;
use llmp_stage::Cost;
use llmp_store::{Entry, Kind, Manifest, Result};

use super::Past;

/// The count that says how many steps a stem has.
const STEPS: &str = "steps";

/// The name of the file in a stem's list of files.
const FILE: &str = "checkpoint.stem";

/// Stems of one key that are looked at, at most.
const MOST: u64 = 10_000;

/// A stem in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Steps that are done.
    pub step: u64,
    /// The run that left it.
    pub run: u64,
    /// The file's content.
    pub object: Digest,
    /// Its bytes.
    pub size: u64,
}

/// A stem that a stage goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoesOn {
    /// The stem.
    pub from: Kept,
    /// Steps that the stage takes in all.
    pub steps: u64,
}

impl GoesOn {
    /// The share of the steps that is left, from 0 to 1.
    #[must_use]
    pub fn left(&self) -> f64 {
        1.0 - self.from.step as f64 / self.steps.max(1) as f64
    }
}

/// The key of a stem's `number`-th frame.
fn place(stem: &Digest, number: u64) -> Digest {
    Hasher::new("llmp stem frame 1").digest(stem).number(number).finish()
}

/// All stems of a key whose objects are there, with the first number that is free.
fn chain(past: &Past, stem: &Digest) -> (Vec<Kept>, u64) {
    let ledger = past.ledger();
    let mut found = Vec::new();
    for number in 0..MOST {
        let place = place(stem, number);
        let Some(artifact) = ledger.artifact(&place) else {
            if ledger.forgotten(&place) {
                continue;
            }
            return (found, number);
        };
        let read = || -> Option<Kept> {
            let record = ledger.record(&place).ok()??;
            let manifest = Manifest::parse(&artifact, record.manifest.as_deref()?).ok()?;
            let file = manifest.files.get(FILE)?;
            let there = past.store().objects.has(&file.digest, file.size);
            let step = *record.counts.get(STEPS)?;
            there.then_some(Kept { step, run: record.run, object: file.digest, size: file.size })
        };
        found.extend(read());
    }
    (found, MOST)
}

/// The stem that a stage with this key goes on from: of those that its own course passes, the one that has
/// done most. `cost` is what the stage says of itself.
#[must_use]
pub fn goes_on(stage: &Stage, key: &Key, past: &Past, cost: Option<&Cost>) -> Option<GoesOn> {
    let Cost { steps: Some(steps), stem: Some(own), .. } = *cost? else { return None };
    let (found, _) = chain(past, &stem(stage, key)?);
    // Of two that are as long, the first: they are the same.
    let best = found.into_iter().rev().filter(|kept| kept.step > 0 && kept.step <= own);
    Some(GoesOn { from: best.max_by_key(|kept| kept.step)?, steps })
}

/// Keeps a stem that a stage with this key has left, unless one as long is there. `record` says which run
/// made it.
///
/// # Errors
/// Where the ledger cannot be written.
pub fn keep(past: &Past, stage: &Stage, key: &Key, step: u64, object: &Entry, record: Record) -> Result<()> {
    let Some(stem) = stem(stage, key) else { return Ok(()) };
    past.ledger().refresh()?;
    let (found, free) = chain(past, &stem);
    if free >= MOST || found.iter().any(|kept| kept.step == step) {
        return Ok(());
    }
    let mut manifest = Manifest::default();
    manifest.files.insert(FILE.to_owned(), object.clone());
    let record = Record {
        name: stage.name.clone(),
        kind: stage.kind.clone(),
        counts: [(STEPS.to_owned(), step)].into(),
        manifest: Some(manifest.text()),
        bytes: object.size,
        ..record
    };
    past.ledger().append(Kind::Shard, &place(&stem, free), &manifest.digest(), &record)
}
