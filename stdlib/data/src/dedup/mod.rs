//! Stages that leave out documents that others resemble.

mod bands;
mod clusters;
pub mod minhash;
mod signature;

use llmp_stage::{Signature, Stage, stage_with_cost};

/// The stages of this module.
pub(crate) fn stages() -> Vec<Box<dyn Stage>> {
    vec![stage_with_cost("dedup.minhash", minhash::run, minhash::cost)]
}

/// Their signatures.
pub(crate) const SIGNATURES: &[Signature] =
    &[Signature { path: "data/dedup/minhash.llmp", text: include_str!("minhash.llmp") }];
