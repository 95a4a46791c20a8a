//! Any bytes given as this input are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../tests/inputs/laws.rs"]
mod laws;

fuzz_target!(|bytes: &[u8]| laws::csv(bytes));
