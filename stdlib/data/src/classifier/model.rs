//! fastText's supervised model: its training by stochastic gradient descent, and its binary form.

use std::io::{self, Write};

use llmp_artifacts::classifier::LABEL_PREFIX;
use llmp_artifacts::exact;
use llmp_artifacts::random::Random;
use llmp_stage::{Context, Result};

use super::dictionary::{Dictionary, add_ngrams};

/// What fastText's program calls its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments {
    pub(super) dimension: usize,
    pub(super) learning_rate: f32,
    pub(super) epochs: u32,
    pub(super) word_ngrams: usize,
    pub(super) min_count: u32,
    pub(super) buckets: u32,
    pub(super) seed: u64,
}

/// A text to learn from: the ids of its known words, the hashes of all, and its label.
pub(super) struct Example {
    pub(super) ids: Vec<u32>,
    pub(super) hashes: Vec<u32>,
    pub(super) label: usize,
}

/// The weights, a row a word, a bucket or a label.
pub(super) struct Model {
    arguments: Arguments,
    words: usize,
    input: Vec<f32>,
    output: Vec<f32>,
}

/// What one step needs besides the weights.
struct Scratch {
    rows: Vec<u32>,
    hidden: Vec<f32>,
    gradient: Vec<f32>,
    scores: Vec<f32>,
}

impl Model {
    /// A model that knows nothing: rows of words uniform in ±1/dimension, rows of labels 0.
    pub(super) fn new(arguments: Arguments, words: usize, labels: usize) -> Self {
        let mut random = Random::new(arguments.seed, 0);
        let rows = words + arguments.buckets as usize;
        let bound = 1.0 / arguments.dimension as f32;
        let value = |_| (2.0 * random.uniform() as f32 - 1.0) * bound;
        Self {
            arguments,
            words,
            input: (0..rows * arguments.dimension).map(value).collect(),
            output: vec![0.0; labels * arguments.dimension],
        }
    }

    /// Goes over the examples in their order, once an epoch; the learning rate falls to 0 with the words that
    /// were read. One thread, so that the same examples give the same bytes.
    pub(super) fn train(&mut self, ctx: &dyn Context, examples: &[Example]) -> Result<()> {
        let words: usize = examples.iter().map(|example| example.hashes.len()).sum();
        let all = (words * self.arguments.epochs as usize).max(1) as f32;
        let bar = ctx.bar(u64::from(self.arguments.epochs) * examples.len() as u64, "documents");
        let mut scratch = self.scratch();
        let mut read = 0;
        for epoch in 1..=self.arguments.epochs {
            let mut loss = 0.0;
            for example in examples {
                let rate = self.arguments.learning_rate * (1.0 - read as f32 / all);
                loss += f64::from(self.step(example, rate, &mut scratch));
                read += example.hashes.len();
                bar.add(1);
                ctx.proceed()?;
            }
            ctx.point("loss", f64::from(epoch), loss / examples.len().max(1) as f64);
        }
        Ok(())
    }

    /// The probability of each label.
    pub(super) fn predict(&self, example: &Example) -> Vec<f32> {
        let mut scratch = self.scratch();
        self.forward(example, &mut scratch);
        scratch.scores
    }

    fn scratch(&self) -> Scratch {
        let dimension = self.arguments.dimension;
        let labels = self.output.len() / dimension;
        Scratch {
            rows: Vec::new(),
            hidden: vec![0.0; dimension],
            gradient: vec![0.0; dimension],
            scores: vec![0.0; labels],
        }
    }

