//! CONTRIBUTING's recipes touch as few files as it says.

use std::fs;
use std::path::Path;

use xtask::{files, new, root, stages};

/// What a recipe reads and edits, in a folder of its own.
fn copy(to: &Path) {
    let root = root();
    let mut sources = files(&root.join("stdlib"), ".llmp").expect("signatures");
    sources.extend(files(&root.join("stdlib"), "mod.rs").expect("modules"));
    sources.extend(files(&root.join("stdlib"), "lib.rs").expect("crates"));
    sources.extend(["stdlib/data/src/shards.rs", "compiler/src/code.rs"].map(|path| root.join(path)));
    for path in sources {
        let copy = to.join(path.strip_prefix(&root).expect("below the root"));
        fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        fs::copy(path, copy).expect("a copy");
    }
    fs::create_dir_all(to.join("compiler/src/explain")).expect("a folder");
}

/// How many files a recipe made, and how many it edited.
fn counted(touched: &[String]) -> (usize, usize) {
    let of = |what: &str| touched.iter().filter(|line| line.starts_with(what)).count();
    (of("new "), of("edited "))
}

#[test]
fn a_stage_is_two_new_files_and_two_edited_ones_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(folder.path());
    for name in ["filter.throwaway", "dedup.throwaway", "eval.throwaway"] {
        let touched = new::stage(folder.path(), name).expect("a stage");
        let (made, edited) = counted(&touched);
        assert!(made == 2 && (1..=2).contains(&edited), "{touched:?}");
        assert!(new::stage(folder.path(), name).is_err(), "a name is taken once");
        let page = stages::page(folder.path()).expect("signatures that are right");
        assert!(page.contains(&format!("## {name}\n")));
    }
}

#[test]
fn a_code_is_the_first_free_one() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(folder.path());
    let touched = new::code(folder.path(), "E02", "a vocabulary is older than its text").expect("a code");
    assert_eq!(counted(&touched), (1, 1), "{touched:?}");
    let code = touched[0].rsplit(['/', '.']).nth(1).expect("a file");
    assert_eq!(llmp_compiler::explain::explain(code), None, "{code} is taken");
    let table = fs::read_to_string(folder.path().join("compiler/src/code.rs")).expect("the table");
    assert!(table.contains(&format!("    {code} A_VOCABULARY_IS_OLDER")), "{code}");
    for group in ["E0245", "X02", "E2"] {
        assert!(new::code(folder.path(), group, "a title").is_err(), "{group}");
    }
}
