//! How probable a model finds texts that are given.
//!
//! The prompt is computed once; each of its continuations goes on from a copy of its cache.

use rayon::prelude::*;

use super::{Decoder, Feed, Sampler, Wanted};
use crate::cpu::simd::exp;
use crate::device::Device;
use llmp_artifacts::exact;
use llmp_stage::{Error, Result};

/// Logits that exist at a time for each thread: 16 MiB.
const MAX_LOGITS: usize = 4 << 20;

/// What is judged: texts that may follow one prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Token ids before; at least one.
    pub prompt: Vec<u32>,
    /// What may follow, each at least one token.
    pub continuations: Vec<Vec<u32>>,
}

/// What a model makes of a continuation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Likelihood {
    /// The natural logarithm of the probability of each token, given all tokens before it.
    pub tokens: Vec<f64>,
    /// How many tokens are the most probable ones, counted up to the first that is not: so far greedy
    /// decoding writes the same.
    pub greedy: usize,
}

impl Likelihood {
    /// The natural logarithm of the probability of all tokens together.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.tokens.iter().sum()
    }

    /// Takes in that `token` followed where the model gave `logits`.
    fn add(&mut self, token: u32, logits: &[f32]) {
        let mut best = (0, f32::NEG_INFINITY);
        for (id, &logit) in (0u32..).zip(logits) {
            if logit > best.1 {
                best = (id, logit);
            }
        }
        let sum: f64 = logits.iter().map(|logit| f64::from(exp(logit - best.1))).sum();
        if self.greedy == self.tokens.len() && best.0 == token {
            self.greedy += 1;
        }
        self.tokens.push(f64::from(logits[token as usize] - best.1) - exact::ln(sum));
    }
}

