//! Whether a machine can do what a plan asks for, and how often training goes over its data.
//!
//! Pure decisions over numbers: `runtime` knows what a stage needs and what the machine has.

use std::collections::{BTreeMap, BTreeSet};

use crate::code;
use crate::diagnostic::Diagnostic;
use crate::graph::{Amount, DeviceKind, Graph, Stage, StageId};
use crate::source::Span;

/// Passes over the data after which more of them teach hardly anything: text is nearly as good as new for
/// four of them, and the worth of a pass has fallen to a third after about fifteen repetitions (Muennighoff
/// et al. 2023, arXiv 2305.16264, §5 and 6).
pub const MOST_EPOCHS: f64 = 16.0;

/// What a machine has; `None` where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The device as people call it: `cpu`, `cuda:0`.
    pub device: String,
    /// Bytes of memory of the device.
    pub memory: Option<u64>,
    /// Free bytes where results are stored.
    pub disk: Option<u64>,
    /// Graphics processors.
    pub gpus: Option<u32>,
}

/// What a stage that will run needs; `None` where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The stage in question; it is in the graph that is judged.
    pub stage: StageId,
    /// Bytes of memory at the peak.
    pub memory: Option<u64>,
    /// Bytes of its result.
    pub disk: Option<u64>,
    /// Tokens in the set that it trains on.
    pub data: Option<u64>,
}

/// How often a stage that trains on a number of tokens goes over `data` tokens.
#[must_use]
pub fn epochs(stage: &Stage, data: u64) -> Option<f64> {
    if let Some(epochs) = stage.named(Amount::Horizon).find_map(|named| named.value.get("epochs")?.as_f64()) {
        return Some(epochs);
    }
    let (horizon, _) = stage.amount(Amount::Horizon)?;
    (data > 0).then(|| horizon as f64 / data as f64)
}

/// That `data` tokens are too few for what `stage` trains, where they are.
#[must_use]
pub fn worn(stage: &Stage, data: u64) -> Option<Diagnostic> {
    let epochs = epochs(stage, data).filter(|epochs| *epochs > MOST_EPOCHS)?;
    Some(too_many_epochs(stage, epochs, data, place(stage, Amount::Horizon)))
}

/// What stands against running a plan with these needs on a machine of this capacity.
#[must_use]
pub fn feasible(graph: &Graph, needs: &[Need], capacity: &Capacity) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    // Members of a family are written once.
    let mut worst: BTreeMap<Span, (u64, StageId)> = BTreeMap::new();
    let mut scarce: BTreeSet<Span> = BTreeSet::new();
    let mut rounds: BTreeMap<Span, (f64, StageId, u64)> = BTreeMap::new();
    for need in needs {
        let stage = graph.stage(need.stage);
        if let (Some(memory), Some(limit)) = (need.memory, capacity.memory)
            && memory > limit
        {
            let entry = worst.entry(place(stage, Amount::Memory)).or_insert((memory, need.stage));
            *entry = (*entry).max((memory, need.stage));
        }
        let gpus = stage.needs.devices.filter(|devices| devices.kind == DeviceKind::Gpu);
        if let (Some(devices), Some(has)) = (gpus, capacity.gpus)
            && devices.count > has
            && scarce.insert(stage.span)
        {
            diagnostics.push(too_few_gpus(stage, devices.count, has));
        }
        if let Some(data) = need.data
            && let Some(epochs) = epochs(stage, data)
            && epochs > MOST_EPOCHS
        {
            let entry = rounds.entry(place(stage, Amount::Horizon)).or_insert((epochs, need.stage, data));
            if epochs > entry.0 {
                *entry = (epochs, need.stage, data);
            }
        }
    }
    for (span, (memory, stage)) in worst {
        diagnostics.push(too_little_memory(graph.stage(stage), memory, capacity, span));
    }
    let disk = needs.iter().filter_map(|need| need.disk).fold(0, u64::saturating_add);
    let largest = needs.iter().max_by_key(|need| need.disk);
    if let (Some(free), Some(largest)) = (capacity.disk, largest)
        && disk > free
    {
        diagnostics.push(too_little_disk(graph.stage(largest.stage), largest.disk, disk, free));
    }
    for (span, (epochs, stage, data)) in rounds {
        diagnostics.push(too_many_epochs(graph.stage(stage), epochs, data, span));
    }
    diagnostics
}

/// Where the first setting is written that decides on it, or else the stage.
fn place(stage: &Stage, amount: Amount) -> Span {
    stage.named(amount).find_map(|setting| setting.span).unwrap_or(stage.span)
}

/// `38.0 GiB`
fn size(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20)];
    let (unit, shift) = units.into_iter().find(|&(_, shift)| bytes >> shift > 0).unwrap_or(("KiB", 10));
    format!("{:.1} {unit}", bytes as f64 / (1_u64 << shift) as f64)
}

/// E0401
fn too_little_memory(stage: &Stage, memory: u64, capacity: &Capacity, span: Span) -> Diagnostic {
    let has = capacity.memory.unwrap_or_default();
    let names: Vec<String> =
        stage.named(Amount::Memory).map(|setting| format!("`{}`", setting.name)).collect();
    let smaller = match names.is_empty() {
        true => String::new(),
        false => format!("a smaller {}, or ", names.join(" or ")),
    };
    let error = Diagnostic::error(
        code::TOO_LITTLE_MEMORY,
        format!("`{}` needs {} of memory, `{}` has {}", stage.name, size(memory), capacity.device, size(has)),
        span,
    )
    .label(format!("about {} at the peak", size(memory)))
    .help(format!(
        "use {smaller}a device with more memory; `llmp run --ignore-limits` tries it all the same"
    ));
    // What else is written that decides on it.
    let others = stage.named(Amount::Memory).filter_map(|setting| Some((setting.span?, setting.name)));
    others
        .filter(|(other, _)| *other != span)
        .fold(error, |error, (other, name)| error.also(other, format!("`{name}` decides on it, too")))
}

