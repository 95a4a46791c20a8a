//! Code actions.
