//! Texts with their trees and messages (`ok/`, `err/`, `snapshots/`), and properties that hold for every text.

mod corpus;
mod laws;
mod mutate;
mod properties;
mod render;
