//! The language model: architecture, training, sampling, Hugging Face folders. The only crate that names burn.
//!
//! - [`Config`]: the shape of a model, read from and written to `config.json`.
//! - [`train()`]: the one trainer, used by pretraining and every fine-tuning stage.
//! - [`Sampler`]: decoding with a KV cache.
//! - [`stages`] and [`SIGNATURES`]: `pretrain` and `model.load`.
//!
//! The transformer is written once (`model`) over a few operations (`ops`), which are composed of burn's on GPUs and
//! fused on the CPU (`cpu`). Decoding on the CPU has its own code over the same kernels (`generate`).

mod checkpoint;
pub mod config;
mod cpu;
pub mod device;
pub mod generate;
mod hub;
mod load;
mod memory;
mod model;
mod ops;
mod optimizer;
mod pretrain;
mod random;
pub mod train;

use llmp_stage::{Signature, Stage, stage, stage_with_cost};

pub use config::Config;
pub use device::Device;
pub use generate::{Completion, Request, Sampler};
pub use train::{Batches, Optimizer, Recipe, Row, Schedule, Start, Trained, train};

/// The stages of this crate.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    vec![stage_with_cost("pretrain", pretrain::run, pretrain::cost), stage("model.load", load::run)]
}

/// Their signatures, for the compiler to read.
pub const SIGNATURES: &[Signature] = &[
    Signature { path: "model/pretrain.llmp", text: include_str!("pretrain.llmp") },
    Signature { path: "model/load.llmp", text: include_str!("load.llmp") },
];
