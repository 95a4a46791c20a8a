//! Who may ask: the host that is meant, the page that asks, the key.
//!
//! Pages of any site can make a browser send requests to this machine. So a request must name a host that is
//! this server's (else a name that resolves to loopback would make another site's page one of ours), and one
//! that a page of another origin sends is refused unless that origin was allowed.

use std::net::IpAddr;

use crate::http::Request;

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The key that requests carry; `None` on loopback only.
    pub key: Option<String>,
    /// Origins whose pages may ask, e.g. `https://example.org`; `*` for all.
    pub origins: Vec<String>,
    /// Whether only this machine can reach the server, so that a host's name must be loopback's.
    pub loopback: bool,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// It names a host that is not this server.
    Host,
    /// A page of another origin sent it.
    Origin,
    /// It carries no key, or a wrong one.
    Key,
}

impl Gate {
    /// Whether the request may be answered; those to `open` paths need no key.
    ///
    /// # Errors
    /// Why not.
    pub fn lets(&self, request: &Request, open: bool) -> Result<(), Shut> {
        let host = request.header("host");
        if self.loopback && !host.is_some_and(is_loopback) {
            return Err(Shut::Host);
        }
        if request.has("origin") {
            let origin = request.header("origin").unwrap_or_default();
            if !self.allows(origin) && !same(origin, host) {
                return Err(Shut::Origin);
            }
        } else if request.header("sec-fetch-site").is_some_and(|site| site == "cross-site")
            && request.method != "GET"
        {
            return Err(Shut::Origin);
        }
        match &self.key {
            Some(key) if !open && request.method != "OPTIONS" => {
                let given = request.header("authorization").unwrap_or_default();
                let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
                match given {
                    Some((_, given)) if equal(given.trim().as_bytes(), key.as_bytes()) => Ok(()),
                    _ => Err(Shut::Key),
                }
            }
            _ => Ok(()),
        }
    }

    /// The origin that the answer may be read by, where the request's may.
    #[must_use]
    pub fn readable_by<'a>(&self, request: &'a Request) -> Option<&'a str> {
        request.header("origin").filter(|origin| self.allows(origin))
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }
}

/// Whether a `Host` header names this machine's loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Whether an origin is the server itself, as the request's host names it.
fn same(origin: &str, host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    origin.split_once("://").is_some_and(|(scheme, rest)| {
        (scheme == "http" || scheme == "https") && rest.eq_ignore_ascii_case(host)
    })
}

/// Compares in a time that depends on the lengths only.
fn equal(given: &[u8], key: &[u8]) -> bool {
    let mut differs = u8::from(given.len() != key.len());
    for (at, byte) in key.iter().enumerate() {
        differs |= byte ^ given.get(at).copied().unwrap_or(0);
    }
    std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request { method: "POST".into(), headers: headers.collect(), ..Request::default() }
    }

    #[test]
    fn only_loopbacks_names_are_ours() {
        let gate = Gate { loopback: true, ..Gate::default() };
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST", "127.1.2.3"] {
            assert_eq!(gate.lets(&request(&[("host", host)]), false), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "192.168.0.1", "", "127.0.0.1.evil:80"] {
            assert_eq!(gate.lets(&request(&[("host", host)]), false), Err(Shut::Host), "{host}");
        }
        assert_eq!(gate.lets(&request(&[]), false), Err(Shut::Host));
        let twice = request(&[("host", "localhost"), ("host", "evil.example")]);
        assert_eq!(gate.lets(&twice, false), Err(Shut::Host));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        let gate = Gate { loopback: true, origins: vec!["https://a.example".into()], ..Gate::default() };
        let from = |origin| request(&[("host", "localhost:8080"), ("origin", origin)]);
        assert_eq!(gate.lets(&from("http://localhost:8080"), false), Ok(()));
        assert_eq!(gate.lets(&from("https://a.example"), false), Ok(()));
        for origin in ["https://b.example", "null", "http://localhost:9090", "http://localhost:8080.b", ""] {
            assert_eq!(gate.lets(&from(origin), false), Err(Shut::Origin), "{origin}");
        }
        let fetched = request(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(gate.lets(&fetched, false), Err(Shut::Origin));
        assert_eq!(gate.readable_by(&from("https://a.example")), Some("https://a.example"));
        assert_eq!(gate.readable_by(&from("http://localhost:8080")), None);
    }

    #[test]
    fn a_key_is_compared_whole() {
        let gate = Gate { key: Some("secret".into()), ..Gate::default() };
        let with = |value| request(&[("authorization", value)]);
        assert_eq!(gate.lets(&with("Bearer secret"), false), Ok(()));
        assert_eq!(gate.lets(&with("bearer  secret"), false), Ok(()));
        for bad in
            ["Bearer secre", "Bearer secrets", "Bearer ", "secret", "Basic secret", "", "Bearer Secret"]
        {
            assert_eq!(gate.lets(&with(bad), false), Err(Shut::Key), "{bad}");
        }
        assert_eq!(gate.lets(&with(""), true), Ok(()), "an open path");
    }
}
