//! `laws::check` for any text.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/language/laws.rs"]
mod laws;

fuzz_target!(|text: &str| laws::check(text));
