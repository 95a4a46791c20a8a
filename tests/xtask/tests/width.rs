//! Comments keep the formatter's width.

use std::fs;

use xtask::{files, root, width};

/// Folders that were being changed when the width was introduced: run `cargo xtask wrap`, then remove this.
const NOT_YET: [&str; 11] = [
    "runtime/cli",
    "runtime/engine",
    "runtime/insight",
    "runtime/net",
    "runtime/planning",
    "stdlib/all",
    "stdlib/artifacts",
    "stdlib/data",
    "tests/faults",
    "tests/newcomer",
    "tests/program",
];

#[test]
fn comments_keep_the_width() {
    let root = root();
    let mut wide = Vec::new();
    for path in files(&root, ".rs").expect("the sources") {
        let shown = path.strip_prefix(&root).expect("below the root").display().to_string();
        if NOT_YET.iter().any(|folder| shown.starts_with(folder)) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("UTF-8");
        wide.extend(width::too_wide(&text).into_iter().map(|line| format!("{shown}:{line}")));
    }
    assert!(wide.is_empty(), "run `cargo xtask wrap`: {wide:#?}");
}
