//! Reading `config.json` of a Llama or a Qwen3.
//!
//! What `transformers` computes from the same file decides: fields that its two classes do not look at may
//! say anything; a field that changes the arithmetic has a value that this program computes, or is refused by
//! name.

use llmp_stage::{Error, Result};
use serde_json::{Map, Value};

use super::{Config, MAX_DIMENSION, RopeScaling};

type Fields = Map<String, Value>;

/// Fields that add a term or change a product, with the only value other than null that changes nothing.
const NEUTRAL: [(&str, Neutral); 24] = [
    ("attention_bias", Neutral::False),
    ("mlp_bias", Neutral::False),
    ("qkv_bias", Neutral::False),
    ("use_bias", Neutral::False),
    ("use_qkv_bias", Neutral::False),
    ("attention_out_bias", Neutral::False),
    ("lm_head_bias", Neutral::False),
    ("alibi", Neutral::False),
    ("parallel_attn", Neutral::False),
    ("rope_interleaved", Neutral::False),
    ("partial_rotary_factor", Neutral::Number(1.0)),
    ("rotary_pct", Neutral::Number(1.0)),
    ("embedding_multiplier", Neutral::Number(1.0)),
    ("residual_multiplier", Neutral::Number(1.0)),
    ("logits_scaling", Neutral::Number(1.0)),
    ("logit_scale", Neutral::Number(1.0)),
    ("attention_multiplier", Neutral::Null),
    ("query_pre_attn_scalar", Neutral::Null),
    ("attn_logit_softcapping", Neutral::Null),
    ("final_logit_softcapping", Neutral::Null),
    ("clip_qkv", Neutral::Null),
    ("no_rope_layers", Neutral::Null),
    ("quantization_config", Neutral::Null),
    ("compression_config", Neutral::Null),
];

#[derive(Clone, Copy)]
enum Neutral {
    Null,
    False,
    Number(f64),
}

impl Neutral {
    fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) | (Self::False, Value::Bool(false)) => true,
            (Self::Number(neutral), value) => value.as_f64() == Some(neutral),
            _ => false,
        }
    }
}

/// The config that `value` describes.
pub(super) fn config(value: &Value) -> Result<Config> {
    let fields = value.as_object().ok_or_else(|| Error::new("expected a JSON object"))?;
    let kind = fields.get("model_type").and_then(Value::as_str).unwrap_or("");
    let (qk_norm, architecture) = match kind {
        "llama" => (false, "LlamaForCausalLM"),
        "qwen3" => (true, "Qwen3ForCausalLM"),
        other => {
            return Err(Error::new(format!("`model_type` is `{other}`, expected `llama` or `qwen3`"))
                .help("only models of these two architectures can be loaded"));
        }
    };
    refuse_variants(fields, architecture)?;
    let (width, heads) = (size(fields, "hidden_size")?, size(fields, "num_attention_heads")?);
    let (rope_theta, rope_scaling) = rope(fields)?;
    let config = Config {
        vocabulary: size(fields, "vocab_size")?,
        width,
        layers: size(fields, "num_hidden_layers")?,
        heads,
        kv_heads: match fields.get("num_key_value_heads") {
            None if qk_norm => 32, // what Qwen3's own configuration assumes
            None | Some(Value::Null) => heads,
            Some(_) => size(fields, "num_key_value_heads")?,
        },
        head_width: match fields.get("head_dim") {
            None if qk_norm => 128, // likewise
            None | Some(Value::Null) if width.is_multiple_of(heads) => width / heads,
            None | Some(Value::Null) => {
                return Err(Error::new(format!(
                    "`hidden_size` is {width}, which {heads} heads cannot share, and `head_dim` says nothing"
                )));
            }
            Some(_) => size(fields, "head_dim")?,
        },
        mlp_width: size(fields, "intermediate_size")?,
        context: size(fields, "max_position_embeddings")?,
        rope_theta,
        rope_scaling,
        norm_eps: match fields.get("rms_norm_eps") {
            None => 1e-6,
            Some(value) => positive(value).ok_or_else(|| not("rms_norm_eps", value, "a positive number"))?,
        },
        qk_norm,
        tied: match fields.get("tie_word_embeddings") {
            None | Some(Value::Null) => false, // in both architectures
            Some(Value::Bool(tied)) => *tied,
            Some(value) => return Err(not("tie_word_embeddings", value, "true or false")),
        },
        bos: ids(fields, "bos_token_id")?.first().copied(),
        eos: ids(fields, "eos_token_id")?,
        pad: ids(fields, "pad_token_id")?.first().copied(),
    };
    config.check()?;
    Ok(config)
}

