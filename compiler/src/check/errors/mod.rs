//! What can be wrong with types, units, settings and arguments.

mod arguments;
mod changes;

pub(crate) use crate::value::errors::*;
pub(crate) use arguments::*;
pub(crate) use changes::*;
