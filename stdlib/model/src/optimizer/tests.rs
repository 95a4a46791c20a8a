use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

use super::{Rates, Rule, Slot, Update, composed, schedule};
use crate::random::Random;
use crate::train::{Optimizer, Recipe, Schedule};

fn recipe() -> Recipe {
    Recipe {
        optimizer: Optimizer::Muon,
        learning_rate: 1.0,
        embedding_learning_rate: 0.1,
        warmup: 0.1,
        schedule: Schedule::Linear,
        final_fraction: 0.1,
        weight_decay: 0.1,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 0,
        stop_tokens: None,
    }
}

fn slot(optimizer: Optimizer, rows: usize, columns: usize) -> Slot<Flex> {
    let mut random = Random::new(3, 0);
    let mut tensor = || {
        let values: Vec<f32> = (0..rows * columns).map(|_| random.normal() as f32).collect();
        Tensor::<Flex, 2>::from_data(TensorData::new(values, [rows, columns]), &Default::default())
    };
    let (weight, first, second) = (tensor(), tensor(), tensor().abs());
    let second = (optimizer == Optimizer::AdamW).then_some(second);
    Slot { weight, first, second, rule: Rule { optimizer, hidden: true, decays: true } }
}

#[test]
fn in_place_agrees_with_composed() {
    for (optimizer, rows, columns) in [
        (Optimizer::AdamW, 7, 9),
        (Optimizer::Muon, 8, 20),
        (Optimizer::Muon, 20, 8),
        (Optimizer::Muon, 12, 12),
    ] {
        let gradient = slot(optimizer, rows, columns).first.mul_scalar(0.3).add_scalar(0.01);
        let rates = Rates::new(&recipe(), 4, 20, 9.0);
        let fused = Flex::update(vec![slot(optimizer, rows, columns)], vec![gradient.clone()], &rates);
        let composed = composed::update(slot(optimizer, rows, columns), gradient, &rates);
        for (a, b) in [(&fused[0].weight, &composed.weight), (&fused[0].first, &composed.first)] {
            let error: f32 = (a.clone() - b.clone()).abs().max().into_scalar();
            assert!(error < 2e-5, "{optimizer:?} {rows}x{columns}: {error}");
        }
    }
}

#[test]
fn muon_steps_are_nearly_orthogonal() {
    let (rows, columns) = (6, 10);
    let before = slot(Optimizer::Muon, rows, columns);
    let weight = before.weight.clone();
    let rates = Rates::new(&Recipe { weight_decay: 0.0, ..recipe() }, 10, 20, 0.0);
    let gradient = before.first.clone();
    let after = Flex::update(vec![before], vec![gradient], &rates);
    let step = (weight - after[0].weight.clone()).div_scalar(rates.hidden);
    let gram = step.clone().matmul(step.transpose()).into_data().to_vec::<f32>().unwrap();
    for i in 0..rows {
        assert!((0.3..1.7).contains(&gram[i * rows + i]), "{gram:?}");
    }
}

#[test]
fn schedule_rises_and_falls() {
    let recipe = recipe();
    let shares: Vec<f64> = (0..100).map(|step| schedule(&recipe, step, 100)).collect();
    assert!(shares[0] > 0.0 && shares[0] < 0.2);
    assert_eq!(shares[10], 1.0);
    assert!(shares[..10].is_sorted() && shares[10..].iter().rev().is_sorted());
    assert!((0.1..0.12).contains(&shares[99]));
    assert!(Rates::new(&recipe, 0, 1, 4.0).gradient_scale == 0.5);
}
