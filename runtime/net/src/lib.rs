//! The only crate that opens connections to other machines: what may be asked for, how often, how much, and
//! where it may lead.
//!
//! ```text
//! Client ──retries, ranges, limits──▶ redirects ──▶ Transport ──▶ Wire (addresses are checked as they are connected to)
//!                                                            └──▶ Recorded (answers from a folder, for tests)
//! ```
//!
//! [`Client::fetch`] brings files into the download cache, which `llmp_store` describes; [`common_crawl`]
//! knows where Common Crawl's are. [`Client::crawl`] asks small sites for their pages.
//!
//! Checking, planning and the editor must never reach the network. So nothing here works without a
//! [`Permit`], which only the commands that fetch take out, and the crates of the others do not link this one
//! (`tests/xtask/tests/walls.rs` holds both).
//!
//! Deliberately absent: proxies (the address rules could not see what they connect to), credentials in URLs
//! (they would end in lock files), cookies, compression (lengths and ranges are those of the file), HTTP/2.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod address;
mod client;
pub mod common_crawl;
mod download;
mod error;
mod fetch;
mod record;
mod redirect;
mod retry;
mod site;
mod transport;
mod wire;

pub use client::{Client, Limits, Observer, Options};
pub use download::Downloaded;
pub use error::Error;
pub use fetch::Fetched;
pub use record::{Recorded, Recorder};
pub use retry::{Clock, SystemClock};
pub use site::{Bounds, Crawled, Page};
pub use transport::{Answer, Failure, Request, Transport};
pub use url::Url;
pub use wire::Wire;

/// The right to open connections. A command that fetches takes it out at its start and hands it down; there
/// is no other way to a [`Wire`], so a function that takes neither cannot reach the network.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// For the commands `run` and `fetch`, at their start, and for tests of this crate. Never for check, plan
    /// or the editor.
    #[must_use]
    pub fn of_a_fetching_command() -> Self {
        Self(())
    }
}
