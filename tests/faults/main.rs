//! Faults: a small but real pipeline (crawl, filter, extract, a command stage, tokenize, pretrain with
//! checkpoints) is killed, starved, damaged and run beside itself; its results must have the digests of an
//! undisturbed run, nothing finished may be lost or done twice, and nothing half finished may ever be seen.
//!
//! The short form runs with the other tests. The long form takes the number of kills, and so many of each
//! other fault:
//!
//! ```text
//! LLMP_FAULTS=500 cargo test --release -p llmp --test faults -- --nocapture
//! LLMP_FAULTS_SEED=7 …     another sequence; a failure prints the one it had
//! ```
//!
//! What was found with it stands in `README.md` beside this file.

#[allow(dead_code)]
#[path = "../program/world.rs"]
mod world;

mod clock;
mod commands;
mod damage;
mod disk;
mod failures;
mod kills;
mod pipeline;
mod signals;
mod together;
mod worker;
