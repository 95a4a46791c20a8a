//! Boosted decision trees, read from lines of text.
//!
//! A line is a tree in preorder: `FEATURE<=THRESHOLD` is followed by the branch for yes and the branch for
//! no, `=VALUE` is a leaf. `bench/train_extractor.py` writes them.

/// A node: a leaf's `feature` is [`LEAF`] and its `number` the value; else `number` is the threshold, the
/// branch for yes follows, and the branch for no stands at `no`.
#[derive(Clone, Copy, Debug)]
struct Node {
    feature: u16,
    no: u16,
    number: f32,
}

const LEAF: u16 = u16::MAX;

/// A set of trees whose values are added.
#[derive(Debug)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    /// Where each tree begins.
    roots: Vec<u32>,
}

impl Forest {
    /// Reads a forest; lines that are no tree over `columns` features are left out, which a test excludes.
    pub(super) fn read(text: &str, columns: usize) -> Self {
        let mut forest = Self { nodes: Vec::new(), roots: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut tree = Vec::new();
            let mut words = line.split(' ');
            if branch(&mut words, columns, &mut tree, 0).is_some() && words.next().is_none() {
                forest.roots.push(forest.nodes.len() as u32);
                forest.nodes.extend(tree);
            }
        }
        forest
    }

    /// How many trees it holds.
    #[cfg(test)]
    pub(super) fn trees(&self) -> usize {
        self.roots.len()
    }

    /// The sum of the trees' values for a row of features: the logarithm of the odds.
    pub(super) fn sum(&self, row: &[f32]) -> f32 {
        let mut sum = 0.0;
        for root in &self.roots {
            let tree = &self.nodes[*root as usize..];
            let mut at = 0;
            loop {
                let node = tree[at];
                if node.feature == LEAF {
                    sum += node.number;
                    break;
                }
                at =
                    if row[usize::from(node.feature)] <= node.number { at + 1 } else { usize::from(node.no) };
            }
        }
        sum
    }
}

fn branch<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    columns: usize,
    tree: &mut Vec<Node>,
    depth: usize,
) -> Option<()> {
    let word = words.next()?;
    if let Some(value) = word.strip_prefix('=') {
        tree.push(Node { feature: LEAF, no: 0, number: value.parse().ok()? });
        return Some(());
    }
    let (feature, threshold) = word.split_once("<=")?;
    let feature: u16 = feature.parse().ok()?;
    if usize::from(feature) >= columns || depth > 64 {
        return None;
    }
    let at = tree.len();
    tree.push(Node { feature, no: 0, number: threshold.parse().ok()? });
    branch(words, columns, tree, depth + 1)?;
    tree[at].no = u16::try_from(tree.len()).ok()?;
    branch(words, columns, tree, depth + 1)
}

/// A probability from the logarithm of its odds, by a rational function that is the same on every processor:
/// within a thousandth of the logistic function.
pub(super) fn probability(odds: f32) -> f32 {
    // Squaring a truncated series: exp(x) = (1 + x/1024 + (x/1024)²/2)^1024.
    let x = (-odds).clamp(-20.0, 20.0) / 1024.0;
    let mut power = 1.0 + x * (1.0 + x * 0.5);
    for _ in 0..10 {
        power *= power;
    }
    1.0 / (1.0 + power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_read_and_followed() {
        let forest = Forest::read("# two trees\n0<=1.5 =-1 1<=0 =2 =4\n=0.5\n9<=1 =1 =2\n0<=1 =3\n", 2);
        assert_eq!(forest.trees(), 2);
        assert_eq!(forest.sum(&[1.5, 9.0]), -0.5);
        assert_eq!(forest.sum(&[2.0, 0.0]), 2.5);
        assert_eq!(forest.sum(&[2.0, 0.1]), 4.5);
    }

    #[test]
    fn odds_become_probabilities() {
        for odds in [-12.0_f32, -3.0, -0.5, 0.0, 0.5, 3.0, 12.0] {
            assert!((probability(odds) - 1.0 / (1.0 + (-odds).exp())).abs() < 0.001, "{odds}");
        }
    }
}
