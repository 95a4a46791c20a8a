//! Whole-program tests: the binary on real files.

mod after;
mod data;
mod editors;
mod folders;
mod graph;
mod language;
mod mistakes;
mod models;
mod output;
mod remarks;
mod spec;
mod targets;
mod world;
