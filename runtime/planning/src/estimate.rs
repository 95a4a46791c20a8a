//! What a stage will cost, and what the estimate is based on.
//!
//! A time follows from work, in floating-point operations by the stages' own formulas or in bytes to read:
//! from what the same stage took the last time and the ratio of the two works, or else from how quick stages
//! are here (see [`Rates`]).

use std::cell::LazyCell;

use llmp_compiler::graph::Stage;
use llmp_compiler::key::recipe;
use llmp_compiler::plan::Decision;
use llmp_records::{Record, text};
use llmp_stage::{Cost, Registry};

use super::Past;
use super::known::Costs;
use super::rates::{Basis, Rates, Work};

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
    /// What follows from its settings that they do not say.
    pub follows: Option<String>,
}

impl Estimate {
    /// Takes off what is done already: the share `left` is to be done yet, of so many tokens.
    pub(super) fn leave(&mut self, left: f64, tokens: Option<u64>) {
        self.seconds = self.seconds.map(|seconds| seconds * left);
        let Some(tokens) = tokens else { return };
        let all = format!("{} tokens", text::short_count(tokens as f64));
        let rest = text::short_count(tokens as f64 * left);
        self.work = self.work.replace(&all, &format!("{rest} of {all}"));
    }
}

/// Estimates what a decision costs.
#[must_use]
pub(super) fn estimate(
    stage: &Stage,
    decision: &Decision,
    past: &Past,
    registry: &Registry,
    costs: &Costs<'_>,
    rates: &LazyCell<Rates, impl FnOnce() -> Rates>,
) -> Estimate {
    let record = past.last(&stage.name).and_then(|(key, _)| past.ledger().record(&key).ok().flatten());
    let cost = costs.of(stage);
    let cost = cost.as_ref();
    let mut estimate = Estimate { work: work(record.as_ref(), cost, costs.units()), ..Estimate::default() };
    estimate.follows = cost.and_then(|cost| cost.follows.clone());
    estimate.disk = disk(record.as_ref(), cost);
    estimate.memory = memory(stage, record.as_ref(), cost);
    let Decision::Run { shards, .. } = decision else { return estimate };
    let share = shards.map_or(1.0, |(todo, all)| todo as f64 / all.max(1) as f64);
    if let Some(work) = cost.and_then(|cost| Work::of_cost(stage, cost, registry)) {
        let (quickness, basis) = rates.of(&stage.kind, work.kind);
        let seconds = work.seconds / quickness;
        estimate.seconds = Some(seconds * share);
        let word = if basis == Basis::Assumed { "at" } else { "calibrated at" };
        estimate.basis = format!("{word} {}{}/s", text::short_count(work.amount / seconds), work.kind.unit());
        estimate.band = if basis == Basis::Measured { 0.3 } else { 0.5 };
    }
    // A measured time beats a formula.
    if let Some(record) = record
        && let Some(more) = more_work(&record, cost)
    {
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
    // What it was given then were the shards that ran.
    let full = record.shards.map_or(1.0, |(ran, all)| ran.max(1) as f64 / all.max(1) as f64);
    if let (None, Some(before), Some(now)) = (cost.flops, record.read, cost.read)
        && before > 0
    {
        return Some(now as f64 * full / before as f64);
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

/// A formula's result, or else the peak when it last ran with these settings. A peak counts all that ran at
/// the same time, so that it is asked second.
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
    fn data_takes_as_long_as_it_is_long() {
        let reads = |read: Option<u64>| Cost { read, ..Cost::default() };
        let before = Record { read: Some(100), ..record(4.0, None, &[]) };
        assert_eq!(more_work(&before, Some(&reads(Some(250)))), Some(2.5));
        let half = Record { shards: Some((1, 2)), ..before };
        assert_eq!(more_work(&half, Some(&reads(Some(250)))), Some(1.25), "one of two shards was 100");
        assert_eq!(
            more_work(&record(4.0, None, &[]), Some(&reads(Some(250)))),
            Some(1.0),
            "as far as anybody can say"
        );
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
