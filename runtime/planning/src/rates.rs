//! How quick stages were and will be: what a time on the reference machine of `tests/bench/README.md` becomes
//! here.
//!
//! A stage's own estimate says how much there is to do: floating-point operations, or bytes to read. The
//! reference machine does so much of it a second. How many times as quick this machine is follows from the
//! best that is known: what stages of this kind took in this pipeline, or else in any pipeline of the store
//! (`rates`, a cache), or else other stages of this pipeline, or else the [`Calibration`] of the machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use llmp_compiler::graph::{Graph, Stage};
use llmp_records::Record;
use llmp_stage::{Cost, Registry};
use llmp_store::{Result, Store, write_cache};

use super::Past;
use super::calibration::Calibration;
use super::known::Costs;
use super::machine::{host_name, load};

/// Operations a second of a core of the reference machine in training: an EPYC with AVX-512, on
/// `examples/who-is`. One with AVX2 did 22e9.
const OPERATIONS: f64 = 46e9;

/// How many times as quick a core is taken for that was never calibrated, at tensors and at bytes: it lies
/// between those.
const UNKNOWN: (f64, f64) = (0.7, 0.8);

/// Seconds below which a time says nothing of a speed.
const TOO_SHORT: f64 = 0.3;

/// What a stage does: another machine may be quicker in one of them and not in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It computes tensors, with all cores.
    Tensors,
    /// It reads bytes, a shard on one core.
    Bytes,
}

impl Kind {
    /// What there is to do is counted in it.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Tensors => "FLOP",
            Self::Bytes => "B",
        }
    }
}

/// Work, and how fast the reference machine does it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Work {
    pub(super) kind: Kind,
    /// In the kind's unit.
    pub(super) amount: f64,
    /// Seconds on the reference machine; of one core for tensors.
    pub(super) seconds: f64,
}

impl Work {
    /// As a stage estimates it.
    pub(super) fn of_cost(stage: &Stage, cost: &Cost, registry: &Registry) -> Option<Self> {
        match (cost.flops, cost.read) {
            (Some(operations), _) => Some(Self::of_operations(operations)),
            (None, Some(bytes)) => Self::of_bytes(&stage.kind, bytes, registry),
            (None, None) => None,
        }
    }

    /// As a finished stage tells it.
    fn of_record(record: &Record, registry: &Registry) -> Option<Self> {
        match record.work {
            Some(operations) => Some(Self::of_operations(operations)),
            None => Self::of_bytes(&record.kind, record.read?, registry),
        }
    }

    pub(super) fn of_operations(amount: f64) -> Self {
        Self { kind: Kind::Tensors, amount, seconds: amount / OPERATIONS }
    }

    fn of_bytes(kind: &str, bytes: u64, registry: &Registry) -> Option<Self> {
        let pace = registry.stage(kind)?.pace()?;
        Some(Self { kind: Kind::Bytes, amount: bytes as f64, seconds: pace.seconds(bytes) })
    }

    /// How many times as quick as the reference machine it was done, where that can be told.
    fn quickness(&self, seconds: f64) -> Option<f64> {
        (seconds > TOO_SHORT && self.seconds > 0.0).then(|| self.seconds / seconds)
    }
}

/// What a speed is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// Finished stages.
    Measured,
    /// The machine's calibration.
    Calibrated,
    /// Nothing.
    Assumed,
}

/// How quick stages will be.
#[derive(Debug)]
pub(super) struct Rates {
    /// What stages of this pipeline did, by their signatures.
    measured: Vec<(String, Kind, f64)>,
    /// What stages of the store did.
    kept: Kept,
    /// Of a core at tensors and at bytes.
    machine: (f64, f64),
    basis: Basis,
}

impl Rates {
    /// From the last records of the graph's stages, the store's rates and the machine.
    pub(super) fn of_past(graph: &Graph, past: &Past, costs: &Costs<'_>, registry: &Registry) -> Self {
        let measured = graph.stages.iter().filter_map(|stage| {
            let (key, _) = past.last(&stage.name)?;
            let record = past.ledger().record(&key).ok()??;
            let work = Work::of_record(&record, registry).or_else(|| {
                // An earlier version's.
                let cost = costs.of(stage)?;
                let tokens = *record.counts.get("tokens")? as f64;
                Some(Work::of_operations(cost.flops? * tokens / cost.tokens? as f64))
            })?;
            Some((stage.kind.clone(), work.kind, work.quickness(record.seconds)?))
        });
        let calibration = Calibration::read();
        let basis = if calibration.is_some() { Basis::Calibrated } else { Basis::Assumed };
        let (tensors, bytes) = calibration.map_or(UNKNOWN, |found| found.quickness());
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let load = load().unwrap_or(0.0);
        let machine = (tensors * free(cores, cores, load), bytes * free(1.0, cores, load));
        Self { measured: measured.collect(), kept: Kept::read(past.store()), machine, basis }
    }

    /// How many times as quick as the reference machine a signature's stages will be, and what that is known
    /// from.
    pub(super) fn of(&self, signature: &str, kind: Kind) -> (f64, Basis) {
        let own = self.measured.iter().filter(|(of, ..)| of == signature).map(|(.., rate)| *rate);
        let others =
            || self.measured.iter().filter(|(_, of, _)| *of == kind).map(|(.., rate)| *rate).collect();
        let machine = match kind {
            Kind::Tensors => self.machine.0,
            Kind::Bytes => self.machine.1,
        };
        median(own.collect())
            .or_else(|| self.kept.of(signature))
            .or_else(|| median(others()))
            .map_or((machine, self.basis), |rate| (rate, Basis::Measured))
    }
}

