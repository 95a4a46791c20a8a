//! Conversations, the knowledge boundary, refusal, search and the evaluation that shows them.
//!
//! The stages follow each other: `chat.load` and `sft` make a model that converses; `knowledge.load` and
//! `knowledge.probe` find out what it knows; `refusal` teaches it to say "I don't know" where it does not; `tools.search`
//! and `tool_use` teach it to look things up there; `eval.factuality` shows what each step did.
//! [`assistant::Assistant`] is what answers people.

pub mod ability;
pub mod assistant;
pub mod check;
mod cost;
mod factuality;
mod grade;
mod load;
pub mod message;
mod mix;
mod probe;
mod question;
mod random;
mod refusal;
pub mod render;
mod rows;
pub mod search;
mod sft;
mod table;
mod tool_use;
mod tune;
mod utf8;
mod words;

#[cfg(test)]
mod tests;

pub use factuality::{Answer, Factuality, GroupScore};
pub use grade::{Grade, Match, REFUSAL, grade};
pub use load::CONVERSATIONS_FILE;
pub use question::{Knowledge, PROBE_FILE, Probed, QUESTIONS_FILE, Question};

use llmp_stage::{Signature, Stage, stage, stage_with_cost};

/// The stages of this crate.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    vec![
        stage("chat.load", load::conversations),
        stage("knowledge.load", load::questions),
        stage_with_cost("sft", sft::run, cost::sft),
        stage_with_cost("knowledge.probe", probe::run, cost::probe),
        stage_with_cost("refusal", refusal::run, cost::refusal),
        stage_with_cost("tools.search", search::run, search::cost),
        stage_with_cost("tool_use", tool_use::run, cost::tool_use),
        stage_with_cost("eval.factuality", factuality::run, cost::factuality),
    ]
}

/// Their signatures, for the compiler to read.
pub const SIGNATURES: &[Signature] = &[
    Signature { path: "chat/load.llmp", text: include_str!("load.llmp") },
    Signature { path: "chat/sft.llmp", text: include_str!("sft.llmp") },
    Signature { path: "chat/probe.llmp", text: include_str!("probe.llmp") },
    Signature { path: "chat/refusal.llmp", text: include_str!("refusal.llmp") },
    Signature { path: "chat/search.llmp", text: include_str!("search.llmp") },
    Signature { path: "chat/tool_use.llmp", text: include_str!("tool_use.llmp") },
    Signature { path: "chat/factuality.llmp", text: include_str!("factuality.llmp") },
];
