//! Choosing the next token from logits.

use std::cmp::Ordering;

use llmp_stage::{Error, Result};

use super::Request;
use crate::cpu::simd::exp_all;
use llmp_artifacts::exact;
use llmp_artifacts::random::Random;

/// The most probable first, smaller ids first among equals: a total order.
fn by_rank(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// The next token of `request` after logits of `[vocabulary]`.
///
/// # Errors
/// Where no token is left to choose: all are banned, or the model's numbers are not finite.
pub(super) fn choose(request: &Request, logits: &[f32], random: &mut Random) -> Result<u32> {
    let mut ranked: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
    for &id in &request.banned {
        if let Some(entry) = ranked.get_mut(id as usize) {
            entry.1 = f32::NEG_INFINITY;
        }
    }
    let best = ranked.iter().copied().min_by(by_rank).ok_or_else(|| Error::new("the vocabulary is empty"))?;
    if !best.1.is_finite() {
        return Err(Error::new(
            "no token can be sampled: all are banned, or the model's numbers are not finite",
        ));
    }
    if request.temperature <= 0.0 || request.top_k == Some(1) {
        return Ok(best.0);
    }
    if let Some(k) = request.top_k
        && k > 0
        && k < ranked.len()
    {
        ranked.select_nth_unstable_by(k - 1, by_rank);
        ranked.truncate(k);
        ranked.sort_unstable_by_key(|entry| entry.0);
    }
    let mut weights: Vec<f32> = ranked.iter().map(|entry| (entry.1 - best.1) / request.temperature).collect();
    exp_all(&mut weights);
    ranked.iter_mut().zip(weights).for_each(|(entry, weight)| entry.1 = weight);
    if let Some(p) = request.min_p {
        // The most probable weighs 1 here.
        ranked.retain(|entry| entry.1 >= p);
    }
    if let Some(p) = request.top_p
        && p < 1.0
    {
        ranked.sort_unstable_by(by_rank);
        let total: f64 = ranked.iter().map(|entry| f64::from(entry.1)).sum();
        let mut reached = 0.0;
        let enough = ranked.iter().position(|entry| {
            reached += f64::from(entry.1);
            reached >= f64::from(p) * total
        });
        ranked.truncate(enough.map_or(ranked.len(), |last| last + 1));
    }
    let total: f64 = ranked.iter().map(|entry| f64::from(entry.1)).sum();
    let mut left = random.uniform() * total;
    for (id, weight) in &ranked {
        left -= f64::from(*weight);
        if left < 0.0 {
            return Ok(*id);
        }
    }
    Ok(best.0) // rounding used up the sum
}

/// The `n` most probable tokens with their probabilities at temperature 1.
pub(super) fn top(logits: &[f32], n: usize) -> Vec<(u32, f32)> {
    let total = log_total(logits);
    let ranked = best(logits, n).into_iter();
    ranked.map(|(id, logit)| (id, exact::exp(f64::from(logit) - total) as f32)).collect()
}

/// The `n` largest logits, the largest first.
pub(super) fn best(logits: &[f32], n: usize) -> Vec<(u32, f32)> {
    let mut ranked: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
    if n > 0 && n < ranked.len() {
        ranked.select_nth_unstable_by(n - 1, by_rank);
    }
    ranked.truncate(n);
    ranked.sort_unstable_by(by_rank);
    ranked
}

/// What is taken from a logit to make it the natural logarithm of its token's probability.
pub(super) fn log_total(logits: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| exact::exp(f64::from(logit - largest))).sum();
    f64::from(largest) + exact::ln(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            prompt: vec![1],
            max_tokens: 1,
            temperature: 1.0,
            top_k: None,
            top_p: None,
            min_p: None,
            seed: 0,
            stop: vec![],
            banned: vec![],
        }
    }

    fn shares(request: &Request, logits: &[f32]) -> Vec<f64> {
        let mut random = Random::of_model(5, 0);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[choose(request, logits, &mut random).unwrap() as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.015), "{found:?} {expected:?}");
    }

    #[test]
    fn draws_with_the_right_shares() {
        let logits = [0.5f32, 0.3, 0.15, 0.05].map(f32::ln);
        assert_close(&shares(&request(), &logits), &[0.5, 0.3, 0.15, 0.05]);
        assert_close(&shares(&Request { top_k: Some(2), ..request() }, &logits), &[0.625, 0.375, 0.0, 0.0]);
        assert_close(
            &shares(&Request { top_p: Some(0.9), ..request() }, &logits),
            &[0.526, 0.316, 0.158, 0.0],
        );
        assert_close(&shares(&Request { top_p: Some(0.49), ..request() }, &logits), &[1.0, 0.0, 0.0, 0.0]);
        assert_close(
            &shares(&Request { min_p: Some(0.59), ..request() }, &logits),
            &[0.625, 0.375, 0.0, 0.0],
        );
        assert_close(&shares(&Request { banned: vec![0, 9], ..request() }, &logits), &[0.0, 0.6, 0.3, 0.1]);
        assert_close(&shares(&Request { temperature: 0.0, ..request() }, &logits), &[1.0, 0.0, 0.0, 0.0]);
        let half = Request { temperature: 0.5, ..request() };
        assert_close(&shares(&half, &logits), &[0.685, 0.247, 0.062, 0.007]);
    }

    #[test]
    fn nothing_to_choose_is_an_error() {
        let banned = Request { banned: vec![0, 1], ..request() };
        assert!(choose(&banned, &[0.0, 1.0], &mut Random::of_model(1, 0)).is_err());
        assert!(choose(&request(), &[f32::NAN, f32::NAN], &mut Random::of_model(1, 0)).is_err());
    }

    #[test]
    fn most_probable() {
        let found = top(&[0.2f32, 0.5, 0.3].map(f32::ln), 2);
        assert_eq!(found.iter().map(|entry| entry.0).collect::<Vec<_>>(), [1, 2]);
        assert!((found[0].1 - 0.5).abs() < 1e-6);
    }
}
