//! Rows that come and go while others are decoded: what a server needs.
//!
//! All rows take a step together. A long prompt enters in pieces, so that the others go on meanwhile. What
//! was computed of a prompt's beginning is taken from rows before. On the CPU none of it changes a row's
//! tokens: every result is the same to the last bit, however many rows are beside it and wherever its prompt
//! was cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use llmp_artifacts::random::Random;
use llmp_stage::Result;
use rayon::prelude::*;

use super::prefixes::Prefixes;
use super::sample::{best, choose, log_total};
use super::{AnyCache, AnyFeed, Config, MAX_CACHE_BYTES, Request, Sampler, Wanted};
use crate::device::Device;

/// Prompt tokens that enter in a step, over all rows.
const ENTERING: usize = 256;
/// Tokens of a prompt whose own probabilities are wanted: the logits of all of them exist at a time.
const JUDGED: usize = 32;
/// Rows at once, at most, however small their caches are.
const MOST_ROWS: usize = 256;

/// Changes a row's logits before a token is drawn, given the tokens drawn so far: what a grammar forbids
/// becomes negative infinity.
pub type Mask = Box<dyn FnMut(&[u32], &mut [f32]) + Send>;

/// What changes logits by the tokens themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adjust {
    /// Added to a token's logit.
    pub bias: BTreeMap<u32, f32>,
    /// Taken from a token's logit for each time that the row has drawn it.
    pub frequency_penalty: f32,
    /// Taken from a token's logit where the row has drawn it at all.
    pub presence_penalty: f32,
}

/// A row to be.
#[derive(Default)]
pub struct Job {
    /// What to complete, and how. `max_tokens` may be 0 where only the prompt's probabilities are wanted.
    pub request: Request,
    /// What changes the logits.
    pub adjust: Adjust,
    /// What a grammar forbids.
    pub mask: Option<Mask>,
    /// How many of the likeliest tokens are told with each; `None` where not even its own probability is.
    pub top: Option<usize>,
    /// Whether the prompt's tokens are told, too, with their probabilities.
    pub prompt_too: bool,
}

/// A token, with what the model gave it before anything was adjusted, at temperature 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// The token.
    pub token: u32,
    /// The natural logarithm of its probability; `None` for a prompt's first, and where none is wanted.
    pub logprob: Option<f32>,
    /// The likeliest tokens in its place with theirs, the likeliest first.
    pub top: Vec<(u32, f32)>,
}

/// Why a row ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A stop token, which stands last.
    Stop,
    /// `max_tokens`, or the context is full.
    Length,
    /// No token could be drawn.
    Failed(String),
}

/// What a step brought to a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Tokens of the prompt that were computed, where they are wanted.
    pub prompt: Vec<Scored>,
    /// The token that was drawn.
    pub token: Option<Scored>,
    /// Set with the row's last step.
    pub end: Option<End>,
}

struct Row {
    job: Job,
    cache: AnyCache,
    random: Random,
    /// The prompt, and what was drawn.
    tokens: Vec<u32>,
    /// How many of them the cache holds.
    fed: usize,
    /// How often each token was drawn.
    counts: BTreeMap<u32, u32>,
    room: usize,
}

impl Row {
    fn drawn(&self) -> &[u32] {
        &self.tokens[self.job.request.prompt.len()..]
    }

    fn entering(&self) -> usize {
        self.tokens.len() - self.fed
    }
}

/// Rows of one model.
pub struct Batch {
    sampler: Arc<Sampler>,
    rows: BTreeMap<u64, Row>,
    next: u64,
    prefixes: Prefixes,
}

impl Batch {
    /// No rows yet. Of rows that end, caches of up to `kept` bytes stay for others that begin alike.
    #[must_use]
    pub fn new(sampler: Arc<Sampler>, kept: usize) -> Self {
        let prefixes = Prefixes::new(kept / token_bytes(&sampler.config));
        Self { sampler, rows: BTreeMap::new(), next: 0, prefixes }
    }

    /// How many rows may be there at once.
    #[must_use]
    pub fn places(&self) -> usize {
        let cache = token_bytes(&self.sampler.config) * self.sampler.config.context;
        (MAX_CACHE_BYTES / cache).clamp(1, MOST_ROWS)
    }

