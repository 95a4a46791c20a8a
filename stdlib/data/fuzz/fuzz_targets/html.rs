//! `laws::html` for any text.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/laws/mod.rs"]
#[allow(dead_code)]
mod laws;

fuzz_target!(|text: &str| laws::html(text));
