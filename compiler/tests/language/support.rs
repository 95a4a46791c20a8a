//! What all tests share: the library, and compiling text.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};

/// The library of `stdlib.llmp`.
pub(crate) fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let (library, diagnostics, sources) = Library::new(&[("stdlib.llmp", include_str!("stdlib.llmp"))]);
        assert!(diagnostics.is_empty(), "{}", crate::render::diagnostics(&diagnostics, &sources));
        library
    })
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
