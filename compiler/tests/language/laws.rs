//! What holds for every program, right or wrong: for the tests and the fuzz target `check`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use llmp_compiler::format::format;
use llmp_compiler::graph::Graph;
use llmp_compiler::key::recipe;
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};

/// Checking ends and breaks nothing; what is right is right again once it is formatted, with the same keys.
pub(crate) fn check(text: &str) {
    let compilation = checked(text);
    if compilation.is_ok() {
        let formatted = checked(&format(text));
        assert_eq!(recipes(&compilation.graph), recipes(&formatted.graph), "{text}");
    }
}

fn checked(text: &str) -> Compilation {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| Library::new(&[("stdlib.llmp", include_str!("stdlib.llmp"))]).0);
    let files = BTreeMap::from([("main.llmp".to_owned(), Arc::from(text))]);
    compile(&MemoryWorld { files }, library, "main.llmp", &Options::default())
}

fn recipes(graph: &Graph) -> Vec<String> {
    graph.stages.iter().map(|stage| format!("{} {:?}", stage.name, recipe(stage))).collect()
}
