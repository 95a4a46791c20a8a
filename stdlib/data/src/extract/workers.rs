//! Threads that run code which may panic or not come back.
//!
//! Rust cannot end a thread from outside. A thread that takes too long is left behind, and another takes its
//! place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use llmp_stage::{Error, Result};

/// Recursive code on deep pages needs room. Only what is touched takes memory.
const STACK: usize = 64 << 20;

/// So many threads may be left behind before the stage gives up.
const MAX_LOST: usize = 16;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(100);

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<O> {
    /// It ended.
    Done(O),
    /// It panicked.
    Panicked,
    /// It took longer than the limit.
    TimedOut,
}

enum Message<O> {
    Started(u64, usize),
    Ended(u64, usize, Outcome<O>),
}

/// A job: the batch it belongs to, its place there, and its input.
type Job<I> = (u64, usize, I);

/// A set of threads that apply one function.
pub(super) struct Workers<I, O> {
    work: Arc<dyn Fn(I) -> O + Send + Sync>,
    jobs: Sender<Job<I>>,
    queue: Arc<Mutex<Receiver<Job<I>>>>,
    sender: Sender<Message<O>>,
    messages: Receiver<Message<O>>,
    limit: Duration,
    batch: u64,
    lost: usize,
}

impl<I: Send + 'static, O: Send + 'static> Workers<I, O> {
    /// Starts `threads` threads.
    pub(super) fn new(
        threads: usize,
        limit: Duration,
        work: impl Fn(I) -> O + Send + Sync + 'static,
    ) -> Result<Self> {
        let ((jobs, queue), (sender, messages)) = (channel(), channel());
        let queue = Arc::new(Mutex::new(queue));
        let workers = Self { work: Arc::new(work), jobs, queue, sender, messages, limit, batch: 0, lost: 0 };
        for _ in 0..threads.max(1) {
            workers.start()?;
        }
        Ok(workers)
    }

    fn start(&self) -> Result<()> {
        let (work, queue, sender) = (self.work.clone(), self.queue.clone(), self.sender.clone());
        let run = move || {
            loop {
                let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                // The queue or the receiver is gone once the stage has ended.
                let Ok((batch, place, input)) = job else { return };
                if sender.send(Message::Started(batch, place)).is_err() {
                    return;
                }
                let output = catch_unwind(AssertUnwindSafe(|| work(input)));
                let outcome = output.map_or(Outcome::Panicked, Outcome::Done);
                if sender.send(Message::Ended(batch, place, outcome)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("extract".into()).stack_size(STACK).spawn(run);
        thread.map(drop).map_err(|error| Error::new("cannot start a thread").because(error))
    }

    /// Runs a batch of jobs and returns their outcomes in order. `waiting` is called often; its error ends
    /// the wait.
    pub(super) fn run(
        &mut self,
        inputs: Vec<I>,
        waiting: impl Fn() -> Result<()>,
    ) -> Result<Vec<Outcome<O>>> {
        self.batch += 1;
        let mut outcomes: Vec<Option<Outcome<O>>> = inputs.iter().map(|_| None).collect();
        let mut started: Vec<Option<Instant>> = vec![None; inputs.len()];
        let mut open = inputs.len();
        for (place, input) in inputs.into_iter().enumerate() {
            if self.jobs.send((self.batch, place, input)).is_err() {
                return Err(Error::new("the threads of `extract.text` have ended"));
            }
        }
        while open > 0 {
            match self.messages.recv_timeout(TICK) {
                Ok(Message::Started(batch, place)) if batch == self.batch => {
                    started[place] = Some(Instant::now())
                }
                Ok(Message::Ended(batch, place, outcome))
                    if batch == self.batch && outcomes[place].is_none() =>
                {
                    outcomes[place] = Some(outcome);
                    open -= 1;
                    waiting()?;
                }
                // A thread that was left behind has come back after all, and takes jobs again.
                Ok(Message::Ended(..)) => self.lost = self.lost.saturating_sub(1),
                Ok(Message::Started(..)) => {}
                Err(RecvTimeoutError::Timeout) => waiting()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new("the threads of `extract.text` have ended"));
                }
            }
            for place in 0..started.len() {
                let late = started[place].is_some_and(|since| since.elapsed() > self.limit);
                if late && outcomes[place].is_none() {
                    outcomes[place] = Some(Outcome::TimedOut);
                    open -= 1;
                    self.replace()?;
                    waiting()?;
                }
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::TimedOut)).collect())
    }

    fn replace(&mut self) -> Result<()> {
        self.lost += 1;
        if self.lost > MAX_LOST {
            return Err(Error::new(format!("{MAX_LOST} pages hang the extraction")).help(
                "raise `time_limit`, or lower `max_page`, which leaves out large pages before they are tried",
            ));
        }
        self.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_panics_and_hangs() {
        let limit = Duration::from_millis(300);
        let mut workers = Workers::new(2, limit, |number: u32| match number {
            3 => panic!("three"),
            5 => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            _ => number * 2,
        })
        .expect("threads");
        let outcomes = workers.run((0..9).collect(), || Ok(())).expect("it runs");
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let expected = match number {
                3 => Outcome::Panicked,
                5 => Outcome::TimedOut,
                _ => Outcome::Done(number as u32 * 2),
            };
            assert_eq!(outcome, expected);
        }
        assert_eq!(workers.run(vec![1], || Ok(())).expect("it runs"), [Outcome::Done(2)]);
        assert!(workers.run(vec![1], || Err(Error::cancelled())).is_err());
    }
}
