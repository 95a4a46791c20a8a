//! What is generated is as it would be generated now.

use std::fs;

use xtask::{generate, root};

#[test]
fn generated_pages_are_fresh() {
    let root = root();
    for made in generate::all(&root).expect("pages") {
        let found = fs::read_to_string(root.join(made.path)).unwrap_or_default();
        assert!(found == made.text, "`{}` is stale: run `cargo xtask gen`", made.path);
    }
}
