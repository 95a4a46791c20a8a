//! One stage from its start to the ledger: its claim, its actions, what they gave.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use llmp_compiler::graph::{FileSet, Producer, Stage, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::History;
use llmp_planning::{Costs, GoesOn, ShardInput, host_name, reasons, shard_key, worn_data};
use llmp_records::{Event, Record, Shards, WentOn, text};
use llmp_stage::{Error, Remark, Saved, Stem, shard_of};
use llmp_store::{Entry, Kind, Lock, Manifest, StoreError};

use super::action::{Action, ActionInput, ActionStem, Effect, Recipe};
use super::claim::Claim;
use super::executor::{Executor, Failed, Submission, Ticket};
use super::job::{Job, Planned};
use super::outcome::{StageOutcome, Status};
use super::perform::{ActionError, Checked, help_of, store_error};
use super::publish::{Said, publish, told};
use super::queue::Demand;
use super::remarks;

/// A stage that has started.
pub(super) struct Running {
    planned: Planned,
    claim: Claim,
    shards: Vec<ShardInput>,
    results: BTreeMap<usize, (Manifest, Record)>,
    said: Said,
    /// What another training left that it goes on from.
    goes_on: Option<GoesOn>,
    /// The stem that it left itself.
    stem: Option<ActionStem>,
    ran: usize,
    /// Actions that have not ended.
    open: usize,
    /// Some actions were taken back before they started, or could not start.
    stopped: bool,
    failed: Option<(Error, Action)>,
    /// The ledger did not take a shard's result.
    unwritten: Option<Error>,
}

impl Running {
    fn new(planned: Planned, claim: Claim, said: Said) -> Self {
        Self {
            planned,
            claim,
            shards: vec![],
            results: BTreeMap::new(),
            said,
            goes_on: None,
            stem: None,
            ran: 0,
            open: 0,
            stopped: false,
            failed: None,
            unwritten: None,
        }
    }

    /// Whether all its actions have ended.
    pub(super) fn is_over(&self) -> bool {
        self.open == 0
    }

    /// So many of its actions were taken back before they started.
    pub(super) fn take_back(&mut self, actions: usize) {
        self.open -= actions;
        self.stopped = true;
    }
}

/// Why a stage did not start.
pub(super) enum NotStarted {
    /// Another run made it meanwhile.
    Done(Digest),
    /// Another run holds its lock, or has the device: what that does.
    Busy(&'static str),
    /// The list of an input's files is missing or damaged.
    Damaged(Damage),
    Failed(Error),
}

impl From<Error> for NotStarted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for NotStarted {
    fn from(error: StoreError) -> Self {
        Self::Failed(store_error(error))
    }
}

/// An object of an input that is missing or damaged.
pub(super) struct Damage {
    /// The input's place among the stage's.
    pub(super) input: usize,
    pub(super) object: Digest,
    pub(super) error: StoreError,
}

/// What the end of an action means for the rest of the run.
pub(super) enum Received {
    /// Nothing: it gave its part, or was stopped.
    Taken,
    /// It failed.
    Failed,
    /// It could not start for damage.
    Damaged(Damage),
}

/// What all actions of a stage have in common.
struct Batch<'s> {
    id: StageId,
    stage: &'s Stage,
    recipe: Arc<Recipe>,
    demand: Demand,
    rank: u64,
}

impl Batch<'_> {
    fn action(&self, key: Digest, shard: Option<String>, inputs: Vec<ActionInput>) -> Action {
        Action { key, stage: Arc::clone(&self.recipe), shard, inputs, threads: 1, gpus: vec![], stem: None }
    }
}

/// Takes stages of one round from their start to the ledger. It knows one stage at a time; which one is due
/// and what follows from its end is the scheduler's matter.
pub(super) struct Lifecycle<'e> {
    job: &'e Job<'e>,
    executor: &'e dyn Executor,
    checked: &'e Checked,
    ranks: &'e [u64],
    costs: Costs<'e>,
    /// The device's lock, while a stage of this run has it.
    device: Weak<Lock>,
}

impl<'e> Lifecycle<'e> {
    pub(super) fn new(
        job: &'e Job<'e>,
        executor: &'e dyn Executor,
        checked: &'e Checked,
        ranks: &'e [u64],
    ) -> Self {
        let costs = Costs::new(job.graph, job.past, job.harness.registry);
        Self { job, executor, checked, ranks, costs, device: Weak::new() }
    }

