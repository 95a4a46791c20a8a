//! When to ask again: never for what is final, politely for the rest.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use url::Url;

use crate::transport::Answer;
use crate::{Client, Error, Limits, Observer, Options};

/// Time, so that tests need none.
pub trait Clock: Send + Sync {
    /// Since some fixed moment.
    fn now(&self) -> Duration;
    /// The date, for servers that name one.
    fn date(&self) -> SystemTime;
    /// Lets `time` pass.
    fn wait(&self, time: Duration);
}

/// The system's.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Whether the same question may have another answer later: 408, 425, 429, and servers that fail for a while.
/// 403 and 404 never: who asks again for what he may not have is soon shut out.
pub(crate) fn may_change(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(answer: &Answer, today: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(httpdate::parse_http_date(text).ok()?.duration_since(today).unwrap_or_default())
}

/// When each host was asked again last, by all fetches of a client together.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<BTreeMap<String, Duration>>);

/// Between two questions to a host that follow failures.
const APART: Duration = Duration::from_secs(1);

impl Pace {
    /// The next moment from `from` on when a host may be asked again; it is taken.
    fn next(&self, url: &Url, from: Duration) -> Duration {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = url.host_str().unwrap_or_default().to_owned();
        let at = last.get(&host).map_or(from, |last| from.max(*last + APART));
        last.insert(host, at);
        at
    }
}

/// The tries at one thing. Between two at least a second passes, twice as long after each failure up to a
/// minute.
pub(crate) struct Tries<'a> {
    url: &'a Url,
    options: &'a Options,
    clock: &'a dyn Clock,
    pace: &'a Pace,
    /// In all.
    count: u32,
    /// Since something was gained.
    vain: u32,
    limit: Duration,
    end: Duration,
}

const LONGEST: Duration = Duration::from_secs(60);

/// How soon a waiting fetch stops when it is asked to.
const SLICE: Duration = Duration::from_millis(100);

impl<'a> Tries<'a> {
    pub(crate) fn new(url: &'a Url, client: &'a Client, limits: Limits) -> Self {
        let Client { options, clock, pace, .. } = client;
        let end = clock.now() + limits.time;
        Self { url, options, clock: &**clock, pace, count: 0, vain: 0, limit: limits.time, end }
    }

    /// The time that the next try may take.
    pub(crate) fn left(&self) -> Result<Duration, Error> {
        let left = self.end.checked_sub(self.clock.now()).filter(|left| !left.is_zero());
        left.ok_or_else(|| Error::TooLong { url: self.url.to_string(), limit: self.limit })
    }

    /// A try brought something: the next failure is the first again.
    pub(crate) fn gained(&mut self) {
        self.vain = 0;
    }

    /// After a failure: waits until it may be tried again.
    pub(crate) fn again(
        &mut self,
        cause: String,
        asked: Option<Duration>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        self.count += 1;
        self.vain += 1;
        if self.vain >= self.options.tries {
            return Err(Error::GaveUp { url: self.url.to_string(), tries: self.count, last: cause });
        }
        if let Some(wait) = asked.filter(|&wait| wait > self.options.patience) {
            return Err(Error::Later { url: self.url.to_string(), wait });
        }
        let own = Duration::from_secs(1 << (self.vain - 1).min(6)).min(LONGEST);
        let until = self.pace.next(self.url, self.clock.now() + asked.unwrap_or_default().max(own));
        loop {
            if observer.stopped() {
                return Err(Error::Stopped);
            }
            self.left()?;
            match until.checked_sub(self.clock.now()) {
                None | Some(Duration::ZERO) => return Ok(()),
                Some(left) => self.clock.wait(left.min(SLICE)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_asked_again_once_a_second_by_all() {
        let (pace, second) = (Pace::default(), Duration::from_secs(1));
        let url = |text| Url::parse(text).unwrap();
        let (one, two, other) =
            (url("https://a.example/1"), url("https://a.example/2"), url("https://b.example/1"));
        assert_eq!(pace.next(&one, 5 * second), 5 * second);
        assert_eq!(pace.next(&two, 5 * second), 6 * second);
        assert_eq!(pace.next(&one, 4 * second), 7 * second);
        assert_eq!(pace.next(&other, 5 * second), 5 * second);
        assert_eq!(pace.next(&two, 20 * second), 20 * second);
    }
}
