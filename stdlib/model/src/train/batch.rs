//! The rows of a step as tensors.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use llmp_artifacts::model::Config;
use llmp_stage::{Error, Result};

use super::Row;
use crate::ops::Targets;

/// A batch as one rectangle: short rows are filled up with tokens that do not count.
pub(crate) struct Batch {
    rows: usize,
    length: usize,
    ids: Vec<i32>,
    targets: Vec<i32>,
    weights: Vec<f32>,
    /// Tokens that are learned, each with the same weight.
    pub(crate) learned: usize,
    /// Tokens that are not padding.
    pub(crate) tokens: u64,
}

/// Tokens that go through the model at a time, at most: it bounds memory, whatever a step has.
pub(crate) const PART: usize = 1 << 14;
/// Tokens from which on a part ends where rows get shorter.
const LEAST_PART: usize = 1 << 11;

impl Batch {
    /// The rows of a step in parts of at most [`PART`] tokens each, rows of about the same length together:
    /// the sum of the parts' losses is the loss of the step.
    pub(crate) fn parts(rows: &[Row], config: &Config) -> Result<Vec<Self>> {
        let mut order: Vec<&Row> = rows.iter().collect();
        // Stable: rows of one length stay as they are.
        order.sort_by_key(|row| std::cmp::Reverse(row.tokens.len()));
        let (mut parts, mut from) = (Vec::new(), 0);
        let length = |row: &Row| row.tokens.len().saturating_sub(1).max(1);
        for at in 1..=order.len() {
            let longest = order.get(from).map_or(1, |row| length(row));
            let ends = order.get(at).is_none_or(|row| {
                let short = 5 * length(row) < 4 * longest && (at - from) * longest >= LEAST_PART;
                short || (at + 1 - from) * longest > PART
            });
            if ends {
                let part: Vec<Row> = order[from..at].iter().map(|row| (*row).clone()).collect();
                parts.push(part);
                from = at;
            }
        }
        if parts.len() < 2 {
            return Ok(vec![Self::new(rows, config)?]);
        }
        // What a part has nothing to learn of is left out.
        let learns = |part: &&Vec<Row>| part.iter().any(|row| row.learn.iter().skip(1).any(|learn| *learn));
        let parts = parts.iter().filter(learns).map(|part| Self::new(part, config));
        let mut parts = parts.collect::<Result<Vec<Self>>>()?;
        let learned: usize = parts.iter().map(|part| part.learned).sum();
        for part in &mut parts {
            let weight = 1.0 / learned as f32;
            part.weights.iter_mut().filter(|old| **old > 0.0).for_each(|old| *old = weight);
        }
        match parts.is_empty() {
            true => Err(Error::new("no token of the rows is to be learned")),
            false => Ok(parts),
        }
    }

    pub(crate) fn new(rows: &[Row], config: &Config) -> Result<Self> {
        let length = rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0).saturating_sub(1);
        if length == 0 {
            return Err(Error::new("no row has two tokens or more"));
        }
        if length > config.context {
            let message = format!("a row has {} tokens, the model's context {}", length + 1, config.context);
            return Err(Error::new(message).help("cut rows to the context and one token more"));
        }
        let learned = rows.iter().flat_map(|row| row.learn.iter().skip(1)).filter(|learn| **learn).count();
        if learned == 0 {
            return Err(Error::new("no token of the rows is to be learned"));
        }
        let size = rows.len() * length;
        let (mut ids, mut targets, mut weights) = (vec![0; size], vec![0; size], vec![0.0; size]);
        let (weight, mut tokens) = (1.0 / learned as f32, 0);
        for (i, row) in rows.iter().enumerate() {
            if row.tokens.len() != row.learn.len() {
                let message = format!("a row has {} tokens and {} marks", row.tokens.len(), row.learn.len());
                return Err(Error::new(message));
            }
            if let Some(id) = row.tokens.iter().find(|&&id| id as usize >= config.vocabulary) {
                let message =
                    format!("token {id} is outside the model's vocabulary of {}", config.vocabulary);
                return Err(Error::new(message).help("use the tokenizer that the model was trained with"));
            }
            for t in 1..row.tokens.len() {
                let at = i * length + t - 1;
                (ids[at], targets[at]) = (row.tokens[t - 1] as i32, row.tokens[t] as i32);
                weights[at] = if row.learn[t] { weight } else { 0.0 };
            }
            tokens += row.tokens.len().saturating_sub(1) as u64;
        }
        Ok(Self { rows: rows.len(), length, ids, targets, weights, learned, tokens })
    }

    /// Tokens with padding.
    #[cfg(test)]
    pub(crate) fn area(&self) -> usize {
        self.rows * self.length
    }

    pub(crate) fn upload<B: Backend>(&self, device: &B::Device) -> (Tensor<B, 2, Int>, Targets<B>) {
        let shape = [self.rows, self.length];
        let ids = |ids: &Vec<i32>| Tensor::from_data(TensorData::new(ids.clone(), shape), device);
        let weights = Tensor::from_data(TensorData::new(self.weights.clone(), shape), device);
        (ids(&self.ids), Targets { ids: ids(&self.targets), weights })
    }
}
