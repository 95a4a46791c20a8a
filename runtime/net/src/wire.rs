//! The transport that really connects: ureq, with the addresses checked between the look-up of a name and the
//! connection, so that a name cannot stand for another address the second time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use crate::address::private;
use crate::transport::{Answer, Failure, Request, Transport};
use crate::{Options, Permit};

/// No byte for so long is a cut connection.
const SILENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(30);

/// Connections to other machines.
pub struct Wire(Agent);

impl Wire {
    /// Needs the permit of the command that fetches.
    #[must_use]
    pub fn new(_: &Permit, options: &Options) -> Self {
        let config = Agent::config_builder()
            .user_agent(options.user_agent())
            .accept_encoding("identity")
            .http_status_as_error(false)
            .proxy(None)
            // Followed one by one in `redirect`, so that each is looked at.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_resolve(Some(CONNECT))
            .timeout_per_read(Some(SILENCE.min(options.silence)))
            .build();
        let checked = Checked { private: options.private.clone(), resolver: DefaultResolver::default() };
        Self(Agent::with_parts(config, DefaultConnector::new(), checked))
    }
}

impl Transport for Wire {
    fn get(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut asked = self.0.get(request.url.as_str());
        if request.from > 0 {
            asked = asked.header("range", format!("bytes={}-", request.from));
            if let Some(version) = request.unchanged {
                asked = asked.header("if-range", version);
            }
        }
        let asked = asked.config().timeout_global(Some(request.time)).build();
        let (head, body) = asked.call().map_err(failure)?.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(Answer { status: head.status.as_u16(), headers: headers.collect(), body: reader(body) })
    }
}

/// The limit on size is the client's, for it knows what it has already.
fn reader(body: Body) -> Box<dyn std::io::Read + Send> {
    Box::new(body.into_with_config().limit(u64::MAX).reader())
}

fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Other(inner) => match inner.downcast::<Forbidden>() {
            Ok(forbidden) => Failure::Private { address: forbidden.address, what: forbidden.what },
            Err(inner) => Failure::Connection(inner.to_string()),
        },
        error => Failure::Connection(error.to_string()),
    }
}

/// Looks names up and leaves out the addresses that may not be connected to.
#[derive(Debug)]
struct Checked {
    private: Vec<String>,
    resolver: DefaultResolver,
}

#[derive(Debug, thiserror::Error)]
#[error("{address} is {what}")]
struct Forbidden {
    address: IpAddr,
    what: &'static str,
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        if uri.host().is_some_and(|host| self.private.iter().any(|allowed| allowed == host)) {
            return Ok(found);
        }
        let mut kept = self.empty();
        let mut forbidden = None;
        for &address in found.iter() {
            let address: SocketAddr = address;
            match private(address.ip()) {
                None => kept.push(address),
                Some(what) => forbidden = Some(Forbidden { address: address.ip(), what }),
            }
        }
        match forbidden {
            Some(forbidden) if kept.is_empty() => Err(ureq::Error::Other(Box::new(forbidden))),
            _ => Ok(kept),
        }
    }
}
