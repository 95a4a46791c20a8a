//! Decoding with a KV cache: many rows at once, each independent of the others.

mod batch;
mod burn;
mod cpu;
mod prefixes;
mod sample;
mod score;

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use llmp_artifacts::model::Config;
use llmp_artifacts::random::Random;
use llmp_stage::{Error, Result};
use rayon::prelude::*;

use crate::device::{Device, with_backend};
use crate::hub;
pub use batch::{Adjust, Batch, End, Job, Mask, Scored, Step};
use cpu::CpuDecoder;
pub use score::{Candidates, Likelihood};

/// What to complete, and how.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// Samples among the tokens only that are at least so probable as this share of the most probable one
    /// (min-p, arXiv 2407.01082).
    pub min_p: Option<f32>,
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
    device: Device,
    engine: Box<dyn Engine>,
}

/// Sequences that a thread decodes together.
const SEQUENCES: usize = 32;
/// Sequences that a GPU decodes together.
const GPU_SEQUENCES: usize = 256;
/// Bytes of KV caches of all threads together, at most.
const MAX_CACHE_BYTES: usize = 1 << 30;

impl Sampler {
    /// Loads a Hugging Face model folder onto a device (`auto`, `cpu`, `wgpu`, `cuda:0`).
    ///
    /// # Errors
    /// Where the folder is no model that this program computes, or the device is missing.
    pub fn load(folder: &Path, device: &str) -> Result<Self> {
        let (config, weights) = hub::load(folder)?;
        Self::new(config, weights, device)
    }

    /// The model with these weights, in the order of [`Config::parameters`], on a device.
    ///
    /// # Errors
    /// Where the device is missing.
    pub(crate) fn new(config: Config, weights: Vec<Vec<f32>>, device: &str) -> Result<Self> {
        let device = Device::open(device)?;
        let engine: Result<Box<dyn Engine>> = with_backend!(
            device,
            cpu: Ok(Box::new(CpuDecoder::new(config.clone(), weights))),
            gpu: |Gpu, place| Ok(Box::new(burn::BurnDecoder::<Gpu>::new(config.clone(), weights, place)))
        );
        let engine = engine?;
        Ok(Self { config, device, engine })
    }

    /// The shape of the model.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Completes all requests; the results stand in the requests' order and do not depend on each other.
    ///
    /// `progress` is told how many more rows have finished, from any thread. `on_token` is told (row, token)
    /// for each new token as it comes, and ends the row there where it says no; giving it keeps the rows on
    /// the calling thread. Otherwise rows are spread over the threads of the current rayon pool.
    ///
    /// # Errors
    /// Where a prompt is empty, longer than the context, or holds an id outside the vocabulary.
    pub fn generate(
        &self,
        requests: &[Request],
        progress: &(dyn Fn(usize) + Sync),
        on_token: Option<&mut dyn FnMut(usize, u32) -> bool>,
    ) -> Result<Vec<Completion>> {
        for (row, request) in requests.iter().enumerate() {
            self.check(&request.prompt).map_err(|error| Error::new(format!("row {row}")).because(error))?;
        }
        let queue = Queue { requests, next: AtomicUsize::new(0), progress, config: &self.config };
        let mut done = if let Some(on_token) = on_token {
            self.engine.complete(&queue, self.sequences(requests.len(), 1), on_token)?
        } else {
            let threads = if self.device == Device::Cpu { rayon::current_num_threads() } else { 1 };
            let sequences = self.sequences(requests.len(), threads);
            (0..threads)
                .into_par_iter()
                .with_max_len(1)
                .map(|_| self.engine.complete(&queue, sequences, &mut |_, _| true))
                .try_reduce(Vec::new, |mut all, mut more| {
                    all.append(&mut more);
                    Ok(all)
                })?
        };
        done.sort_by_key(|(row, _)| *row);
        Ok(done.into_iter().map(|(_, completion)| completion).collect())
    }

    /// How many of `rows` sequences each of `threads` threads decodes together.
    fn sequences(&self, rows: usize, threads: usize) -> usize {
        let Config { layers, kv_heads, head_width, context, .. } = self.config;
        let cache = size_of::<f32>() * 2 * layers * kv_heads * head_width * context;
        let most = if self.device == Device::Cpu { SEQUENCES } else { GPU_SEQUENCES };
        rows.div_ceil(threads).clamp(1, (MAX_CACHE_BYTES / threads / cache).clamp(1, most))
    }

