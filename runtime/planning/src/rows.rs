//! The dry run: what a run would do with each stage, why, and at what cost. `llmp plan`, `llmp why` and the
//! editor show these rows; nothing is changed.

use std::cell::LazyCell;

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::feasible::{self, Need};
use llmp_compiler::graph::{Amount, Graph, Producer, Stage, StageId};
use llmp_compiler::plan::{Decision, Reason, plan_while};
use llmp_stage::{Concern, Registry, Remark, Saved};

use super::Past;
use super::estimate::{Estimate, estimate};
use super::fetches::{self, Fetch};
use super::known::Costs;
use super::rates::Rates;
use super::stems::{GoesOn, goes_on};

/// One row of a plan.
#[derive(Clone, Debug)]
pub struct Row {
    /// The stage.
    pub id: StageId,
    /// What will happen to it.
    pub decision: Decision,
    /// What that costs.
    pub estimate: Estimate,
    /// How far an attempt with this very key came that was stopped: a run goes on from there.
    pub saved: Option<Saved>,
    /// What another training left that it goes on from, where that is more than `saved`.
    pub goes_on: Option<GoesOn>,
    /// What is fetched before it runs.
    pub fetch: Option<Fetch>,
    /// The run in which it was last settled.
    pub last_run: Option<u64>,
}

/// What will happen to a stage, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing: its result is there.
    Cached,
    /// It ran before and runs again.
    Rerun,
    /// It runs for the first time.
    New,
    /// It cannot run.
    Blocked,
}

impl Action {
    /// `cached`, `re-run`, `new`, `blocked`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Rerun => "re-run",
            Self::New => "new",
            Self::Blocked => "blocked",
        }
    }

    /// One character that stands before a stage in a list.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::Cached => '=',
            Self::Rerun => '~',
            Self::New => '+',
            Self::Blocked => '!',
        }
    }
}

impl Row {
    /// What will happen, in one word.
    #[must_use]
    pub fn action(&self) -> Action {
        match &self.decision {
            Decision::Cached { .. } => Action::Cached,
            Decision::Run { reasons, .. } if reasons.contains(&Reason::New) => Action::New,
            Decision::Run { .. } => Action::Rerun,
            Decision::Blocked(_) => Action::Blocked,
        }
    }
}

/// Decides and estimates for every stage, in topological order; `forced` ones run though their results are
/// there.
#[must_use]
pub fn rows(graph: &Graph, past: &Past, registry: &Registry, forced: &[StageId]) -> Vec<Row> {
    some_rows(graph, past, registry, forced, &|| true).unwrap_or_default()
}

