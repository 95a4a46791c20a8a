//! A model whose likelihoods can be worked out by hand.

use std::path::Path;

use llmp_artifacts::model::{Config, Role};
use llmp_artifacts::testing::tiny;
use llmp_artifacts::tokenizer::{Pattern, Tokenizer, Vocabulary};

/// The end of a text; the ids before it are the 256 bytes.
pub(crate) const END: u32 = 256;
/// How many tokens there are.
pub(crate) const TOKENS: usize = 257;
/// How many tokens the model reads.
pub(crate) const CONTEXT: usize = 48;

/// Makes a model that looks at the token before only: behind `pair.0`, `pair.1` is `weight` times as probable
/// as each other token. Behind all others, every token is equally probable. No token has two such followers.
pub(crate) fn bigrams(folder: &Path, pairs: &[(u32, u32, f64)]) {
    let vocabulary = Vocabulary {
        tokens: (0..=u8::MAX).map(|byte| vec![byte]).collect(),
        merges: vec![],
        pattern: Pattern::Gpt2,
        specials: vec![("<|endoftext|>".to_owned(), END)],
    };
    std::fs::create_dir_all(folder).expect("a folder");
    Tokenizer::new(&vocabulary).expect("a tokenizer").save(folder).expect("saved");
    let config = Config {
        vocabulary: TOKENS,
        width: TOKENS,
        layers: 1,
        heads: 1,
        kv_heads: 1,
        head_width: 2,
        mlp_width: 2,
        context: CONTEXT,
        tied: false,
        eos: vec![END],
        pad: None,
        ..tiny()
    };
    // Each token is a direction of its own, which the block passes on and the last norm makes √TOKENS long.
    let norm = (1.0 / TOKENS as f64 + config.norm_eps).sqrt();
    let weights: Vec<Vec<f32>> = (config.parameters().iter())
        .map(|parameter| match parameter.role {
            Role::Norm => vec![1.0; parameter.len()],
            Role::Embedding => {
                (0..TOKENS * TOKENS).map(|at| f32::from(u8::from(at % (TOKENS + 1) == 0))).collect()
            }
            Role::Hidden | Role::Residual => vec![0.0; parameter.len()],
            Role::Head => {
                let mut head = vec![0.0; parameter.len()];
                for (before, next, weight) in pairs {
                    head[*next as usize * TOKENS + *before as usize] = (weight.ln() * norm) as f32;
                }
                head
            }
        })
        .collect();
    llmp_model::save(folder, &config, &weights).expect("saved");
}

/// The log-likelihood of `text` behind the token `before`, in nats, as [`bigrams`] has it.
pub(crate) fn nats(pairs: &[(u32, u32, f64)], before: u32, text: &str) -> f64 {
    let mut before = before;
    let mut sum = 0.0;
    for next in text.bytes().map(u32::from) {
        let weight = pairs.iter().find(|pair| pair.0 == before);
        let all = TOKENS as f64 - 1.0 + weight.map_or(1.0, |pair| pair.2);
        sum += (weight.filter(|pair| pair.1 == next).map_or(1.0, |pair| pair.2) / all).ln();
        before = next;
    }
    sum
}

/// The token of a byte.
pub(crate) fn id(letter: char) -> u32 {
    letter as u32
}
