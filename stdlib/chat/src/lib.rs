//! Conversations, the knowledge boundary, refusal, search and the evaluation that shows them.
