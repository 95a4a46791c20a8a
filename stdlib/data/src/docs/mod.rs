//! Stages that choose among documents and put sets of them together.

mod chance;
pub mod mix;
pub mod sample;
pub mod split;

llmp_stage::stages! { "data/docs":
    "docs.mix" = mix { lint, pace },
    "docs.sample" = sample { pace },
    "docs.split" = split { pace },
}
