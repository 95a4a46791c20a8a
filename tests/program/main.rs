//! Whole-program tests: the binary on real files.

mod after;
mod chinese;
mod data;
mod editors;
mod folders;
mod forget;
mod graph;
mod init;
mod language;
mod look;
mod mistakes;
mod models;
mod output;
mod own_stages;
mod remarks;
mod results;
mod spec;
mod stores;
mod targets;
mod terminal;
mod training;
mod world;
