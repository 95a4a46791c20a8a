//! What a program brings to every plan.

use std::fmt;

use llmp_compiler::signature::Library;
use llmp_stage::Registry;

/// The language's library, the stages behind it, and the device that is taken unless another is asked for.
#[derive(Clone, Copy)]
pub struct Toolkit {
    /// The signatures, for the compiler.
    pub library: &'static Library,
    /// Implementations and kinds of artifacts.
    pub registry: &'static Registry,
    /// The device that `llmp run` takes by itself: who only looks does not open a GPU's driver to find out
    /// which.
    pub device: &'static str,
}

impl fmt::Debug for Toolkit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolkit").field("device", &self.device).finish_non_exhaustive()
    }
}
