//! Checking any text ends soon and breaks nothing; what is right is right again once it is formatted, with
//! the same keys.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use llmp_compiler::format::format;
use llmp_compiler::graph::Graph;
use llmp_compiler::key::recipe;
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};

fn checked(text: &str) -> Compilation {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let signatures = include_str!("../../tests/language/stdlib.llmp");
    let library = LIBRARY.get_or_init(|| Library::new(&[("stdlib.llmp", signatures)]).0);
    let files = BTreeMap::from([("main.llmp".to_owned(), Arc::from(text))]);
    compile(&MemoryWorld { files }, library, "main.llmp", &Options::default())
}

fn recipes(graph: &Graph) -> Vec<String> {
    graph.stages.iter().map(|stage| format!("{} {:?}", stage.name, recipe(stage))).collect()
}

fuzz_target!(|text: &str| {
    let compilation = checked(text);
    if compilation.is_ok() {
        let formatted = checked(&format(text));
        assert_eq!(recipes(&compilation.graph), recipes(&formatted.graph));
    }
});