/// E0403
fn too_few_gpus(stage: &Stage, count: u32, has: u32) -> Diagnostic {
    Diagnostic::error(
        code::TOO_FEW_GPUS,
        format!("`{}` needs {count} GPUs at a time, this machine has {has}", stage.name),
        stage.span,
    )
    .label(format!("`{}` says `device = {count} gpus`", stage.kind))
    .help(
        "run it on a machine that has as many, or let the stage do with fewer; `llmp run --ignore-limits` gives it \
         those that there are",
    )
}

/// E0402
fn too_little_disk(stage: &Stage, largest: Option<u64>, disk: u64, free: u64) -> Diagnostic {
    Diagnostic::error(
        code::TOO_LITTLE_DISK,
        format!("the results need {} of disk, {} are free", size(disk), size(free)),
        stage.span,
    )
    .label(format!("about {} of it", size(largest.unwrap_or_default())))
    .help(
        "free some with `llmp gc`, or put the store elsewhere with `--store`; `llmp run --ignore-limits` \
         tries it all the same",
    )
}

/// `16.3`, `16_000`
fn times(epochs: f64) -> String {
    if epochs < 100.0 { format!("{epochs:.1}") } else { crate::units::grouped(epochs as u64) }
}

/// W0401
fn too_many_epochs(stage: &Stage, epochs: f64, data: u64, span: Span) -> Diagnostic {
    let data = crate::units::grouped(data);
    Diagnostic::warning(
        code::TOO_MANY_EPOCHS,
        format!("`{}` goes over its data, {data} tokens, {} times", stage.name, times(epochs)),
        span,
    )
    .label(format!("the data has about {data} tokens"))
    .help(format!(
        "after 4 times text teaches less and less, after {MOST_EPOCHS:.0} hardly anything: use more data, or train shorter"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::{Amounts, Devices, Setting};

    fn graph() -> Graph {
        let setting = |name: &str, value, at| Setting {
            name: name.into(),
            value,
            runtime: false,
            path: false,
            span: Some(Span { start: at, end: at + 1, ..Span::default() }),
        };
        let stage = Stage {
            needs: Default::default(),
            amounts: Amounts::from([
                (Amount::Horizon, vec![vec!["for".into()]]),
                (Amount::Memory, vec![vec!["model".into()], vec!["batch".into()]]),
            ]),
            name: "base".into(),
            kind: "pretrain".into(),
            epoch: 1,
            settings: vec![setting("for", json!(1_000), 5), setting("model", json!({}), 3)],
            inputs: vec![],
            output: None,
            per_shard: None,
            resumes: true,
            stem: vec![],
            command: None,
            command_span: None,
            jsonl: false,
            span: Span::default(),
        };
        Graph { stages: vec![stage], ..Graph::default() }
    }

    fn codes(need: Need, capacity: &Capacity) -> Vec<(&'static str, u32)> {
        let found = feasible(&graph(), &[need], capacity);
        found.iter().map(|diagnostic| (diagnostic.code.as_str(), diagnostic.span().start)).collect()
    }

    const NOTHING: Need = Need { stage: StageId(0), memory: None, disk: None, data: None };

    #[test]
    fn what_is_not_known_is_no_mistake() {
        let capacity = Capacity { memory: Some(1), disk: Some(1), ..Capacity::default() };
        assert_eq!(codes(NOTHING, &capacity), []);
        let need = Need { memory: Some(2), disk: Some(2), ..NOTHING };
        assert_eq!(codes(need, &Capacity::default()), []);
    }

    #[test]
    fn a_stage_needs_as_many_gpus_as_it_says() {
        let mut graph = graph();
        let found = |graph: &Graph, gpus| {
            let found = feasible(graph, &[NOTHING], &Capacity { gpus, ..Capacity::default() });
            found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>()
        };
        graph.stages[0].needs.devices = Some(Devices { kind: DeviceKind::Gpu, count: 2 });
        assert_eq!(found(&graph, Some(1)), ["E0403"]);
        assert!(found(&graph, Some(2)).is_empty() && found(&graph, None).is_empty());
        graph.stages[0].needs.devices = Some(Devices { kind: DeviceKind::Any, count: 1 });
        assert!(found(&graph, Some(0)).is_empty(), "the CPU is a device, too");
    }

    #[test]
    fn limits_are_told_where_they_are_passed() {
        let capacity = Capacity { device: "cpu".into(), memory: Some(10), disk: Some(10), gpus: None };
        assert_eq!(codes(Need { memory: Some(10), disk: Some(10), ..NOTHING }, &capacity), []);
        assert_eq!(codes(Need { memory: Some(11), ..NOTHING }, &capacity), [("E0401", 3)]);
        assert_eq!(codes(Need { disk: Some(11), ..NOTHING }, &capacity), [("E0402", 0)]);
        assert_eq!(codes(Need { data: Some(63), ..NOTHING }, &capacity), []);
        assert_eq!(codes(Need { data: Some(62), ..NOTHING }, &capacity), [("W0401", 5)]);
    }
}
