//! Conversations, the knowledge boundary, refusal, search and the evaluation that shows them.

pub mod ability;
mod grade;
mod load;
pub mod message;
mod question;
mod random;
pub mod render;
mod rows;
pub mod search;
mod words;
