//! Stages that leave out documents, or parts of them, that others resemble.

mod bands;
mod clusters;
pub mod exact;
pub mod minhash;
mod seen;
mod signature;
pub mod substring;

llmp_stage::stages! { "data/dedup":
    "dedup.exact" = exact { lint, rules },
    "dedup.minhash" = minhash { lint, pace, rules },
    "dedup.minhash.group" = minhash::group { cost },
    "dedup.minhash.sign" = minhash::sign { cost },
    "dedup.substring" = substring { rules },
}