impl Sampler {
    /// How probable the model finds each continuation of each prompt. The results do not depend on what else
    /// is judged: on the CPU to the last bit.
    ///
    /// `progress` is told once what was given has been judged, from any thread; its error ends all. On a GPU
    /// one prompt is computed at a time.
    ///
    /// # Errors
    /// Where a prompt or continuation is empty, both are longer than the context and one token, an id is
    /// outside the vocabulary, the model's numbers are not finite, or `progress` fails.
    pub fn likelihoods(
        &self,
        given: &[Candidates],
        progress: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Vec<Vec<Likelihood>>> {
        for (row, one) in given.iter().enumerate() {
            let within = |error| Error::new(format!("row {row}")).because(error);
            self.check(&one.prompt).map_err(within)?;
            for tokens in &one.continuations {
                let fed = [&one.prompt[..], tokens.get(..tokens.len().saturating_sub(1)).unwrap_or_default()];
                self.check(&fed.concat()).map_err(within)?;
                self.check(&tokens[tokens.len().saturating_sub(1)..]).map_err(within)?;
            }
        }
        let judge = |(row, one): (usize, &Candidates)| {
            let found = self.engine.likelihoods(one, self.config.vocabulary);
            if found.iter().flat_map(|it| &it.tokens).any(|value| !value.is_finite()) {
                return Err(Error::new(format!("row {row}: the model's numbers are not finite")));
            }
            progress().map(|()| found)
        };
        match self.device {
            Device::Cpu => given.par_iter().enumerate().map(judge).collect(),
            _ => given.iter().enumerate().map(judge).collect(),
        }
    }
}

/// See [`super::Engine::likelihoods`].
pub(super) fn likelihoods<D: Decoder>(decoder: &D, given: &Candidates, vocabulary: usize) -> Vec<Likelihood> {
    let longest = given.continuations.iter().map(Vec::len).max().unwrap_or(0);
    let mut cache = decoder.cache(given.prompt.len() + longest);
    let first = decoder.forward(&mut [Feed { cache: &mut cache, tokens: &given.prompt }], Wanted::Last);
    let at_once = (MAX_LOGITS / vocabulary).max(1);
    let judge = |tokens: &Vec<u32>| {
        let mut found = Likelihood::default();
        let Some((head, rest)) = tokens.split_first() else { return found };
        found.add(*head, &first);
        if rest.is_empty() {
            return found;
        }
        let mut cache = cache.clone();
        for (fed, next) in tokens.chunks(at_once).zip(rest.chunks(at_once)) {
            let mut feed = [Feed { cache: &mut cache, tokens: &fed[..next.len()] }];
            let logits = decoder.forward(&mut feed, Wanted::All);
            next.iter().zip(logits.chunks_exact(vocabulary)).for_each(|(token, row)| found.add(*token, row));
        }
        found
    };
    given.continuations.iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::sampler;
    use super::*;
    use llmp_artifacts::testing::tiny;

    fn given() -> Vec<Candidates> {
        let tokens = |from: u32, count: u32| (from..from + count).map(|i| i * 11 % 37).collect::<Vec<_>>();
        (1..14)
            .map(|length| Candidates {
                prompt: tokens(length, length),
                continuations: vec![tokens(3, 1), tokens(length, 7), tokens(9, 4)],
            })
            .collect()
    }

    #[test]
    fn likelihoods_are_those_of_the_logits() {
        let (_folder, sampler) = sampler(&tiny());
        let given = given();
        let found = sampler.likelihoods(&given, &|| Ok(())).unwrap();
        for (one, found) in given.iter().zip(&found) {
            for (tokens, found) in one.continuations.iter().zip(found) {
                let whole = [&one.prompt[..], tokens].concat();
                let logits = sampler.logits(&whole[..whole.len() - 1]).unwrap();
                let mut greedy = true;
                for (place, token) in tokens.iter().enumerate() {
                    let logits = &logits[one.prompt.len() - 1 + place];
                    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
                    let expected = f64::from(logits[*token as usize]) - sum.ln();
                    assert!((found.tokens[place] - expected).abs() < 1e-5, "{found:?} {expected}");
                    greedy &= logits.iter().all(|logit| *logit <= logits[*token as usize]);
                    assert_eq!(found.greedy > place, greedy);
                }
            }
        }
    }

    #[test]
    fn a_row_alone_is_as_it_is_among_others() {
        let (_folder, sampler) = sampler(&tiny());
        let given = given();
        let together = sampler.likelihoods(&given, &|| Ok(())).unwrap();
        for (one, expected) in given.iter().zip(&together) {
            for (tokens, expected) in one.continuations.iter().zip(expected) {
                let alone = Candidates { prompt: one.prompt.clone(), continuations: vec![tokens.clone()] };
                assert_eq!(&sampler.likelihoods(&[alone], &|| Ok(())).unwrap()[0][0], expected);
            }
        }
    }

    #[test]
    fn what_greedy_decoding_writes_is_greedy() {
        let (_folder, sampler) = sampler(&tiny());
        let request = super::super::Request {
            prompt: vec![5, 9],
            max_tokens: 8,
            temperature: 0.0,
            top_k: None,
            top_p: None,
            min_p: None,
            seed: 0,
            stop: vec![],
            banned: vec![],
        };
        let written = sampler.generate(&[request], &|_| (), None).unwrap().remove(0).tokens;
        let mut other = written.clone();
        other[5] = (other[5] + 1) % 37;
        let given = Candidates { prompt: vec![5, 9], continuations: vec![written, other] };
        let found = sampler.likelihoods(&[given], &|| Ok(())).unwrap().remove(0);
        assert_eq!((found[0].greedy, found[1].greedy), (8, 5));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (_folder, sampler) = sampler(&tiny());
        let message = |prompt: Vec<u32>, tokens: Vec<u32>| {
            let given = Candidates { prompt, continuations: vec![tokens] };
            sampler.likelihoods(&[given], &|| Ok(())).map(|_| ()).unwrap_err().to_string()
        };
        assert!(message(vec![], vec![1]).contains("empty"));
        assert!(message(vec![1], vec![]).contains("empty"));
        assert!(message(vec![1], vec![37]).contains("outside"));
        assert!(message(vec![1; 20], vec![2, 2]).contains("the model's context 20"));
        let full = Candidates { prompt: vec![1; 20], continuations: vec![vec![2]] };
        assert!(
            sampler.likelihoods(std::slice::from_ref(&full), &|| Ok(())).is_ok(),
            "the last token is not read"
        );
        let stopped = sampler.likelihoods(&[full], &|| Err(Error::cancelled()));
        assert!(stopped.is_err());
    }
}
