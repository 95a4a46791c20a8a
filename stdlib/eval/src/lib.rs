//! Stages that measure models: what they know, what they make up, and when they say that they do not know.

mod choice;
mod factuality;
mod generate;
mod knowledge;
mod loss;
mod recite;
mod samples;
mod subject;
#[cfg(test)]
mod testing;
mod written;

pub use factuality::{Answer, Factuality, GroupScore};

llmp_stage::stages! { "eval":
    "eval.choice" = choice { cost, probe },
    "eval.factuality" = factuality { cost, remarks, show },
    "eval.generate" = generate { cost },
    "eval.loss" = loss { cost },
    "eval.recite" = recite { cost },
    "eval.samples" = samples { cost },
    "knowledge.probe" = knowledge::probe { cost, lint, remarks },
}
