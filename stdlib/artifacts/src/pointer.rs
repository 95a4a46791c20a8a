//! What stands in the place of a large file where git fetched its name only.

/// What to do about a pointer.
pub const ADVICE: &str = "fetch the file itself, with `git lfs pull`";

/// Whether a file that begins with `start` is a pointer of Git LFS.
#[must_use]
pub fn is_pointer(start: &[u8]) -> bool {
    start.starts_with(b"version https://git-lfs.github.com/spec/")
}