    /// How many rows are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row: its number, and how many tokens of its prompt were computed before.
    ///
    /// # Errors
    /// As [`Sampler::generate`].
    pub fn add(&mut self, job: Job) -> Result<(u64, usize)> {
        self.sampler.check(&job.request.prompt)?;
        let prompt = &job.request.prompt;
        let room = job.request.max_tokens.min(self.sampler.config.context - prompt.len());
        let whole = prompt.len() + room;
        // Probabilities of a prompt's tokens are not kept, so it is computed anew.
        let known = if job.prompt_too { None } else { self.prefixes.find(prompt) };
        let (cache, fed) = match known {
            Some((cache, shared)) => (self.sampler.engine.any_beginning(cache, shared, whole), shared),
            None => (self.sampler.engine.any_cache(whole), 0),
        };
        let (random, tokens) = (Random::of_model(job.request.seed, 0), prompt.clone());
        let number = self.next;
        self.next += 1;
        self.rows.insert(number, Row { job, cache, random, tokens, fed, counts: BTreeMap::new(), room });
        Ok((number, fed))
    }

    /// Takes a row away, whether it has ended or not.
    pub fn remove(&mut self, number: u64) {
        if let Some(mut row) = self.rows.remove(&number) {
            row.tokens.truncate(row.fed);
            self.prefixes.keep(row.tokens, row.cache);
        }
    }

    /// One step of every row; those that end are taken away.
    pub fn step(&mut self) -> Vec<(u64, Step)> {
        let mut room = ENTERING;
        let mut turns: Vec<Turn<'_>> = Vec::new();
        for (number, row) in &mut self.rows {
            let (entering, judged) =
                (row.entering(), row.job.prompt_too && row.fed < row.job.request.prompt.len());
            // Whoever writes goes on; prompts share what room there is, the oldest first.
            let take = match entering {
                0 | 1 => entering,
                _ => entering.min(room).min(if judged { JUDGED } else { ENTERING }),
            };
            room -= if entering > 1 { take } else { 0 };
            if take > 0 {
                turns.push((*number, row, take));
            }
        }
        let mut steps = take_turns(&self.sampler, turns);
        steps.sort_unstable_by_key(|(number, _)| *number);
        for (number, step) in &steps {
            if step.end.is_some() {
                self.remove(*number);
            }
        }
        steps
    }
}

/// Bytes that a token takes in a cache.
fn token_bytes(config: &Config) -> usize {
    size_of::<f32>() * 2 * config.layers * config.kv_heads * config.head_width
}

/// A row with its number, and how many of its tokens are computed now.
type Turn<'a> = (u64, &'a mut Row, usize);

