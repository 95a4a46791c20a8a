//! Real editors against the binary, where they are installed: `compiler/editors/*/test/run` says what they
//! do.

use std::path::Path;
use std::process::Command;

/// Runs the test of an editor, which skips itself where the editor is missing.
fn editor(name: &str) {
    let editors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compiler/editors");
    let script = editors.join(name).join("test/run");
    let run = Command::new("sh").arg(&script).env("LLMP", env!("CARGO_BIN_EXE_llmp")).output();
    let run = run.expect("a shell");
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    eprintln!("{told}");
    assert!(run.status.success(), "{}: {}\n{told}", script.display(), run.status);
}

#[test]
fn neovim() {
    editor("nvim");
}

#[test]
fn emacs() {
    editor("emacs");
}

#[test]
fn helix() {
    editor("helix");
}
