//! Following where a server leads, one step at a time.

use std::time::Duration;

use url::Url;

use crate::Error;
use crate::transport::{Answer, Failure, Request, Transport};

/// Browsers allow 20; archives need two or three.
const REDIRECTS: u32 = 10;

/// How an exchange ended that did not end for good.
pub(crate) enum Step {
    /// The answer, and the address that gave it.
    Answered(Answer, Url),
    /// It may be better the next time.
    Cut(String),
}

/// Asks for `url` from byte `from` on, and follows redirects; each address is checked as the first was.
pub(crate) fn follow(
    transport: &dyn Transport,
    url: &Url,
    from: u64,
    unchanged: Option<&str>,
    time: Duration,
) -> Result<Step, Error> {
    let mut at = fetchable(url.clone())?;
    for _ in 0..=REDIRECTS {
        let answer = match transport.get(&Request { url: &at, from, unchanged, time }) {
            Ok(answer) => answer,
            Err(Failure::Private { address, what }) => {
                return Err(Error::Private { url: at.into(), address, what });
            }
            Err(Failure::Connection(cause)) => return Ok(Step::Cut(cause)),
        };
        let leads = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let Some(target) = answer.header("location").filter(|_| leads) else {
            return Ok(Step::Answered(answer, at));
        };
        let next = at.join(target).map_err(|_| Error::Url {
            url: target.to_owned(),
            reason: "a redirect leads there, and it is no address",
        })?;
        if at.scheme() == "https" && next.scheme() == "http" {
            return Err(Error::Url {
                url: next.into(),
                reason: "a redirect from https to http is not followed",
            });
        }
        at = fetchable(next)?;
    }
    Err(Error::Redirects { url: url.to_string(), limit: REDIRECTS })
}

fn fetchable(url: Url) -> Result<Url, Error> {
    let reason = match url.scheme() {
        "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
            "passwords in addresses end in files that others read"
        }
        "http" | "https" => return Ok(url),
        _ => "only `http` and `https` are spoken",
    };
    Err(Error::Url { url: url.into(), reason })
}
