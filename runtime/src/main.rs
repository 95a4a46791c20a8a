//! The `llmp` program.
fn main() {}
