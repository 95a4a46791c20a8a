//! The live page of a pipeline: its drawing in the colours of a dry run, beside its text. `llmp graph
//! --watch` keeps it up to date; the same page stands by itself as a file.
//!
//! This is the only crate that answers HTTP. It binds to loopback, and shows what it is given: it reads no
//! store and plans nothing. Start reading at [`Scene`], what there is to show, then at [`Server`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod page;
mod scene;
mod server;

pub use page::{Source, page};
pub use scene::{Place, Render, Scene};
pub use server::Server;