    /// Claims the stage's key and queues its actions.
    pub(super) fn start(&mut self, id: StageId, planned: &Planned) -> Result<Running, NotStarted> {
        let stage = self.job.graph.stage(id);
        // Before anything is taken: what the plan could not know is known now.
        let early: Vec<Remark> = worn_data(self.job.graph, stage, self.job.past).into_iter().collect();
        if let Some(remark) = early.first().filter(|_| self.job.options.strict) {
            return Err(NotStarted::Failed(remarks::strict(remark, "it has not begun")));
        }
        let claim = self.claim(stage, planned)?;
        // Its key is that of an older implementation: what this program makes must not go by it.
        if self.job.options.kept.iter().any(|(kept, _)| *kept == id) {
            let message = format!("the older result of `{}` that was to be kept is damaged", stage.name);
            return Err(Error::new(message)
                .help("run without `--keep-old`: this program makes it anew")
                .into());
        }
        let inputs = self.gather(stage, &planned.digests)?;
        let goes_on = self.goes_on(stage, planned, &claim);
        self.announce(stage, planned, &claim, goes_on.as_ref());
        remarks::say(self.job, stage, &early);
        // The seconds of its record are those of all attempts, and so is the work.
        let work = self.costs.of(stage).and_then(|cost| cost.flops);
        let given = remarks::given(self.job, stage);
        let went_on = goes_on.as_ref().map(|stem| WentOn { step: stem.from.step, run: stem.from.run });
        let said = Said { remarks: early, work, read: 0, given, went_on };
        let mut running = Running::new(planned.clone(), claim, said);
        running.goes_on = goes_on;
        self.enqueue(id, &mut running, inputs)?;
        Ok(running)
    }

    /// Makes the key this run's, and the device where the stage needs it.
    fn claim(&mut self, stage: &Stage, planned: &Planned) -> Result<Claim, NotStarted> {
        let Job { past, .. } = self.job;
        let key = &planned.key.digest;
        let claim = Claim::take(past.store().work(&key.hex()))?;
        let mut claim = claim.ok_or(NotStarted::Busy("is making it"))?;
        // Only under the lock is it certain that nobody makes it now: what was made before the lock was free
        // is in the ledger.
        past.ledger().refresh()?;
        if !planned.forced
            && let Some(artifact) = History::artifact(*past, key)
        {
            claim.retire();
            return Err(NotStarted::Done(artifact));
        }
        if stage.needs.devices.is_some() {
            claim.device = Some(self.device()?.ok_or(NotStarted::Busy("trains on this device"))?);
        }
        Ok(claim)
    }

    /// What another training left that is further than what this one left itself.
    fn goes_on(&self, stage: &Stage, planned: &Planned, claim: &Claim) -> Option<GoesOn> {
        if planned.forced || stage.stem.is_empty() {
            return None;
        }
        let cost = self.costs.of(stage);
        let found = llmp_planning::goes_on(stage, &planned.key, self.job.past, cost.as_ref())?;
        let state = claim.work.join("state");
        let own = Saved::read(&state).map_or(0, |saved| saved.step);
        // What it left itself may have begun with this stem.
        (own < found.from.step || Stem::given(&state).exists()).then_some(found)
    }

    /// Says that the stage starts.
    fn announce(&self, stage: &Stage, planned: &Planned, claim: &Claim, goes_on: Option<&GoesOn>) {
        let observer = self.job.harness.observer;
        let texts: Vec<String> = planned.reasons.iter().map(reasons::text).collect();
        let because = texts.first().map_or("", String::as_str);
        let resumes = match goes_on {
            _ if claim.resumes() => ", going on from its state".to_owned(),
            Some(GoesOn { from, .. }) => {
                format!(", going on from step {} of run {}", text::count(from.step), from.run)
            }
            None => String::new(),
        };
        observer.line(&format!("> {:<26} {because}{resumes}", stage.name));
        observer.tell(Event::StageStarted {
            stage: stage.name.clone(),
            kind: stage.kind.clone(),
            key: planned.key.digest,
            reasons: texts,
            causes: planned.reasons.clone(),
        });
    }

