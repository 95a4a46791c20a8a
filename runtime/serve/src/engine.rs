//! The one thread that computes: it takes requests as they come, and lets the rows of all go on together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::model::{End, Job, Model, Rows, Step};

/// What has happened since the start, for `/metrics`.
#[derive(Debug, Default)]
pub struct Counts {
    /// Tokens of prompts.
    pub prompt: AtomicU64,
    /// Those of them that were computed before.
    pub cached: AtomicU64,
    /// Tokens written.
    pub written: AtomicU64,
    /// Steps of all rows together.
    pub steps: AtomicU64,
    /// Rows that are computed now.
    pub rows: AtomicUsize,
    /// Rows that wait.
    pub waiting: AtomicUsize,
}

/// Sends jobs to the thread that computes.
pub struct Engine {
    orders: Mutex<Sender<Order>>,
    models: RwLock<Vec<Arc<dyn Model>>>,
    /// Rows that may wait.
    queue: usize,
    /// What has happened.
    pub counts: Arc<Counts>,
}

struct Order {
    model: Arc<dyn Model>,
    job: Job,
    to: Listener,
    /// One of the rows that wait, until it is taken up.
    place: Place,
}

/// A place in the queue, given back when it is dropped.
struct Place(Arc<Counts>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who hears of a row: it is told under the number that its owner gave it.
struct Listener {
    to: Sender<(usize, News)>,
    number: usize,
    given_up: Arc<AtomicBool>,
}

impl Listener {
    /// Tells news; whether anybody wants more.
    fn tell(&self, news: News) -> bool {
        !self.given_up.load(Ordering::Relaxed) && self.to.send((self.number, news)).is_ok()
    }
}

/// A row that is being written. Dropping it gives it up.
#[derive(Debug)]
pub struct Writer(Arc<AtomicBool>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a row's owner hears.
#[derive(Debug)]
pub enum News {
    /// It has begun; so many tokens of its prompt were computed before.
    Begun(usize),
    /// It went on.
    Step(Step),
}

/// Too many rows wait already.
#[derive(Debug)]
pub struct Full;

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where there can be no thread.
    pub fn start(models: Vec<Arc<dyn Model>>, queue: usize) -> std::io::Result<Self> {
        let (orders, taken) = channel();
        let counts = Arc::new(Counts::default());
        let told = Arc::clone(&counts);
        std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || Computing::new(taken, told).run())?;
        Ok(Self { orders: Mutex::new(orders), models: RwLock::new(models), queue, counts })
    }

    /// The models that are served.
    #[must_use]
    pub fn models(&self) -> Vec<Arc<dyn Model>> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves other models from now on; rows of those before end as they would have.
    pub fn replace(&self, models: Vec<Arc<dyn Model>>) {
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = models;
    }

    /// Lets `model` write; `to` hears of it under `number`.
    ///
    /// # Errors
    /// Where too many rows wait already.
    pub fn write(
        &self,
        model: &Arc<dyn Model>,
        job: Job,
        number: usize,
        to: &Sender<(usize, News)>,
    ) -> Result<Writer, Full> {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= self.queue {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        let place = Place(Arc::clone(&self.counts));
        let writer = Writer(Arc::default());
        let to = Listener { to: to.clone(), number, given_up: Arc::clone(&writer.0) };
        let order = Order { model: Arc::clone(model), job, to, place };
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.send(order).map(|()| writer).map_err(|_| Full)
    }
}

/// A model, with its rows and who listens to them.
struct Desk {
    model: Arc<dyn Model>,
    rows: Box<dyn Rows>,
    listeners: BTreeMap<u64, Listener>,
    waiting: VecDeque<Order>,
}

struct Computing {
    orders: Receiver<Order>,
    desks: Vec<Desk>,
    counts: Arc<Counts>,
}

/// How often what nobody needs is looked for while nothing is computed.
const PAUSE: Duration = Duration::from_secs(5);

impl Computing {
    fn new(orders: Receiver<Order>, counts: Arc<Counts>) -> Self {
        Self { orders, desks: Vec::new(), counts }
    }

    fn run(mut self) {
        loop {
            let busy = self.desks.iter().any(|desk| !desk.listeners.is_empty() || !desk.waiting.is_empty());
            if !busy {
                match self.orders.recv_timeout(PAUSE) {
                    Ok(order) => self.take(order),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            loop {
                match self.orders.try_recv() {
                    Ok(order) => self.take(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            for desk in &mut self.desks {
                desk.admit(&self.counts);
                desk.step(&self.counts);
            }
            let rows = self.desks.iter().map(|desk| desk.listeners.len()).sum();
            self.counts.rows.store(rows, Ordering::Relaxed);
            // A model that was replaced goes with its last row: then only its desk holds it.
            self.desks.retain(|desk| {
                !desk.listeners.is_empty() || !desk.waiting.is_empty() || Arc::strong_count(&desk.model) > 1
            });
        }
    }

    fn take(&mut self, order: Order) {
        let at = self.desks.iter().position(|desk| Arc::ptr_eq(&desk.model, &order.model));
        let at = at.unwrap_or_else(|| {
            let model = Arc::clone(&order.model);
            let rows = model.rows();
            self.desks.push(Desk { model, rows, listeners: BTreeMap::new(), waiting: VecDeque::new() });
            self.desks.len() - 1
        });
        self.desks[at].waiting.push_back(order);
    }
}

impl Desk {
    fn admit(&mut self, counts: &Counts) {
        while self.rows.count() < self.rows.places() {
            let Some(Order { job, to, place, .. }) = self.waiting.pop_front() else { return };
            drop(place);
            if to.given_up.load(Ordering::Relaxed) {
                continue;
            }
            let prompt = job.prompt.len();
            match self.rows.add(job) {
                Ok((row, cached)) => {
                    if !to.tell(News::Begun(cached)) {
                        self.rows.remove(row);
                        continue;
                    }
                    counts.prompt.fetch_add(prompt as u64, Ordering::Relaxed);
                    counts.cached.fetch_add(cached as u64, Ordering::Relaxed);
                    self.listeners.insert(row, to);
                }
                Err(why) => {
                    let end = Some(End::Failed(why));
                    to.tell(News::Step(Step { end, ..Step::default() }));
                }
            }
        }
    }

    fn step(&mut self, counts: &Counts) {
        if self.listeners.is_empty() {
            return;
        }
        counts.steps.fetch_add(1, Ordering::Relaxed);
        for (row, step) in self.rows.step() {
            let ended = step.end.is_some();
            counts.written.fetch_add(u64::from(step.token.is_some()), Ordering::Relaxed);
            let Some(to) = self.listeners.get(&row) else { continue };
            let gone = !to.tell(News::Step(step));
            if gone && !ended {
                self.rows.remove(row);
            }
            if gone || ended {
                self.listeners.remove(&row);
            }
        }
    }
}