fn not(name: &str, value: &Value, expected: &str) -> Error {
    Error::new(format!("`{name}` is {}, expected {expected}", shortened(value)))
}

/// A value as a message shows it.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Refuses what changes the computation and is not implemented.
fn refuse_variants(fields: &Fields, architecture: &str) -> Result<()> {
    let unsupported = |name: &str, value: &Value| {
        Error::new(format!("`{name}` is {}, which is not supported", shortened(value)))
            .help("it changes what the model computes, so that the result would be another model")
    };
    for (name, neutral) in NEUTRAL {
        if let Some(value) = fields.get(name)
            && !neutral.admits(value)
        {
            return Err(unsupported(name, value));
        }
    }
    match fields.get("hidden_act") {
        None => {}
        // PyTorch's other name of the same function.
        Some(Value::String(name)) if matches!(name.as_str(), "silu" | "swish") => {}
        Some(value) => return Err(not("hidden_act", value, "\"silu\"")),
    }
    if let Some(Value::Array(names)) = fields.get("architectures") {
        let is = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(architecture));
        if !names.is_empty() && !names.iter().any(is) {
            let names = Value::Array(names.clone());
            return Err(not("architectures", &names, &format!("[\"{architecture}\"]")));
        }
    }
    let custom = fields.get("auto_map").and_then(|map| map.get("AutoModelForCausalLM"));
    if custom.is_some_and(|name| !name.is_null()) {
        return Err(Error::new("`auto_map` names a program of the model's own")
            .help("programs in model folders are not run; convert the model to a plain Llama or Qwen3"));
    }
    refuse_windows(fields)
}

/// Refuses attention that does not see all of the text before.
fn refuse_windows(fields: &Fields) -> Result<()> {
    if let Some(Value::Array(layers)) = fields.get("layer_types")
        && let Some(other) = layers.iter().find(|layer| **layer != "full_attention")
    {
        return Err(not("layer_types", other, "\"full_attention\" everywhere"));
    }
    match fields.get("use_sliding_window") {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
        Some(Value::Bool(true)) => {}
        Some(value) => return Err(not("use_sliding_window", value, "true or false")),
    }
    match fields.get("sliding_window") {
        // Qwen3 has no windows then, whatever the switch says.
        Some(Value::Null) => Ok(()),
        _ => Err(Error::new("`use_sliding_window` is true, which is not supported")),
    }
}

/// Base and stretching of the rotary frequencies.
///
/// `transformers` 4 writes `rope_theta` beside `rope_scaling`, version 5 one object `rope_parameters`. As in
/// version 5, `rope_scaling` counts where both are there and it says something.
fn rope(fields: &Fields) -> Result<(f64, RopeScaling)> {
    let object = |name: &'static str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object).filter(|object| !object.is_empty())),
        Some(value) => Err(not(name, value, "an object or null")),
    };
    let theta = |fields: &Fields| match fields.get("rope_theta") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => positive(value).map(Some).ok_or_else(|| not("rope_theta", value, "a positive number")),
    };
    let (old, new) = (object("rope_scaling")?, object("rope_parameters")?);
    let mut bases = Vec::new();
    for place in [old, new, Some(fields)].into_iter().flatten() {
        bases.extend(theta(place)?);
    }
    if bases.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(Error::new(format!("`rope_theta` is given as {} and as {}", bases[0], bases[1]))
            .help("leave one of them in `config.json`"));
    }
    let scaling = match old.map(|rope| ("rope_scaling", rope)).or(new.map(|rope| ("rope_parameters", rope))) {
        Some((name, rope)) => scaling(name, rope)?,
        None => RopeScaling::None,
    };
    Ok((bases.first().copied().unwrap_or(10_000.0), scaling))
}

