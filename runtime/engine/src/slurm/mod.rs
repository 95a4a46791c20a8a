//! The executor of a cluster: actions as tasks of Slurm's job arrays, on nodes that reach the store's folder.
//!
//! Slurm says when a task runs; what became of it says its report, a file that appears whole or not at all.
//! Slurm's own word counts only where there is no report: for a task that is gone without one, after a time
//! in which a shared folder may show it late. Such a task is submitted again, a bounded number of times; the
//! first result of an action stays ([`work`](super::worker::work)), so that an attempt that was given up for
//! lost may end whenever it likes.
//!
//! * `client`: the programs `sbatch`, `squeue`, `scancel`, `scontrol`, and what they print
//! * `batch`: the files of one array
//! * `tasks`: which tasks are out, and what is to be done about each: without files, clocks or programs

mod batch;
mod client;
mod tasks;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use llmp_compiler::graph::StageId;
use llmp_stage::Error;
use llmp_store::StoreError;

use self::batch::{Batch, MOST_TASKS};
pub use self::client::SlurmOptions;
use self::client::{Client, Programs, TaskState};
use self::tasks::{Next, Resources, Task, Tasks};
use super::action::Place;
use super::executor::{Done, Executor, Failed, Submission};
use super::observer::Observer;
use super::perform::ActionError;
use super::worker::Report;

/// How often things are looked at.
#[derive(Clone, Copy)]
struct Pace {
    /// How long reports are waited for before the folder is looked into again: the first time, and at most.
    look: [Duration; 2],
    /// How often Slurm is asked for its tasks' states.
    ask: Duration,
    /// How long tasks that were cancelled are waited for.
    parting: Duration,
}

const PACE: Pace = Pace {
    look: [Duration::from_millis(50), Duration::from_secs(1)],
    ask: Duration::from_secs(5),
    parting: Duration::from_secs(60),
};

/// What the executor shares with its run.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) place: &'a Place,
    /// The run's folder; arrays have folders below it.
    pub(super) run: &'a Path,
    pub(super) observer: &'a dyn Observer,
    /// Set when everything is to stop.
    pub(super) stop: &'a AtomicBool,
    /// Tries of an action after a failed one.
    pub(super) retries: usize,
}

/// Submits actions to Slurm and waits for their reports.
pub(super) struct Slurm<'a> {
    client: Box<dyn Client + 'a>,
    options: SlurmOptions,
    around: Surroundings<'a>,
    pace: Pace,
    state: RefCell<State>,
}

struct State {
    tasks: Tasks,
    batches: BTreeMap<u64, Batch>,
    /// The names of all arrays.
    jobs: BTreeSet<String>,
    /// The number of the next array.
    next_batch: u64,
    ended: VecDeque<Done>,
    /// When the folders are looked into again, and how long is waited then.
    look: (Instant, Duration),
    ask: Instant,
    /// Since when everything is being cancelled.
    parting: Option<Instant>,
    /// Whether it was said that Slurm does not answer.
    silent: bool,
}

impl<'a> Slurm<'a> {
    pub(super) fn new(options: SlurmOptions, around: Surroundings<'a>) -> Self {
        Self::with(Box::new(Programs), options, around, PACE)
    }

