//! The parameters that conversations and continuations share.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Api;
use super::fault::Fault;
use super::fields::Fields;
use crate::model::{About, Job};

/// Texts of a request, at most.
const MAX_CHOICES: i64 = 64;

/// How texts are drawn, and how they are told.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    temperature: f32,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    pub(crate) seed: u64,
    bias: BTreeMap<u32, f32>,
    frequency_penalty: f32,
    presence_penalty: f32,
    pub(crate) stops: Vec<String>,
    /// Texts for each prompt.
    pub(crate) n: usize,
    /// Tokens of a text at most; `None` for as many as fit.
    pub(crate) max_tokens: Option<usize>,
    /// Whether the answer comes in events.
    pub(crate) stream: bool,
    /// Whether the last of them tells what was used.
    pub(crate) usage: bool,
    /// Whether the tokens' ids are told.
    pub(crate) ids: bool,
}

impl Sampling {
    pub(crate) fn read(api: &Api, fields: &mut Fields, about: &About) -> Result<Self, Fault> {
        let stream = fields.flag("stream")?.unwrap_or(false);
        let usage = match fields.take("stream_options") {
            None => false,
            Some(_) if !stream => {
                return Err(Fault::bad("stream_options", "`stream_options` goes with `stream` only"));
            }
            Some(Value::Object(options)) => {
                if let Some(name) = options.keys().find(|name| *name != "include_usage") {
                    let name = format!("stream_options.{name}");
                    return Err(Fault::unsupported(&name, format!("`{name}` is not supported here")));
                }
                options.get("include_usage") == Some(&Value::Bool(true))
            }
            Some(_) => return Err(Fault::bad("stream_options", "`stream_options` must be an object")),
        };
        let limit = i64::try_from(about.context).unwrap_or(i64::MAX);
        let old = fields.whole("max_tokens", 0, i64::MAX)?;
        let max_tokens = fields.whole("max_completion_tokens", 0, i64::MAX)?.or(old);
        let seed = fields.whole("seed", i64::MIN, i64::MAX)?.map(|seed| seed as u64);
        Ok(Self {
            temperature: fields.number("temperature", 0.0, 2.0)?.unwrap_or(1.0),
            top_k: fields
                .whole("top_k", -1, i64::MAX)?
                .and_then(|k| usize::try_from(k).ok())
                .filter(|k| *k > 0),
            top_p: fields.number("top_p", 0.0, 1.0)?.filter(|p| *p < 1.0),
            min_p: fields.number("min_p", 0.0, 1.0)?.filter(|p| *p > 0.0),
            seed: seed.unwrap_or_else(|| api.any_seed()),
            bias: fields.bias(about.vocabulary)?,
            frequency_penalty: fields.number("frequency_penalty", -2.0, 2.0)?.unwrap_or(0.0),
            presence_penalty: fields.number("presence_penalty", -2.0, 2.0)?.unwrap_or(0.0),
            stops: fields.stops()?,
            n: fields.whole("n", 1, MAX_CHOICES)?.map_or(1, |n| n as usize),
            max_tokens: max_tokens.map(|most| most.min(limit) as usize),
            stream,
            usage,
            ids: fields.flag("return_token_ids")?.unwrap_or(false),
        })
    }

    /// The job of the text number `index`: its seed is that much further.
    pub(crate) fn job(&self, index: usize) -> Job {
        Job {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            seed: self.seed.wrapping_add(index as u64),
            bias: self.bias.clone(),
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            ..Job::default()
        }
    }
}

/// What an answer took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) prompt: usize,
    pub(crate) cached: usize,
    pub(crate) written: usize,
}

impl Usage {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt, "completion_tokens": self.written,
            "total_tokens": self.prompt + self.written,
            "prompt_tokens_details": {"cached_tokens": self.cached.min(self.prompt)},
        })
    }
}
