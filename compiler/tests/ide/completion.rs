//! Completion and signature help.