/// Like [`rows`], with nothing forced, as long as `go_on` says so; it is asked before each stage.
#[must_use]
pub fn rows_while(
    graph: &Graph,
    past: &Past,
    registry: &Registry,
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<Row>> {
    some_rows(graph, past, registry, &[], go_on)
}

fn some_rows(
    graph: &Graph,
    past: &Past,
    registry: &Registry,
    forced: &[StageId],
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<Row>> {
    let decisions = plan_while(graph, past, &|id| forced.contains(&id), go_on)?;
    let costs = Costs::new(graph, past, registry);
    // They take a look at every record: only for a stage whose time follows from them.
    let rates = LazyCell::new(|| Rates::of_past(graph, past, &costs, registry));
    let mut rows: Vec<Row> = Vec::with_capacity(decisions.len());
    for (id, decision) in graph.ids().zip(decisions) {
        if !go_on() {
            return None;
        }
        let stage = graph.stage(id);
        let mut estimate = match decision {
            Decision::Run { .. } => estimate(stage, &decision, past, registry, &costs, &rates),
            Decision::Cached { .. } | Decision::Blocked(_) => Estimate::default(),
        };
        if matches!(decision, Decision::Run { .. }) {
            estimate.data = data(graph, stage, &rows, past);
            estimate.epochs = estimate.data.and_then(|data| feasible::epochs(stage, data));
        }
        let mut saved = saved(stage, &decision, past);
        let goes_on = if forced.contains(&id) { None } else { stem(stage, &decision, past, &costs) };
        let goes_on = goes_on.filter(|stem| saved.is_none_or(|saved| saved.step < stem.from.step));
        if let Some(stem) = &goes_on {
            saved = None;
            estimate.leave(stem.left(), costs.of(stage).and_then(|cost| cost.tokens));
        }
        if let (Some(saved), Some(seconds)) = (&saved, estimate.seconds) {
            estimate.seconds = Some(seconds * saved.left());
        }
        let last_run = past.last(&stage.name).map(|(_, run)| run);
        // What is wrong with the lock file has blocked the stage.
        let lacks = fetches::of_stage(stage, id, &decision, past).unwrap_or_default();
        let usual = (!lacks.is_empty()).then(|| costs.of(stage)).flatten().and_then(|cost| cost.read);
        let fetch = fetches::sum(stage, &lacks, usual);
        rows.push(Row { id, decision, estimate, saved, goes_on, fetch, last_run });
    }
    Some(rows)
}

/// What an earlier attempt left of a stage that keeps checkpoints.
fn saved(stage: &Stage, decision: &Decision, past: &Past) -> Option<Saved> {
    let Decision::Run { key: Some(key), .. } = decision else { return None };
    let state = past.store().work(&key.digest.hex()).join("state");
    stage.resumes.then(|| Saved::read(&state)).flatten().filter(|saved| saved.step > 0)
}

/// What another training left that a stage goes on from.
fn stem(stage: &Stage, decision: &Decision, past: &Past, costs: &Costs<'_>) -> Option<GoesOn> {
    let Decision::Run { key: Some(key), .. } = decision else { return None };
    if stage.stem.is_empty() {
        return None;
    }
    goes_on(stage, key, past, costs.of(stage).as_ref())
}

/// That a stage which is to run now goes over its data very often: known once the tokens are counted.
#[must_use]
pub fn worn_data(graph: &Graph, stage: &Stage, past: &Past) -> Option<Remark> {
    stage.named(Amount::Horizon).next()?;
    let key = past.last(&graph.stage(token_set(graph, stage)?).name)?.0;
    let record = past.ledger().record(&key).ok()??;
    let data = record.counts.get("tokens").copied()?;
    let found = feasible::worn(stage, data)?;
    Some(Remark { concern: Concern::Epochs, message: found.message, help: found.help })
}

/// The set of tokens that goes into a stage; what it trains on is its first.
fn token_set(graph: &Graph, stage: &Stage) -> Option<StageId> {
    stage.inputs.iter().find_map(|input| match input.from {
        Producer::Stage(id) if graph.stage(id).makes(ArtifactKind::Tokens) => Some(id),
        Producer::Stage(_) | Producer::Files(_) => None,
    })
}

/// How many tokens the set has that a stage trains on: as its key's record says, or else as it was when it
/// last ran.
fn data(graph: &Graph, stage: &Stage, rows: &[Row], past: &Past) -> Option<u64> {
    stage.named(Amount::Horizon).next()?;
    let set = token_set(graph, stage)?;
    let key = match &rows.get(set.0 as usize)?.decision {
        Decision::Cached { key, .. } => key.digest,
        Decision::Run { .. } | Decision::Blocked(_) => past.last(&graph.stage(set).name)?.0,
    };
    let record = past.ledger().record(&key).ok()??;
    record.counts.get("tokens").copied()
}

/// What the stages that will run need of the machine.
#[must_use]
pub fn needs(rows: &[Row]) -> Vec<Need> {
    let busy = rows.iter().filter(|row| matches!(row.decision, Decision::Run { .. }));
    let needs = busy.map(|row| Need {
        stage: row.id,
        memory: row.estimate.memory,
        disk: row.estimate.disk,
        data: row.estimate.data,
    });
    needs.collect()
}
