//! Which action runs next: a data structure without threads or clocks.
//!
//! 1. What runs together fits: at most so many actions, cores and bytes of memory, and no more on devices
//!    than there are. What is larger than the machine runs alone.
//! 2. Fair: of the stages that wait, the one with the fewest running actions goes first, so that a stage of
//!    10,000 shards holds up no other. Among equals, the one with the longest way behind it goes first, then
//!    the order of the graph.
//! 3. Nothing starves: what was passed over [`PATIENCE`] times because it did not fit keeps everything else
//!    back until it does.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use llmp_compiler::graph::{DeviceKind, Devices, StageId};

/// How often an action may be passed over by smaller ones.
const PATIENCE: usize = 64;

/// What there is to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Actions at the same time.
    pub(super) slots: usize,
    pub(super) cores: usize,
    /// Bytes; `None` where nobody knows how many there are.
    pub(super) memory: Option<u64>,
    /// Devices that an action can have for itself.
    pub(super) devices: u32,
}

/// What each action of a stage takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    /// `None` for as many as there are.
    pub(super) cores: Option<usize>,
    /// Bytes; `None` where nothing is known.
    pub(super) memory: Option<u64>,
    /// Devices that it has for itself. One of any kind is the run's device, which is all there are.
    pub(super) devices: Option<Devices>,
}

/// What a running action was given; to be returned when it ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    stage: StageId,
    /// Threads it may keep busy.
    pub(super) threads: usize,
    cores: usize,
    memory: u64,
    /// Bit by bit, the devices that it has for itself.
    devices: u64,
}

/// The actions of one stage that wait.
struct Line<T> {
    demand: Demand,
    /// Length of the way behind it.
    rank: u64,
    waiting: VecDeque<T>,
    passed: usize,
}

/// Fewest running actions first, then the longest way, then the graph's order.
type Turn = (usize, Reverse<u64>, StageId);

/// The actions that wait, and what those that run take.
pub(super) struct Queue<T> {
    limits: Limits,
    lines: BTreeMap<StageId, Line<T>>,
    /// The turns of all lines, those for devices apart: while all are busy, none of them needs a look.
    turns: [BTreeSet<Turn>; 2],
    /// Stages that were passed over too often, in the order in which that happened.
    overdue: VecDeque<StageId>,
    running: BTreeMap<StageId, usize>,
    actions: usize,
    waiting: usize,
    cores: usize,
    memory: u64,
    /// Bit by bit, the devices that are taken.
    devices: u64,
}

impl Grant {
    /// The numbers of the devices that it has for itself, from 0.
    pub(super) fn devices(&self) -> impl Iterator<Item = usize> + '_ {
        (0..64).filter(|bit| (self.devices >> bit) & 1 == 1)
    }
}

impl<T> Queue<T> {
    pub(super) fn new(limits: Limits) -> Self {
        let limits = Limits {
            slots: limits.slots.max(1),
            cores: limits.cores.max(1),
            devices: limits.devices.clamp(1, 64),
            ..limits
        };
        Self {
            limits,
            lines: BTreeMap::new(),
            turns: [BTreeSet::new(), BTreeSet::new()],
            overdue: VecDeque::new(),
            running: BTreeMap::new(),
            actions: 0,
            waiting: 0,
            cores: 0,
            memory: 0,
            devices: 0,
        }
    }

    /// Lets an action wait. Demand and rank are those of its stage, the same for all its actions.
    pub(super) fn push(&mut self, stage: StageId, demand: Demand, rank: u64, action: T) {
        let line = self.lines.entry(stage).or_insert_with(|| {
            let running = self.running.get(&stage).copied().unwrap_or(0);
            self.turns[usize::from(demand.devices.is_some())].insert((running, Reverse(rank), stage));
            Line { demand, rank, waiting: VecDeque::new(), passed: 0 }
        });
        line.waiting.push_back(action);
        self.waiting += 1;
    }