    fn with(
        client: Box<dyn Client + 'a>,
        options: SlurmOptions,
        around: Surroundings<'a>,
        pace: Pace,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            tasks: Tasks::default(),
            batches: BTreeMap::new(),
            jobs: BTreeSet::new(),
            next_batch: 0,
            ended: VecDeque::new(),
            look: (now, pace.look[0]),
            ask: now + pace.ask,
            parting: None,
            silent: false,
        };
        Self { client, options, around, pace, state: RefCell::new(state) }
    }

    /// Submits what waits, one array for each stage and each need.
    fn flush(&self, state: &mut State) {
        let mut waiting = state.tasks.take_waiting();
        while !waiting.is_empty() {
            let stage = waiting[0].ticket.stage;
            let resources = waiting[0].resources;
            let (mut array, rest): (Vec<Task>, Vec<Task>) = waiting
                .into_iter()
                .partition(|task| task.ticket.stage == stage && task.resources == resources);
            waiting = rest;
            while !array.is_empty() {
                let later = array.split_off(array.len().min(MOST_TASKS));
                self.submit_array(state, std::mem::replace(&mut array, later), resources);
            }
        }
    }

    fn submit_array(&self, state: &mut State, tasks: Vec<Task>, resources: Resources) {
        let number = state.next_batch;
        state.next_batch += 1;
        let batch = Batch::new(&self.around.run.join("slurm").join(number.to_string()), tasks.len());
        let submitted = batch.write(&tasks, self.around.place, &self.options).and_then(|()| {
            self.client.submit(&batch.arguments(&tasks, resources, self.around.place, &self.options))
        });
        match submitted {
            Ok(job) => {
                state.tasks.out(number, &job, tasks);
                state.jobs.insert(job);
                state.batches.insert(number, batch);
                state.look = (Instant::now() + self.pace.look[0], self.pace.look[0]);
            }
            Err(error) => {
                let texts = (error.to_string(), error.help_text().map(str::to_owned));
                for task in tasks {
                    let error = Error::new(texts.0.clone()).help_if(texts.1.clone());
                    state.ended.push_back(failed(task, ActionError::Failed(error)));
                }
            }
        }
    }

    /// Takes the reports that have come.
    fn look(&self, state: &mut State) {
        let now = Instant::now();
        if now < state.look.0 {
            return;
        }
        let mut came = false;
        for (number, batch) in &mut state.batches {
            for (index, report) in batch.reports() {
                let Some(task) = state.tasks.take(*number, index) else { continue };
                came = true;
                if let Some(done) = self.judge(&mut state.tasks, task, report) {
                    state.ended.push_back(done);
                }
            }
        }
        state.batches.retain(|number, batch| {
            let over = !state.tasks.any_of(*number);
            if over {
                batch.clear();
            }
            !over
        });
        let [first, most] = self.pace.look;
        let pause = if came { first } else { (state.look.1 * 2).min(most) };
        state.look = (now + pause, pause);
    }

    /// What a report means for its task; `None` where it is tried once more.
    fn judge(&self, tasks: &mut Tasks, mut task: Task, report: Report) -> Option<Done> {
        let trouble = match report {
            Report::Done { effect, differs, .. } => {
                if differs {
                    let name = &task.action.stage.name;
                    self.around
                        .observer
                        .line(&format!("  {name}: two attempts made different files; the first ones stay"));
                }
                return Some(Done { ticket: task.ticket, outcome: Ok(*effect) });
            }
            Report::Damaged { input, object, what } => {
                let error = StoreError::Damaged { digest: object.hex(), what };
                ActionError::Damaged { input, object, error }
            }
            // One that stopped leaves no report; it is asked for again by whoever goes on.
            Report::Stopped => ActionError::Failed(Error::cancelled()),
            Report::Failed { message, help } => {
                if task.failures < self.around.retries && !self.around.stop.load(Ordering::Relaxed) {
                    task.failures += 1;
                    let (name, all) = (&task.action.stage.name, self.around.retries);
                    let line =
                        format!("  {name} failed, trying again ({} of {all}): {message}", task.failures);
                    self.around.observer.line(&line);
                    tasks.wait(task);
                    return None;
                }
                ActionError::Failed(Error::new(message).help_if(help))
            }
        };
        Some(failed(task, trouble))
    }

    /// Asks Slurm what has become of the tasks without a report.
    fn ask(&self, state: &mut State) {
        let now = Instant::now();
        if now < state.ask {
            return;
        }
        state.ask = now + self.pace.ask;
        let jobs = state.tasks.jobs();
        if jobs.is_empty() {
            return;
        }
        let states = match self.client.states(&jobs) {
            Ok(states) => states,
            Err(error) => {
                if !std::mem::replace(&mut state.silent, true) {
                    self.around.observer.line(&format!("  slurm does not answer, waiting for it: {error}"));
                }
                return;
            }
        };
        if std::mem::take(&mut state.silent) {
            self.around.observer.line("  slurm answers again");
        }
        for held in states.iter().filter(|(_, state)| state.held) {
            self.client.release(&held.0.0, held.0.1);
        }
        for next in state.tasks.compare(&states) {
            match next {
                Next::Again { name, state } => {
                    let why = said_of(state.as_ref());
                    self.around
                        .observer
                        .line(&format!("  {name}: its task ended without a result ({why}), again"));
                }
                Next::Lost { task, state: last } => {
                    let log = state.batches.get(&task.batch).map(|batch| batch.log(task.index));
                    let error = lost(&task, last.as_ref(), log.as_deref(), state.parting.is_some());
                    state.ended.push_back(failed(*task, ActionError::Failed(error)));
                }
            }
        }
    }

    /// Cancels everything that is out once the run is to stop, and gives it up where it does not end.
    fn part(&self, state: &mut State) {
        if !self.around.stop.load(Ordering::Relaxed) {
            return;
        }
        let now = Instant::now();
        match state.parting {
            None => {
                state.parting = Some(now);
                self.client.cancel(&state.tasks.jobs(), false);
                state.ask = now + self.pace.look[0];
                state.tasks.part();
            }
            Some(since) => {
                state.ask = state.ask.min(now + self.pace.look[1]);
                if now.duration_since(since) > self.pace.parting {
                    for task in state.tasks.take_all() {
                        state.ended.push_back(failed(task, ActionError::Failed(Error::cancelled())));
                    }
                }
            }
        }
    }
}