    /// Queues the stage's actions, but for those whose result is there.
    fn enqueue(&self, id: StageId, running: &mut Running, inputs: Vec<ActionInput>) -> Result<(), Error> {
        let stage = self.job.graph.stage(id);
        let batch = self.batch(id, stage, running.planned.key.digest);
        match &stage.per_shard {
            None => {
                let mut action = batch.action(running.planned.key.digest, None, inputs);
                action.stem = running.goes_on.as_ref().map(|GoesOn { from, .. }| ActionStem {
                    digest: from.object,
                    size: from.size,
                    step: from.step,
                });
                self.queue(&batch, running, None, action);
                Ok(())
            }
            Some(role) => self.enqueue_shards(&batch, running, role, &inputs),
        }
    }

    /// Queues one action a shard of the input in `role`.
    fn enqueue_shards(
        &self,
        batch: &Batch<'_>,
        running: &mut Running,
        role: &str,
        inputs: &[ActionInput],
    ) -> Result<(), Error> {
        let Batch { stage, .. } = *batch;
        let position = stage.inputs.iter().position(|input| input.role == *role).unwrap_or(0);
        let input = running.planned.digests.get(position).copied().unwrap_or(Digest::of(b""));
        let shards = self.job.past.shards_of(stage, role, &input).map_err(store_error)?;
        running.shards.clone_from(&shards);
        let at = inputs.get(position).map(ActionInput::positions).unwrap_or_default();
        for (index, shard) in shards.iter().enumerate() {
            let key = shard_key(&running.planned.key, role, shard);
            if let Some(result) = self.reused(running, &key)? {
                running.results.insert(index, result);
                continue;
            }
            let part = |(number, given): (usize, &ActionInput)| {
                if number == position { given.shard(shard, &at) } else { given.clone() }
            };
            let inputs = inputs.iter().enumerate().map(part).collect();
            let action = batch.action(key, Some(shard.name.clone()), inputs);
            self.queue(batch, running, Some(index), action);
        }
        Ok(())
    }

    /// Queues an action, or takes in what a worker has made of it.
    fn queue(&self, batch: &Batch<'_>, running: &mut Running, shard: Option<usize>, action: Action) {
        let files = action.inputs.iter().flat_map(|given| given.files.iter());
        running.said.read += files.map(|file| file.size).sum::<u64>();
        if let Some(effect) = self.delivered(running, &action) {
            return self.take_in(batch.stage, running, shard.unwrap_or(0), effect);
        }
        running.open += 1;
        let ticket = Ticket { stage: batch.id, shard };
        self.executor.submit(Submission { ticket, action, demand: batch.demand, rank: batch.rank });
    }

