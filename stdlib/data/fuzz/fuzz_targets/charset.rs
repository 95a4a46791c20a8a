//! `laws::charset` for any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/laws/mod.rs"]
#[allow(dead_code)]
mod laws;

fuzz_target!(|bytes: &[u8]| laws::charset(bytes));
