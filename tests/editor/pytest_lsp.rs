//! An independent client, pytest-lsp, drives the binary over standard input and output.

use std::path::Path;
use std::process::Command;

#[test]
fn a_client_in_python_is_served() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let known = Command::new(&python).args(["-c", "import pytest_lsp"]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        eprintln!("skipped: `{python}` has no pytest_lsp (`pip install pytest-lsp==1.0.1`, or set PYTHON)");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/editor/pytest");
    let output = Command::new(&python)
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_llmp.py"])
        .current_dir(folder)
        .env("LLMP", env!("CARGO_BIN_EXE_llmp"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("LLMP_STORE")
        .output()
        .expect("start python");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