    fn batch<'s>(&self, id: StageId, stage: &'s Stage, key: Digest) -> Batch<'s> {
        Batch {
            id,
            stage,
            recipe: Arc::new(Recipe::of(self.job.graph, stage, key)),
            demand: self.demand(stage),
            rank: self.ranks.get(id.0 as usize).copied().unwrap_or(0),
        }
    }

    /// What each action of a stage takes.
    fn demand(&self, stage: &Stage) -> Demand {
        let estimate = || {
            // On a GPU it is the device's memory that the estimate speaks of.
            let here = self.job.options.device == "cpu";
            here.then(|| self.costs.of(stage)).flatten().and_then(|cost| cost.memory)
        };
        Demand {
            cores: stage.needs.cores.map(|cores| cores as usize),
            memory: stage.needs.memory.or_else(estimate),
            devices: stage.needs.devices,
        }
    }

    /// The device, which all stages of this run that need it have together: the queue lets no more of them at
    /// a time than there are devices. `None` while another run has it.
    fn device(&mut self) -> Result<Option<Arc<Lock>>, StoreError> {
        if let Some(lock) = self.device.upgrade() {
            return Ok(Some(lock));
        }
        let Job { past, options, .. } = self.job;
        let lock = past.store().device(&host_name(), &options.device)?.map(Arc::new);
        self.device = lock.as_ref().map(Arc::downgrade).unwrap_or_default();
        Ok(lock)
    }

    /// The result of a shard that was made before.
    fn reused(&self, running: &Running, key: &Digest) -> Result<Option<(Manifest, Record)>, Error> {
        if running.planned.forced {
            return Ok(None);
        }
        let ledger = self.job.past.ledger();
        if ledger.artifact(key).is_none() {
            return Ok(None);
        }
        let record = ledger.record(key).map_err(store_error)?;
        let objects = &self.job.past.store().objects;
        Ok(record.and_then(|record| {
            let manifest = Manifest::parse(key, record.manifest.as_deref()?).ok()?;
            let there = manifest.files.values().all(|file| objects.has(&file.digest, file.size));
            there.then_some((manifest, record))
        }))
    }

    /// What a worker has made of an action in another process, where its objects are all there.
    fn delivered(&self, running: &Running, action: &Action) -> Option<Effect> {
        if running.planned.forced {
            return None;
        }
        let effect = super::worker::read_result(&running.claim.work, action)?;
        let objects = &self.job.past.store().objects;
        effect.manifest.files.values().all(|file| objects.has(&file.digest, file.size)).then_some(effect)
    }

    /// What goes into a stage, in the order of its inputs; files that settings name follow.
    fn gather(&self, stage: &Stage, digests: &[Digest]) -> Result<Vec<ActionInput>, NotStarted> {
        let Job { past, folder, .. } = self.job;
        let mut inputs = Vec::new();
        for (index, (input, digest)) in stage.inputs.iter().zip(digests).enumerate() {
            inputs.push(match &input.from {
                Producer::Files(set) => {
                    let files = past.find(set).map_err(|absent| Error::new(absent.to_string()))?;
                    ActionInput::of_files(&input.role, &set.to_string(), &files, folder)
                }
                Producer::Stage(from) => {
                    let manifest = self.manifest(digest).map_err(|error| match error {
                        StoreError::Missing { .. } | StoreError::Damaged { .. } => {
                            NotStarted::Damaged(Damage { input: index, object: *digest, error })
                        }
                        error => error.into(),
                    })?;
                    let (name, labels) = (&self.job.graph.stage(*from).name, self.job.labels(*from, digest));
                    let kind = self.job.graph.stage(*from).output.as_ref().map(|output| output.kind);
                    ActionInput::of_artifact(&input.role, name, kind, &manifest, &labels)
                }
            });
        }
        for setting in &stage.settings {
            for path in setting.paths() {
                let files = past.find(&FileSet::of([path]));
                let files = files.map_err(|absent| Error::new(absent.to_string()))?;
                inputs.push(ActionInput::of_files(&setting.name, path, &files, folder));
            }
        }
        Ok(inputs)
    }

    /// The list of an artifact's files, once it is known to be what its name says.
    fn manifest(&self, artifact: &Digest) -> Result<Manifest, StoreError> {
        let store = self.job.past.store();
        self.checked.check(store, artifact)?;
        store.objects.manifest(artifact)
    }

    /// Takes in what became of one action.
    pub(super) fn receive(
        &self,
        id: StageId,
        running: &mut Running,
        shard: Option<usize>,
        outcome: Result<Effect, Failed>,
    ) -> Received {
        running.open -= 1;
        let stage = self.job.graph.stage(id);
        match outcome {
            Ok(effect) => {
                self.take_in(stage, running, shard.unwrap_or(0), effect);
                Received::Taken
            }
            Err(Failed { trouble: ActionError::Damaged { input, object, error }, .. }) => {
                running.stopped = true;
                Received::Damaged(Damage { input, object, error })
            }
            Err(Failed { trouble: ActionError::Failed(error), .. }) if error.is_cancelled() => {
                running.stopped = true;
                Received::Taken
            }
            Err(Failed { trouble: ActionError::Failed(error), action }) => {
                // Of several files it is the stage that says which one it is about.
                let source =
                    shard.and_then(|index| running.shards.get(index)).map(|shard| shard.files.as_slice());
                let error = match source {
                    Some([(label, _)]) if !error.to_string().contains(label.as_str()) => {
                        Error::new(format!("{label}: {error}")).help_if(help_of(&error))
                    }
                    _ => error,
                };
                running.failed.get_or_insert((error, *action));
                Received::Failed
            }
        }
    }

    /// Keeps what an action gave: a shard's result is in the ledger from now on.
    fn take_in(&self, stage: &Stage, running: &mut Running, index: usize, effect: Effect) {
        running.ran += 1;
        running.stem = running.stem.take().or(effect.stem);
        let mut record = self.job.stamp(effect.record);
        if let (Some(role), Some(shard)) = (&stage.per_shard, running.shards.get(index)) {
            record.manifest = Some(effect.manifest.text());
            let label = shard.label();
            for name in effect.manifest.files.keys() {
                record.labels.insert(shard_of(name).to_owned(), label.clone());
            }
            let key = shard_key(&running.planned.key, role, shard);
            let written =
                self.job.past.ledger().append(Kind::Shard, &key, &effect.manifest.digest(), &record);
            if let Err(error) = written {
                running.unwritten.get_or_insert(store_error(error));
            }
        }
        running.results.insert(index, (effect.manifest, record));
    }

    /// Puts the parts together, writes the ledger, and says so.
    pub(super) fn finish(&self, id: StageId, running: &Running) -> StageOutcome {
        let Job { graph, past, harness, run, run_folder, .. } = self.job;
        let stage = graph.stage(id);
        let key = running.planned.key.digest;
        if let Some(error) = &running.unwritten {
            return self.failure(id, Some(key), error);
        }
        if let Some((error, action)) = &running.failed {
            super::worker::keep(action, self.job.place(), run_folder);
            return self.failure(id, Some(key), error);
        }
        if running.stopped {
            return StageOutcome::stopped(Some(key));
        }
        let shards = stage.per_shard.is_some().then_some((running.ran, running.shards.len()));
        let (parts, said) = (running.results.values(), running.said.clone());
        let early = said.remarks.len();
        match publish(self.job, stage, &running.planned, parts, shards, said) {
            Ok((artifact, record)) => {
                past.settle(&stage.name, key, *run);
                self.keep_stem(stage, running);
                running.claim.retire();
                let told = told(&record, harness.registry.units());
                harness.observer.line(&format!("+ {:<26} {told}", stage.name));
                remarks::say(self.job, stage, record.remarks.get(early..).unwrap_or_default());
                harness.observer.tell(Event::StageFinished {
                    stage: stage.name.clone(),
                    key,
                    artifact,
                    seconds: record.seconds,
                    counts: record.counts,
                    shards: shards.map(|(ran, all)| Shards { ran, all }),
                });
                if let Some(end) = remarks::strictly(self.job, key) {
                    return end;
                }
                let status = Status::Ran { seconds: record.seconds, shards };
                StageOutcome { status, key: Some(key), artifact: Some(artifact) }
            }
            Err(error) => self.failure(id, Some(key), &error),
        }
    }

    /// Keeps what a longer training may go on from. It is no part of the result: where the ledger does not
    /// take it, that is said and no more.
    fn keep_stem(&self, stage: &Stage, running: &Running) {
        let Some(ActionStem { digest, size, step }) = running.stem else { return };
        let record = self.job.stamp(Record { device: self.job.options.device.clone(), ..Record::default() });
        let (past, key) = (self.job.past, &running.planned.key);
        if let Err(error) = llmp_planning::keep_stem(past, stage, key, step, &Entry { digest, size }, record)
        {
            let name = &stage.name;
            self.job.harness.observer.line(&format!("! {name:<26} its stem is not kept: {error}"));
        }
    }

    /// Says that a stage failed, unless it was only stopped.
    pub(super) fn failure(&self, id: StageId, key: Option<Digest>, error: &Error) -> StageOutcome {
        if error.is_cancelled() {
            return StageOutcome::stopped(key);
        }
        let observer = self.job.harness.observer;
        let name = &self.job.graph.stage(id).name;
        let help = help_of(error);
        let (message, help) = (error.to_string(), help.map(str::to_owned));
        // What a program printed stands below the whole run, once.
        let short = message.lines().next().unwrap_or_default().trim_end_matches("; it printed:");
        observer.line(&format!("! {name:<26} failed: {short}"));
        let (stage, said, todo) = (name.clone(), message.clone(), help.clone());
        observer.tell(Event::StageFailed { stage, message: said, help: todo });
        StageOutcome { status: Status::Failed { message, help }, key, artifact: None }
    }
}
