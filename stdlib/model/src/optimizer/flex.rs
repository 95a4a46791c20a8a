//! The optimisers on the CPU backend: in place, in parallel over parameters.

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

use super::{Rates, Slot, Update};
use crate::cpu::simd::{Simd, arch, dot, with_simd};

/// Values whose squares one task sums.
const PIECE: usize = 1 << 16;
/// Values whose squares are summed in single precision; such sums are added in double precision.
const SUM: usize = 4096;

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
                let sums: Vec<f64> = values(&gradient).par_chunks(PIECE).map(squared_norm).collect();
                sums.iter().sum::<f64>()
            })
            .collect();
        parts.iter().sum()
    }
}

fn update(slot: Slot<Flex>, gradient: Tensor<Flex, 2>, rates: &Rates) -> Slot<Flex> {
    let columns = slot.weight.dims()[1];
    let Slot { weight, state, group } = slot;
    let (mut weight, gradient) = (primitive(weight), primitive(gradient));
    let mut state: Vec<FlexTensor> = state.into_iter().map(primitive).collect();
    let kept = state.iter_mut().map(|tensor| tensor.storage_mut::<f32>()).collect();
    let step = rates.step(group);
    group.optimizer.in_place(weight.storage_mut::<f32>(), values(&gradient), kept, columns, &step);
    Slot { weight: tensor(weight), state: state.into_iter().map(tensor).collect(), group }
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

/// Sum of squares.
#[with_simd(squared_norm = arch())]
#[inline(always)]
#[allow(clippy::needless_lifetimes, reason = "`with_simd` asks for them")]
pub(super) fn squared_norm_with<'a, S: Simd>(simd: S, values: &'a [f32]) -> f64 {
    let mut total = 0.0;
    for part in values.chunks(SUM) {
        total += f64::from(dot(simd, part, part));
    }
    total
}