    /// The action that is to start now; `None` while nothing that waits fits beside what runs.
    pub(super) fn take(&mut self) -> Option<(T, Grant)> {
        if self.actions >= self.limits.slots {
            return None;
        }
        let turn = self.next()?;
        let stage = turn.2;
        let line = self.lines.get_mut(&stage)?;
        line.passed = 0;
        let (demand, rank) = (line.demand, line.rank);
        let action = line.waiting.pop_front()?;
        self.overdue.retain(|overdue| *overdue != stage);
        let left = !line.waiting.is_empty();
        let grant = self.grant(stage, demand);
        self.waiting -= 1;
        self.actions += 1;
        self.cores += grant.cores;
        self.memory += grant.memory;
        self.devices |= grant.devices;
        if !left {
            self.lines.remove(&stage);
            self.turns[usize::from(demand.devices.is_some())].remove(&turn);
        }
        self.count(stage, demand.devices.is_some(), rank, 1, left);
        Some((action, grant))
    }

    /// Whose turn it is.
    fn next(&mut self) -> Option<Turn> {
        let overdue = |stage: &&StageId| {
            // While devices are busy, which may take long, others go on.
            self.lines.get(stage).is_some_and(|line| self.has_devices(&line.demand))
        };
        if let Some(stage) = self.overdue.iter().find(overdue).copied() {
            let line = self.lines.get(&stage)?;
            let running = self.running.get(&stage).copied().unwrap_or(0);
            return self.fits(&line.demand).then_some((running, Reverse(line.rank), stage));
        }
        // What was passed over too often waits for devices: none of them goes to another before that.
        let awaited =
            |stage: &StageId| self.lines.get(stage).is_some_and(|line| line.demand.devices.is_some());
        let closed = self.free_devices() == 0 || self.overdue.iter().any(awaited);
        let none = BTreeSet::new();
        let [plain, device] = &self.turns;
        let (mut passed, mut without) = (Vec::new(), Vec::new());
        let mut found = None;
        for &turn in merged(plain, if closed { &none } else { device }) {
            let Some(line) = self.lines.get(&turn.2) else { continue };
            if !self.has_devices(&line.demand) {
                without.push(turn.2);
            } else if self.fits(&line.demand) {
                // Those that wait for devices were passed over only where another gets some.
                passed.extend(without.drain(..).filter(|_| line.demand.devices.is_some()));
                found = Some(turn);
                break;
            } else {
                passed.push(turn.2);
            }
        }
        if found.is_some() {
            for stage in passed {
                let Some(line) = self.lines.get_mut(&stage) else { continue };
                line.passed += 1;
                if line.passed == PATIENCE {
                    self.overdue.push_back(stage);
                }
            }
        }
        found
    }

    /// An action ended.
    pub(super) fn release(&mut self, grant: &Grant) {
        self.actions -= 1;
        self.cores -= grant.cores;
        self.memory -= grant.memory;
        self.devices &= !grant.devices;
        let (rank, left) = self.lines.get(&grant.stage).map_or((0, false), |line| (line.rank, true));
        self.count(grant.stage, grant.devices > 0, rank, -1, left);
    }

