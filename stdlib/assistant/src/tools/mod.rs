//! Stages that make tools.

pub(crate) mod search;
