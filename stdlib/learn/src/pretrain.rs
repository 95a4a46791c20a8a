//! Stage `pretrain`: a base model from tokens.

mod dial;
mod horizon;
mod packing;
mod shape;

use std::sync::{Arc, Mutex, PoisonError};

use llmp_artifacts::model::Config;
use llmp_artifacts::random::Random;
use llmp_artifacts::tokenizer::{TOKENIZER_FILE, Tokenizer};
use llmp_artifacts::tokens::TokenSet;
use llmp_model::{
    Batches, HeldOut, OnSpike, Optimizer, Recipe, Row, Schedule, Start, Stretch, memory, stem, train,
};
use llmp_stage::{Context, Cost, Error, Input, Inputs, Lint, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::held_out::{self, Watching};
use horizon::{Horizon, Length, Other};
use packing::{Packing, Piece};
use shape::Shape;

/// The settings of `pretrain.llmp` as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    model: shape::Written,
    r#for: Option<Horizon>,
    batch: Option<u32>,
    packing: Order,
    on_spike: OnSpike,
    optimizer: Optimizer,
    lr: Option<f64>,
    embedding_lr: Option<f64>,
    schedule: Schedule,
    decay: Length,
    warmup: Option<Length>,
    final_lr: f64,
    weight_decay: f64,
    clip: f64,
    held_out_every: f64,
    held_out_tokens: u64,
    held_out_stop: Option<u32>,
    seed: u64,
    checkpoint_every: u64,
}

/// How documents become rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// One stream, cut into rows.
    Stream,
    /// Whole, packed best-fit.
    Documents,
    /// The same, and none sees another.
    Apart,
}

/// The same with what follows from the depth, and what stands for what is left out.
#[derive(Debug, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct Settings {
    depth: Option<usize>,
    model: Shape,
    /// Whether `for` is neither written nor follows from the depth.
    endless: bool,
    r#for: Horizon,
    batch: u32,
    packing: Order,
    on_spike: OnSpike,
    optimizer: Optimizer,
    lr: f64,
    embedding_lr: f64,
    schedule: Schedule,
    decay: Length,
    warmup: Option<Length>,
    final_lr: f64,
    weight_decay: f64,
    clip: f64,
    held_out_every: f64,
    held_out_tokens: u64,
    held_out_stop: Option<u32>,
    seed: u64,
    checkpoint_every: u64,
}

/// What stands for what is left out where there is no depth, either.
const BATCH: u32 = 8;
const LR: f64 = 5e-2;
const EMBEDDING_LR: f64 = 6e-3;

impl From<Written> for Settings {
    fn from(written: Written) -> Self {
        let depth = written.model.depth;
        let model = written.model.resolved();
        let parameters = dial::parameters(model.layers, model.width);
        let follows = Horizon::Tokens(dial::tokens(parameters));
        let horizon = written.r#for.or(depth.map(|_| follows));
        let tokens = match horizon {
            Some(Horizon::Tokens(tokens)) => tokens,
            // How long that is depends on other settings.
            _ => dial::tokens(parameters),
        };
        let batch = depth.map(|_| dial::rows(tokens, model.context));
        let lr = depth.map(|_| dial::rate(written.optimizer, parameters, tokens));
        let embedding_lr = depth.map(|_| dial::adamw_rate(parameters, tokens));
        Self {
            depth,
            endless: horizon.is_none(),
            r#for: horizon.unwrap_or(Horizon::Tokens(0)),
            batch: written.batch.or(batch).unwrap_or(BATCH),
            lr: written.lr.or(lr).unwrap_or(LR),
            embedding_lr: written.embedding_lr.or(embedding_lr).unwrap_or(EMBEDDING_LR),
            model,
            packing: written.packing,
            on_spike: written.on_spike,
            optimizer: written.optimizer,
            schedule: written.schedule,
            decay: written.decay,
            warmup: written.warmup,
            final_lr: written.final_lr,
            weight_decay: written.weight_decay,
            clip: written.clip,
            held_out_every: written.held_out_every,
            held_out_tokens: written.held_out_tokens,
            held_out_stop: written.held_out_stop,
            seed: written.seed,
            checkpoint_every: written.checkpoint_every,
        }
    }
}

/// What is left out, worked out.
pub(crate) fn complete(settings: &Settings) -> Value {
    let Shape { layers, width, heads, context, .. } = settings.model;
    let mut found = json!({
        "model": { "layers": layers, "width": width, "heads": heads, "context": context },
        "batch": settings.batch, "lr": settings.lr, "embedding_lr": settings.embedding_lr,
    });
    if let (Horizon::Tokens(tokens), false) = (settings.r#for, settings.endless) {
        found["for"] = tokens.into();
    }
    found
}

