//! The client against a server on loopback that fails on purpose.

#![allow(clippy::disallowed_methods, reason = "the server wakes itself")]

mod download;
mod get;
mod record;
mod server;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use llmp_net::{Client, Clock, Limits, Options, Permit, Wire};

pub(crate) const LIMITS: Limits = Limits { bytes: 10 << 20, time: Duration::from_secs(600) };

/// Time passes only by waiting, and is written down.
#[derive(Default, Clone)]
pub(crate) struct TestClock(std::sync::Arc<Mutex<Duration>>);

impl TestClock {
    pub(crate) fn passed(&self) -> Duration {
        *self.0.lock().expect("a lock")
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.passed()
    }

    fn date(&self) -> SystemTime {
        // Mon, 30 Nov 2026 20:00:00 GMT
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_068_800) + self.passed()
    }

    fn wait(&self, time: Duration) {
        *self.0.lock().expect("a lock") += time;
    }
}

/// A client that may reach 127.0.0.1, and whose waits take no time.
pub(crate) fn client(clock: &TestClock) -> Client {
    with(clock, Options { private: vec!["127.0.0.1".into()], ..Options::default() })
}

pub(crate) fn with(clock: &TestClock, options: Options) -> Client {
    Client::with(wire(&options), clock.clone(), options)
}

pub(crate) fn wire(options: &Options) -> Wire {
    Wire::new(&Permit::of_a_fetching_command(), options)
}
