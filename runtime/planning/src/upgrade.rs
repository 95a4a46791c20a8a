//! What a newer program makes of older results: stages whose implementation has changed run again, unless the
//! old results are kept on purpose.

use std::fmt;

use llmp_compiler::graph::{Graph, Setting, Stage, StageId};
use llmp_compiler::key::ComponentName;
use llmp_compiler::plan::{Decision, State, decide};

use llmp_records::Kept;

use super::Past;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A stage whose implementation has changed since it last ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The stage.
    pub stage: StageId,
    /// Its signature.
    pub kind: String,
    /// The epoch of its last result.
    pub old: u32,
    /// The epoch of this program's implementation.
    pub new: u32,
    /// The version of the program that made the last result.
    pub version: String,
}

impl Upgrade {
    /// What is written down where the older result is kept.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept { epoch: self.old, newer: self.new, version: self.version.clone() }
    }
}

impl fmt::Display for Upgrade {
    /// `extract.text epoch 2 → 3 (llmp 0.1.0 → 0.2.0)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, old, new, version, .. } = self;
        write!(formatter, "{kind} epoch {old} → {new} (llmp {version} → {VERSION})")
    }
}

/// The stages whose implementation is another than that of their last result.
#[must_use]
pub fn upgrades(graph: &Graph, past: &Past) -> Vec<Upgrade> {
    graph.ids().filter_map(|id| upgrade(graph, id, past)).collect()
}

fn upgrade(graph: &Graph, id: StageId, past: &Past) -> Option<Upgrade> {
    let stage = graph.stage(id);
    let (key, _) = past.last(&stage.name)?;
    let record = past.ledger().record(&key).ok()??;
    let epoch = record.components.iter().find(|component| component.name == ComponentName::Epoch)?;
    let old: u32 = epoch.value.replace('_', "").parse().ok()?;
    (old != stage.epoch).then(|| Upgrade {
        stage: id,
        kind: stage.kind.clone(),
        old,
        new: stage.epoch,
        version: record.version,
    })
}

/// Settings that the older implementation did not have, and that the program does not write: they have no
/// part in what it made.
fn forget_what_is_new(stage: &mut Stage, past: &Past) {
    let Some(record) = past.last(&stage.name).and_then(|(key, _)| past.ledger().record(&key).ok()?) else {
        return;
    };
    let had = |setting: &Setting| {
        record.components.iter().any(|component| match &component.name {
            ComponentName::Setting(name) | ComponentName::Files(name) => name
                .strip_prefix(setting.name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            _ => false,
        })
    };
    stage.settings.retain(|setting| setting.span.is_some() || had(setting));
}

/// Lets stages stay as they were where nothing but their implementation has changed, new settings left at
/// their defaults among that: they are looked up as what they were, so that their old results count. A stage
/// for which something else has changed, too, is new work, which this program does, and so is one that is
/// `forced`: what this program makes must not go by an older epoch.
#[must_use]
pub fn keep_old(graph: &mut Graph, past: &Past, forced: &[StageId]) -> Vec<Upgrade> {
    let mut states: Vec<State> = Vec::with_capacity(graph.stages.len());
    let mut kept = Vec::new();
    for id in graph.ids() {
        let state = |id: StageId| states.get(id.0 as usize).cloned().unwrap_or(State::Pending);
        let mut decision = decide(graph, graph.stage(id), &state, past, false);
        if matches!(decision, Decision::Run { .. })
            && !forced.contains(&id)
            && let Some(upgrade) = upgrade(graph, id, past)
        {
            let mut older = graph.stage(id).clone();
            older.epoch = upgrade.old;
            forget_what_is_new(&mut older, past);
            let old = decide(graph, &older, &state, past, false);
            if matches!(old, Decision::Cached { .. }) {
                graph.stages[id.0 as usize] = older;
                (decision, _) = (old, kept.push(upgrade));
            }
        }
        states.push(match decision {
            Decision::Cached { artifact, .. } => State::Known(artifact),
            Decision::Run { .. } => State::Pending,
            Decision::Blocked(_) => State::Blocked,
        });
    }
    kept
}
