//! The language model: architecture, training, sampling, Hugging Face folders. The only crate that names
//! burn.
//!
//! - [`train()`]: the one trainer, used by pretraining and every fine-tuning stage.
//! - [`Sampler`]: decoding with a KV cache.
//! - [`Line`]: the models between two others.
//! - [`memory`] that both need, and [`work`] that they do.
//! - [`stages`], of which there is one, `model.load`.
//!
//! The transformer is written once (`model`) over a few operations (`ops`), which are composed of burn's on
//! GPUs and fused on the CPU (`cpu`). Decoding on the CPU has its own code over the same kernels
//! (`generate`).

mod blend;
mod checkpoint;
mod cpu;
pub mod device;
pub mod generate;
mod hub;
mod load;
pub mod memory;
mod model;
mod ops;
mod optimizer;
mod quiet;
mod recipe;
pub mod speed;
pub mod train;
pub mod work;

pub use blend::Line;
pub use device::Device;
pub use generate::{
    Adjust, Batch, Candidates, Completion, End, Job, Likelihood, Mask, Request, Sampler, Scored, Step,
};
pub use hub::{initial, save};
pub use optimizer::Optimizer;
pub use recipe::{OnSpike, Recipe, Schedule, Stretch, stem};
pub use train::{Batches, HeldOut, Row, Start, Trained, train};

llmp_stage::stages! { "model":
    "model.load" = load,
}