impl Settings {
    /// What the depth comes to, for people.
    fn follows(&self) -> Option<String> {
        let Shape { layers, width, heads, context, .. } = self.model;
        let step = u64::from(self.batch) * context as u64;
        let tokens = match self.r#for {
            Horizon::Tokens(tokens) => format!(" for {tokens} tokens"),
            Horizon::Other(_) => String::new(),
        };
        Some(format!(
            "depth {}: {layers} layers, width {width}, heads = {heads}, context {context}; batch = {}, {step} tokens a step{tokens}; lr \
             {}, embedding_lr {}",
            self.depth?, self.batch, self.lr, self.embedding_lr
        ))
    }
}

/// What is wrong with settings that are right by themselves.
pub(crate) fn lint(settings: &Settings) -> Vec<Lint> {
    let mut lints = settings.model.lint();
    if settings.endless {
        let lint =
            Lint::new("E0209", &["for"], "`pretrain` needs the setting `for`, or a `depth` of its model");
        lints.push(
            lint.help("add `for = 20k tokens`, or write `depth` in `model`, from which the horizon follows"),
        );
        return lints;
    }
    let (rows, context) = (u64::from(settings.batch), settings.model.context as u64);
    let step = rows.saturating_mul(context);
    // A horizon shorter than one step is rounded up to one, which teaches nothing.
    if let Horizon::Tokens(tokens) = settings.r#for
        && tokens < step
    {
        let label = format!("a step is {step} tokens: {rows} rows (`batch`) of {context} (`context`)");
        let lint = Lint::new("W0104", &["for"], "this trains for a single step").label(label);
        lints.push(lint.help(match context > 8 * rows {
            true => "train for longer, or choose a smaller `context` of the model",
            false => "train for longer, or choose a smaller `batch`",
        }));
    }
    lints.extend(settings.stretches());
    lints
}

impl Settings {
    /// Steps of the warm-up, for steps of so many tokens.
    fn warmup(&self, step: u64) -> Stretch {
        match self.warmup {
            Some(warmup) => warmup.stretch(step),
            // A share would be another warm-up in a longer training.
            None if self.schedule == Schedule::Wsd => Stretch::Steps(STABLE_WARMUP),
            None => Stretch::Share(WARMUP),
        }
    }

    /// The steps that a longer training takes in the same way, of so many with so many tokens each.
    fn stem(&self, steps: u64, step: u64) -> Option<u64> {
        let keeps = self.checkpoint_every > 0 && self.held_out_stop.is_none();
        keeps.then(|| stem(self.schedule, self.warmup(step), self.decay.stretch(step), steps))?
    }

    /// Stretches that take more than there is.
    fn stretches(&self) -> Option<Lint> {
        let step = u64::from(self.batch).saturating_mul(self.model.context as u64);
        let Horizon::Tokens(tokens) = self.r#for else { return None };
        let steps = tokens.div_ceil(step.max(1)).max(1);
        let warmup = self.warmup(step).of(steps);
        if warmup < steps || steps == 1 {
            return None;
        }
        let lint = Lint::new("W0104", &["for"], "the rate rises until the end of the training")
            .label(format!("{steps} steps, of which the warm-up takes {warmup}"));
        Some(lint.help("train for longer, or write a shorter `warmup`"))
    }
}

/// The warm-up where nothing is said of it.
const WARMUP: f64 = 0.05;
/// The same under a stable schedule, in steps.
const STABLE_WARMUP: u64 = 100;

