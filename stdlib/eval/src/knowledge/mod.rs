//! What a model knows.

pub(crate) mod probe;