    /// Takes out everything that waits: stages and how many actions of each.
    pub(super) fn drain(&mut self) -> Vec<(StageId, usize)> {
        self.turns = [BTreeSet::new(), BTreeSet::new()];
        self.overdue.clear();
        self.waiting = 0;
        std::mem::take(&mut self.lines).into_iter().map(|(stage, line)| (stage, line.waiting.len())).collect()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    fn fits(&self, demand: &Demand) -> bool {
        let cores = demand.cores.unwrap_or(1).min(self.limits.cores);
        let within =
            |memory| self.limits.memory.is_none_or(|limit| self.memory.saturating_add(memory) <= limit);
        let memory = demand.memory.is_none_or(within);
        self.actions == 0 || (self.cores + cores <= self.limits.cores && memory)
    }

    /// Whether as many devices are free as an action has for itself, or all where there are fewer than that.
    fn has_devices(&self, demand: &Demand) -> bool {
        self.wanted(demand) <= self.free_devices()
    }

    /// How many devices an action gets for itself.
    fn wanted(&self, demand: &Demand) -> usize {
        let count = demand.devices.map_or(0, |devices| match devices.kind {
            DeviceKind::Any => self.limits.devices,
            DeviceKind::Gpu => devices.count.min(self.limits.devices),
        });
        count as usize
    }

    fn free_devices(&self) -> usize {
        (self.limits.devices - self.devices.count_ones()) as usize
    }

    /// An action that can use any number of threads counts for one core, so that a long one does not keep
    /// others waiting; it gets its share of the cores that are free. The device's gets all: it is the long
    /// one, and most likely to stay alone.
    fn grant(&self, stage: StageId, demand: Demand) -> Grant {
        let free = self.limits.cores.saturating_sub(self.cores).max(1);
        let threads = match demand.cores {
            Some(cores) => cores,
            None if demand.devices.is_some() => self.limits.cores,
            None => free / self.waiting.clamp(1, free),
        };
        let cores = demand.cores.unwrap_or(1).min(self.limits.cores);
        let memory = demand.memory.unwrap_or(0);
        let free = (0..self.limits.devices).filter(|bit| (self.devices >> bit) & 1 == 0);
        let devices = free.take(self.wanted(&demand)).fold(0, |taken, bit| taken | (1 << bit));
        Grant { stage, threads: threads.max(1), cores, memory, devices }
    }

    /// Notes that one action of a stage more or less runs, and moves the stage's turn where it has `left`
    /// some.
    fn count(&mut self, stage: StageId, device: bool, rank: u64, change: isize, left: bool) {
        let before = self.running.get(&stage).copied().unwrap_or(0);
        let after = before.saturating_add_signed(change);
        match after {
            0 => drop(self.running.remove(&stage)),
            _ => drop(self.running.insert(stage, after)),
        }
        if left {
            let turns = &mut self.turns[usize::from(device)];
            turns.remove(&(before, Reverse(rank), stage));
            turns.insert((after, Reverse(rank), stage));
        }
    }
}

/// Two sorted sets as one sorted sequence.
fn merged<'a>(one: &'a BTreeSet<Turn>, two: &'a BTreeSet<Turn>) -> impl Iterator<Item = &'a Turn> {
    let (mut one, mut two) = (one.iter().peekable(), two.iter().peekable());
    std::iter::from_fn(move || match (one.peek(), two.peek()) {
        (Some(a), Some(b)) if a <= b => one.next(),
        (_, Some(_)) => two.next(),
        (_, None) => one.next(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn queue(slots: usize) -> Queue<u32> {
        Queue::new(Limits { slots, cores: 8, memory: Some(16 * GIB), devices: 1 })
    }

    fn plain() -> Demand {
        Demand::default()
    }

    #[test]
    fn ten_thousand_shards_hold_up_no_other_stage() {
        let mut queue = queue(4);
        for shard in 0..10_000 {
            queue.push(StageId(0), plain(), 9, shard);
        }
        let mut running: Vec<_> = (0..4).filter_map(|_| queue.take()).collect();
        assert!(queue.take().is_none(), "four slots");
        queue.push(StageId(1), plain(), 0, 77);
        queue.release(&running.remove(0).1);
        assert_eq!(queue.take().unwrap().0, 77);
    }

    #[test]
    fn two_stages_share_the_slots() {
        let mut queue = queue(6);
        for action in 0..100 {
            queue.push(StageId(0), plain(), 0, 0);
            queue.push(StageId(1), plain(), 1000, 1);
            let _ = action;
        }
        let taken: Vec<_> = (0..6).filter_map(|_| queue.take()).map(|(stage, _)| stage).collect();
        assert_eq!(taken, [1, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn the_longest_way_goes_first() {
        let mut queue = queue(1);
        for (stage, rank) in [(0, 1), (1, 5), (2, 3)] {
            queue.push(StageId(stage), plain(), rank, stage);
        }
        let mut order = vec![];
        while let Some((stage, grant)) = queue.take() {
            order.push(stage);
            queue.release(&grant);
        }
        assert_eq!(order, [1, 2, 0]);
    }

    #[test]
    fn one_training_at_a_time_and_others_beside_it() {
        let mut queue = queue(8);
        let training =
            Demand { devices: Some(Devices { kind: DeviceKind::Any, count: 1 }), ..Demand::default() };
        queue.push(StageId(0), training, 9, 0);
        queue.push(StageId(1), training, 9, 1);
        queue.push(StageId(2), plain(), 0, 2);
        let (first, grant) = queue.take().unwrap();
        assert_eq!((first, grant.threads), (0, 8));
        assert_eq!(queue.take().unwrap().0, 2);
        assert!(queue.take().is_none());
        queue.release(&grant);
        assert_eq!(queue.take().unwrap().0, 1);
    }

    fn gpus(count: u32) -> Demand {
        let devices = Some(Devices { kind: DeviceKind::Gpu, count });
        Demand { devices, cores: Some(1), ..Demand::default() }
    }

    #[test]
    fn many_small_ones_do_not_keep_devices_from_a_large_one() {
        let mut queue = Queue::new(Limits { slots: 8, cores: 8, memory: None, devices: 4 });
        for shard in 0..1_000 {
            queue.push(StageId(0), gpus(1), 0, shard);
        }
        let mut running: VecDeque<_> = (0..4).filter_map(|_| queue.take()).map(|(_, grant)| grant).collect();
        queue.push(StageId(1), gpus(4), 0, 5_000);
        let mut before = 0;
        loop {
            match queue.take() {
                Some((5_000, grant)) => break assert_eq!(grant.devices().count(), 4),
                Some((_, grant)) => {
                    before += 1;
                    running.push_back(grant);
                }
                None => queue.release(&running.pop_front().expect("something runs or fits")),
            }
        }
        assert!(before <= PATIENCE, "{before} went ahead of it");
    }

    #[test]
    fn devices_are_counted() {
        let mut queue = Queue::new(Limits { slots: 8, cores: 8, memory: None, devices: 4 });
        for (stage, devices) in [(0, 2), (1, 3), (2, 1), (3, 9)] {
            queue.push(StageId(stage), gpus(devices), u64::from(9 - stage), stage);
        }
        let (first, two) = queue.take().unwrap();
        let (second, one) = queue.take().unwrap();
        assert_eq!((two.devices().collect(), one.devices().collect()), (vec![0, 1], vec![2]));
        assert_eq!((first, second), (0, 2), "three do not fit beside two, one does");
        assert!(queue.take().is_none());
        queue.release(&two);
        let (third, three) = queue.take().unwrap();
        assert_eq!(third, 1);
        queue.release(&one);
        assert!(queue.take().is_none(), "one is free, nine are wanted");
        queue.release(&three);
        assert_eq!(queue.take().unwrap().0, 3, "what wants more than there are has them all");
    }

    #[test]
    fn threads_are_shared_among_those_that_wait() {
        let mut queue = queue(8);
        queue.push(StageId(0), plain(), 0, 0);
        assert_eq!(queue.take().unwrap().1.threads, 8, "alone, it has all");
        for shard in 0..100 {
            queue.push(StageId(1), plain(), 0, shard);
        }
        assert_eq!(queue.take().unwrap().1.threads, 1);
        queue.push(StageId(2), Demand { cores: Some(3), ..plain() }, 0, 0);
        assert_eq!(queue.take().unwrap().1.threads, 3, "as declared");
    }

    #[test]
    fn what_is_larger_than_the_machine_runs_alone_and_in_time() {
        let mut queue = queue(4);
        let huge = Demand { memory: Some(64 * GIB), cores: Some(100), devices: None };
        for shard in 0..1_000 {
            queue.push(StageId(0), Demand { memory: Some(GIB), ..plain() }, 0, shard);
        }
        let mut running = VecDeque::from([queue.take().unwrap().1]);
        queue.push(StageId(1), huge, 0, 5_000);
        let mut before = 0;
        loop {
            match queue.take() {
                Some((5_000, _)) => break,
                Some((_, grant)) => {
                    before += 1;
                    running.push_back(grant);
                }
                None => queue.release(&running.pop_front().expect("something runs or fits")),
            }
        }
        assert!(running.is_empty(), "alone");
        assert!(before <= PATIENCE, "{before} went ahead of it");
    }

    #[test]
    fn draining_leaves_what_runs() {
        let mut queue = queue(2);
        for shard in 0..5 {
            queue.push(StageId(3), plain(), 0, shard);
        }
        let grant = queue.take().unwrap().1;
        assert_eq!(queue.drain(), [(StageId(3), 4)]);
        assert!(queue.is_empty() && queue.take().is_none());
        queue.release(&grant);
        queue.push(StageId(3), plain(), 0, 9);
        assert_eq!(queue.take().unwrap().0, 9);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Every action runs once, nothing exceeds the limits unless it is alone, and no slot stays empty
        /// while something that fits waits without anything impatient before it.
        #[test]
        fn everything_runs_within_the_limits(
            slots in 1_usize..6,
            stages in proptest::collection::vec(
                (1_usize..20, prop::option::of(1_usize..12), prop::option::of(0_u64..24), 0_u32..7, 0_u64..4), 1..8),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 400),
        ) {
            let limits = Limits { slots, cores: 8, memory: Some(16 * GIB), devices: 4 };
            let mut queue = Queue::new(limits);
            let mut left = 0;
            let mut demands = vec![];
            for (id, &(count, cores, gib, devices, rank)) in stages.iter().enumerate() {
                let kind = if devices == 6 { DeviceKind::Any } else { DeviceKind::Gpu };
                let devices = (devices > 0).then_some(Devices { kind, count: devices });
                let demand = Demand { cores, memory: gib.map(|gib| gib * GIB), devices };
                demands.push(demand);
                for action in 0..count {
                    queue.push(StageId(id as u32), demand, rank, (id, action));
                    left += 1;
                }
            }
            let mut running: Vec<((usize, usize), Grant)> = vec![];
            let mut seen = BTreeSet::new();
            let mut order = order.iter();
            while left > 0 {
                while let Some((action, grant)) = queue.take() {
                    prop_assert!(seen.insert(action), "twice");
                    running.push((action, grant));
                    let of = |(action, _): &((usize, usize), Grant)| demands[action.0];
                    let cores: usize = running.iter().map(|r| of(r).cores.unwrap_or(1).min(8)).sum();
                    let memory: u64 = running.iter().filter_map(|r| of(r).memory).sum();
                    let devices: u64 = running.iter().map(|(_, grant)| grant.devices).fold(0, |taken, devices| {
                        assert_eq!(taken & devices, 0, "two have one device");
                        taken | devices
                    });
                    prop_assert!(running.len() <= slots);
                    prop_assert!(devices < 16);
                    prop_assert!(running.len() == 1 || cores <= 8);
                    prop_assert!(running.len() == 1 || memory <= 16 * GIB || of(&running[running.len() - 1]).memory.is_none());
                }
                prop_assert!(!running.is_empty(), "nothing runs though {left} wait");
                let at = order.next().map_or(0, |index| index.index(running.len()));
                let (_, grant) = running.remove(at);
                queue.release(&grant);
                left -= 1;
            }
            prop_assert!(queue.is_empty());
        }
    }
}
