//! The rows of one request: their news as they come, while its client waits.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::{Api, Client, Ended};
use crate::engine::{News, Writer};
use crate::http::Reply;
use crate::model::{Job, Model};

/// How often it is looked whether the client is there.
const LOOK: Duration = Duration::from_millis(200);
/// How often a client that waits for events is told something.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Rows of a request. All are given up when this is dropped.
pub(crate) struct Rows<'a> {
    api: &'a Api,
    pub(crate) model: Arc<dyn Model>,
    client: Client<'a>,
    to: Sender<(usize, News)>,
    news: Receiver<(usize, News)>,
    writers: Vec<Option<Writer>>,
    began: Instant,
    looked: Instant,
    beat: Instant,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(api: &'a Api, model: Arc<dyn Model>, client: Client<'a>) -> Self {
        let (to, news) = channel();
        let now = Instant::now();
        Self { api, model, client, to, news, writers: Vec::new(), began: now, looked: now, beat: now }
    }

    /// Begins a row, or goes on with one that has ended, as with a search's result.
    pub(crate) fn write(&mut self, number: usize, job: Job) -> Result<(), Fault> {
        let writer = self.api.engine.write(&self.model, job, number, &self.to).map_err(|_| Fault::busy())?;
        while self.writers.len() <= number {
            self.writers.push(None);
        }
        self.writers[number] = Some(writer);
        Ok(())
    }

    /// Gives a row up.
    pub(crate) fn end(&mut self, number: usize) {
        if let Some(writer) = self.writers.get_mut(number) {
            *writer = None;
        }
    }

    /// Whether a row is being written.
    pub(crate) fn goes_on(&self, number: usize) -> bool {
        self.writers.get(number).is_some_and(Option::is_some)
    }

    /// What happens next to a row that is being written.
    pub(crate) fn next(&mut self, reply: &mut Reply<'_>) -> Result<(usize, News), Ended> {
        loop {
            let news = self.news.recv_timeout(LOOK);
            if self.looked.elapsed() >= LOOK {
                self.looked = Instant::now();
                if self.client.gone() {
                    return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                }
                if self.began.elapsed() > PATIENCE {
                    let fault =
                        Fault::refused(503, "the answer took longer than ten minutes and was given up");
                    return Err(fault.into());
                }
            }
            match news {
                Ok((number, news)) if self.goes_on(number) => {
                    self.beat = Instant::now();
                    return Ok((number, news));
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Fault::failed("the model is gone").into()),
            }
            if reply.status.is_some() && self.beat.elapsed() > HEARTBEAT {
                self.beat = Instant::now();
                reply.heartbeat()?;
            }
        }
    }
}
