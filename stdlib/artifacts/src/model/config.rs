//! The shape of a model: Hugging Face's `config.json` of a Llama or a Qwen3.
//!
//! Both are the same transformer (RMSNorm before each sub-layer, rotary positions, grouped-query attention,
//! SwiGLU); Qwen3 also normalises queries and keys per head. A [`Config`] is one or the other by
//! [`Config::qk_norm`].

mod read;

use std::path::Path;

use llmp_stage::{Error, Result};
use serde_json::{Value, json};

/// Upper bound of `config.json`, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Upper bound of one dimension; products of two then fit 64 bits.
const MAX_DIMENSION: u64 = 1 << 24;
/// Upper bound of the number of blocks, each of which has a dozen tensors with names.
const MAX_LAYERS: u64 = 1 << 16;

/// The shape of a decoder-only transformer and the ids that steer generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Token ids are below this (`vocab_size`).
    pub vocabulary: usize,
    /// Width of the residual stream (`hidden_size`).
    pub width: usize,
    /// Transformer blocks (`num_hidden_layers`).
    pub layers: usize,
    /// Query heads (`num_attention_heads`).
    pub heads: usize,
    /// Key and value heads (`num_key_value_heads`); divides `heads`.
    pub kv_heads: usize,
    /// Width of one head (`head_dim`); even.
    pub head_width: usize,
    /// Inner width of the MLP (`intermediate_size`).
    pub mlp_width: usize,
    /// Longest sequence in tokens (`max_position_embeddings`).
    pub context: usize,
    /// Base of the rotary frequencies (`rope_theta`).
    pub rope_theta: f64,
    /// How the rotary frequencies were stretched after pretraining.
    pub rope_scaling: RopeScaling,
    /// Added to the mean square in RMSNorm (`rms_norm_eps`).
    pub norm_eps: f64,
    /// Whether queries and keys are normalised per head: Qwen3 if so, else Llama.
    pub qk_norm: bool,
    /// Whether the head is the embedding table (`tie_word_embeddings`).
    pub tied: bool,
    /// Id that starts a text, where there is one.
    pub bos: Option<u32>,
    /// Ids that end generation.
    pub eos: Vec<u32>,
    /// Id that fills up short rows, where there is one.
    pub pad: Option<u32>,
}

/// `rope_scaling` of `config.json`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Frequencies as they are.
    None,
    /// All frequencies divided by a factor.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3.1's: long wavelengths divided by `factor`, short ones kept, a smooth passage between.
    Llama3 {
        /// The divisor of the long wavelengths.
        factor: f64,
        /// Wavelengths above `original_context / low` are divided.
        low: f64,
        /// Wavelengths below `original_context / high` are kept.
        high: f64,
        /// Context of pretraining.
        original_context: f64,
    },
}

/// What a parameter does, which decides its initial values and its optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The embedding table, `[vocabulary, width]`.
    Embedding,
    /// An untied head, `[vocabulary, width]`.
    Head,
    /// A norm's scale, `[1, n]` here and `[n]` on disk.
    Norm,
    /// A hidden matrix, `[out, in]`.
    Hidden,
    /// A hidden matrix that writes to the residual stream, `[out, in]`.
    Residual,
}

/// One parameter of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Hugging Face's name, e.g. `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Rows and columns; a norm's scale has one row.
    pub shape: [usize; 2],
    /// What it does.
    pub role: Role,
}

