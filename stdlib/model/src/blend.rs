//! Models between two others: weights on the straight line from those before a tuning to those after it.
//!
//! After WiSE-FT (Wortsman et al., arXiv 2109.01903): on the way between a model and what tuning made of it
//! lie models that have learned nearly all of the tuning and forgotten less than its end.

use std::path::Path;

use llmp_artifacts::model::Config;
use llmp_stage::{Error, Result};

use crate::generate::Sampler;
use crate::hub;

/// The line between two models of the same shape.
pub struct Line {
    config: Config,
    before: Vec<Vec<f32>>,
    after: Vec<Vec<f32>>,
}

impl Line {
    /// From the model folder `before` to `after`, whose config all models between have.
    ///
    /// # Errors
    /// Where a folder is no model, or the two differ in shape.
    pub fn between(before: &Path, after: &Path) -> Result<Self> {
        let (first, before) = hub::load(before)?;
        let (config, after) = hub::load(after)?;
        if first.parameters() != config.parameters() {
            return Err(Error::new("two models of different shapes have none between them"));
        }
        Ok(Self { config, before, after })
    }

    /// The weights after `share` of the way: 0 is the model before, 1 the one after, each to the bit.
    fn weights(&self, share: f64) -> Vec<Vec<f32>> {
        let between = |(&a, &b): (&f32, &f32)| (f64::from(a) * (1.0 - share) + f64::from(b) * share) as f32;
        (self.before.iter().zip(&self.after))
            .map(|(before, after)| before.iter().zip(after).map(between).collect())
            .collect()
    }

    /// The model after `share` of the way, on a device.
    ///
    /// # Errors
    /// Where the device is missing.
    pub fn sampler(&self, share: f64, device: &str) -> Result<Sampler> {
        Sampler::new(self.config.clone(), self.weights(share), device)
    }

    /// Writes the model after `share` of the way, in place of the one in `folder`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save(&self, share: f64, folder: &Path) -> Result<()> {
        hub::save(folder, &self.config, &self.weights(share))
    }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::testing::tiny;

    use super::*;

    #[test]
    fn models_lie_between_two_others() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, config: &Config, seed| {
            let folder = root.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            hub::save(&folder, config, &hub::initial(config, seed)).unwrap();
            folder
        };
        let (a, b) = (folder("a", &tiny(), 1), folder("b", &tiny(), 2));
        let line = Line::between(&a, &b).unwrap();
        assert_eq!(line.weights(0.0), hub::initial(&tiny(), 1), "the one before");
        assert_eq!(line.weights(1.0), hub::initial(&tiny(), 2), "the one after");
        let (first, last) = (hub::initial(&tiny(), 1), hub::initial(&tiny(), 2));
        line.save(0.25, &b).unwrap();
        let (config, quarter) = hub::load(&b).unwrap();
        assert_eq!(config, tiny());
        let expected = 0.75 * first[0][3] + 0.25 * last[0][3];
        assert!((quarter[0][3] - expected).abs() < 1e-7, "{} {expected}", quarter[0][3]);
        let from_disk = Sampler::load(&b, "cpu").unwrap().next(&[1, 2, 3]).unwrap();
        assert_eq!(line.sampler(0.25, "cpu").unwrap().next(&[1, 2, 3]).unwrap(), from_disk);
        let wider = Config { mlp_width: tiny().mlp_width * 2, ..tiny() };
        assert!(Line::between(&a, &folder("c", &wider, 1)).is_err());
    }
}
