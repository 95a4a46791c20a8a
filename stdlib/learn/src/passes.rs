//! Endless shuffled passes over a set.

use std::sync::{Mutex, PoisonError};

use llmp_artifacts::random::Random;

/// Endless passes over the items `0..len`, each pass in an order of its own.
///
/// The `n`-th item is a function of `n` and the seed, so training that stops at any step can go on there.
pub(crate) struct Passes {
    seed: u64,
    len: usize,
    /// The order of the pass that was asked for last.
    order: Mutex<(u64, Vec<usize>)>,
}

impl Passes {
    pub(crate) fn new(len: usize, seed: u64) -> Self {
        Self { seed, len, order: Mutex::new((0, shuffled(len, seed, 0))) }
    }

    /// The item at place `n` of the endless sequence; `None` where there are no items.
    pub(crate) fn nth(&self, n: u64) -> Option<usize> {
        let pass = n.checked_div(self.len as u64)?;
        let place = (n % self.len as u64) as usize;
        // A poisoned lock holds a valid order or the one before: both are recomputed when the pass differs.
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        if order.0 != pass {
            *order = (pass, shuffled(self.len, self.seed, pass));
        }
        order.1.get(place).copied()
    }
}

/// `0..len` in the order of pass `pass` (Fisher and Yates).
fn shuffled(len: usize, seed: u64, pass: u64) -> Vec<usize> {
    let mut random = Random::new(seed, pass);
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_holds_every_item_once() {
        let passes = Passes::new(7, 3);
        let items: Vec<usize> = (0..21).map(|n| passes.nth(n).unwrap()).collect();
        for pass in items.chunks(7) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..7).collect::<Vec<_>>());
        }
        assert_ne!(items[..7], items[7..14], "passes differ");
        assert_eq!(passes.nth(3), Some(items[3]), "going back gives the same");
        assert_eq!(Passes::new(0, 3).nth(5), None);
    }
}
