//! `llmp guard`: started by a run with its first command; see [`crate::engine::Guard`].

use super::Outcome;

pub(super) fn run(owner: u32) -> Outcome {
    crate::engine::watch(std::io::stdin().lock(), owner);
    Ok(0)
}