/// What `rope_scaling` or `rope_parameters`, called `name`, says.
fn scaling(name: &str, rope: &Fields) -> Result<RopeScaling> {
    let text = |key: &str| match rope.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(kind)) => Ok(Some(kind.as_str())),
        Some(value) => Err(not(&format!("{name}.{key}"), value, "a text")),
    };
    let kind = match (text("rope_type")?, text("type")?) {
        (Some(new), Some(old)) if new != old => {
            return Err(Error::new(format!("`{name}` is of the types `{new}` and `{old}`")));
        }
        (new, old) => new.or(old).unwrap_or("default"),
    };
    let number = |key: &str| match rope.get(key).and_then(positive) {
        Some(value) => Ok(value),
        None => Err(Error::new(format!("`{name}` of type `{kind}` needs a positive `{key}`"))),
    };
    let (own, scaling): (&[&str], _) = match kind {
        "default" => (&["factor"], RopeScaling::None),
        "linear" => (&["factor"], RopeScaling::Linear { factor: number("factor")? }),
        "llama3" => {
            let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
            if high <= low {
                return Err(Error::new("`high_freq_factor` has to be above `low_freq_factor`"));
            }
            let original_context = number("original_max_position_embeddings")?;
            let scaling = RopeScaling::Llama3 { factor: number("factor")?, low, high, original_context };
            (&["factor", "low_freq_factor", "high_freq_factor"], scaling)
        }
        other => {
            return Err(Error::new(format!("`{name}` of type `{other}` is not supported"))
                .help("supported are `default`, `linear` and `llama3`"));
        }
    };
    // A context length changes nothing in the types that do not ask for it.
    let known = ["rope_type", "type", "rope_theta", "original_max_position_embeddings"];
    for (key, value) in rope {
        let neutral = value.is_null() || (key == "partial_rotary_factor" && value.as_f64() == Some(1.0));
        if !neutral && !known.contains(&key.as_str()) && !own.contains(&key.as_str()) {
            return Err(not(&format!("{name}.{key}"), value, &format!("no such field in the type `{kind}`")));
        }
    }
    Ok(scaling)
}

fn positive(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| *value > 0.0 && value.is_finite())
}

fn size(fields: &Fields, name: &str) -> Result<usize> {
    let found = fields.get(name).ok_or_else(|| Error::new(format!("the field `{name}` is missing")))?;
    match found.as_u64() {
        Some(value) if (1..=MAX_DIMENSION).contains(&value) => Ok(value as usize),
        _ => Err(not(name, found, &format!("an integer from 1 to {MAX_DIMENSION}"))),
    }
}

