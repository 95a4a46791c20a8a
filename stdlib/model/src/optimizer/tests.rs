use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use llmp_artifacts::random::Random;

use super::{Group, Optimizer, Rates, Slot, Update, update};

const RATES: Rates = Rates { hidden: 0.9, other: 0.1, weight_decay: 0.1, gradient_scale: 1.0 / 3.0, step: 4 };

fn slot(optimizer: Optimizer, rows: usize, columns: usize) -> Slot<Flex> {
    let mut random = Random::of_model(3, 0);
    let mut tensor = || {
        let values: Vec<f32> = (0..rows * columns).map(|_| random.normal() as f32).collect();
        Tensor::<Flex, 2>::from_data(TensorData::new(values, [rows, columns]), &Default::default())
    };
    let weight = tensor();
    // A second moment is never negative.
    let state =
        (0..optimizer.slots()).map(|slot| if slot == 0 { tensor() } else { tensor().abs() }).collect();
    Slot { weight, state, group: Group { optimizer, hidden: true, decays: true } }
}

#[test]
fn in_place_agrees_with_composed() {
    let shapes = [(7, 9), (8, 20), (20, 8), (12, 12)];
    let all = Optimizer::ALL.iter().flat_map(|&rule| shapes.map(|(rows, columns)| (rule, rows, columns)));
    for (optimizer, rows, columns) in all {
        let gradient = slot(optimizer, rows, columns).state.remove(0).mul_scalar(0.3).add_scalar(0.01);
        let fused = Flex::update(vec![slot(optimizer, rows, columns)], vec![gradient.clone()], &RATES);
        let composed = update(slot(optimizer, rows, columns), gradient, &RATES);
        let states = fused[0].state.iter().zip(&composed.state);
        for (a, b) in states.chain([(&fused[0].weight, &composed.weight)]) {
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
    let rates = Rates { weight_decay: 0.0, gradient_scale: 1.0, step: 10, ..RATES };
    let gradient = before.state[0].clone();
    let after = Flex::update(vec![before], vec![gradient], &rates);
    let step = (weight - after[0].weight.clone()).div_scalar(rates.hidden);
    let gram = step.clone().matmul(step.transpose()).into_data().to_vec::<f32>().unwrap();
    for i in 0..rows {
        assert!((0.3..1.7).contains(&gram[i * rows + i]), "{gram:?}");
    }
}
