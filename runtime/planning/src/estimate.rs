//! What a stage will cost, and what the estimate is based on.
//!
//! A time follows from work, in floating-point operations by the stages' own formulas: from what the same stage took the last time
//! and the ratio of the two works, or else from the speed at which this pipeline computed before, or else from what a core
//! usually does.

use std::cell::LazyCell;

use llmp_compiler::graph::{Graph, Stage};
use llmp_compiler::key::recipe;
use llmp_compiler::plan::Decision;
use llmp_records::{Record, text};
use llmp_stage::Cost;

use super::Past;
use super::known::Costs;
use super::machine::load;

/// Operations a second that a core is assumed to do in training where nothing was measured: one with AVX2, on `examples/who-is`.
const ASSUMED_OF_CORE: f64 = 22e9;

/// Seconds below which a time says nothing of a speed.
const TOO_SHORT: f64 = 0.3;

/// Bytes that this program takes before a stage does anything, and that other stages may leave behind.
const PROCESS: u64 = 64 << 20;

/// An estimate and its basis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Wall-clock seconds, where anything is known.
    pub seconds: Option<f64>,
    /// Half-width of the band, as a fraction.
    pub band: f64,
    /// `measured in run 3`, `measured in run 3, 2.5 times the work`, `at 60 GFLOP/s`.
    pub basis: String,
    /// What there is to do: `1,203 pages`, `0.5M parameters · 2.0M tokens`.
    pub work: String,
    /// Bytes of memory that the program takes at the peak.
    pub memory: Option<u64>,
    /// Bytes of the result.
    pub disk: Option<u64>,
    /// Tokens in the set that it trains on, where they were counted before.
    pub data: Option<u64>,
    /// How often it goes over them.
    pub epochs: Option<f64>,
}

/// Estimates what a decision costs.
#[must_use]
pub(super) fn estimate(
    stage: &Stage,
    decision: &Decision,
    past: &Past,
    costs: &Costs<'_>,
    rates: &LazyCell<Rates, impl FnOnce() -> Rates>,
) -> Estimate {
    let record = past.last(&stage.name).and_then(|(key, _)| past.ledger().record(&key).ok().flatten());
    let cost = costs.of(stage);
    let cost = cost.as_ref();
    let mut estimate = Estimate { work: work(record.as_ref(), cost, costs.units()), ..Estimate::default() };
    estimate.disk = disk(record.as_ref(), cost);
    estimate.memory = memory(stage, record.as_ref(), cost);
    let Decision::Run { shards, .. } = decision else { return estimate };
    if let Some(flops) = cost.and_then(|cost| cost.flops) {
        let (speed, measured) = rates.of(&stage.kind);
        estimate.seconds = Some(flops / speed);
        let basis = if measured { "calibrated at" } else { "at" };
        estimate.basis = format!("{basis} {}FLOP/s", text::short_count(speed));
        estimate.band = if measured { 0.3 } else { 0.5 };
    }
    // A measured time beats a formula.
    if let Some(record) = record
        && let Some(more) = more_work(&record, cost)
    {
        let share = shards.map_or(1.0, |(todo, all)| todo as f64 / all.max(1) as f64);
        let full = record.shards.map_or(1.0, |(ran, all)| ran.max(1) as f64 / all.max(1) as f64);
        estimate.seconds = Some(record.seconds * more * share / full);
        estimate.basis = format!("measured in run {}", record.run);
        estimate.band = 0.1;
        if (more - 1.0).abs() > 0.02 {
            estimate.basis += &format!(", {more:.2} times the work");
            estimate.band = 0.25;
        }
    }
    estimate
}

/// How many times the work is what it was when it was measured; `None` where that cannot be told.
fn more_work(record: &Record, cost: Option<&Cost>) -> Option<f64> {
    let Some(cost) = cost else { return Some(1.0) };
    if let (Some(before), Some(now)) = (record.work, cost.flops)
        && before > 0.0
    {
        return Some(now / before);
    }
    // A record of an earlier version.
    match (record.counts.get("tokens"), cost.tokens) {
        (Some(&before), Some(tokens)) if before > 0 => {
            let same = |now: &u64| record.counts.get("parameters").is_none_or(|before| before == now);
            cost.parameters.as_ref().is_none_or(same).then(|| tokens as f64 / before as f64)
        }
        // It is the same, as far as anybody can say.
        _ => cost.flops.is_none().then_some(1.0),
    }
}

/// Bytes of the result: as before, unless a model has become another size; its weights then, four bytes each.
fn disk(record: Option<&Record>, cost: Option<&Cost>) -> Option<u64> {
    let weights = cost.and_then(|cost| cost.parameters).map(|parameters| parameters.saturating_mul(4));
    let before = record.map(|record| record.bytes);
    match (before, weights) {
        // Tokenizer and the like are a few mebibytes beside the weights.
        (Some(before), Some(weights)) if before < weights || before > weights + weights / 4 + (8 << 20) => {
            Some(weights)
        }
        (Some(before), _) => Some(before),
        (None, weights) => weights,
    }
}

/// A formula's result, or else the peak when it last ran with these settings. A peak counts all that ran at the same time, so
/// that it is asked second.
fn memory(stage: &Stage, record: Option<&Record>, cost: Option<&Cost>) -> Option<u64> {
    if let Some(memory) = cost.and_then(|cost| cost.memory) {
        return Some(PROCESS + memory);
    }
    let record = record?;
    let same = recipe(stage).iter().all(|component| record.components.contains(component));
    record.peak_memory.filter(|_| same)
}

