//! From .llmp text to a checked, content-hashed plan. No file system, clock, network or tensors.
