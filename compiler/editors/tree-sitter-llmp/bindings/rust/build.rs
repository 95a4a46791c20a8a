//! Compiles the generated parser and its scanner.

use std::path::Path;

fn main() {
    let src = Path::new("src");
    let files = [src.join("parser.c"), src.join("scanner.c")];
    cc::Build::new().std("c11").include(src).warnings(false).files(&files).compile("tree-sitter-llmp");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}
