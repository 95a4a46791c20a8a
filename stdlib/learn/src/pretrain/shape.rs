//! The shape of a new model, as settings say it.

use llmp_artifacts::model::{Config, RopeScaling};
use llmp_stage::{Error, Lint, Result};
use serde::Deserialize;

use super::dial;

/// The setting `model` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) depth: Option<usize>,
    layers: Option<usize>,
    width: Option<usize>,
    heads: Option<usize>,
    kv_heads: Option<usize>,
    head_width: Option<usize>,
    mlp: Option<usize>,
    context: Option<usize>,
    rope_theta: f64,
    qk_norm: bool,
    tie_embeddings: bool,
}

impl Written {
    /// With what follows from the depth, or else what stands for what is left out.
    pub(super) fn resolved(self) -> Shape {
        let depth = self.depth;
        let layers = self.layers.or(depth).unwrap_or(LAYERS);
        let width = self.width.or(depth.map(dial::width)).unwrap_or(WIDTH);
        Shape {
            layers,
            width,
            heads: self.heads.or(depth.map(|depth| dial::heads(depth, width))).unwrap_or(HEADS),
            kv_heads: self.kv_heads,
            head_width: self.head_width,
            mlp: self.mlp,
            context: self.context.or(depth.map(dial::context)).unwrap_or(CONTEXT),
            rope_theta: self.rope_theta,
            qk_norm: self.qk_norm,
            tie_embeddings: self.tie_embeddings,
        }
    }
}

/// What stands for what is left out where there is no depth, either.
const LAYERS: usize = 4;
const WIDTH: usize = 96;
const HEADS: usize = 3;
const CONTEXT: usize = 96;

/// The shape of a new model.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    kv_heads: Option<usize>,
    head_width: Option<usize>,
    mlp: Option<usize>,
    pub(super) context: usize,
    rope_theta: f64,
    qk_norm: bool,
    tie_embeddings: bool,
}

/// The width cannot be divided among the heads: says how many heads could share it.
fn uneven(width: usize, heads: usize) -> Lint {
    let divides = |heads: &usize| width.is_multiple_of(*heads);
    let below = (1..heads).rev().find(divides);
    let above = (heads + 1..=width.min(heads.saturating_mul(8))).find(divides);
    let choices: Vec<String> =
        [below, above].into_iter().flatten().map(|heads| format!("`heads = {heads}`")).collect();
    let message = format!("the width {width} cannot be divided among {heads} heads");
    let lint =
        Lint::new("E0301", &["model", "width"], message).label(format!("{width} / {heads} is not whole"));
    lint.help(match choices.as_slice() {
        [] => "choose a width that is a multiple of the heads".to_owned(),
        choices => format!("write {}", choices.join(" or ")),
    })
}

impl Shape {
    /// Heads of attention share the model's width equally, unless theirs is given; rotary positions turn
    /// pairs of numbers; each key-value head serves equally many heads.
    pub(super) fn lint(&self) -> Vec<Lint> {
        let (width, heads) = (self.width, self.heads);
        let mut lints = Vec::new();
        let head = self.head_width.or_else(|| width.is_multiple_of(heads).then(|| width / heads));
        match head {
            None => lints.push(uneven(width, heads)),
            Some(head) if !head.is_multiple_of(2) => {
                let message = format!("a head cannot be {head} wide: positions turn pairs of numbers");
                let help = match self.head_width {
                    Some(_) => format!("write `head_width = {}`, or another even number", head + 1),
                    None => "choose `width` and `heads` such that `width` / `heads` is even".to_owned(),
                };
                let lint = Lint::new("E0301", &["model", "width"], message).label(format!("{head} is odd"));
                lints.push(lint.help(help));
            }
            Some(_) => {}
        }
        if let Some(shared) = self.kv_heads
            && !heads.is_multiple_of(shared)
        {
            let message = format!("{heads} heads cannot share {shared} key-value heads");
            let lint = Lint::new("E0301", &["model", "kv_heads"], message);
            let lint = lint.label(format!("{heads} / {shared} is not whole"));
            lints.push(lint.help("`kv_heads` must divide `heads`; leave it out to give every head its own"));
        }
        lints
    }

    pub(super) fn config(&self, vocabulary: usize, end_of_text: u32) -> Result<Config> {
        if self.head_width.is_none() && !self.width.is_multiple_of(self.heads) {
            let message = format!("a width of {} cannot be divided among {} heads", self.width, self.heads);
            return Err(
                Error::new(message).help("choose `width` as a multiple of `heads`, or give `head_width`")
            );
        }
        let config = Config {
            vocabulary,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.kv_heads.unwrap_or(self.heads),
            head_width: self.head_width.unwrap_or(self.width / self.heads),
            mlp_width: self.mlp.unwrap_or_else(|| Config::default_mlp_width(self.width)),
            context: self.context,
            rope_theta: self.rope_theta,
            rope_scaling: RopeScaling::None,
            norm_eps: 1e-6,
            qk_norm: self.qk_norm,
            tied: self.tie_embeddings,
            bos: None,
            eos: vec![end_of_text],
            pad: Some(end_of_text),
        };
        config.check()?;
        Ok(config)
    }
}
