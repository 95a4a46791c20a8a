//! Decoding with a KV cache: many rows at once, each independent of the others.

use std::path::Path;

use llmp_stage::{Error, Result};

use crate::Config;

/// What to complete, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Token ids before the completion; at least one.
    pub prompt: Vec<u32>,
    /// Largest number of new tokens.
    pub max_tokens: usize,
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f32,
    /// Samples among the `k` most probable tokens only.
    pub top_k: Option<usize>,
    /// Samples among the most probable tokens only that together reach this probability.
    pub top_p: Option<f32>,
    /// Seed of this row's random numbers; nothing else decides its result.
    pub seed: u64,
    /// Tokens that end the completion.
    pub stop: Vec<u32>,
    /// Tokens that are never sampled.
    pub banned: Vec<u32>,
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// New tokens; a stop token that was hit stands last.
    pub tokens: Vec<u32>,
    /// Whether a stop token ended it (else `max_tokens` or the context did).
    pub stopped: bool,
}

/// A loaded model that generates.
pub struct Sampler {
    config: Config,
}

impl Sampler {
    /// Loads a Hugging Face model folder onto a device (`auto`, `cpu`, `wgpu`, `cuda:0`).
    ///
    /// # Errors
    /// Where the folder is no model that this program computes, or the device is missing.
    pub fn load(folder: &Path, device: &str) -> Result<Self> {
        let _ = device;
        Ok(Self { config: Config::load(folder)? })
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Completes all requests; the results stand in the requests' order and do not depend on each other.
    ///
    /// `progress` is told how many more rows have finished, from any thread. `on_token` is told (row, token) for each
    /// new token as it comes; giving it keeps the work on the calling thread.
    ///
    /// # Errors
    /// Where a prompt is empty, longer than the context, or holds an id outside the vocabulary.
    pub fn generate(
        &self,
        requests: &[Request],
        progress: &(dyn Fn(usize) + Sync),
        on_token: Option<&mut dyn FnMut(usize, u32)>,
    ) -> Result<Vec<Completion>> {
        let _ = (requests, progress, on_token);
        Err(Error::new("sampling is not built yet"))
    }

    /// The `n` most probable next tokens after `prompt`, with their probabilities at temperature 1.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn top(&self, prompt: &[u32], n: usize) -> Result<Vec<(u32, f32)>> {
        let _ = (prompt, n);
        Err(Error::new("sampling is not built yet"))
    }

    /// The logits after each of `tokens`, `[tokens][vocabulary]`.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn logits(&self, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let _ = tokens;
        Err(Error::new("sampling is not built yet"))
    }
}
