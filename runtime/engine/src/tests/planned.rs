//! What is planned is what runs, whatever happens to the store and however many runs are at it.

use std::collections::BTreeSet;

use llmp_compiler::plan::Decision;
use llmp_store::Store;
use proptest::prelude::*;
use serde_json::json;

use super::super::{StageOutcome, Status};
use super::{How, graph, harm, node, ran, run, run_as};

/// One change to the graph, what befalls the store, and the run after it.
#[derive(Clone, Debug)]
struct Step {
    id: usize,
    value: u64,
    constant: bool,
    fail: bool,
    harm: Option<(prop::sample::Index, u8)>,
    how: How,
    /// Two runs at once.
    twice: bool,
}

fn step(count: usize) -> impl Strategy<Value = Step> {
    let edit = (0..count, 0_u64..3, any::<bool>(), prop::bool::weighted(0.2));
    let harm = prop::option::weighted(0.3, (any::<prop::sample::Index>(), 0_u8..3));
    let how = (1_usize..4, any::<bool>(), 0_usize..2);
    (edit, harm, how, prop::bool::weighted(0.3)).prop_map(
        |((id, value, constant, fail), harm, (jobs, keep_going, retries), twice)| Step {
            id,
            value,
            constant,
            fail,
            harm,
            how: How { jobs, keep_going, retries },
            twice,
        },
    )
}

fn cases() -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<Step>)> {
    (2_usize..9).prop_flat_map(|count| {
        let edges = (0..count as u32).map(|id| {
            proptest::collection::btree_set(0..id.max(1), 0..3).prop_map(move |set: BTreeSet<u32>| {
                set.into_iter().filter(|&from| from < id).collect::<Vec<_>>()
            })
        });
        (edges.collect::<Vec<_>>(), proptest::collection::vec(step(count), 1..6))
    })
}

/// Whether a stage ended as planned. `harmed`: something in the store is damaged, which no plan knows of.
fn agrees(decision: &Decision, status: &Status, harmed: bool) -> bool {
    let to_run = matches!(decision, Decision::Run { .. });
    match status {
        Status::Ran { .. } | Status::Failed { .. } => to_run || harmed,
        Status::Cached | Status::Skipped => {
            matches!(decision, Decision::Cached { .. } | Decision::Run { key: None, .. })
        }
        Status::Blocked(_) | Status::Stopped => to_run || matches!(decision, Decision::Blocked(_)) || harmed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// What runs was planned; what was planned and did not run was announced as such, or lies behind a
    /// failure. Whatever happens to the store, and however many runs are at it, results are those of an
    /// undisturbed run.
    #[test]
    fn planned_is_executed((edges, steps) in cases()) {
        let root = tempfile::tempdir().unwrap();
        // Equal stages are one node after lowering; here each has values of its own.
        let mut stages: Vec<_> = edges.iter().enumerate()
            .map(|(id, from)| node(&format!("s{id}"), from, 10 * id as u64, false, false)).collect();
        let mut harmed = false;
        for Step { id, value, constant, fail, harm: damage, how, twice } in steps {
            stages[id] = node(&format!("s{id}"), &edges[id], 10 * id as u64 + value, constant, fail);
            let graph = graph(stages.clone());
            if let Some((which, kind)) = damage {
                let store = Store::open(&root.path().join(".llmp")).unwrap();
                let objects = store.objects.list().unwrap();
                if !objects.is_empty() {
                    harm(&store.objects.localize(&which.get(&objects).0).unwrap(), kind);
                    harmed = true;
                }
            }
            let runs: Vec<_> = std::thread::scope(|scope| {
                let start = || scope.spawn(|| run_as(root.path(), &graph, how));
                let runs: Vec<_> = (0..1 + usize::from(twice)).map(|_| start()).collect();
                runs.into_iter().map(|run| run.join().unwrap()).collect()
            });
            for (decisions, ended) in &runs {
                for (decision, end) in decisions.iter().zip(ended) {
                    // The plan of one of two runs may have been made when the other had done a part.
                    let taken = twice && matches!(end.status, Status::Cached | Status::Skipped);
                    prop_assert!(taken || agrees(decision, &end.status, harmed), "planned {decision:?}, got {end:?}");
                }
                let failed = ended.iter().any(|end| matches!(end.status, Status::Failed { .. }));
                let stopped = ended.iter().any(|end| matches!(end.status, Status::Stopped));
                prop_assert!(!stopped || (failed && !how.keep_going), "{ended:?}");
            }
            let done = |run: &(Vec<Decision>, Vec<StageOutcome>)| run.1.iter().all(|end| end.artifact.is_some());
            if !harmed {
                for stage in 0..stages.len() {
                    let times = runs.iter().filter(|run| ran(&run.1).contains(&stage)).count();
                    prop_assert!(times <= 1, "stage {stage} ran {times} times");
                }
            }
            if runs.iter().all(done) {
                let fresh = tempfile::tempdir().unwrap();
                let mut whole = graph.clone();
                for stage in &mut whole.stages {
                    stage.settings.iter_mut().filter(|s| s.name == "fail").for_each(|s| s.value = json!(false));
                }
                let artifacts = |ended: &[StageOutcome]| ended.iter().map(|end| end.artifact).collect::<Vec<_>>();
                let undisturbed = artifacts(&run(fresh.path(), &whole).1);
                for (_, ended) in &runs {
                    prop_assert_eq!(&artifacts(ended), &undisturbed);
                }
                let (again, _) = run(root.path(), &graph);
                let cached = again.iter().all(|decision| matches!(decision, Decision::Cached { .. }));
                prop_assert!(cached || harmed, "{again:?}");
            }
        }
    }
}
