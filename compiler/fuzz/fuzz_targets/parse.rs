//! Any text has a tree that covers it, and formatting it twice is formatting it once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llmp_compiler::format::format;
use llmp_compiler::source::FileId;
use llmp_compiler::syntax::parse;

fuzz_target!(|text: &str| {
    let tree = parse(FileId::default(), text).tree;
    let joined: String = tree.leaves().map(|leaf| &text[tree.range(leaf)]).collect();
    assert_eq!(joined, text);
    let formatted = format(text);
    assert_eq!(format(&formatted), formatted);
});
