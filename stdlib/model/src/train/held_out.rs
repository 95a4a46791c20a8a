//! What a training never learns from, and is measured with on its way.

use burn::tensor::{ElementConversion, Tensor};
use llmp_artifacts::model::Config;
use llmp_stage::Result;

use super::Row;
use super::batch::Batch;
use crate::model::Model;
use crate::ops::Ops;

/// What is held out, and how it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldOut {
    /// What is to be predicted; at least one row with a learned token.
    pub rows: Vec<Row>,
    /// Rows that are measured at a time, which bounds memory and changes nothing else.
    pub batch: usize,
    /// Bytes of text that the learned tokens stand for, where bits for each byte are to be told. A token that
    /// stands for no text, such as the end of a document, has none, and its loss counts all the same.
    pub bytes: Option<u64>,
    /// Steps between measurements, at least 1; the last step is measured always.
    pub every: u64,
    /// Measurements in a row that are not below the lowest, after which training ends. Where it is given, the
    /// model is that of the lowest held-out loss, else that of the last step.
    pub patience: Option<u32>,
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Mean loss, in nats a learned token.
    pub(crate) loss: f64,
    /// Bits a byte of text.
    pub(crate) bits: Option<f64>,
}

impl HeldOut {
    /// Whether the model is measured after `step` of `steps`.
    pub(crate) fn is_due(&self, step: u64, steps: u64) -> bool {
        step.is_multiple_of(self.every.max(1)) || step == steps
    }

    /// Measures a model.
    pub(crate) fn measure<B: Ops>(
        &self,
        model: &Model<B>,
        weights: &[Tensor<B, 2>],
        config: &Config,
        device: &B::Device,
    ) -> Result<Measured> {
        let (mut nats, mut learned) = (0.0, 0);
        for rows in self.rows.chunks(self.batch.max(1)) {
            let batch = Batch::new(rows, config)?;
            let (ids, targets) = batch.upload::<B>(device);
            let mean: f64 = model.loss(weights, ids, &targets).into_scalar().elem();
            nats += mean * batch.learned as f64;
            learned += batch.learned;
        }
        let bits = |bytes: u64| nats / std::f64::consts::LN_2 / bytes as f64;
        let bits = self.bytes.filter(|&bytes| bytes > 0).map(bits);
        Ok(Measured { loss: nats / learned.max(1) as f64, bits })
    }
}