impl Parameter {
    /// The shape on disk: a norm's scale is a vector.
    #[must_use]
    pub fn disk_shape(&self) -> Vec<usize> {
        if self.role == Role::Norm { vec![self.shape[1]] } else { self.shape.to_vec() }
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Whether it holds no value; never so in a checked config.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Config {
    /// The inner width of the MLP that belongs to a width: the multiple of 32 next to 8/3 of it.
    #[must_use]
    pub fn default_mlp_width(width: usize) -> usize {
        ((width * 8 / 3 + 16) / 32 * 32).max(32)
    }

    /// All parameters in their fixed order: embedding, the blocks from first to last, the last norm, the head
    /// where it is not tied. A block has, in this order, `input_layernorm`, `q_proj`, `k_proj`, `v_proj`,
    /// `o_proj`, `q_norm` and `k_norm` (Qwen3 only), `post_attention_layernorm`, `gate_proj`, `up_proj`,
    /// `down_proj`.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let (width, mlp) = (self.width, self.mlp_width);
        let (q, kv) = (self.heads * self.head_width, self.kv_heads * self.head_width);
        let mut all = Vec::new();
        let mut add = |name: String, shape: [usize; 2], role: Role| all.push(Parameter { name, shape, role });
        add("model.embed_tokens.weight".into(), [self.vocabulary, width], Role::Embedding);
        for layer in 0..self.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            add(name("input_layernorm"), [1, width], Role::Norm);
            add(name("self_attn.q_proj"), [q, width], Role::Hidden);
            add(name("self_attn.k_proj"), [kv, width], Role::Hidden);
            add(name("self_attn.v_proj"), [kv, width], Role::Hidden);
            add(name("self_attn.o_proj"), [width, q], Role::Residual);
            if self.qk_norm {
                add(name("self_attn.q_norm"), [1, self.head_width], Role::Norm);
                add(name("self_attn.k_norm"), [1, self.head_width], Role::Norm);
            }
            add(name("post_attention_layernorm"), [1, width], Role::Norm);
            add(name("mlp.gate_proj"), [mlp, width], Role::Hidden);
            add(name("mlp.up_proj"), [mlp, width], Role::Hidden);
            add(name("mlp.down_proj"), [width, mlp], Role::Residual);
        }
        add("model.norm.weight".into(), [1, width], Role::Norm);
        if !self.tied {
            add("lm_head.weight".into(), [self.vocabulary, width], Role::Head);
        }
        all
    }

    /// Number of trainable values.
    #[must_use]
    pub fn parameter_count(&self) -> u64 {
        let (width, mlp, vocabulary) = (self.width as u64, self.mlp_width as u64, self.vocabulary as u64);
        let (q, kv) = ((self.heads * self.head_width) as u64, (self.kv_heads * self.head_width) as u64);
        let head_norms = if self.qk_norm { 2 * self.head_width as u64 } else { 0 };
        let block = 2 * width + width * (2 * q + 2 * kv) + head_norms + 3 * width * mlp;
        let tables = if self.tied { 1 } else { 2 };
        tables * vocabulary * width + self.layers as u64 * block + width
    }

    /// Floating-point operations of training on one token: six for each parameter that takes part in a
    /// product (the embedding table does so as the head only), and the attention over half the context on
    /// average.
    #[must_use]
    pub fn training_flops_per_token(&self) -> f64 {
        let looked_up = if self.tied { 0 } else { self.vocabulary * self.width };
        let products = self.parameter_count() as f64 - looked_up as f64;
        let attention = self.layers * self.heads * self.head_width * self.context;
        6.0 * products + 6.0 * attention as f64
    }

    /// Frequencies of the rotary embedding, `[head_width / 2]`, in radians a position.
    #[must_use]
    pub fn rope_frequencies(&self) -> Vec<f64> {
        let half = self.head_width / 2;
        let stretch = |frequency: f64| match self.rope_scaling {
            RopeScaling::None => frequency,
            RopeScaling::Linear { factor } => frequency / factor,
            RopeScaling::Llama3 { factor, low, high, original_context } => {
                let turns = original_context * frequency / std::f64::consts::TAU;
                let smooth = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (smooth + (1.0 - smooth) / factor)
            }
        };
        (0..half).map(|i| stretch(crate::exact::pow(self.rope_theta, -(i as f64) / half as f64))).collect()
    }

