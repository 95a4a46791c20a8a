//! The tasks of a run's arrays: what waits, what is out, and what follows from what Slurm says of them.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::graph::DeviceKind;

use super::client::{SlurmOptions, TaskState};
use crate::action::Action;
use crate::executor::Ticket;
use crate::queue::Demand;

/// How often an action is submitted again whose task ended without a result.
const LOSSES: usize = 3;

/// The same where it was stopped on purpose, for its time or for somebody's job that goes first: it goes on
/// from its checkpoint.
const STOPS: usize = 100;

/// How often a task has to be seen without a report and without a life: shared folders show files late.
const SIGHTINGS: u32 = 2;

/// What a task asks of its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) cores: u32,
    /// Bytes; the partition's default without.
    pub(super) memory: Option<u64>,
    pub(super) gpus: u32,
}

impl Resources {
    /// What a stage needs, or where that is not known what the profile says.
    pub(super) fn of(demand: &Demand, options: &SlurmOptions, device: &str) -> Self {
        let cores = demand.cores.map(|cores| cores as u32).or(options.cores).unwrap_or(1);
        let memory = match (demand.memory, options.memory) {
            (Some(need), Some(given)) => Some(need.max(given)),
            (need, given) => given.or(need),
        };
        // One of any kind is the run's device, which may be the processor.
        let gpus = demand
            .devices
            .filter(|it| it.kind == DeviceKind::Gpu || device != "cpu")
            .map_or(0, |it| it.count);
        Self { cores: cores.min(options.cores.unwrap_or(u32::MAX)).max(1), memory, gpus }
    }
}

/// An action that is to be done, or is out.
pub(super) struct Task {
    pub(super) ticket: Ticket,
    pub(super) action: Action,
    pub(super) resources: Resources,
    /// How often it has failed, was lost, and was stopped.
    pub(super) failures: usize,
    pub(super) losses: usize,
    pub(super) stops: usize,
    /// The array it is in, its place there, and Slurm's name for the array.
    pub(super) batch: u64,
    pub(super) index: usize,
    pub(super) job: String,
    /// How often Slurm knew no life of it.
    gone: u32,
}

impl Task {
    pub(super) fn new(ticket: Ticket, mut action: Action, resources: Resources) -> Self {
        action.threads = resources.cores as usize;
        Self {
            ticket,
            action,
            resources,
            failures: 0,
            losses: 0,
            stops: 0,
            batch: 0,
            index: 0,
            job: String::new(),
            gone: 0,
        }
    }
}

/// What follows for a task that is gone; its state is `None` where Slurm knows it no more.
pub(super) enum Next {
    /// It was put among those that wait.
    Again { name: String, state: Option<TaskState> },
    /// It is given up.
    Lost { task: Box<Task>, state: Option<TaskState> },
}

/// Where a task is in Slurm: its array, and its place there.
pub(super) type At = (String, usize);

#[derive(Default)]
pub(super) struct Tasks {
    waiting: Vec<Task>,
    out: BTreeMap<(u64, usize), Task>,
    /// Nothing is submitted again.
    parting: bool,
}

impl Tasks {
    pub(super) fn wait(&mut self, task: Task) {
        self.waiting.push(task);
    }

    pub(super) fn take_waiting(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.waiting)
    }

    /// The tasks of an array are out now.
    pub(super) fn out(&mut self, batch: u64, job: &str, tasks: Vec<Task>) {
        for (index, task) in tasks.into_iter().enumerate() {
            let task = Task { batch, index, job: job.to_owned(), gone: 0, ..task };
            self.out.insert((batch, index), task);
        }
    }

    /// Takes out the task whose report has come.
    pub(super) fn take(&mut self, batch: u64, index: usize) -> Option<Task> {
        self.out.remove(&(batch, index))
    }

    pub(super) fn any_of(&self, batch: u64) -> bool {
        self.out.range((batch, 0)..=(batch, usize::MAX)).next().is_some()
    }

    /// The arrays that have tasks out.
    pub(super) fn jobs(&self) -> Vec<String> {
        self.out.values().map(|task| task.job.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// From here on nothing is submitted again.
    pub(super) fn part(&mut self) {
        self.parting = true;
    }

    pub(super) fn take_all(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.out).into_values().collect()
    }

    /// Takes out the tasks that had not begun when their arrays were cancelled.
    pub(super) fn take_not_begun(&mut self, states: &BTreeMap<At, TaskState>) -> Vec<Task> {
        let begun = |task: &Task| {
            let state = states.get(&(task.job.clone(), task.index));
            state.is_some_and(|state| !state.is_over() && !state.is_pending())
        };
        let over: Vec<(u64, usize)> =
            self.out.iter().filter(|(_, task)| !begun(task)).map(|(at, _)| *at).collect();
        over.into_iter().filter_map(|at| self.out.remove(&at)).collect()
    }

    /// Compares what is out with what Slurm knows of it: `states` holds all that it does.
    pub(super) fn compare(&mut self, states: &BTreeMap<At, TaskState>) -> Vec<Next> {
        let mut gone = Vec::new();
        for (at, task) in &mut self.out {
            let state = states.get(&(task.job.clone(), task.index));
            if state.is_some_and(|state| !state.is_over()) {
                task.gone = 0;
                continue;
            }
            task.gone += 1;
            if task.gone >= SIGHTINGS {
                gone.push((*at, state.cloned()));
            }
        }
        gone.into_iter()
            .filter_map(|(at, state)| {
                let task = self.out.remove(&at)?;
                Some(self.follow(task, state))
            })
            .collect()
    }

    fn follow(&mut self, mut task: Task, state: Option<TaskState>) -> Next {
        let is = |what: fn(&TaskState) -> bool| state.as_ref().is_some_and(what);
        let (count, most) = match is(TaskState::was_stopped) {
            true => (&mut task.stops, STOPS),
            false => (&mut task.losses, LOSSES),
        };
        if self.parting || is(TaskState::was_cancelled) || *count >= most {
            return Next::Lost { task: Box::new(task), state };
        }
        *count += 1;
        if is(TaskState::ran_out_of_memory) {
            task.resources.memory = task.resources.memory.map(|memory| memory.saturating_mul(2));
        }
        let name = task.action.stage.name.clone();
        self.waiting.push(task);
        Next::Again { name, state }
    }
}
