use std::sync::Mutex;

use ::burn::tensor::{Int, Tensor, TensorData};
use burn_flex::Flex;

use super::*;
use crate::model::Model;
use crate::ops::Targets;
use llmp_artifacts::testing::tiny;

pub(super) fn sampler(config: &Config) -> (tempfile::TempDir, Sampler) {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = hub::initial(config, 9);
    weights[0].iter_mut().for_each(|v| *v *= 20.0); // logits that differ
    hub::save(folder.path(), config, &weights).unwrap();
    let sampler = Sampler::load(folder.path(), "cpu").unwrap();
    (folder, sampler)
}

fn requests() -> Vec<Request> {
    (0..90u32)
        .map(|i| Request {
            prompt: (0..1 + i % 13).map(|j| (i * 5 + j * 3) % 37).collect(),
            max_tokens: 1 + i as usize % 15,
            temperature: if i % 7 == 0 { 0.0 } else { 1.0 },
            top_k: (i % 3 == 0).then_some(8),
            top_p: (i % 4 == 0).then_some(0.9),
            min_p: None,
            seed: u64::from(i / 2),
            stop: vec![3],
            banned: vec![0],
        })
        .collect()
}

#[test]
fn a_row_does_not_depend_on_the_others() {
    let (_folder, sampler) = sampler(&tiny());
    let requests = requests();
    let finished = Mutex::new(0);
    let together = sampler.generate(&requests, &|n| *finished.lock().unwrap() += n, None).unwrap();
    assert_eq!(*finished.lock().unwrap(), 90);
    for (request, expected) in requests.iter().zip(&together) {
        let alone = sampler.generate(std::slice::from_ref(request), &|_| (), None).unwrap();
        assert_eq!(&alone[0], expected);
        assert!(!expected.tokens.contains(&0) && expected.tokens.len() <= request.max_tokens);
        assert!(request.prompt.len() + expected.tokens.len() <= 20);
        assert_eq!(expected.stopped, expected.tokens.last() == Some(&3));
    }
    let mut seen = vec![Vec::new(); 90];
    let streamed = sampler
        .generate(
            &requests,
            &|_| (),
            Some(&mut |row, token| {
                seen[row].push(token);
                true
            }),
        )
        .unwrap();
    assert_eq!(streamed, together);
    let mut left = 2;
    let longest = requests.iter().zip(&together).find(|(_, whole)| whole.tokens.len() > 2).unwrap();
    let ended = sampler.generate(
        std::slice::from_ref(longest.0),
        &|_| (),
        Some(&mut |_, _| {
            left -= 1;
            left > 0
        }),
    );
    let ended = &ended.unwrap()[0];
    assert_eq!(
        (&ended.tokens[..], ended.stopped),
        (&longest.1.tokens[..2], false),
        "it ends where it is told to"
    );
    assert_eq!(seen, together.into_iter().map(|completion| completion.tokens).collect::<Vec<_>>());
}

#[test]
fn steps_with_a_cache_agree_with_one_pass() {
    for config in [tiny(), Config { qk_norm: false, tied: false, ..tiny() }] {
        let (folder, sampler) = sampler(&config);
        let tokens: Vec<u32> = (0..20).map(|i| i * 11 % 37).collect();
        let whole = sampler.logits(&tokens).unwrap();
        let decoder = CpuDecoder::new(config.clone(), hub::load(folder.path()).unwrap().1);
        let mut cache = decoder.cache(20);
        for (token, expected) in tokens.iter().zip(&whole) {
            let mut feed = [Feed { cache: &mut cache, tokens: std::slice::from_ref(token) }];
            assert_eq!(&decoder.forward(&mut feed, Wanted::Last), expected);
        }
    }
}

#[test]
fn backends_agree() {
    for config in [tiny(), Config { qk_norm: false, tied: false, ..tiny() }] {
        let (folder, sampler) = sampler(&config);
        let (_, weights) = hub::load(folder.path()).unwrap();
        let decoder = super::burn::BurnDecoder::<Flex>::new(config, weights, burn_flex::FlexDevice);
        let rows: [Vec<u32>; 2] = [(0..9).map(|i| i * 11 % 37).collect(), vec![5, 2, 7, 7, 1]];
        let mut caches = [decoder.cache(9), decoder.cache(5)];
        for range in [0..3, 3..4, 4..5] {
            let [a, b] = &mut caches;
            let mut feeds = [
                Feed { cache: a, tokens: &rows[0][range.clone()] },
                Feed { cache: b, tokens: &rows[1][range.clone()] },
            ];
            let logits = decoder.forward(&mut feeds, Wanted::Last);
            for (row, logits) in rows.iter().zip(logits.chunks_exact(37)) {
                let expected = sampler.logits(&row[..range.end]).unwrap().pop().unwrap();
                assert!(std::iter::zip(logits, &expected).all(|(a, b)| (a - b).abs() < 1e-4));
            }
        }
    }
}

#[test]
fn logits_agree_with_the_training_loss() {
    for config in [tiny(), Config { qk_norm: false, tied: false, ..tiny() }] {
        let (folder, sampler) = sampler(&config);
        let tokens: Vec<u32> = (0..20).map(|i| i * 11 % 37).collect();
        let (_, weights) = hub::load(folder.path()).unwrap();
        let device = burn_flex::FlexDevice;
        let weights: Vec<Tensor<Flex, 2>> = std::iter::zip(config.parameters(), weights)
            .map(|(p, values)| Tensor::from_data(TensorData::new(values, p.shape), &device))
            .collect();
        let model = Model::<Flex>::new(config, &device);
        let ids = |from: usize| {
            let ids: Vec<i32> = tokens[from..from + 19].iter().map(|&id| id as i32).collect();
            Tensor::<Flex, 2, Int>::from_data(TensorData::new(ids, [1, 19]), &device)
        };
        let targets = Targets { ids: ids(1), weights: Tensor::ones([1, 19], &device) };
        let loss: f32 = model.loss(&weights, ids(0), &targets).into_scalar();
        let logits = sampler.logits(&tokens).unwrap();
        let expected: f64 = std::iter::zip(&logits, &tokens[1..])
            .map(|(logits, &next)| {
                let sum: f64 = logits.iter().map(|v| f64::from(*v).exp()).sum();
                sum.ln() - f64::from(logits[next as usize])
            })
            .sum();
        assert!((f64::from(loss) - expected).abs() < 1e-3 * expected, "{loss} {expected}");
    }
}

#[test]
fn prompts_that_do_not_fit_are_errors() {
    let (_folder, sampler) = sampler(&tiny());
    let message = |prompt: Vec<u32>| {
        let request = Request { prompt, ..requests()[1].clone() };
        sampler.generate(&[request], &|_| (), None).unwrap_err().to_string()
    };
    assert_eq!(message(vec![1; 21]), "row 0: the prompt has 21 tokens, the model's context 20");
    assert!(message(vec![]).contains("empty"));
    assert!(message(vec![37]).contains("outside"));
    let full = Request { prompt: vec![1; 20], ..requests()[1].clone() };
    assert_eq!(sampler.generate(&[full], &|_| (), None).unwrap(), [Completion::default()]);
    let top = sampler.top(&[1, 2, 3], 4).unwrap();
    assert!(top.len() == 4 && top.is_sorted_by(|a, b| a.1 >= b.1));
}