    /// Checks that the dimensions fit each other.
    ///
    /// # Errors
    /// Names the first that does not.
    pub fn check(&self) -> Result<()> {
        let dimensions = [
            ("vocabulary", self.vocabulary),
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("head_width", self.head_width),
            ("mlp", self.mlp_width),
            ("context", self.context),
        ];
        for (name, value) in dimensions {
            let most = if name == "layers" { MAX_LAYERS } else { MAX_DIMENSION };
            if value == 0 || value as u64 > most {
                return Err(Error::new(format!("`{name}` of the model is {value}, expected 1 to {most}")));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let message = format!("{} heads cannot share {} key-value heads", self.heads, self.kv_heads);
            return Err(Error::new(message).help("choose `kv_heads` so that it divides `heads`"));
        }
        if !self.head_width.is_multiple_of(2) {
            let message = format!("the width of a head is {}, expected an even number", self.head_width);
            return Err(
                Error::new(message).help("rotary positions turn pairs: choose `width` / `heads` even")
            );
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !(positive(self.rope_theta) && positive(self.norm_eps)) {
            return Err(Error::new("`rope_theta` and `rms_norm_eps` have to be positive"));
        }
        Ok(())
    }

    /// Reads `config.json` of a Hugging Face model folder.
    ///
    /// # Errors
    /// Where it is missing, too large, no JSON, or of a model that is neither a Llama nor a Qwen3.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::load_file(&folder.join("config.json"))
    }

    /// As [`Config::load`], given the file itself.
    ///
    /// # Errors
    /// As there.
    pub fn load_file(path: &Path) -> Result<Self> {
        let size = std::fs::metadata(path).map_err(Error::io("cannot read", path))?.len();
        if size > MAX_CONFIG_BYTES {
            return Err(Error::new(format!("`{}` has {size} bytes, too many for a config", path.display())));
        }
        let text = std::fs::read(path).map_err(Error::io("cannot read", path))?;
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| Error::new(format!("`{}` is not JSON", path.display())).because(error))?;
        Self::from_json(&value).map_err(|error| {
            let help = error.help_text().map(str::to_owned);
            Error::new(format!("cannot use `{}`", path.display())).because(error).help_if(help)
        })
    }

    /// Reads the value of `config.json`, as `transformers` 4 and 5 write it.
    ///
    /// # Errors
    /// Where a field is missing, or says something that this program does not compute.
    pub fn from_json(value: &Value) -> Result<Self> {
        read::config(value)
    }

    /// The value of `config.json`, as `transformers` 4 and 5 read it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (architecture, kind) =
            if self.qk_norm { ("Qwen3ForCausalLM", "qwen3") } else { ("LlamaForCausalLM", "llama") };
        let mut value = json!({
            "architectures": [architecture],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": self.bos,
            "dtype": "float32",
            "eos_token_id": id_value(&self.eos),
            "head_dim": self.head_width,
            "hidden_act": "silu",
            "hidden_size": self.width,
            "initializer_range": 0.02,
            "intermediate_size": self.mlp_width,
            "max_position_embeddings": self.context,
            "model_type": kind,
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "pad_token_id": self.pad,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": self.rope_scaling_json(),
            "tie_word_embeddings": self.tied,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": self.vocabulary,
        });
        if self.qk_norm {
            value["use_sliding_window"] = json!(false);
            value["sliding_window"] = Value::Null;
            value["max_window_layers"] = json!(self.layers);
        } else {
            value["mlp_bias"] = json!(false);
        }
        value
    }

    /// The value of `generation_config.json`.
    #[must_use]
    pub fn generation_json(&self) -> Value {
        json!({ "bos_token_id": self.bos, "eos_token_id": id_value(&self.eos), "pad_token_id": self.pad })
    }

    fn rope_scaling_json(&self) -> Value {
        match self.rope_scaling {
            RopeScaling::None => Value::Null,
            RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            RopeScaling::Llama3 { factor, low, high, original_context } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original_context,
            }),
        }
    }
}

fn id_value(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [id] => json!(id),
        ids => json!(ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tiny;

    #[test]
    fn json_round_trip() {
        let untied =
            Config { qk_norm: false, tied: false, bos: Some(1), eos: vec![2, 3], pad: None, ..tiny() };
        let scaling = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original_context: 8192.0 };
        for config in [tiny(), Config { rope_scaling: scaling, ..untied.clone() }, untied] {
            assert_eq!(Config::from_json(&config.to_json()).unwrap(), config);
        }
    }

    #[test]
    fn count_agrees_with_the_list() {
        for config in [tiny(), Config { qk_norm: false, tied: false, ..tiny() }] {
            let listed: usize = config.parameters().iter().map(Parameter::len).sum();
            assert_eq!(config.parameter_count(), listed as u64);
        }
    }
}
