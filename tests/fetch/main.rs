//! Fetching as users do it: the program against a server on loopback that has Common Crawl's layout and fails
//! on purpose.

#![allow(clippy::disallowed_methods, reason = "the server wakes itself")]

mod crawl;
mod inputs;
mod killed;
#[allow(dead_code, reason = "shared with the client's tests")]
#[path = "../../runtime/net/tests/fetch/server.rs"]
mod server;
mod site;
mod world;