    /// The `n` most probable next tokens after `prompt`, with their probabilities at temperature 1.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn top(&self, prompt: &[u32], n: usize) -> Result<Vec<(u32, f32)>> {
        Ok(sample::top(&self.forward(prompt, Wanted::Last)?, n))
    }

    /// The logits of the next token after `prompt`, one for each id of the vocabulary.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn next(&self, prompt: &[u32]) -> Result<Vec<f32>> {
        self.forward(prompt, Wanted::Last)
    }

    /// The logits after each of `tokens`, `[tokens][vocabulary]`.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn logits(&self, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let logits = self.forward(tokens, Wanted::All)?;
        Ok(logits.chunks_exact(self.config.vocabulary).map(<[f32]>::to_vec).collect())
    }

    fn forward(&self, tokens: &[u32], wanted: Wanted) -> Result<Vec<f32>> {
        self.check(tokens)?;
        Ok(self.engine.logits(tokens, wanted))
    }

    fn check(&self, prompt: &[u32]) -> Result<()> {
        let Config { context, vocabulary, .. } = self.config;
        if prompt.is_empty() {
            return Err(Error::new("the prompt is empty").help("start with the end-of-text token"));
        }
        if prompt.len() > context {
            let message = format!("the prompt has {} tokens, the model's context {context}", prompt.len());
            return Err(Error::new(message).help("shorten the prompt, or train with a longer `context`"));
        }
        match prompt.iter().find(|&&id| id as usize >= vocabulary) {
            Some(id) => {
                Err(Error::new(format!("token {id} is outside the model's vocabulary of {vocabulary}"))
                    .help("use the tokenizer that the model was trained with"))
            }
            None => Ok(()),
        }
    }
}

/// Computes logits for sequences with caches.
trait Decoder {
    /// What is kept of a sequence's tokens.
    type Cache: Clone + Send + 'static;

    /// An empty cache with room for `tokens` tokens.
    fn cache(&self, tokens: usize) -> Self::Cache;

    /// A cache of the first `tokens` tokens of another, with room for `room`.
    fn beginning(&self, cache: &Self::Cache, tokens: usize, room: usize) -> Self::Cache;

    /// Appends each feed's tokens (at least one) to its sequence; gives logits `[wanted, vocabulary]`, feed
    /// after feed.
    fn forward(&self, feeds: &mut [Feed<'_, Self::Cache>], wanted: Wanted) -> Vec<f32>;
}

/// The cache of a sequence whose decoder is not known.
type AnyCache = Box<dyn Any + Send>;

/// New tokens of a sequence whose decoder is not known.
struct AnyFeed<'a> {
    cache: &'a mut AnyCache,
    tokens: &'a [u32],
}

/// A [`Decoder`] whose cache nobody has to know.
trait Engine: Send + Sync {
    /// As [`Decoder::cache`].
    fn any_cache(&self, tokens: usize) -> AnyCache;

    /// As [`Decoder::beginning`].
    fn any_beginning(&self, cache: &AnyCache, tokens: usize, room: usize) -> AnyCache;

    /// As [`Decoder::forward`].
    fn any_forward(&self, feeds: &mut [AnyFeed<'_>], wanted: Wanted) -> Vec<f32>;

    /// Decodes requests of the queue, up to `sequences` at a time, until none is left.
    fn complete(
        &self,
        queue: &Queue<'_>,
        sequences: usize,
        on_token: &mut dyn FnMut(usize, u32) -> bool,
    ) -> Result<Vec<(usize, Completion)>>;

    /// Logits of one sequence, `[wanted, vocabulary]`.
    fn logits(&self, tokens: &[u32], wanted: Wanted) -> Vec<f32>;

    /// How probable each continuation of a prompt is; nothing of what is given is empty.
    fn likelihoods(&self, given: &Candidates, vocabulary: usize) -> Vec<Likelihood>;
}

/// The cache that this engine made: each gets back its own only.
fn own<C: 'static>(cache: &AnyCache) -> &C {
    cache.downcast_ref().expect("a cache goes back to the decoder that made it")
}

impl<D: Decoder + Send + Sync> Engine for D {
    fn any_cache(&self, tokens: usize) -> AnyCache {
        Box::new(self.cache(tokens))
    }

