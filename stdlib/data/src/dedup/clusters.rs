//! Groups of documents that pairs connect: union-find, where the least number stands for its group.

/// Disjoint sets of `0..n`.
pub(super) struct Clusters(Vec<u32>);

impl Clusters {
    /// Each number alone.
    pub(super) fn new(count: u32) -> Self {
        Self((0..count).collect())
    }

    /// The least number of the set.
    pub(super) fn find(&mut self, mut number: u32) -> u32 {
        loop {
            let parent = self.0[number as usize];
            if parent == number {
                return number;
            }
            let above = self.0[parent as usize];
            self.0[number as usize] = above;
            number = above;
        }
    }

    /// Joins two sets.
    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::Clusters;

    #[test]
    fn the_least_stands_for_all() {
        let mut clusters = Clusters::new(6);
        for (a, b) in [(5, 4), (4, 2), (1, 0), (3, 5)] {
            clusters.join(a, b);
        }
        let found: Vec<u32> = (0..6).map(|number| clusters.find(number)).collect();
        assert_eq!(found, [0, 0, 2, 2, 2, 2]);
    }
}
