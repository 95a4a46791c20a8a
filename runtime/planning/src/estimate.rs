//! What a stage will cost, and what the estimate is based on.

use llmp_compiler::graph::{Graph, Stage};
use llmp_compiler::key::recipe;
use llmp_compiler::plan::Decision;
use llmp_records::{Record, text};
use llmp_stage::Cost;

use super::Past;
use super::known::Costs;

/// FLOP/s assumed for a CPU where nothing was measured: two cores with AVX2 at half their peak.
const ASSUMED_FLOPS: f64 = 60e9;

/// Bytes that this program takes before a stage does anything, and that other stages may leave behind.
const PROCESS: u64 = 64 << 20;

/// An estimate and its basis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Wall-clock seconds, where anything is known.
    pub seconds: Option<f64>,
    /// Half-width of the band, as a fraction.
    pub band: f64,
    /// `measured in run 3`, `FLOPs at 60 GFLOP/s`.
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

/// Estimates what a decision costs. `rate` is the machine's measured FLOP/s for training, where it trained before.
#[must_use]
pub(super) fn estimate(
    stage: &Stage,
    decision: &Decision,
    past: &Past,
    costs: &Costs<'_>,
    rate: Option<f64>,
) -> Estimate {
    let record = past.last(&stage.name).and_then(|(key, _)| past.ledger().record(&key).ok().flatten());
    let cost = costs.of(stage);
    let cost = cost.as_ref();
    let mut estimate = Estimate { work: work(record.as_ref(), cost, costs.units()), ..Estimate::default() };
    // A model that was never made: its weights, four bytes each.
    let weights = cost.and_then(|cost| cost.parameters).map(|parameters| 4 * parameters);
    estimate.disk = record.as_ref().map(|record| record.bytes).or(weights);
    estimate.memory = memory(stage, record.as_ref(), cost);
    let Decision::Run { shards, .. } = decision else { return estimate };
    if let Some(flops) = cost.and_then(|cost| cost.flops) {
        let speed = rate.unwrap_or(ASSUMED_FLOPS);
        estimate.seconds = Some(flops / speed);
        let basis = if rate.is_some() { "calibrated" } else { "FLOPs" };
        estimate.basis = format!("{basis} at {}FLOP/s", text::short_count(speed));
        estimate.band = if rate.is_some() { 0.25 } else { 0.6 };
    }
    // A measured time beats a formula, as long as the work is the same size.
    if let Some(record) = record
        && (estimate.seconds.is_none() || same_size(&record, cost))
    {
        let share = shards.map_or(1.0, |(todo, all)| todo as f64 / all.max(1) as f64);
        let full = record.shards.map_or(1.0, |(ran, all)| ran.max(1) as f64 / all.max(1) as f64);
        estimate.seconds = Some(record.seconds * share / full);
        estimate.basis = format!("measured in run {}", record.run);
        estimate.band = 0.1;
    }
    estimate
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

fn same_size(record: &Record, cost: Option<&Cost>) -> bool {
    let before = record.counts.get("tokens").copied();
    match (before, cost.and_then(|cost| cost.tokens)) {
        (Some(before), Some(tokens)) => (before as f64 / tokens.max(1) as f64 - 1.0).abs() < 0.02,
        _ => true,
    }
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

/// The machine's FLOP/s in training, from the newest training stage in the past of this pipeline.
#[must_use]
pub(super) fn measured_rate(graph: &Graph, past: &Past, costs: &Costs<'_>) -> Option<f64> {
    graph.stages.iter().find_map(|stage| {
        let cost = costs.of(stage)?;
        let flops = cost.flops?;
        let (key, _) = past.last(&stage.name)?;
        let record = past.ledger().record(&key).ok()??;
        let fits = record.seconds > 1.0 && same_size(&record, Some(&cost));
        fits.then(|| flops / record.seconds)
    })
}