fn work(record: Option<&Record>, cost: Option<&Cost>, units: impl Iterator<Item = &'static str>) -> String {
    let mut parts = Vec::new();
    if let Some(cost) = cost {
        let count = |number: u64, unit: &str| format!("{} {unit}", text::short_count(number as f64));
        parts.extend(cost.parameters.map(|parameters| count(parameters, "parameters")));
        parts.extend(cost.tokens.map(|tokens| count(tokens, "tokens")));
        parts.extend(cost.flops.map(|flops| format!("{}FLOP", text::short_count(flops))));
    }
    if parts.is_empty()
        && let Some(record) = record
    {
        for unit in units {
            if let Some(count) = record.counts.get(unit) {
                parts.push(format!("{} {unit}", text::count(*count)));
            }
        }
    }
    parts.join(" · ")
}

/// Operations a second, by what was measured in the past of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// By the stages' signatures.
    measured: Vec<(String, f64)>,
    /// What is assumed where nothing was measured.
    assumed: f64,
}

impl Rates {
    /// From the last records of the graph's stages.
    pub(super) fn of_past(graph: &Graph, past: &Past, costs: &Costs<'_>) -> Self {
        let measured = graph.stages.iter().filter_map(|stage| {
            let (key, _) = past.last(&stage.name)?;
            let record = past.ledger().record(&key).ok()??;
            let flops = record.work.or_else(|| {
                // An earlier version's.
                let cost = costs.of(stage)?;
                let tokens = *record.counts.get("tokens")? as f64;
                Some(cost.flops? * tokens / cost.tokens? as f64)
            })?;
            (record.seconds > TOO_SHORT && flops > 0.0).then(|| (stage.kind.clone(), flops / record.seconds))
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        Self {
            measured: measured.collect(),
            assumed: ASSUMED_OF_CORE * free_cores(cores, load().unwrap_or(0.0)),
        }
    }

    /// The speed of a signature's stages, and whether it was measured: their own, or else the median of all.
    fn of(&self, kind: &str) -> (f64, bool) {
        let own = self.measured.iter().filter(|(of, _)| of == kind).map(|(_, rate)| *rate);
        median(own.collect())
            .or_else(|| median(self.measured.iter().map(|(_, rate)| *rate).collect()))
            .map_or((self.assumed, false), |rate| (rate, true))
    }
}

/// What a program with a thread for each of `cores` gets of them beside `load` other threads that want to run.
fn free_cores(cores: f64, load: f64) -> f64 {
    cores * cores / (cores + load)
}

fn median(mut rates: Vec<f64>) -> Option<f64> {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 for what is not known.
    fn cost(flops: f64, tokens: u64, parameters: u64) -> Cost {
        let known = |number: u64| Some(number).filter(|number| *number > 0);
        Cost {
            flops: Some(flops).filter(|flops| *flops > 0.0),
            tokens: known(tokens),
            parameters: known(parameters),
            ..Cost::default()
        }
    }

    fn record(seconds: f64, work: Option<f64>, counts: &[(&str, u64)]) -> Record {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Record { seconds, work, counts, bytes: 2 << 20, ..Record::default() }
    }

    #[test]
    fn measured_times_grow_with_the_work() {
        // Six epochs became forty.
        let before = record(9.2, Some(6e9), &[]);
        let more = more_work(&before, Some(&cost(40e9, 0, 0))).unwrap();
        assert!((before.seconds * more - 61.3).abs() < 0.1);
        // Of an earlier version: 1M tokens became 1.5M of the same model.
        let old = record(54.0, None, &[("tokens", 1_000_000), ("parameters", 7)]);
        assert_eq!(more_work(&old, Some(&cost(1.0, 1_500_000, 7))), Some(1.5));
        assert_eq!(more_work(&old, Some(&cost(1.0, 1_500_000, 8))), None, "another model");
        assert_eq!(more_work(&old, None), Some(1.0));
        assert_eq!(more_work(&record(3.0, None, &[]), Some(&cost(0.0, 0, 0))), Some(1.0));
        assert_eq!(
            more_work(&record(3.0, None, &[]), Some(&cost(5.0, 0, 0))),
            None,
            "it was not told how much it was"
        );
    }

    #[test]
    fn a_stage_is_as_fast_as_its_kind_was() {
        let rates = Rates {
            measured: vec![("sft".into(), 2.0), ("pretrain".into(), 5.0), ("sft".into(), 4.0)],
            assumed: 1.0,
        };
        assert_eq!(rates.of("pretrain"), (5.0, true));
        assert_eq!(rates.of("sft"), (4.0, true));
        assert_eq!(rates.of("refusal"), (4.0, true));
        assert_eq!(Rates { assumed: 1.0, ..Rates::default() }.of("sft"), (1.0, false));
    }

    #[test]
    fn a_busy_machine_is_slower() {
        assert_eq!(free_cores(2.0, 0.0), 2.0);
        assert_eq!(free_cores(2.0, 2.0), 1.0);
        assert!(free_cores(16.0, 1.0) > 15.0);
    }

    #[test]
    fn disk_grows_with_parameters() {
        let old = record(1.0, None, &[]);
        assert_eq!(disk(Some(&old), None), Some(2 << 20));
        assert_eq!(disk(Some(&old), Some(&cost(0.0, 0, 400_000))), Some(2 << 20), "the tokenizer counts");
        assert_eq!(disk(Some(&old), Some(&cost(0.0, 0, 98_000_000_000))), Some(392_000_000_000));
        assert_eq!(disk(None, Some(&cost(0.0, 0, 10))), Some(40));
        assert_eq!(disk(None, None), None);
    }
}
