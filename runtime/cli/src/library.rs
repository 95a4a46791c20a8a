//! All stages this program knows, as plans and the editor take them.

use std::sync::OnceLock;

use llmp_compiler::code::Code;
use llmp_compiler::lint::{Finding, Lints};
use llmp_compiler::signature::Library;
use llmp_planning::Toolkit;
use llmp_stage::{Lint, Registry};

/// The standard library.
pub fn standard() -> &'static Registry {
    llmp_stdlib::registry()
}

/// The standard library as the compiler knows it; each signature is read when it is first asked for.
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let stages = standard().stages().filter_map(|stage| {
            let signature = stage.signature()?;
            Some((stage.name(), signature.path, signature.text))
        });
        let lints = Lints::new(|stage, settings| {
            let lints = standard().stage(stage).map_or_else(Vec::new, |stage| stage.lint(settings));
            lints.into_iter().filter_map(finding).collect()
        });
        let lints = lints.completing(|stage, settings| standard().stage(stage)?.complete(settings));
        Library::of_stages(stages).with_lints(lints)
    })
}

/// A rule that settings break, as the compiler takes it; `None` where its code is unknown, which a test
/// excludes.
fn finding(lint: Lint) -> Option<Finding> {
    Some(Finding {
        code: Code::named(lint.code)?,
        path: lint.path.iter().map(|name| (*name).to_owned()).collect(),
        message: lint.message,
        label: lint.label,
        help: lint.help,
    })
}

/// The device that is taken unless another is asked for.
const DEVICE: &str = if cfg!(any(feature = "cuda", feature = "wgpu")) { "auto" } else { "cpu" };

/// All of it, as plans and the editor take it.
pub fn toolkit() -> Toolkit {
    Toolkit { library: library(), registry: standard(), device: DEVICE }
}
