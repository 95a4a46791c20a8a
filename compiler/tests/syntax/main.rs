//! Texts with their trees and messages (`ok/`, `err/`, `snapshots/`), and properties that hold for every
//! text.

#![allow(clippy::disallowed_methods, reason = "tests read fixtures and the clock")]

mod corpus;
mod laws;
mod mutate;
mod properties;
mod render;
