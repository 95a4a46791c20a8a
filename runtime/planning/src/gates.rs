//! What the expectations of a program say of reports that are there.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::gate::{Gate, Verdict};
use llmp_compiler::graph::{Graph, StageId};
use llmp_compiler::key::Digest;
use llmp_stage::Registry;
use llmp_store::Store;
use serde_json::Value;

/// The largest `report.json` that is read.
const MAX_REPORT: u64 = 64 << 20;

/// What came of every expectation whose reports are there, in order of text. `artifacts` are those of the stages, by index.
#[must_use]
pub fn verdicts<'g>(
    graph: &'g Graph,
    store: &Store,
    registry: &Registry,
    artifacts: &[Option<Digest>],
) -> Vec<(&'g Gate, Verdict)> {
    let artifact = |id: StageId| artifacts.get(id.0 as usize).copied().flatten();
    let mut reports: BTreeMap<StageId, Option<Value>> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for gate in &graph.gates {
        let stages: BTreeSet<StageId> = gate.readings().iter().map(|reading| reading.stage).collect();
        if stages.iter().any(|&id| artifact(id).is_none()) {
            continue;
        }
        for &id in &stages {
            reports.entry(id).or_insert_with(|| report(store, &artifact(id)?));
        }
        let verdict = gate.evaluate(&|reading| {
            let report = reports.get(&reading.stage)?.as_ref()?;
            registry.measure(&graph.stage(reading.stage).kind, report, &reading.measure, &reading.keys)
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

fn report(store: &Store, artifact: &Digest) -> Option<Value> {
    let manifest = store.objects.manifest(artifact).ok()?;
    let entry = manifest.files.get("report.json").filter(|entry| entry.size <= MAX_REPORT)?;
    serde_json::from_slice(&store.objects.read(&entry.digest).ok()?).ok()
}
