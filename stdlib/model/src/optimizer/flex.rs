//! The optimisers on the CPU backend: in place, in parallel over parameters and over pieces of large ones.

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

use super::{Rates, Slot, Update, cpu};
use crate::train::Optimizer;

/// Values that one task of AdamW updates.
const PIECE: usize = 1 << 16;

impl Update for Flex {
    fn update(slots: Vec<Slot<Self>>, gradients: Vec<Tensor<Self, 2>>, rates: &Rates) -> Vec<Slot<Self>> {
        slots
            .into_par_iter()
            .zip(gradients)
            .with_max_len(1)
            .map(|(slot, gradient)| update(slot, gradient, rates))
            .collect()
    }

    fn squared_norm(gradients: &[Tensor<Self, 2>]) -> f64 {
        let parts: Vec<f64> = gradients
            .par_iter()
            .map(|gradient| {
                let gradient = primitive(gradient.clone());
                let sums: Vec<f64> = values(&gradient).par_chunks(PIECE).map(cpu::squared_norm).collect();
                sums.iter().sum::<f64>()
            })
            .collect();
        parts.iter().sum()
    }
}

fn update(slot: Slot<Flex>, gradient: Tensor<Flex, 2>, rates: &Rates) -> Slot<Flex> {
    let step = rates.step(slot.rule);
    let columns = slot.weight.dims()[1];
    let Slot { weight, first, second, rule } = slot;
    let (mut weight, mut first) = (primitive(weight), primitive(first));
    let mut second = second.map(primitive);
    let gradient = primitive(gradient);
    let (w, m, g) = (weight.storage_mut::<f32>(), first.storage_mut::<f32>(), values(&gradient));
    match (rule.optimizer, &mut second) {
        (Optimizer::AdamW, Some(second)) => {
            let v = second.storage_mut::<f32>().par_chunks_mut(PIECE);
            (w.par_chunks_mut(PIECE), g.par_chunks(PIECE), m.par_chunks_mut(PIECE), v)
                .into_par_iter()
                .for_each(|(w, g, m, v)| cpu::adamw(w, g, m, v, step));
        }
        _ => cpu::muon(w, g, m, columns, step),
    }
    Slot { weight: tensor(weight), first: tensor(first), second: second.map(tensor), rule }
}

/// The contiguous primitive of a tensor.
fn primitive(tensor: Tensor<Flex, 2>) -> FlexTensor {
    tensor.into_primitive().tensor().to_contiguous()
}

fn tensor(primitive: FlexTensor) -> Tensor<Flex, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("weights are f32 and were made contiguous")
}
