//! Whole-program tests: the binary on real files.

mod data;
mod mistakes;
mod models;
mod spec;
mod world;
