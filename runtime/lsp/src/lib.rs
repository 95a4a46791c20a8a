//! The language server, `llmp lsp`.
//!
//! ```text
//! client ──messages──▶ server ──documents──▶ analyses ──snapshot──▶ request ──answer──▶ client
//!                        ▲                                             │
//!                        └───────────── jobs in the background ◀───────┘
//! ```
//!
//! One thread owns everything and answers one message after the other. It first takes in all messages that
//! have arrived, so that a cancellation or a newer text is known before work is done for an older one. A
//! request is a function from a [`Snapshot`](snapshot::Snapshot), which is one moment's text and meaning, and
//! its params to its result; `routes` is the table of them. What takes longer than a keystroke runs on a
//! thread of its own and posts its result as a function that the server's thread calls.
//!
//! Nothing here runs a user's command or reaches the network, and files are read only below a main file's
//! folder. What the language has comes in as a [`Toolkit`]: the server knows no stage.
//!
//! Start reading at [`serve`], then `routes`.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod actions;
mod analysis;
mod client;
mod commands;
mod completion;
mod convert;
mod custom;
mod definition;
mod diagnostics;
mod documents;
mod dry_run;
mod edits;
mod error;
mod formatting;
mod frames;
mod gates;
mod hints;
mod hover;
mod lenses;
mod lines;
mod names;
mod parent;
mod paths;
mod plan;
mod planner;
mod progress;
mod routes;
mod server;
mod settings;
mod signatures;
mod snapshot;
mod structure;
mod symbols;
mod sync;
mod tokens;
mod transport;
mod workspace;

use llmp_planning::Toolkit;
use lsp_server::{Connection, ProtocolError};
use serde_json::Value;

pub use server::{Poster, Server};

/// How serving a client ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As the protocol wants: `exit` came after `shutdown`, or the client hung up.
    InOrder,
    /// `exit` came first.
    OutOfOrder,
    /// The process that the client named in `initialize` has ended. Its pipes may be open still.
    Orphaned,
}

/// Serves one client until it says `exit`, hangs up, or the process ends that it named.
///
/// # Errors
/// A client that breaks the protocol's order of messages.
pub fn serve(toolkit: Toolkit, connection: &Connection) -> Result<Ended, ProtocolError> {
    match connection.initialize_start() {
        Ok((id, params)) => {
            let mut server = Server::new(toolkit, connection.sender.clone(), &params);
            if let Some(process) = params.get("processId").and_then(Value::as_u64) {
                parent::watch(process, server.poster());
            }
            server.greet(id);
            Ok(server.run(&connection.receiver))
        }
        // It left before it began.
        Err(error) if error.channel_is_disconnected() => Ok(Ended::InOrder),
        Err(error) => Err(error),
    }
}

/// Serves a client over standard input and output.
///
/// # Errors
/// See [`serve`]; and where the client cannot be read or written any more.
pub fn serve_stdio(toolkit: Toolkit) -> Result<Ended, String> {
    let (connection, threads) = transport::stdio().map_err(|error| error.to_string())?;
    let served = serve(toolkit, &connection).map_err(|error| error.to_string());
    drop(connection);
    if served == Ok(Ended::Orphaned) {
        // Others may hold the client's pipes open: the threads that read and write could wait for ever.
        return served;
    }
    let joined = threads.join().map_err(|error| error.to_string());
    let ended = served?;
    joined.map(|()| ended)
}
