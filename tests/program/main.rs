//! Whole-program tests: the binary on real files.

mod after;
mod data;
mod editors;
mod graph;
mod mistakes;
mod models;
mod spec;
mod targets;
mod world;