    fn any_beginning(&self, cache: &AnyCache, tokens: usize, room: usize) -> AnyCache {
        Box::new(self.beginning(own::<D::Cache>(cache), tokens, room))
    }

    fn any_forward(&self, feeds: &mut [AnyFeed<'_>], wanted: Wanted) -> Vec<f32> {
        let feeds = feeds.iter_mut().map(|feed| Feed {
            cache: feed.cache.downcast_mut().expect("a cache goes back to the decoder that made it"),
            tokens: feed.tokens,
        });
        self.forward(&mut feeds.collect::<Vec<_>>(), wanted)
    }

    fn complete(
        &self,
        queue: &Queue<'_>,
        sequences: usize,
        on_token: &mut dyn FnMut(usize, u32) -> bool,
    ) -> Result<Vec<(usize, Completion)>> {
        queue.work(self, sequences, on_token)
    }

    fn logits(&self, tokens: &[u32], wanted: Wanted) -> Vec<f32> {
        let mut cache = self.cache(tokens.len());
        self.forward(&mut [Feed { cache: &mut cache, tokens }], wanted)
    }

    fn likelihoods(&self, given: &Candidates, vocabulary: usize) -> Vec<Likelihood> {
        score::likelihoods(self, given, vocabulary)
    }
}

/// New tokens of a sequence.
struct Feed<'a, C> {
    cache: &'a mut C,
    tokens: &'a [u32],
}

/// Which logits a forward pass gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// After the last token of each feed.
    Last,
    /// After every token.
    All,
}

/// Requests that threads take from.
struct Queue<'a> {
    requests: &'a [Request],
    next: AtomicUsize,
    progress: &'a (dyn Fn(usize) + Sync),
    config: &'a Config,
}

/// A request that is being decoded.
struct Active<C> {
    row: usize,
    cache: C,
    random: Random,
    /// The next feed: the prompt at first, then the token before.
    feed: Vec<u32>,
    tokens: Vec<u32>,
    /// New tokens that fit.
    room: usize,
}

impl Queue<'_> {
    /// Decodes requests, up to `sequences` at a time, until none is left. Finished rows make place for new
    /// ones.
    fn work<D: Decoder>(
        &self,
        decoder: &D,
        sequences: usize,
        on_token: &mut dyn FnMut(usize, u32) -> bool,
    ) -> Result<Vec<(usize, Completion)>> {
        let mut active: Vec<Active<D::Cache>> = Vec::new();
        let mut done = Vec::new();
        loop {
            while active.len() < sequences {
                let row = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = self.requests.get(row) else { break };
                let room = request.max_tokens.min(self.config.context - request.prompt.len());
                if room == 0 {
                    done.push((row, Completion::default()));
                    (self.progress)(1);
                    continue;
                }
                let cache = decoder.cache(request.prompt.len() + room);
                let (random, feed) = (Random::of_model(request.seed, 0), request.prompt.clone());
                active.push(Active { row, cache, random, feed, tokens: Vec::new(), room });
            }
            if active.is_empty() {
                return Ok(done);
            }
            let mut feeds: Vec<_> =
                active.iter_mut().map(|one| Feed { cache: &mut one.cache, tokens: &one.feed }).collect();
            let logits = decoder.forward(&mut feeds, Wanted::Last);
            let mut logits = logits.chunks_exact(self.config.vocabulary);
            let mut going = Vec::with_capacity(active.len());
            for mut one in active {
                let logits = logits.next().expect("one row of logits a feed");
                let request = &self.requests[one.row];
                let token = sample::choose(request, logits, &mut one.random)
                    .map_err(|error| Error::new(format!("row {}", one.row)).because(error))?;
                let go_on = on_token(one.row, token);
                one.tokens.push(token);
                let stopped = request.stop.contains(&token);
                if stopped || !go_on || one.tokens.len() == one.room {
                    done.push((one.row, Completion { tokens: one.tokens, stopped }));
                    (self.progress)(1);
                } else {
                    one.feed = vec![token];
                    going.push(one);
                }
            }
            active = going;
        }
    }
}

#[cfg(test)]
mod tests;
