//! The transformer for decoding on any of burn's backends: what GPUs run.
//!
//! Rows of all feeds go through the matrices together; attention looks at each sequence by itself.

use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor, TensorData};

use super::{Decoder, Feed, Wanted};
use crate::model::Model;
use crate::ops::{HeadWeights, Ops, Rope, composed};
use llmp_artifacts::model::Config;

/// A model on a device.
pub(super) struct BurnDecoder<B: Ops> {
    config: Config,
    model: Model<B>,
    weights: Vec<Tensor<B, 2>>,
    device: B::Device,
}

/// Keys and values of one sequence, for each block `[1, kv_heads, tokens, head_width]`.
#[derive(Clone)]
pub(super) struct Cache<B: Backend> {
    layers: Vec<Option<[Tensor<B, 4>; 2]>>,
    length: usize,
}

#[cfg_attr(not(any(test, feature = "wgpu", feature = "cuda")), allow(dead_code, reason = "GPUs only"))]
impl<B: Ops> BurnDecoder<B> {
    /// Puts weights in the order of [`Config::parameters`] on a device.
    pub(super) fn new(config: Config, weights: Vec<Vec<f32>>, device: B::Device) -> Self {
        let pairs = std::iter::zip(config.parameters(), weights);
        let weights =
            pairs.map(|(p, values)| Tensor::from_data(TensorData::new(values, p.shape), &device)).collect();
        Self { model: Model::new(config.clone(), &device), config, weights, device }
    }

    /// Appends keys and values of a feed to its cache, and attends with its queries, `[1, heads, tokens,
    /// head_width]`.
    fn attend(&self, layer: usize, cache: &mut Cache<B>, [q, k, v]: [Tensor<B, 4>; 3]) -> Tensor<B, 3> {
        let tokens = q.dims()[2];
        let [k, v] = match cache.layers[layer].take() {
            Some([keys, values]) => [Tensor::cat(vec![keys, k], 2), Tensor::cat(vec![values, v], 2)],
            None => [k, v],
        };
        cache.layers[layer] = Some([k.clone(), v.clone()]);
        let shape = [tokens, cache.length + tokens];
        let hidden = Tensor::<B, 2, Bool>::tril_mask(shape, cache.length as i64, &self.device).unsqueeze();
        composed::attend(self.model.attention(), [q, k, v], hidden)
    }

    fn int(&self, values: Vec<i32>) -> Tensor<B, 1, Int> {
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [length]), &self.device)
    }
}

impl<B: Ops> Decoder for BurnDecoder<B> {
    type Cache = Cache<B>;

    fn cache(&self, _: usize) -> Cache<B> {
        Cache { layers: vec![None; self.config.layers], length: 0 }
    }

    fn beginning(&self, cache: &Cache<B>, tokens: usize, _: usize) -> Cache<B> {
        let part = |both: &[Tensor<B, 4>; 2]| both.each_ref().map(|one| one.clone().narrow(2, 0, tokens));
        Cache { layers: cache.layers.iter().map(|both| both.as_ref().map(part)).collect(), length: tokens }
    }

    fn forward(&self, feeds: &mut [Feed<'_, Cache<B>>], wanted: Wanted) -> Vec<f32> {
        let (mut ids, mut positions, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for feed in feeds.iter() {
            ids.extend(feed.tokens.iter().map(|&id| id as i32));
            positions.extend((0..feed.tokens.len()).map(|i| (feed.cache.length + i) as i32));
            ends.push(ids.len() as i32 - 1);
        }
        let positions = self.int(positions);
        let [cos, sin] = [&self.model.rope().cos, &self.model.rope().sin]
            .map(|table| table.clone().select(0, positions.clone()));
        let rope = Rope { cos, sin };
        let mut x = B::embed(self.weights[0].clone(), self.int(ids).unsqueeze());
        for layer in 0..self.config.layers {
            let (attention, mlp) = self.model.block(&self.weights, layer);
            let qkv = composed::project(self.model.attention(), x.clone(), &attention, &rope);
            let mut first = 0;
            let mut parts = Vec::with_capacity(feeds.len());
            for feed in feeds.iter_mut() {
                let tokens = feed.tokens.len();
                let part = qkv.each_ref().map(|tensor| tensor.clone().narrow(2, first, tokens));
                parts.push(self.attend(layer, feed.cache, part));
                first += tokens;
            }
            x = x + composed::linear(Tensor::cat(parts, 1), attention.o);
            x = B::mlp_layer(x, mlp, self.config.norm_eps);
        }
        for feed in feeds {
            feed.cache.length += feed.tokens.len();
        }
        if wanted == Wanted::Last {
            x = x.select(1, self.int(ends));
        }
        let HeadWeights { norm, head } = self.model.head(&self.weights);
        composed::logits(x, HeadWeights { norm, head }, self.config.norm_eps)
            .into_data()
            .iter::<f32>()
            .collect()
    }
}
