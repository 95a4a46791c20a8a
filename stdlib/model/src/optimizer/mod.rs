//! Optimisers: Muon for hidden matrices, AdamW for everything else.
//!
//! One file a rule. A rule is written twice: composed of burn's operations for every backend, and in place
//! over slices for the CPU. All parameters are updated at once, so that the CPU can do so in parallel.

mod adamw;
mod flex;
mod muon;

use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor};
use llmp_artifacts::model::{Parameter, Role};

use adamw::AdamW;
use muon::Muon;

/// How one parameter is updated, keeping `SLOTS` tensors of its shape from step to step, zeros at first.
trait Rule<const SLOTS: usize> {
    /// One step on any backend.
    fn composed<B: Backend>(
        weight: Tensor<B, 2>,
        gradient: Tensor<B, 2>,
        state: [Tensor<B, 2>; SLOTS],
        step: &Step,
    ) -> (Tensor<B, 2>, [Tensor<B, 2>; SLOTS]);

    /// The same step in place, on a matrix of `columns` columns.
    fn in_place(
        weight: &mut [f32],
        gradient: &[f32],
        state: [&mut [f32]; SLOTS],
        columns: usize,
        step: &Step,
    );
}

/// Makes the enumeration of rules from their table.
macro_rules! optimizers {
    ($($(#[$docs:meta])* $name:ident: $slots:literal,)*) => {
        /// How hidden matrices are optimised. Embeddings, head and norms take AdamW with each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Optimizer { $($(#[$docs])* $name,)* }

        impl Optimizer {
            /// All rules.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Tensors that one of them keeps for each parameter, at most.
            pub(crate) const MOST_SLOTS: u64 = {
                let mut most = 0;
                $(if $slots > most { most = $slots; })*
                most
            };

            /// Tensors that it keeps for each parameter.
            pub(crate) fn slots(self) -> usize {
                match self { $(Self::$name => $slots,)* }
            }

            fn composed<B: Backend>(self, slot: Slot<B>, gradient: Tensor<B, 2>, step: &Step) -> Slot<B> {
                match self { $(Self::$name => composed::<B, $name, $slots>(slot, gradient, step),)* }
            }

            fn in_place(self, weight: &mut [f32], gradient: &[f32], state: Vec<&mut [f32]>, columns: usize, step: &Step) {
                match self {
                    $(Self::$name => <$name as Rule<$slots>>::in_place(weight, gradient, array(state), columns, step),)*
                }
            }
        }
    };
}

optimizers! {
    /// Momentum, orthogonalised by Newton-Schulz iterations.
    Muon: 1,
    /// Adam with decoupled weight decay.
    AdamW: 2,
}

fn composed<B: Backend, R: Rule<SLOTS>, const SLOTS: usize>(
    slot: Slot<B>,
    gradient: Tensor<B, 2>,
    step: &Step,
) -> Slot<B> {
    let Slot { weight, state, group } = slot;
    let (weight, state) = R::composed(weight, gradient, array(state), step);
    Slot { weight, state: state.into(), group }
}

fn array<T, const N: usize>(state: Vec<T>) -> [T; N] {
    state.try_into().unwrap_or_else(|state: Vec<T>| panic!("{} tensors of state, expected {N}", state.len()))
}

/// A backend that updates parameters.
pub(crate) trait Update: Backend {
    /// One step of all parameters.
    fn update(slots: Vec<Slot<Self>>, gradients: Vec<Tensor<Self, 2>>, rates: &Rates) -> Vec<Slot<Self>> {
        slots.into_iter().zip(gradients).map(|(slot, gradient)| update(slot, gradient, rates)).collect()
    }

    /// Sum of the squares of all values.
    fn squared_norm(gradients: &[Tensor<Self, 2>]) -> f64 {
        let sums = gradients.iter().map(|gradient| gradient.clone().powi_scalar(2).sum()).collect::<Vec<_>>();
        let total: f32 = Tensor::cat(sums, 0).sum().into_scalar().elem();
        f64::from(total)
    }
}

#[cfg(feature = "wgpu")]
impl Update for burn::backend::Wgpu {}
#[cfg(feature = "cuda")]
impl Update for burn::backend::Cuda {}

/// One step of one parameter, composed of burn's operations.
fn update<B: Backend>(slot: Slot<B>, gradient: Tensor<B, 2>, rates: &Rates) -> Slot<B> {
    let step = rates.step(slot.group);
    slot.group.optimizer.composed(slot, gradient, &step)
}

/// A parameter with its optimiser's state.
pub(crate) struct Slot<B: Backend> {
    pub(crate) weight: Tensor<B, 2>,
    pub(crate) state: Vec<Tensor<B, 2>>,
    pub(crate) group: Group,
}

/// How a parameter is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) optimizer: Optimizer,
    /// Whether it takes the learning rate of hidden matrices.
    pub(crate) hidden: bool,
    /// Whether weight decay applies: to matrices, not to the scales of norms.
    pub(crate) decays: bool,
}

impl Group {
    /// That of a parameter.
    pub(crate) fn of(parameter: &Parameter, hidden_optimizer: Optimizer) -> Self {
        let hidden = matches!(parameter.role, Role::Hidden | Role::Residual);
        let optimizer = if hidden { hidden_optimizer } else { Optimizer::AdamW };
        Self { optimizer, hidden, decays: parameter.role != Role::Norm }
    }
}

/// The numbers of one step of one parameter.
#[derive(Clone, Copy, Debug)]
struct Step {
    rate: f64,
    /// What decay leaves of the weight.
    keep: f64,
    gradient_scale: f64,
    /// Counted from 1.
    number: u32,
}

/// The numbers of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Learning rate of hidden matrices.
    pub(crate) hidden: f64,
    /// Learning rate of embeddings, head and norms.
    pub(crate) other: f64,
    /// Decoupled weight decay.
    pub(crate) weight_decay: f64,
    /// Gradients are multiplied by this: clipping.
    pub(crate) gradient_scale: f64,
    /// Steps done before this one.
    pub(crate) step: u64,
}

impl Rates {
    fn step(&self, group: Group) -> Step {
        let rate = if group.hidden { self.hidden } else { self.other };
        let keep = if group.decays { 1.0 - rate * self.weight_decay } else { 1.0 };
        let number = u32::try_from(self.step + 1).unwrap_or(u32::MAX);
        Step { rate, keep, gradient_scale: self.gradient_scale, number }
    }
}

#[cfg(test)]
mod tests;
