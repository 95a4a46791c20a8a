//! The language model: architecture, training, sampling, Hugging Face folders. The only crate that names burn.
//!
//! - [`Config`]: the shape of a model, read from and written to `config.json`.
//! - [`train`]: the one trainer, used by pretraining and every fine-tuning stage.
//! - [`Sampler`]: decoding with a KV cache.
//! - [`stages`] and [`SIGNATURES`]: the stage `pretrain`.

mod checkpoint;
pub mod config;
mod cpu;
pub mod device;
pub mod generate;
mod hub;
mod model;
mod ops;
mod optimizer;
mod random;
pub mod train;

pub use config::Config;
pub use device::Device;
pub use generate::{Completion, Request, Sampler};
pub use train::{Batches, Optimizer, Recipe, Row, Schedule, Start, Trained, train};
