//! What all tests share: the library, and compiling text.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use llmp_compiler::code;
use llmp_compiler::lint::{Finding, Lints};
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};
use serde_json::Value;

/// The library of `stdlib.llmp`.
pub(crate) fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let (library, diagnostics, sources) = Library::new(&[("stdlib.llmp", include_str!("stdlib.llmp"))]);
        assert!(diagnostics.is_empty(), "{}", crate::render::diagnostics(&diagnostics, &sources));
        library.with_lints(Lints::new(lints))
    })
}

/// Rules of a stage's implementation, modelled on the real ones.
fn lints(stage: &str, settings: &Value) -> Vec<Finding> {
    let number = |name: &str, field: &str| settings[name][field].as_u64();
    let mut found = Vec::new();
    if stage != "pretrain" {
        return found;
    }
    let finding = |code, path: &[&str], message: String| Finding {
        code,
        path: path.iter().map(|name| (*name).to_owned()).collect(),
        message,
        label: None,
        help: None,
    };
    if let (Some(width), Some(heads)) = (number("model", "width"), number("model", "heads"))
        && number("model", "head_width").is_none()
        && !width.is_multiple_of(heads)
    {
        let message = format!("the width {width} cannot be divided among {heads} heads");
        let label = Some(format!("{width} / {heads} is not whole"));
        found.push(Finding { label, ..finding(code::HEADS, &["model", "width"], message) });
    }
    let step =
        number("model", "context").zip(settings["batch"].as_u64()).map(|(context, batch)| context * batch);
    if let (Some(step), Some(horizon)) = (step, settings["for"].as_u64())
        && horizon < step
    {
        let help = Some("train for longer, or choose a smaller `batch`".to_owned());
        let message = "this trains for a single step".to_owned();
        found.push(Finding { help, ..finding(code::SINGLE_STEP, &["for"], message) });
    }
    found
}

/// Compiles files, of which the first is the main one.
pub(crate) fn compile_files(files: &[(&str, &str)], options: &Options) -> Compilation {
    let map: BTreeMap<String, Arc<str>> =
        files.iter().map(|&(path, text)| (path.to_owned(), text.into())).collect();
    compile(&MemoryWorld { files: map }, library(), files[0].0, options)
}

/// Compiles one file.
pub(crate) fn compile_text(text: &str) -> Compilation {
    compile_files(&[("main.llmp", text)], &Options::default())
}