/// `eos_token_id` and its like: an id, a list of ids, or null. -1 is what some programs write for none.
fn ids(fields: &Fields, name: &str) -> Result<Vec<u32>> {
    let one = |value: &Value| match value.as_i64() {
        Some(-1) => Ok(None),
        id => id
            .and_then(|id| u32::try_from(id).ok())
            .map(Some)
            .ok_or_else(|| not(name, value, "the id of a token")),
    };
    let found: Vec<Option<u32>> = match fields.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(one).collect::<Result<_>>()?,
        Some(value) => vec![one(value)?],
    };
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::tiny;

    /// A tiny Llama's `config.json` with these fields set over it.
    fn with(fields: &Value) -> Result<Config> {
        let mut value = Config { qk_norm: false, ..tiny() }.to_json();
        for (name, field) in fields.as_object().unwrap() {
            value[name] = field.clone();
        }
        config(&value)
    }

    #[test]
    fn both_ways_of_writing_rotary_positions_are_read() {
        let linear = RopeScaling::Linear { factor: 4.0 };
        let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192, "rope_theta": 5e5});
        let long = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original_context: 8192.0 };
        for (fields, theta, scaling) in [
            (json!({"rope_parameters": null, "rope_scaling": {"type": "linear", "factor": 4}}), 1e4, linear),
            (
                json!({"rope_parameters": {}, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
                1e4,
                linear,
            ),
            (
                json!({"rope_scaling": null, "rope_parameters": {"rope_type": "linear", "factor": 4.0}}),
                1e4,
                linear,
            ),
            (
                json!({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}, "rope_scaling": {"type": "linear",
                    "rope_type": "linear", "factor": 4.0}}),
                1e4,
                linear,
            ),
            (json!({"rope_parameters": null, "rope_scaling": null}), 1e4, RopeScaling::None),
            (json!({"rope_theta": null, "rope_parameters": llama3.clone()}), 5e5, long),
            (json!({"rope_theta": 5e5, "rope_scaling": llama3}), 5e5, long),
            (json!({"rope_theta": 2e4, "rope_parameters": {"rope_type": "default"}}), 2e4, RopeScaling::None),
            (
                json!({"rope_scaling": {"rope_type": "default", "partial_rotary_factor": 1.0, "factor": null}}),
                1e4,
                RopeScaling::None,
            ),
        ] {
            let read = with(&fields).unwrap();
            assert_eq!((read.rope_theta, read.rope_scaling), (theta, scaling), "{fields}");
        }
    }

    #[test]
    fn what_changes_the_arithmetic_is_refused_by_name() {
        for (fields, name) in [
            (json!({"model_type": "gemma"}), "`gemma`"),
            (json!({"architectures": ["LlamaForSequenceClassification"]}), "`architectures`"),
            (json!({"auto_map": {"AutoModelForCausalLM": "modeling.Own"}}), "`auto_map`"),
            (json!({"attention_bias": true}), "`attention_bias`"),
            (json!({"mlp_bias": "true"}), "`mlp_bias`"),
            (json!({"hidden_act": "gelu"}), "`hidden_act`"),
            (json!({"partial_rotary_factor": 0.5}), "`partial_rotary_factor`"),
            (
                json!({"rope_parameters": {"partial_rotary_factor": 0.5}}),
                "`rope_parameters.partial_rotary_factor`",
            ),
            (json!({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}), "`yarn`"),
            (json!({"rope_scaling": {"rope_type": "linear"}}), "`factor`"),
            (json!({"rope_scaling": {"rope_type": "linear", "type": "dynamic", "factor": 2.0}}), "`dynamic`"),
            (json!({"rope_scaling": {"type": "default", "mrope_section": [1, 1, 1]}}), "mrope_section"),
            (json!({"rope_parameters": {"full_attention": {"rope_type": "default"}}}), "full_attention"),
            (json!({"rope_parameters": {"rope_theta": 5e5}}), "`rope_theta`"),
            (json!({"rope_parameters": "default"}), "`rope_parameters`"),
            (json!({"layer_types": ["full_attention", "sliding_attention"]}), "`layer_types`"),
            (json!({"use_sliding_window": true, "sliding_window": 8}), "`use_sliding_window`"),
            (json!({"quantization_config": {"quant_method": "gptq"}}), "`quantization_config`"),
            (json!({"tie_word_embeddings": "no"}), "`tie_word_embeddings`"),
            (json!({"rms_norm_eps": "1e-6"}), "`rms_norm_eps`"),
            (json!({"hidden_size": -3}), "`hidden_size` is -3"),
            (json!({"num_hidden_layers": 16_000_000}), "`layers`"),
            (json!({"num_key_value_heads": 3}), "key-value heads"),
            (json!({"head_dim": null, "hidden_size": 25}), "`head_dim`"),
            (json!({"eos_token_id": "</s>"}), "`eos_token_id`"),
        ] {
            let error = with(&fields).unwrap_err().to_string();
            assert!(error.contains(name), "{fields}: {error}");
        }
    }

    #[test]
    fn fields_that_are_absent_or_null_are_what_transformers_takes_them_for() {
        let read = with(&json!({"head_dim": null, "num_key_value_heads": null, "tie_word_embeddings": null,
            "attention_bias": null, "torch_dtype": "bfloat16", "dtype": null, "hidden_act": "swish",
            "use_sliding_window": true, "sliding_window": null, "pad_token_id": -1, "eos_token_id": [2, 3],
            "quantization_config": null, "attention_dropout": 0.1, "pretraining_tp": 2}))
        .unwrap();
        assert_eq!((read.head_width, read.kv_heads, read.tied), (6, 4, false));
        assert_eq!((read.pad, read.eos), (None, vec![2, 3]));

        let mut value = tiny().to_json();
        for name in ["head_dim", "tie_word_embeddings", "rope_scaling", "rope_theta", "rms_norm_eps"] {
            value.as_object_mut().unwrap().remove(name);
        }
        let read = config(&value).unwrap();
        assert_eq!((read.head_width, read.tied, read.rope_theta, read.norm_eps), (128, false, 1e4, 1e-6));
    }
}