/// What a program with `threads` gets of `cores` beside `load` other threads that want to run.
fn free(threads: f64, cores: f64, load: f64) -> f64 {
    threads * (cores / (threads + load)).min(1.0)
}

fn median(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

/// `rates` in the store: how quick stages of each signature were, by the name of the machine. A cache: it may
/// be deleted.
#[derive(Debug, Default)]
struct Kept(BTreeMap<String, f64>);

impl Kept {
    fn path(store: &Store) -> PathBuf {
        store.root().join("rates")
    }

    fn read(store: &Store) -> Self {
        let text = std::fs::read_to_string(Self::path(store)).unwrap_or_default();
        Self(serde_json::from_str(&text).unwrap_or_default())
    }

    fn name(signature: &str) -> String {
        format!("{} {signature}", host_name())
    }

    fn of(&self, signature: &str) -> Option<f64> {
        self.0.get(&Self::name(signature)).copied().filter(|rate| rate.is_finite() && *rate > 0.0)
    }

    fn note(&mut self, signature: &str, rate: f64) {
        // The past counts half: one run beside others tells little.
        let rate = self.of(signature).map_or(rate, |before| (before * rate).sqrt());
        self.0.insert(Self::name(signature), rate);
    }

    fn write(&self, store: &Store) -> Result<()> {
        write_cache(&Self::path(store), serde_json::to_string_pretty(&self.0).unwrap_or_default().as_bytes())
    }
}

/// Notes for later plans, of whatever pipeline, how quick the stages were that ran; their seconds are given.
/// What computes on another device says nothing of the processor.
pub fn note_rates<'g>(past: &Past, registry: &Registry, ran: impl Iterator<Item = (&'g Stage, f64)>) {
    let mut kept = Kept::read(past.store());
    let mut changed = false;
    for (stage, _) in ran.filter(|(_, seconds)| *seconds > TOO_SHORT) {
        let found = past.last(&stage.name).and_then(|(key, _)| past.ledger().record(&key).ok()?);
        let Some(record) = found else { continue };
        let work = Work::of_record(&record, registry);
        let work = work.filter(|work| work.kind == Kind::Bytes || record.device == "cpu");
        let quickness = work.and_then(|work| work.quickness(record.seconds));
        if let Some(rate) = quickness {
            kept.note(&stage.kind, rate);
            changed = true;
        }
    }
    if changed {
        // What can't be kept is found out again.
        let _ = kept.write(past.store());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(measured: &[(&str, f64)], kept: &[(&str, f64)], basis: Basis) -> Rates {
        let mut of_store = Kept::default();
        kept.iter().for_each(|(signature, rate)| of_store.note(signature, *rate));
        let measured = measured.iter().map(|(of, rate)| ((*of).to_owned(), Kind::Tensors, *rate));
        Rates { measured: measured.collect(), kept: of_store, machine: (1.0, 3.0), basis }
    }

    #[test]
    fn a_stage_is_as_quick_as_its_kind_was() {
        let known =
            rates(&[("sft", 2.0), ("pretrain", 5.0), ("sft", 4.0)], &[("probe", 9.0)], Basis::Calibrated);
        assert_eq!(known.of("pretrain", Kind::Tensors), (5.0, Basis::Measured));
        assert_eq!(known.of("sft", Kind::Tensors), (4.0, Basis::Measured));
        assert_eq!(known.of("probe", Kind::Tensors), (9.0, Basis::Measured), "in another pipeline");
        assert_eq!(known.of("refusal", Kind::Tensors), (4.0, Basis::Measured), "as others of its sort");
        assert_eq!(
            known.of("filter.pii", Kind::Bytes),
            (3.0, Basis::Calibrated),
            "which tensors say nothing of"
        );
        assert_eq!(rates(&[], &[], Basis::Assumed).of("sft", Kind::Tensors), (1.0, Basis::Assumed));
    }

    #[test]
    fn what_is_kept_is_the_mean_of_the_past() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join(".llmp")).unwrap();
        let mut kept = Kept::read(&store);
        assert_eq!(kept.of("sft"), None);
        kept.note("sft", 4.0);
        kept.note("sft", 1.0);
        kept.write(&store).unwrap();
        assert_eq!(Kept::read(&store).of("sft"), Some(2.0));
        std::fs::write(Kept::path(&store), "{\"broken").unwrap();
        assert_eq!(Kept::read(&store).of("sft"), None);
    }

    #[test]
    fn a_busy_machine_is_slower() {
        assert_eq!(free(2.0, 2.0, 0.0), 2.0);
        assert_eq!(free(2.0, 2.0, 2.0), 1.0);
        assert!(free(16.0, 16.0, 1.0) > 15.0);
        assert_eq!((free(1.0, 2.0, 1.0), free(1.0, 2.0, 3.0)), (1.0, 0.5));
    }

    #[test]
    fn short_times_say_nothing() {
        let work = Work::of_operations(92e9);
        assert_eq!((work.seconds, work.quickness(4.0), work.quickness(0.1)), (2.0, Some(0.5), None));
    }
}