    /// The mean of the rows, and the softmax over the labels.
    fn forward(&self, example: &Example, scratch: &mut Scratch) {
        let dimension = self.arguments.dimension;
        scratch.rows.clear();
        scratch.rows.extend(&example.ids);
        let Arguments { word_ngrams, buckets, .. } = self.arguments;
        add_ngrams(&example.hashes, word_ngrams, buckets, self.words as u32, &mut scratch.rows);
        scratch.hidden.fill(0.0);
        for &row in &scratch.rows {
            let row = &self.input[row as usize * dimension..][..dimension];
            scratch.hidden.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let share = 1.0 / scratch.rows.len().max(1) as f32;
        scratch.hidden.iter_mut().for_each(|value| *value *= share);
        let mut best = f32::MIN;
        for (score, row) in scratch.scores.iter_mut().zip(self.output.chunks_exact(dimension)) {
            *score = row.iter().zip(&scratch.hidden).map(|(a, b)| a * b).sum();
            best = best.max(*score);
        }
        scratch.scores.iter_mut().for_each(|score| *score = exact::exp_f32(*score - best));
        let sum: f32 = scratch.scores.iter().sum();
        scratch.scores.iter_mut().for_each(|score| *score /= sum);
    }

    /// One step down the gradient of the cross entropy; returns it.
    fn step(&mut self, example: &Example, rate: f32, scratch: &mut Scratch) -> f32 {
        self.forward(example, scratch);
        let dimension = self.arguments.dimension;
        scratch.gradient.fill(0.0);
        for (label, row) in self.output.chunks_exact_mut(dimension).enumerate() {
            let target = if label == example.label { 1.0 } else { 0.0 };
            let alpha = rate * (target - scratch.scores[label]);
            for ((gradient, value), hidden) in scratch.gradient.iter_mut().zip(row).zip(&scratch.hidden) {
                *gradient += alpha * *value;
                *value += alpha * hidden;
            }
        }
        let share = 1.0 / scratch.rows.len().max(1) as f32;
        scratch.gradient.iter_mut().for_each(|value| *value *= share);
        for &row in &scratch.rows {
            let row = &mut self.input[row as usize * dimension..][..dimension];
            row.iter_mut().zip(&scratch.gradient).for_each(|(value, change)| *value += change);
        }
        -exact::ln_f32(scratch.scores[example.label].max(f32::MIN_POSITIVE))
    }

    /// Writes the model as fastText's program does; `labels` with how many texts of each were learned from.
    pub(super) fn write(
        &self,
        out: &mut impl Write,
        dictionary: &Dictionary,
        labels: &[(&str, u64)],
    ) -> io::Result<()> {
        let Arguments { dimension, epochs, word_ngrams, min_count, buckets, .. } = self.arguments;
        // Magic, version; dimension, window, epochs, least count, negatives, n-grams, softmax, supervised,
        // buckets, shortest and longest n-gram of characters, words between two updates of the rate.
        let head: [i64; 14] = [
            793_712_314,
            12,
            dimension as i64,
            5,
            i64::from(epochs),
            i64::from(min_count),
            5,
            word_ngrams as i64,
            3,
            3,
            i64::from(buckets),
            0,
            0,
            100,
        ];
        let int = |out: &mut dyn Write, value: i64| out.write_all(&(value as i32).to_le_bytes());
        head.iter().try_for_each(|value| int(out, *value))?;
        out.write_all(&1e-4_f64.to_le_bytes())?;
        for count in [self.words + labels.len(), self.words, labels.len()] {
            int(out, count as i64)?;
        }
        let texts: u64 = labels.iter().map(|(_, texts)| texts).sum();
        out.write_all(&(dictionary.seen + texts).to_le_bytes())?;
        out.write_all(&(-1_i64).to_le_bytes())?;
        let words = dictionary.words().into_iter().zip(&dictionary.counts);
        for (word, count) in words {
            out.write_all(word.as_bytes())?;
            out.write_all(&[0])?;
            out.write_all(&count.to_le_bytes())?;
            out.write_all(&[0])?;
        }
        for (label, count) in labels {
            out.write_all(LABEL_PREFIX.as_bytes())?;
            out.write_all(label.as_bytes())?;
            out.write_all(&[0])?;
            out.write_all(&count.to_le_bytes())?;
            out.write_all(&[1])?;
        }
        for weights in [&self.input, &self.output] {
            out.write_all(&[0])?;
            out.write_all(&((weights.len() / dimension) as i64).to_le_bytes())?;
            out.write_all(&(dimension as i64).to_le_bytes())?;
            weights.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?;
        }
        Ok(())
    }
}
