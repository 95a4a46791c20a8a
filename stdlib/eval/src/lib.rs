//! Stages that measure models: what they know, what they make up, and when they say that they do not know.

mod factuality;
mod knowledge;

pub use factuality::{Answer, Factuality, GroupScore};

llmp_stage::stages! { "eval":
    "eval.factuality" = factuality { cost, remarks, show },
    "knowledge.probe" = knowledge::probe { cost, lint, remarks },
}
