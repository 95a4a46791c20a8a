//! Stages that choose among documents and put sets of them together.

pub(crate) mod chance;
pub mod first;
pub mod mix;
pub mod sample;
pub mod shuffle;
pub mod split;

llmp_stage::stages! { "data/docs":
    "docs.first" = first,
    "docs.mix" = mix { lint, pace },
    "docs.sample" = sample { pace },
    "docs.shuffle" = shuffle { cost },
    "docs.split" = split { pace },
}