/// Where the size of the vocabulary is not known: few have more.
const VOCABULARY: u64 = 1 << 17;

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let vocabulary = inputs.get("tokens").vocabulary.unwrap_or(VOCABULARY);
    // A model that it goes on from gives the shape.
    let config = match inputs.all("from").first() {
        Some(from) => memory::config_of(from),
        None => settings.model.config(vocabulary as usize, 0).ok(),
    };
    let tokens = |steps: u64, context: usize| steps * u64::from(settings.batch) * context as u64;
    let Some(config) = config else {
        let known = match settings.r#for {
            Horizon::Tokens(tokens) => Some(tokens),
            Horizon::Other(_) => None,
        };
        return Cost { tokens: known, ..Cost::default() };
    };
    let step = tokens(1, config.context);
    // Packed documents take a few rows more than they have tokens for.
    let set = inputs.get("tokens").tokens.filter(|_| settings.packing == Order::Stream);
    let steps = settings.r#for.steps(step, &config, set);
    let trained = match settings.r#for {
        Horizon::Tokens(tokens) => Some(tokens),
        Horizon::Other(_) => steps.map(|steps| tokens(steps, config.context)),
    };
    let mut cost = memory::of_pretraining(&config, settings.batch.into(), trained);
    cost.follows = settings.follows();
    // How many parameters it has may be a guess.
    let known = inputs.get("tokens").vocabulary.is_some() || !inputs.all("from").is_empty();
    let counted = !matches!(settings.r#for, Horizon::Other(Other::Parameters(_))) || known;
    cost.steps = steps.filter(|_| counted);
    cost.stem = cost.steps.and_then(|steps| settings.stem(steps, step));
    if let (false, Some(trained)) = (inputs.all("held_out").is_empty(), trained) {
        // Forward passes are a third of what training takes.
        let times = (1.0 / settings.held_out_every).min(trained as f64 / step as f64) + 1.0;
        let flops = times * settings.held_out_tokens as f64 * config.training_flops_per_token() / 3.0;
        cost.flops = cost.flops.map(|training| training + flops);
        if settings.held_out_stop.is_some() {
            cost.memory = cost.memory.map(|memory| memory + 4 * config.parameter_count());
        }
    }
    cost
}

/// What a stage starts from: random weights of the shape that its settings say, or its input `from`, whose
/// tokenizer has to be that of the tokens.
fn start<'c>(
    ctx: &'c dyn Context,
    tokens: &Input,
    fresh: impl FnOnce() -> Result<Config>,
) -> Result<(Start<'c>, Config)> {
    let Some(from) = ctx.inputs("from").first() else {
        let config = fresh()?;
        return Ok((Start::Fresh(config.clone()), config));
    };
    let config = Config::load(from.folder())?;
    same_vocabulary(from, tokens)?;
    Ok((Start::From(from.folder()), config))
}

/// Ids have to mean the same to the model and in the tokens.
fn same_vocabulary(model: &Input, tokens: &Input) -> Result<()> {
    if model.file(TOKENIZER_FILE)?.digest == tokens.file(TOKENIZER_FILE)?.digest {
        return Ok(());
    }
    // One tokenizer may have been written in two ways.
    let [mine, theirs] = [model, tokens].map(|input| Tokenizer::load(input.folder()));
    let (mine, theirs) = (mine?, theirs?);
    let same = mine.vocab_size() == theirs.vocab_size()
        && mine.specials() == theirs.specials()
        && (0..mine.vocab_size()).all(|id| mine.token_bytes(id) == theirs.token_bytes(id));
    if same {
        return Ok(());
    }
    let message = format!("`{}` and `{}` are of different vocabularies", model.label, tokens.label);
    Err(Error::new(message).help("encode the text with the tokenizer that the model was trained with"))
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("tokens")?;
    let tokens = TokenSet::open(input)?;
    let info = tokens.info();
    let fresh = || settings.model.config(info.vocab_size as usize, info.eot);
    let (start, config) = start(ctx, input, fresh)?;
    let mut rows = Rows::new(tokens, &settings, &config)?;
    let watching = Watching {
        every: settings.held_out_every,
        stop: settings.held_out_stop,
        batch: settings.batch as usize,
    };
    let (shape, limit) = ([config.context, config.vocabulary], settings.held_out_tokens);
    rows.held_out = held_out::of_tokens(ctx, input, shape, limit, &watching, rows.steps)?;
    ctx.log(&format!(
        "{} parameters, {} steps of {} rows of {} tokens, {} tokens in the set",
        config.parameter_count(),
        rows.steps,
        rows.rows,
        rows.context,
        rows.tokens.tokens(),
    ));
    if let Some((packing, _)) = &rows.packed {
        let (in_rows, empty) = (packing.rows(), 100.0 * packing.empty(rows.context));
        ctx.log(&format!(
            "packed into {in_rows} rows, {empty:.1} % of which is empty; {} documents are cut",
            packing.cut
        ));
        ctx.count("documents.cut", packing.cut);
    }
    ctx.count("parameters", config.parameter_count());
    if let Some(follows) = settings.follows() {
        ctx.log(&follows);
    }
    let recipe = Recipe {
        optimizer: settings.optimizer,
        learning_rate: settings.lr,
        embedding_learning_rate: settings.embedding_lr,
        warmup: settings.warmup(rows.rows * rows.context),
        schedule: settings.schedule,
        decay: settings.decay.stretch(rows.rows * rows.context),
        final_fraction: settings.final_lr,
        weight_decay: settings.weight_decay,
        clip: (settings.clip > 0.0).then_some(settings.clip),
        seed: settings.seed,
        checkpoint_every: settings.checkpoint_every,
        // A chat model that goes on with text ends where a text does.
        on_spike: settings.on_spike,
        stop_tokens: matches!(start, Start::From(_)).then(|| vec![info.eot]),
    };
    let trained = train(ctx, start, input.folder(), &rows, &recipe)?;
    ctx.show(&trained.to_string());
    Ok(())
}

