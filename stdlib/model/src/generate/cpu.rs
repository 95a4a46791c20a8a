//! The transformer for decoding on the CPU: plain slices, a KV cache per sequence, no gradients.

use crate::cpu::linear::Linear;
use crate::cpu::simd::{self, Simd, arch, dot, exp_sum, max, with_simd};
use crate::cpu::{mlp, norm, rope};
use crate::ops::rope_tables;
use llmp_artifacts::model::Config;

use super::{Decoder, Feed, Wanted};

/// A model laid out for decoding.
pub(super) struct CpuDecoder {
    config: Config,
    /// `[vocabulary, width]`.
    embedding: Vec<f32>,
    blocks: Vec<Block>,
    norm: Vec<f32>,
    head: Linear,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

struct Block {
    attention_norm: Vec<f32>,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    /// Scales of the query and key norms.
    head_norms: Option<[Vec<f32>; 2]>,
    mlp_norm: Vec<f32>,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// Keys and values of one sequence: for each block `[tokens, kv_heads * head_width]`.
#[derive(Clone, Default)]
pub(super) struct Cache {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    length: usize,
}

impl CpuDecoder {
    /// Lays out weights in the order of [`Config::parameters`].
    pub(super) fn new(config: Config, weights: Vec<Vec<f32>>) -> Self {
        let parameters = config.parameters();
        let mut all = parameters.iter().map(|p| p.shape).zip(weights);
        let mut next = || all.next().expect("as many weights as parameters");
        let linear = |(shape, values): ([usize; 2], Vec<f32>)| Linear::new(&values, shape[0], shape[1]);
        let embedding = next().1;
        let blocks = (0..config.layers)
            .map(|_| Block {
                attention_norm: next().1,
                q: linear(next()),
                k: linear(next()),
                v: linear(next()),
                o: linear(next()),
                head_norms: config.qk_norm.then(|| [next().1, next().1]),
                mlp_norm: next().1,
                gate: linear(next()),
                up: linear(next()),
                down: linear(next()),
            })
            .collect();
        let norm = next().1;
        let head = if config.tied {
            Linear::new(&embedding, config.vocabulary, config.width)
        } else {
            linear(next())
        };
        let (cos, sin) = rope_tables(&config, config.context);
        Self { config, embedding, blocks, norm, head, cos, sin }
    }

    fn attention(&self, layer: usize, x: &mut [f32], feeds: &mut [Feed<'_, Cache>], positions: &[usize]) {
        let (block, config) = (&self.blocks[layer], &self.config);
        let (q_width, kv_width) = (config.heads * config.head_width, config.kv_heads * config.head_width);
        let normed = self.normed(x, &block.attention_norm);
        let (mut q, mut k, v) = (block.q.apply(&normed), block.k.apply(&normed), block.v.apply(&normed));
        let tables = rope::Tables { cos: &self.cos, sin: &self.sin, half: config.head_width / 2 };
        for (i, heads) in [&mut q, &mut k].into_iter().enumerate() {
            if let Some(scales) = &block.head_norms {
                *heads = self.normed(heads, &scales[i]);
            }
            rope::rotate(heads, positions, tables, false);
        }
        let mut out = vec![0.0; q.len()];
        let mut scores = Vec::new();
        let mut row = 0;
        for feed in feeds {
            let count = feed.tokens.len();
            let rows = row..row + count;
            let (keys, values) = (&mut feed.cache.keys[layer], &mut feed.cache.values[layer]);
            keys.extend_from_slice(&k[rows.start * kv_width..rows.end * kv_width]);
            values.extend_from_slice(&v[rows.start * kv_width..rows.end * kv_width]);
            for row in rows {
                scores.resize(positions[row] + 1, 0.0);
                let (q, out) = (&q[row * q_width..][..q_width], &mut out[row * q_width..][..q_width]);
                attend(config, q, (&*keys, &*values), &mut scores, out);
            }
            row += count;
        }
        simd::add(x, &block.o.apply(&out));
    }

    fn mlp(&self, layer: usize, x: &mut [f32]) {
        let block = &self.blocks[layer];
        let normed = self.normed(x, &block.mlp_norm);
        let (gate, up) = (block.gate.apply(&normed), block.up.apply(&normed));
        let mut active = vec![0.0; gate.len()];
        mlp::activate(&gate, &up, &mut active);
        simd::add(x, &block.down.apply(&active));
    }

    fn normed(&self, x: &[f32], scale: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        let mut r = vec![0.0; x.len() / scale.len()];
        norm::forward(x, scale, self.config.norm_eps as f32, &mut out, &mut r);
        out
    }
}

impl Decoder for CpuDecoder {
    type Cache = Cache;

    fn cache(&self, tokens: usize) -> Cache {
        let Config { layers, kv_heads, head_width, .. } = self.config;
        let room = || vec![Vec::with_capacity(tokens * kv_heads * head_width); layers];
        Cache { keys: room(), values: room(), length: 0 }
    }

    fn beginning(&self, cache: &Cache, tokens: usize, room: usize) -> Cache {
        let width = self.config.kv_heads * self.config.head_width;
        let part = |all: &Vec<f32>| {
            let mut part = Vec::with_capacity(room.max(tokens) * width);
            part.extend_from_slice(&all[..tokens * width]);
            part
        };
        let parts = |all: &[Vec<f32>]| all.iter().map(part).collect();
        Cache { keys: parts(&cache.keys), values: parts(&cache.values), length: tokens }
    }

    fn forward(&self, feeds: &mut [Feed<'_, Cache>], wanted: Wanted) -> Vec<f32> {
        let width = self.config.width;
        let (mut x, mut positions, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for feed in feeds.iter() {
            for (i, &id) in feed.tokens.iter().enumerate() {
                x.extend_from_slice(&self.embedding[id as usize * width..][..width]);
                positions.push(feed.cache.length + i);
            }
            last.push(positions.len() - 1);
        }
        for layer in 0..self.config.layers {
            self.attention(layer, &mut x, feeds, &positions);
            self.mlp(layer, &mut x);
        }
        for feed in feeds {
            feed.cache.length += feed.tokens.len();
        }
        if wanted == Wanted::Last {
            x = last.iter().flat_map(|row| &x[row * width..][..width]).copied().collect();
        }
        self.head.apply(&self.normed(&x, &self.norm))
    }
}

/// Attention of one token's query heads over the keys up to its own; `scores` has one place for each.
#[with_simd(attend = arch())]
#[inline(always)]
fn attend_with<'a, S: Simd>(
    simd: S,
    config: &'a Config,
    q: &'a [f32],
    (keys, values): (&'a [f32], &'a [f32]),
    scores: &'a mut [f32],
    out: &'a mut [f32],
) {
    let (width, group) = (config.head_width, config.heads / config.kv_heads);
    let stride = config.kv_heads * width;
    let scale = 1.0 / (width as f32).sqrt();
    for (head, (q, out)) in q.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
        let at = head / group * width;
        for (score, key) in scores.iter_mut().zip(keys.chunks_exact(stride)) {
            *score = dot(simd, q, &key[at..at + width]) * scale;
        }
        let largest = max(simd, scores);
        let inverse = 1.0 / exp_sum(simd, scores, largest);
        for (score, value) in scores.iter().zip(values.chunks_exact(stride)) {
            let weight = score * inverse;
            for (out, value) in out.iter_mut().zip(&value[at..at + width]) {
                *out += weight * *value;
            }
        }
    }
}
