//! `llmp guard`: started by a run with its first command; see [`crate::engine::Guard`].

use super::Outcome;

pub(super) fn run() -> Outcome {
    crate::engine::watch(std::io::stdin().lock());
    Ok(0)
}
