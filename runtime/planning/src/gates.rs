//! What the expectations of a program say of reports that are there.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::gate::{Gate, Verdict};
use llmp_compiler::graph::{Graph, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::Decision;
use llmp_compiler::source::Sources;
use llmp_records::Expectation;
use llmp_stage::{Registry, Shown};
use llmp_store::Store;

use super::{Past, Row};

/// The largest `report.json` that is read.
const MAX_REPORT: u64 = 64 << 20;

/// What came of every expectation whose reports are there, in order of text. `artifacts` are those of the
/// stages, by index.
#[must_use]
pub fn verdicts<'g>(
    graph: &'g Graph,
    store: &Store,
    registry: &Registry,
    artifacts: &[Option<Digest>],
) -> Vec<(&'g Gate, Verdict)> {
    let artifact = |id: StageId| artifacts.get(id.0 as usize).copied().flatten();
    let mut reports: BTreeMap<StageId, Option<Shown>> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for gate in &graph.gates {
        let stages: BTreeSet<StageId> = gate.readings().iter().map(|reading| reading.stage).collect();
        if stages.iter().any(|&id| artifact(id).is_none()) {
            continue;
        }
        for &id in &stages {
            let read = || report(store, registry, &graph.stage(id).kind, &artifact(id)?);
            reports.entry(id).or_insert_with(read);
        }
        let verdict = gate.evaluate(&|reading| {
            reports.get(&reading.stage)?.as_ref()?.value(&reading.measure, &reading.keys)
        });
        verdicts.push((gate, verdict));
    }
    verdicts
}

/// The results that are promoted: all but the models that a failed expectation is about.
#[must_use]
pub fn promoted(
    graph: &Graph,
    verdicts: &[(&Gate, Verdict)],
    artifacts: &[Option<Digest>],
) -> Vec<Option<Digest>> {
    let failed = verdicts.iter().filter(|(_, verdict)| !verdict.holds());
    let held: BTreeSet<StageId> = failed.flat_map(|(gate, _)| gate.guards(graph)).collect();
    graph.ids().zip(artifacts).map(|(id, artifact)| artifact.filter(|_| !held.contains(&id))).collect()
}

/// What is written down of all expectations of a program, in order of text; those without a verdict are open.
#[must_use]
pub fn expectations(graph: &Graph, sources: &Sources, verdicts: &[(&Gate, Verdict)]) -> Vec<Expectation> {
    let of = |gate: &Gate| {
        let found = verdicts.iter().find(|(one, _)| std::ptr::eq(*one, gate));
        expectation(gate, found.map(|(_, verdict)| verdict), graph, sources)
    };
    graph.gates.iter().map(of).collect()
}

fn expectation(gate: &Gate, verdict: Option<&Verdict>, graph: &Graph, sources: &Sources) -> Expectation {
    let sides = match verdict {
        Some(Verdict::Holds(left, right) | Verdict::Fails(left, right)) => Some((*left, *right)),
        Some(Verdict::Unknown(_)) | None => None,
    };
    let failure = verdict.and_then(|verdict| gate.failure(verdict, graph));
    Expectation {
        text: gate.text.clone(),
        holds: verdict.map(Verdict::holds),
        measured: gate.measured(graph),
        place: sources.place(gate.span),
        value: sides.map(|(left, _)| left),
        bound: sides.map(|(_, right)| right),
        found: sides.map(|(left, _)| gate.display(left)),
        expected: sides.map(|(_, right)| gate.expected(right)),
        guards: gate.guards(graph).iter().map(|id| graph.stage(*id).name.clone()).collect(),
        message: failure.as_ref().map(|failure| failure.message.clone()),
        help: failure.and_then(|failure| failure.help),
    }
}

/// What the newest reports say of an expectation: those that are there for the program as it is, or else
/// those of the last run.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest<'g> {
    /// What is expected.
    pub gate: &'g Gate,
    /// What came of it; `None` where there never was such a report.
    pub verdict: Option<Verdict>,
    /// Whether these are the reports of the program as it is. A run makes those anew that are not.
    pub current: bool,
}

impl Latest<'_> {
    /// What is written down of it; open where there never was such a report.
    #[must_use]
    pub fn expectation(&self, graph: &Graph, sources: &Sources) -> Expectation {
        expectation(self.gate, self.verdict.as_ref(), graph, sources)
    }
}

/// What the newest reports say of every expectation, in order of text. `rows` are those of the plan.
#[must_use]
pub fn latest<'g>(graph: &'g Graph, past: &Past, registry: &Registry, rows: &[Row]) -> Vec<Latest<'g>> {
    if graph.gates.is_empty() {
        return Vec::new();
    }
    let read: BTreeSet<StageId> =
        graph.gates.iter().flat_map(Gate::readings).map(|reading| reading.stage).collect();
    let mut artifacts = vec![None; graph.stages.len()];
    let mut old = BTreeSet::new();
    for row in rows.iter().filter(|row| read.contains(&row.id)) {
        let found = match &row.decision {
            Decision::Cached { artifact, .. } => Some(*artifact),
            Decision::Run { .. } | Decision::Blocked(_) => {
                old.insert(row.id);
                let last = past.last(&graph.stage(row.id).name);
                last.and_then(|(key, _)| past.ledger().artifact(&key))
            }
        };
        if let Some(place) = artifacts.get_mut(row.id.0 as usize) {
            *place = found;
        }
    }
    let verdicts = verdicts(graph, past.store(), registry, &artifacts);
    let of = |gate: &'g Gate| Latest {
        gate,
        verdict: verdicts
            .iter()
            .find(|(one, _)| std::ptr::eq(*one, gate))
            .map(|(_, verdict)| verdict.clone()),
        current: !gate.readings().iter().any(|reading| old.contains(&reading.stage)),
    };
    graph.gates.iter().map(of).collect()
}

/// What the report of a stage of this signature shows, and so which measures it has.
fn report(store: &Store, registry: &Registry, kind: &str, artifact: &Digest) -> Option<Shown> {
    let manifest = store.objects.manifest(artifact).ok()?;
    let entry = manifest.files.get("report.json").filter(|entry| entry.size <= MAX_REPORT)?;
    let report = serde_json::from_slice(&store.objects.read(&entry.digest).ok()?).ok()?;
    registry.shown(kind, &report)
}
