//! All stages this program knows, as plans and the editor take them.

use std::sync::OnceLock;

use llmp_compiler::signature::Library;
use llmp_planning::Toolkit;
use llmp_stage::Registry;

/// The standard library.
pub fn standard() -> &'static Registry {
    llmp_stdlib::registry()
}

/// The standard library as the compiler knows it; each signature is read when it is first asked for.
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        Library::of_stages(standard().stages().filter_map(|stage| {
            let signature = stage.signature()?;
            Some((stage.name(), signature.path, signature.text))
        }))
    })
}

/// The device that is taken unless another is asked for.
const DEVICE: &str = if cfg!(any(feature = "cuda", feature = "wgpu")) { "auto" } else { "cpu" };

/// All of it, as plans and the editor take it.
pub fn toolkit() -> Toolkit {
    Toolkit { library: library(), registry: standard(), device: DEVICE }
}
