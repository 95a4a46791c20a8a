//! `llmp guard`: started by a run with its first command; see [`llmp_engine::Guard`].

use super::Outcome;

pub(super) fn run(owner: u32) -> Outcome {
    llmp_engine::watch(std::io::stdin().lock(), owner);
    Ok(0)
}
