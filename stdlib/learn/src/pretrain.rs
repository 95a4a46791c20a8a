//! Stage `pretrain`: a base model from tokens.

use std::sync::{Arc, Mutex, PoisonError};

use llmp_artifacts::model::{Config, RopeScaling};
use llmp_artifacts::random::Random;
use llmp_artifacts::tokens::TokenSet;
use llmp_model::{Batches, Optimizer, Recipe, Row, Schedule, Start, memory, train};
use llmp_stage::{Context, Cost, Error, Inputs, Lint, Result};
use serde::Deserialize;

/// The settings of `pretrain.llmp`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    model: Shape,
    r#for: u64,
    batch: u32,
    optimizer: Optimizer,
    lr: f64,
    embedding_lr: f64,
    schedule: Schedule,
    warmup: f64,
    final_lr: f64,
    weight_decay: f64,
    clip: f64,
    seed: u64,
    checkpoint_every: u64,
}

/// The setting `model`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    layers: usize,
    width: usize,
    heads: usize,
    kv_heads: Option<usize>,
    head_width: Option<usize>,
    mlp: Option<usize>,
    context: usize,
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
    /// Heads of attention share the model's width equally, unless theirs is given; rotary positions turn pairs of numbers;
    /// each key-value head serves equally many heads.
    fn lint(&self) -> Vec<Lint> {
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

    fn config(&self, vocabulary: usize, end_of_text: u32) -> Result<Config> {
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

/// What is wrong with settings that are right by themselves.
pub(crate) fn lint(settings: &Settings) -> Vec<Lint> {
    let mut lints = settings.model.lint();
    let (rows, context) = (u64::from(settings.batch), settings.model.context as u64);
    let step = rows.saturating_mul(context);
    // A horizon shorter than one step is rounded up to one, which teaches nothing.
    if settings.r#for < step {
        let label = format!("a step is {step} tokens: {rows} rows (`batch`) of {context} (`context`)");
        let lint = Lint::new("W0104", &["for"], "this trains for a single step").label(label);
        lints.push(lint.help(match context > 8 * rows {
            true => "train for longer, or choose a smaller `context` of the model",
            false => "train for longer, or choose a smaller `batch`",
        }));
    }
    lints
}

/// Where the size of the vocabulary is not known: few have more.
const VOCABULARY: u64 = 1 << 17;

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let vocabulary = match inputs.get("tokens").vocabulary {
        0 => VOCABULARY,
        known => known,
    };
    match settings.model.config(vocabulary as usize, 0) {
        Ok(config) => memory::of_pretraining(&config, settings.batch.into(), settings.r#for),
        Err(_) => Cost { tokens: settings.r#for, ..Cost::default() },
    }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("tokens")?;
    let tokens = TokenSet::open(input)?;
    let info = tokens.info();
    let config = settings.model.config(info.vocab_size as usize, info.eot)?;
    let rows = Rows::new(tokens, &settings, config.context)?;
    ctx.log(&format!(
        "{} parameters, {} steps of {} rows of {} tokens, {} tokens in the set",
        config.parameter_count(),
        rows.steps,
        rows.rows,
        rows.context,
        rows.tokens.tokens(),
    ));
    ctx.count("parameters", config.parameter_count());
    let recipe = Recipe {
        optimizer: settings.optimizer,
        learning_rate: settings.lr,
        embedding_learning_rate: settings.embedding_lr,
        warmup: settings.warmup,
        schedule: settings.schedule,
        final_fraction: settings.final_lr,
        weight_decay: settings.weight_decay,
        clip: (settings.clip > 0.0).then_some(settings.clip),
        seed: settings.seed,
        checkpoint_every: settings.checkpoint_every,
        stop_tokens: None,
    };
    let trained = train(ctx, Start::Fresh(config), input.folder(), &rows, &recipe)?;
    ctx.show(&format!("loss {:.3} after {} steps", trained.final_loss, trained.steps));
    Ok(())
}

/// Rows of the shuffled stream of documents. Row `i` starts at token `i * context` of the stream and has one token more,
/// which is only predicted; so each token is predicted once.
struct Rows {
    tokens: TokenSet,
    /// Rows of a step.
    rows: u64,
    context: u64,
    steps: u64,
    seed: u64,
    /// The order of the pass used last.
    order: Mutex<Option<Arc<Order>>>,
}

/// The order of documents in one pass.
struct Order {
    pass: u64,
    /// Documents, as they follow each other.
    documents: Vec<u32>,
    /// Where each of them starts in the pass.
    starts: Vec<u64>,
}

impl Rows {
    fn new(tokens: TokenSet, settings: &Settings, context: usize) -> Result<Self> {
        if tokens.tokens() < 2 {
            return Err(Error::new("there are no tokens to train on")
                .help("look at the counts of the stages before: what became of the documents?"));
        }
        if u32::try_from(tokens.documents()).is_err() {
            return Err(Error::new(format!("{} documents are too many for one model", tokens.documents())));
        }
        let (rows, context) = (u64::from(settings.batch), context as u64);
        let steps = settings.r#for.div_ceil(rows * context).max(1);
        Ok(Self { tokens, rows, context, steps, seed: settings.seed, order: Mutex::new(None) })
    }

    /// The order of pass `pass`, at 12 bytes a document.
    fn order(&self, pass: u64) -> Result<Arc<Order>> {
        let mut last = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = &*last
            && order.pass == pass
        {
            return Ok(order.clone());
        }
        let mut documents: Vec<u32> = (0..self.tokens.documents() as u32).collect();
        Random::of_model(self.seed, pass).shuffle(&mut documents);
        let mut starts = Vec::with_capacity(documents.len());
        let mut start = 0;
        for &document in &documents {
            starts.push(start);
            let span = self.tokens.span(document.into())?;
            start += span.end - span.start;
        }
        if start != self.tokens.tokens() {
            return Err(Error::new("the documents do not make up the token set")
                .help("`llmp verify` finds artifacts whose bytes have changed"));
        }
        Ok(last.insert(Arc::new(Order { pass, documents, starts })).clone())
    }

    /// Fills `ids` with the stream's tokens from `position` on.
    fn read(&self, mut position: u64, mut ids: &mut [u32]) -> Result<()> {
        while !ids.is_empty() {
            let (pass, at) = (position / self.tokens.tokens(), position % self.tokens.tokens());
            let order = self.order(pass)?;
            let index = order.starts.partition_point(|start| *start <= at) - 1;
            let span = self.tokens.span(order.documents[index].into())?;
            let from = span.start + (at - order.starts[index]);
            let here = ids.len().min((span.end - from) as usize);
            let (now, rest) = ids.split_at_mut(here);
            self.tokens.read(from, now)?;
            position += here as u64;
            ids = rest;
        }
        Ok(())
    }
}

impl Batches for Rows {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        let row = |i| {
            let mut tokens = vec![0; self.context as usize + 1];
            self.read((step * self.rows + i) * self.context, &mut tokens)?;
            Ok(Row { learn: vec![true; tokens.len()], tokens })
        };
        (0..self.rows).map(row).collect()
    }

    fn tokens(&self) -> Option<u64> {
        Some(self.steps * self.rows * self.context)
    }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::tokens::{Dtype, TokenWriter, TokensInfo};
    use llmp_stage::testing::TestContext;
    use serde_json::{Value, json};

    use super::*;

    fn settings() -> Value {
        json!({
            "model": {
                "layers": 1, "width": 16, "heads": 2, "kv_heads": null, "head_width": null, "mlp": null,
                "context": 8, "rope_theta": 10000.0, "qk_norm": true, "tie_embeddings": true
            },
            "for": 900, "batch": 3, "optimizer": "muon", "lr": 0.05, "embedding_lr": 6e-3, "schedule": "linear",
            "warmup": 0.05, "final_lr": 0.1, "weight_decay": 0.05, "clip": 1.0, "seed": 1, "checkpoint_every": 0
        })
    }

    /// Documents of 2 to 8 tokens: document `d` is `d + 1`, repeated, and the end of text.
    fn context(root: &std::path::Path) -> TestContext {
        let folder = root.join("tokens");
        std::fs::create_dir_all(&folder).unwrap();
        let info = TokensInfo { dtype: Dtype::Uint16, vocab_size: 30, eot: 0 };
        info.save(&folder).unwrap();
        for (shard, documents) in [("a", 0..9u32), ("b", 9..20)] {
            let mut writer = TokenWriter::create(&folder, shard, info).unwrap();
            for document in documents {
                writer.document(&vec![document + 1; 1 + document as usize % 7]).unwrap();
            }
            writer.finish().unwrap();
        }
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            std::fs::write(folder.join(name), "{}").unwrap();
        }
        TestContext::new(root).with_folder("tokens", &folder)
    }

    #[test]
    fn every_pass_has_every_document_in_another_order() {
        let root = tempfile::tempdir().unwrap();
        let ctx = context(root.path());
        let settings = Settings::deserialize(settings()).unwrap();
        let tokens = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
        let total = tokens.tokens() as usize;
        let rows = Rows::new(tokens, &settings, 8).unwrap();
        assert_eq!((rows.steps, Batches::tokens(&rows)), (38, Some(912)));
        let mut stream = Vec::new();
        for step in 0..rows.steps {
            for row in rows.batch(step).unwrap() {
                assert_eq!(row.tokens.len(), 9);
                assert!(stream.last().is_none_or(|last| *last == row.tokens[0]));
                stream.pop();
                stream.extend(row.tokens);
            }
        }
        let passes: Vec<&[u32]> = stream.chunks_exact(total).collect();
        let sorted = |pass: &[u32]| {
            let mut pass = pass.to_vec();
            pass.sort_unstable();
            pass
        };
        assert!(passes.len() > 5 && passes.iter().all(|pass| sorted(pass) == sorted(passes[0])));
        assert_ne!(passes[0], passes[1]);
        for document in passes[1].split(|id| *id == 0) {
            let expected = document.first().map_or(0, |id| 1 + (*id as usize - 1) % 7);
            assert!(document.iter().all(|id| *id == document[0]) && document.len() == expected);
        }
        assert_eq!(rows.batch(3).unwrap(), rows.batch(3).unwrap());
    }

    #[test]
    fn trains_a_model() {
        let root = tempfile::tempdir().unwrap();
        let ctx = context(root.path());
        let stages = crate::stages();
        let stage = stages.iter().find(|stage| stage.name() == "pretrain").unwrap();
        stage.check_settings(&settings()).unwrap();
        let cost = stage.cost(&settings(), &Inputs::default()).unwrap();
        assert!(cost.tokens == 900 && cost.flops > 0.0 && cost.memory > 0);
        stage.run(&ctx, &settings()).unwrap();
        let points = ctx.points.lock().unwrap();
        assert!(points.last().unwrap().2 < 0.9 * points[0].2, "{points:?}");
        let sampler = llmp_model::Sampler::load(ctx.output(), "cpu").unwrap();
        assert_eq!((sampler.config().vocabulary, &sampler.config().eos[..]), (30, &[0][..]));
    }

    /// A change of this output needs a new `epoch` in `pretrain.llmp`. The loss is compared loosely: the last digits
    /// of trained weights belong to the processor.
    #[test]
    fn epoch_2() {
        let root = tempfile::tempdir().unwrap();
        let ctx = context(root.path());
        let settings = Settings::deserialize(settings()).unwrap();
        let tokens = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
        let rows = Rows::new(tokens, &settings, 8).unwrap();
        let config = settings.model.config(30, 0).unwrap();
        let mut digest = blake3::Hasher::new();
        for step in 0..rows.steps {
            let ids: Vec<u8> = rows
                .batch(step)
                .unwrap()
                .iter()
                .flat_map(|row| &row.tokens)
                .flat_map(|id| id.to_le_bytes())
                .collect();
            digest.update(&ids);
        }
        for value in llmp_model::initial(&config, settings.seed).iter().flatten() {
            digest.update(&value.to_le_bytes());
        }
        digest.update(config.to_json().to_string().as_bytes());
        assert_eq!(&digest.finalize().to_hex()[..16], "7e298f5193992082");
        run(&ctx, settings).unwrap();
        let last = ctx.points.lock().unwrap().last().unwrap().2;
        assert!((last - 2.607_77).abs() < 1e-3, "{last}");
    }

    #[test]
    fn shapes_that_do_not_divide_are_errors() {
        let mut value = settings();
        value["model"]["heads"] = json!(3);
        let root = tempfile::tempdir().unwrap();
        let error = run(&context(root.path()), Settings::deserialize(value).unwrap()).unwrap_err();
        assert!(error.to_string().contains("cannot be divided among 3 heads"));
    }
}
