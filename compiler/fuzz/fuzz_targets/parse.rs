//! Any text has a tree that covers it, and formatting changes space alone, once.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/syntax/laws.rs"]
mod laws;

fuzz_target!(|text: &str| assert_eq!(laws::fault(text), None));
