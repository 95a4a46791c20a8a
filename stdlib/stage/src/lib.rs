//! What a stage is: the Stage trait, its Context, and the artifacts on disk.
