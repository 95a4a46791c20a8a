//! Weights are the same bytes on every processor: digests of small trained models, which every instruction
//! set that this machine has and 1, 2 and 3 threads are compared with.
//!
//! A digest changes where training changes, and then `epoch` of the stages that train has to rise.

use llmp_artifacts::model::Config;
use llmp_artifacts::testing::tiny;
use llmp_stage::testing::TestContext;

use super::*;
use crate::cpu::simd::Instructions;
use crate::{OnSpike, Optimizer, Schedule, Stretch};

/// Digests of [`trained`], in the order of [`cases`].
const DIGESTS: [&str; 3] = ["9d73e387ca65de16", "6d4b6ce5a0389f3f", "bac8e08ac4278ab9"];

struct Case {
    config: Config,
    recipe: Recipe,
    rows: usize,
    steps: u64,
    /// Whether some tokens are read and not learned, as the questions of SFT.
    masked: bool,
}

impl Batches for Case {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        let (length, vocabulary) = (self.config.context, self.config.vocabulary);
        let row = |i: usize| {
            let seed = step as usize * 31 + i * 7;
            let count = length + 1 - if self.masked { i * 3 % length.min(11) } else { 0 };
            let tokens: Vec<u32> =
                (0..count).map(|t| ((t * t * 7 + seed * 11 + t * 3) % vocabulary) as u32).collect();
            Row { learn: (0..count).map(|t| !self.masked || t % 5 > 1).collect(), tokens }
        };
        Ok((0..self.rows).map(row).collect())
    }
}

fn cases() -> [Case; 3] {
    let muon = Recipe {
        optimizer: Optimizer::Muon,
        learning_rate: 0.02,
        embedding_learning_rate: 6e-3,
        warmup: Stretch::Share(0.2),
        schedule: Schedule::Cosine,
        decay: Stretch::Share(0.2),
        final_fraction: 0.1,
        weight_decay: 0.05,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 0,
        on_spike: OnSpike::Note,
        stop_tokens: None,
    };
    let adamw =
        Recipe { optimizer: Optimizer::AdamW, learning_rate: 0.01, schedule: Schedule::Wsd, ..muon.clone() };
    // Sizes that are multiples of no vector's width; grouped heads, head norms, a tied head.
    let odd = Case { config: tiny(), recipe: muon.clone(), rows: 5, steps: 6, masked: true };
    // More rows than a task, terms than a part of a sum, keys than a block; no head norms, a head of its own.
    let config = Config {
        vocabulary: 300,
        width: 40,
        heads: 2,
        kv_heads: 2,
        head_width: 20,
        mlp_width: 100,
        context: 70,
        qk_norm: false,
        tied: false,
        ..tiny()
    };
    let long = Case { config: config.clone(), recipe: adamw, rows: 4, steps: 4, masked: false };
    [odd, long, Case { config, recipe: muon, rows: 4, steps: 4, masked: true }]
}

/// The digest of weights and losses.
fn trained(case: &Case, threads: usize) -> String {
    let root = tempfile::tempdir().unwrap();
    let ctx = TestContext::new(root.path());
    let job = Job { ctx: &ctx, config: &case.config, batches: case, recipe: &case.recipe };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (trained, weights) = pool
        .install(|| {
            let initial = hub::initial(&case.config, case.recipe.seed);
            job.run::<Autodiff<burn_flex::Flex>>(initial, &burn_flex::FlexDevice)
        })
        .unwrap();
    let mut digest = blake3::Hasher::new();
    digest.update(&trained.final_loss.to_le_bytes());
    for value in weights.iter().flatten() {
        digest.update(&value.to_le_bytes());
    }
    digest.finalize().to_hex()[..16].to_owned()
}

#[test]
fn weights_are_the_same_bytes_with_every_instruction_set_and_number_of_threads() {
    let mut others = Vec::new();
    for (number, (case, expected)) in cases().iter().zip(DIGESTS).enumerate() {
        for (set, name) in Instructions::ALL {
            if !set.choose() {
                eprintln!("not run: {name}, which this processor has not got");
                continue;
            }
            for threads in 1..=3 {
                let found = trained(case, threads);
                if found != expected {
                    others.push(format!("case {number} with {name} and {threads} threads: {found}"));
                }
            }
        }
    }
    assert!(others.is_empty(), "expected {DIGESTS:?}, found\n{}", others.join("\n"));
}
