//! Stages that leave out documents that others resemble.

mod bands;
mod clusters;
pub mod minhash;
mod signature;

llmp_stage::stages! { "data/dedup":
    "dedup.minhash" = minhash { cost, lint, pace, rules },
}