/// Spreads rows over threads: each computes some of them together.
fn take_turns(sampler: &Sampler, mut turns: Vec<Turn<'_>>) -> Vec<(u64, Step)> {
    let threads = if sampler.device == Device::Cpu { rayon::current_num_threads() } else { 1 };
    turns.sort_by_key(|(number, _, take)| (std::cmp::Reverse(*take), *number));
    let mut groups: Vec<(usize, Vec<Turn<'_>>)> = Vec::new();
    groups.resize_with(threads.min(turns.len()), Default::default);
    for turn in turns {
        if let Some(least) = groups.iter_mut().min_by_key(|group| group.0) {
            least.0 += turn.2;
            least.1.push(turn);
        }
    }
    groups.into_par_iter().flat_map_iter(|(_, group)| compute(sampler, group)).collect()
}

fn compute(sampler: &Sampler, turns: Vec<Turn<'_>>) -> Vec<(u64, Step)> {
    let judged = |row: &Row| row.job.prompt_too && row.fed < row.job.request.prompt.len();
    let (alone, mut together): (Vec<_>, Vec<_>) = turns.into_iter().partition(|turn| judged(turn.1));
    let mut steps = Vec::new();
    for (number, row, take) in alone {
        let logits = forward(sampler, &mut [(number, row, take)], Wanted::All);
        let (first, width) = (row.fed, sampler.config.vocabulary);
        row.fed += take;
        let mut step = Step::default();
        if first == 0 {
            step.prompt.push(Scored { token: row.tokens[0], ..Scored::default() });
        }
        for (at, logits) in (first + 1..).zip(logits.chunks_exact(width)) {
            if let Some(token) = row.job.request.prompt.get(at) {
                step.prompt.push(scored(*token, logits, row.job.top));
            }
        }
        let last = logits.chunks_exact(width).next_back().unwrap_or_default();
        draw(row, last, &mut step);
        steps.push((number, step));
    }
    let logits = forward(sampler, &mut together, Wanted::Last);
    for ((number, row, take), logits) in
        together.into_iter().zip(logits.chunks_exact(sampler.config.vocabulary))
    {
        row.fed += take;
        let mut step = Step::default();
        draw(row, logits, &mut step);
        steps.push((number, step));
    }
    steps
}

fn forward(sampler: &Sampler, turns: &mut [Turn<'_>], wanted: Wanted) -> Vec<f32> {
    if turns.is_empty() {
        return Vec::new();
    }
    let feeds = turns.iter_mut().map(|(_, row, take)| {
        let Row { cache, tokens, fed, .. } = &mut **row;
        AnyFeed { cache, tokens: &tokens[*fed..*fed + *take] }
    });
    sampler.engine.any_forward(&mut feeds.collect::<Vec<_>>(), wanted)
}

/// Draws the next token, where all tokens before are computed.
fn draw(row: &mut Row, logits: &[f32], step: &mut Step) {
    if row.entering() > 0 {
        return;
    }
    if row.drawn().len() >= row.room {
        step.end = Some(End::Length);
        return;
    }
    let mut adjusted = logits.to_vec();
    let Adjust { bias, frequency_penalty, presence_penalty } = &row.job.adjust;
    for (token, count) in &row.counts {
        if let Some(logit) = adjusted.get_mut(*token as usize) {
            *logit -= frequency_penalty * *count as f32 + presence_penalty;
        }
    }
    for (token, bias) in bias {
        if let Some(logit) = adjusted.get_mut(*token as usize) {
            *logit += bias;
        }
    }
    if let Some(mask) = &mut row.job.mask {
        mask(&row.tokens[row.job.request.prompt.len()..], &mut adjusted);
    }
    let token = match choose(&row.job.request, &adjusted, &mut row.random) {
        Ok(token) => token,
        Err(error) => {
            step.end = Some(End::Failed(error.to_string()));
            return;
        }
    };
    step.token = Some(scored(token, logits, row.job.top));
    row.tokens.push(token);
    *row.counts.entry(token).or_default() += 1;
    step.end = match row.job.request.stop.contains(&token) {
        true => Some(End::Stop),
        false => (row.drawn().len() >= row.room).then_some(End::Length),
    };
}

fn scored(token: u32, logits: &[f32], top: Option<usize>) -> Scored {
    let Some(top) = top else { return Scored { token, ..Scored::default() } };
    let total = log_total(logits);
    let log = |logit: f32| (f64::from(logit) - total) as f32;
    let top = best(logits, top).into_iter().map(|(id, logit)| (id, log(logit))).collect();
    Scored { token, logprob: logits.get(token as usize).map(|logit| log(*logit)), top }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sampler;
    use super::*;
    use llmp_artifacts::testing::tiny;

    fn request(i: u32) -> Request {
        Request {
            prompt: (0..1 + i * 31 % 370).map(|j| (i % 3 * 5 + j * j % 31) % 37).collect(),
            max_tokens: 1 + i as usize % 15,
            temperature: if i.is_multiple_of(7) { 0.0 } else { 1.0 },
            top_k: i.is_multiple_of(3).then_some(8),
            seed: u64::from(i),
            stop: vec![3],
            ..Request::default()
        }
    }

    fn finish(batch: &mut Batch, texts: &mut BTreeMap<u64, Vec<u32>>) {
        while !batch.is_empty() {
            for (row, step) in batch.step() {
                texts.entry(row).or_default().extend(step.token.map(|scored| scored.token));
            }
        }
    }

    #[test]
    fn rows_that_come_and_go_write_what_they_write_alone() {
        let (_folder, sampler) = sampler(&Config { context: 400, ..tiny() });
        let sampler = Arc::new(sampler);
        let mut batch = Batch::new(Arc::clone(&sampler), 1 << 20);
        let (mut texts, mut alone, mut cached) = (BTreeMap::new(), Vec::new(), 0);
        for i in 0..64 {
            let request = request(i);
            let (row, known) = batch.add(Job { request: request.clone(), ..Job::default() }).unwrap();
            assert_eq!(row, u64::from(i));
            cached += known;
            alone.push(request);
            // Some leave before they end, and others come meanwhile.
            if i % 5 == 0 {
                for (row, step) in batch.step() {
                    texts.entry(row).or_insert_with(Vec::new).extend(step.token.map(|scored| scored.token));
                }
            }
            if i == 50 {
                batch.remove(49);
            }
        }
        finish(&mut batch, &mut texts);
        assert!(cached > 0, "prompts that begin alike are computed once");
        let expected = sampler.generate(&alone, &|_| (), None).unwrap();
        for (row, expected) in expected.into_iter().enumerate().filter(|(row, _)| *row != 49) {
            assert_eq!(texts.remove(&(row as u64)).unwrap_or_default(), expected.tokens, "row {row}");
        }
    }

    #[test]
    fn a_prompt_is_judged_as_elsewhere() {
        let (_folder, sampler) = sampler(&Config { context: 100, ..tiny() });
        let sampler = Arc::new(sampler);
        let prompt: Vec<u32> = (0..80).map(|i| i * 11 % 37).collect();
        let mut batch = Batch::new(Arc::clone(&sampler), 1 << 20);
        let request = Request { prompt: prompt.clone(), ..Request::default() };
        batch.add(Job { request, top: Some(2), prompt_too: true, ..Job::default() }).unwrap();
        let mut told = Vec::new();
        let mut ends = Vec::new();
        while !batch.is_empty() {
            for (_, step) in batch.step() {
                assert!(step.token.is_none());
                told.extend(step.prompt);
                ends.extend(step.end);
            }
        }
        assert_eq!(ends, [End::Length]);
        assert_eq!(told.iter().map(|scored| scored.token).collect::<Vec<_>>(), prompt);
        assert_eq!(told[0].logprob, None);
        let given = super::super::Candidates {
            prompt: prompt[..1].to_vec(),
            continuations: vec![prompt[1..].to_vec()],
        };
        let expected = sampler.likelihoods(&[given], &|| Ok(())).unwrap();
        for (scored, expected) in told[1..].iter().zip(&expected[0][0].tokens) {
            assert!((f64::from(scored.logprob.unwrap()) - expected).abs() < 1e-4);
            assert!(scored.top.len() == 2 && scored.top[0].1 >= scored.logprob.unwrap());
        }
    }

    #[test]
    fn logits_are_adjusted() {
        let (_folder, sampler) = sampler(&Config { context: 100, ..tiny() });
        let sampler = Arc::new(sampler);
        let draw = |adjust: Adjust, mask: Option<Mask>| {
            let mut batch = Batch::new(Arc::clone(&sampler), 0);
            let request = Request { prompt: vec![1], max_tokens: 36, ..Request::default() };
            batch.add(Job { request, adjust, mask, ..Job::default() }).unwrap();
            let mut texts = BTreeMap::new();
            finish(&mut batch, &mut texts);
            texts.remove(&0).unwrap()
        };
        let biased = draw(Adjust { bias: [(7, 1e6)].into(), ..Adjust::default() }, None);
        assert_eq!(biased, vec![7; 36]);
        let mut once = draw(Adjust { presence_penalty: 1e6, ..Adjust::default() }, None);
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 36, "nothing comes twice");
        let masked = draw(
            Adjust::default(),
            Some(Box::new(|drawn, logits| {
                let next = drawn.len() % 3;
                logits
                    .iter_mut()
                    .enumerate()
                    .filter(|(id, _)| *id != next)
                    .for_each(|(_, it)| *it = f32::NEG_INFINITY);
            })),
        );
        assert_eq!(masked[..4], [0, 1, 2, 0]);
        let mut batch = Batch::new(Arc::clone(&sampler), 0);
        let all: Mask = Box::new(|_, logits| logits.fill(f32::NEG_INFINITY));
        let request = Request { prompt: vec![1], max_tokens: 3, ..Request::default() };
        batch.add(Job { request, mask: Some(all), ..Job::default() }).unwrap();
        assert!(matches!(batch.step()[0].1.end, Some(End::Failed(_))));
        assert!(batch.is_empty());
    }
}