/// Rows of the shuffled stream of documents. Row `i` starts at token `i * context` of the stream and has one
/// token more, which is only predicted; so each token is predicted once.
struct Rows {
    tokens: TokenSet,
    /// Rows of a step.
    rows: u64,
    context: u64,
    steps: u64,
    seed: u64,
    /// What it is measured with.
    held_out: Option<HeldOut>,
    /// The order of the pass used last.
    order: Mutex<Option<Arc<Stream>>>,
    /// Documents in rows, where they are no stream, and whether none sees another.
    packed: Option<(Packing, bool)>,
}

/// The order of documents in one pass.
struct Stream {
    pass: u64,
    /// Documents, as they follow each other.
    documents: Vec<u32>,
    /// Where each of them starts in the pass.
    starts: Vec<u64>,
}

impl Rows {
    fn new(tokens: TokenSet, settings: &Settings, config: &Config) -> Result<Self> {
        if tokens.tokens() < 2 {
            return Err(Error::new("there are no tokens to train on")
                .help("look at the counts of the stages before: what became of the documents?"));
        }
        if u32::try_from(tokens.documents()).is_err() {
            return Err(Error::new(format!("{} documents are too many for one model", tokens.documents())));
        }
        let (rows, context) = (u64::from(settings.batch), config.context as u64);
        let packed = match settings.packing {
            Order::Stream => None,
            order => Some((pack(&tokens, context)?, order == Order::Apart)),
        };
        let set = packed.as_ref().map_or(tokens.tokens(), |(packing, _)| packing.rows() * context);
        let steps = settings.r#for.steps(rows * context, config, Some(set)).unwrap_or(1);
        let seed = settings.seed;
        Ok(Self { tokens, rows, context, steps, seed, held_out: None, order: Mutex::new(None), packed })
    }

    /// A row of packed documents: one sequence, or one for each.
    fn packed(&self, packing: &Packing, apart: bool, number: u64, rows: &mut Vec<Row>) -> Result<()> {
        let mut row = Vec::new();
        for Piece { document, from, tokens } in packing.row(number, self.seed) {
            let span = self.tokens.span(document.into())?;
            let mut ids = vec![0; tokens as usize];
            self.tokens.read(span.start + from, &mut ids)?;
            match apart {
                true if ids.len() > 1 => rows.push(Row { learn: vec![true; ids.len()], tokens: ids }),
                // Nothing is predicted in it.
                true => {}
                false => row.extend(ids),
            }
        }
        if row.len() > 1 {
            rows.push(Row { learn: vec![true; row.len()], tokens: row });
        }
        Ok(())
    }

    /// The order of pass `pass`, at 12 bytes a document.
    fn order(&self, pass: u64) -> Result<Arc<Stream>> {
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
        Ok(last.insert(Arc::new(Stream { pass, documents, starts })).clone())
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
        if let Some((packing, apart)) = &self.packed {
            let mut rows = Vec::with_capacity(self.rows as usize);
            for i in 0..self.rows {
                self.packed(packing, *apart, step * self.rows + i, &mut rows)?;
            }
            return Ok(rows);
        }
        let row = |i| {
            let mut tokens = vec![0; self.context as usize + 1];
            self.read((step * self.rows + i) * self.context, &mut tokens)?;
            Ok(Row { learn: vec![true; tokens.len()], tokens })
        };
        (0..self.rows).map(row).collect()
    }

    fn held_out(&self) -> Option<&HeldOut> {
        self.held_out.as_ref()
    }

    fn prolongs(&self) -> bool {
        true
    }

    fn splits(&self) -> bool {
        true
    }

    fn tokens(&self) -> Option<u64> {
        self.packed.is_none().then(|| self.steps * self.rows * self.context)
    }
}

/// Packs all documents of a set.
fn pack(tokens: &TokenSet, context: u64) -> Result<Packing> {
    let spans = (0..tokens.documents()).map(|document| tokens.span(document));
    let lengths = spans.map(|span| span.map(|span| span.end - span.start)).collect::<Result<Vec<u64>>>()?;
    if !lengths.iter().any(|length| *length > 1) {
        return Err(Error::new("no document has two tokens or more")
            .help("look at the counts of the stages before: what became of the documents?"));
    }
    Ok(Packing::new(lengths.into_iter(), context))
}

#[cfg(test)]
mod tests;
