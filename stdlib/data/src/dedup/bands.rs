//! How hashes are cut into bands. Two documents of similarity `s` agree in a whole band of `r` hashes with
//! probability `s^r`, and in at least one of `b` bands with `1 - (1 - s^r)^b`.

use llmp_stage::{Error, Result};

/// Pairs at the similarity asked for are found with at least this probability.
const RECALL: f64 = 0.95;

/// Bands of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bands {
    /// How many.
    pub(super) count: usize,
    /// Hashes in each.
    pub(super) width: usize,
}

impl Bands {
    /// The widest bands, which bring the fewest wrong candidates, that still find what they should.
    pub(super) fn for_similarity(similarity: f64, hashes: usize) -> Self {
        let bands = |width| Self { count: hashes / width, width };
        let found = |bands: &Self| bands.recall(similarity) >= RECALL;
        (1..=hashes).rev().map(bands).find(found).unwrap_or(bands(1))
    }

    /// Bands as given, if there are hashes for them.
    pub(super) fn given(count: usize, width: usize, hashes: usize) -> Result<Self> {
        if count == 0 || width == 0 || count.saturating_mul(width) > hashes {
            return Err(Error::new(format!(
                "{count} bands of {width} hashes do not fit into {hashes} hashes"
            ))
            .help("`bands` times `band_hashes` is at most `hashes`"));
        }
        Ok(Self { count, width })
    }

    /// The share of pairs at a similarity that are found.
    pub(super) fn recall(self, similarity: f64) -> f64 {
        let mut band = 1.0;
        for _ in 0..self.width {
            band *= similarity;
        }
        let mut missed = 1.0;
        for _ in 0..self.count {
            missed *= 1.0 - band;
        }
        1.0 - missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_alone_sets_the_bands() {
        assert_eq!(Bands::for_similarity(0.8, 112), Bands { count: 16, width: 7 });
        assert_eq!(Bands::for_similarity(1.0, 112), Bands { count: 1, width: 112 });
        assert_eq!(Bands::for_similarity(0.01, 112).width, 1);
        for similarity in [0.3, 0.5, 0.72, 0.9] {
            assert!(Bands::for_similarity(similarity, 112).recall(similarity) >= RECALL);
        }
    }

    #[test]
    fn finewebs_bands() {
        let bands = Bands::given(14, 8, 112).expect("they fit");
        assert!((bands.recall(0.8) - 0.924).abs() < 0.001);
        assert!(Bands::given(15, 8, 112).is_err() && Bands::given(0, 8, 112).is_err());
    }
}