impl Executor for Slurm<'_> {
    fn submit(&self, submission: Submission) {
        let Submission { ticket, action, demand, .. } = submission;
        let resources = Resources::of(&demand, &self.options, &self.around.place.device);
        self.state.borrow_mut().tasks.wait(Task::new(ticket, action, resources));
    }

    fn next(&self, patience: Duration) -> Option<Done> {
        let until = Instant::now() + patience;
        loop {
            let state = &mut *self.state.borrow_mut();
            if let Some(done) = state.ended.pop_front() {
                return Some(done);
            }
            self.flush(state);
            self.look(state);
            self.ask(state);
            self.part(state);
            if let Some(done) = state.ended.pop_front() {
                return Some(done);
            }
            let now = Instant::now();
            if now >= until {
                return None;
            }
            let pause = state.look.0.saturating_duration_since(now).min(until - now);
            std::thread::sleep(pause.max(Duration::from_millis(1)));
        }
    }

    fn cancel(&self) -> Vec<(StageId, usize)> {
        let state = &mut *self.state.borrow_mut();
        let mut taken: BTreeMap<StageId, usize> = BTreeMap::new();
        let waiting = state.tasks.take_waiting();
        let jobs = state.tasks.jobs();
        let mut gone = Vec::new();
        if !jobs.is_empty() {
            self.client.cancel(&jobs, true);
            // Where Slurm does not answer, all count as running: their ends will come, or are waited for.
            if let Ok(states) = self.client.states(&jobs) {
                gone = state.tasks.take_not_begun(&states);
            }
        }
        for task in waiting.into_iter().chain(gone) {
            *taken.entry(task.ticket.stage).or_default() += 1;
        }
        taken.into_iter().collect()
    }
}

impl Drop for Slurm<'_> {
    /// However a run ends, it leaves no job behind: not even one whose node died once its report was written,
    /// and which Slurm would start again when it finds that out.
    fn drop(&mut self) {
        let state = self.state.borrow();
        let jobs: Vec<String> = state.jobs.iter().cloned().collect();
        if jobs.is_empty() {
            return;
        }
        // Where it does not answer, all are told.
        let lives = match self.client.states(&jobs) {
            Ok(states) => {
                let lives = states.into_iter().filter(|(_, state)| !state.is_over());
                lives.map(|((job, _), _)| job).collect::<BTreeSet<_>>().into_iter().collect()
            }
            Err(_) => jobs,
        };
        if !lives.is_empty() {
            self.client.cancel(&lives, false);
        }
    }
}

fn failed(task: Task, trouble: ActionError) -> Done {
    Done { ticket: task.ticket, outcome: Err(Failed { trouble, action: Box::new(task.action) }) }
}

/// What Slurm says of a task.
fn said_of(state: Option<&TaskState>) -> &str {
    state.map_or("it knows it no more", |state| &state.name)
}

/// That a task is gone, with what Slurm says of it.
fn lost(task: &Task, state: Option<&TaskState>, log: Option<&Path>, parting: bool) -> Error {
    if parting {
        return Error::cancelled();
    }
    let times =
        if task.losses == 0 { String::new() } else { format!(", for the {}th time", task.losses + 1) };
    let why = said_of(state);
    let error =
        Error::new(format!("its task {}_{} ended without a result ({why}){times}", task.job, task.index));
    error.help(match state {
        Some(state) if state.ran_out_of_memory() => {
            "give it more: `runtime on = slurm { memory = … }`".to_owned()
        }
        Some(state) if state.ran_out_of_time() => {
            "give it more time: `runtime on = slurm { time = … }`".to_owned()
        }
        Some(state) if state.was_cancelled() => {
            "somebody cancelled it; `llmp run` goes on from what is finished".to_owned()
        }
        _ => match log.and_then(tail) {
            Some(said) => format!("it said: {said}"),
            None => "ask `scontrol show job` or the cluster's people why".to_owned(),
        },
    })
}

/// The last line that a task's program printed.
fn tail(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned();
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// Fails where this machine cannot submit, or Slurm would refuse what the profile asks for: before anything
/// begins.
///
/// # Errors
/// A sentence for people, and what to do.
pub fn check_slurm(options: &SlurmOptions) -> Result<(), Error> {
    Programs.check(options)
}

/// A task's order, report or log, in the folder of its array.
fn batch_file(folder: &Path, index: usize, ending: &str) -> PathBuf {
    folder.join(format!("{index}.{ending}"))
}
