//! What can be wrong with types, units, settings and arguments.

mod arguments;
mod values;

pub(crate) use arguments::*;
pub(crate) use values::*;
