//! The trainer: one loop for pretraining and every fine-tuning stage.

use std::path::Path;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Int, Tensor, TensorData};
use llmp_artifacts::model::{Config, Folder, Parameter};
use llmp_stage::{Context, Error, Result};

use crate::checkpoint::{self, Checkpoint, Progress};
use crate::device::{Device, with_backend};
use crate::hub;
use crate::model::Model;
use crate::ops::{Ops, Targets};
use crate::optimizer::{Group, Slot, Update};
use crate::recipe::Recipe;

/// Points of the loss curve, at most.
const CURVE_POINTS: u64 = 500;
/// Steps that the final loss is the mean of.
const FINAL_STEPS: usize = 50;

/// One sequence of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Token ids; at most one more than the model's context.
    pub tokens: Vec<u32>,
    /// `learn[i]`: whether predicting `tokens[i]` from the tokens before it counts in the loss. `learn[0]` is ignored.
    pub learn: Vec<bool>,
}

/// Where the rows of each step come from.
pub trait Batches: Sync {
    /// Number of optimiser steps.
    fn steps(&self) -> u64;

    /// The rows of step `step`, counted from 0: a pure function of `step`, so that an interrupted training resumes
    /// exactly. Rows may differ in length.
    ///
    /// # Errors
    /// Where the data cannot be read.
    fn batch(&self, step: u64) -> Result<Vec<Row>>;

    /// Tokens of all steps together, where that is known: the length of the progress bar.
    fn tokens(&self) -> Option<u64> {
        None
    }
}

/// What training starts from.
#[derive(Clone, Debug)]
pub enum Start<'a> {
    /// Random weights, drawn with the recipe's seed.
    Fresh(Config),
    /// A Hugging Face model folder.
    From(&'a Path),
}

/// What a training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Mean loss of the last steps (at most 50), in nats a learned token.
    pub final_loss: f64,
    /// Optimiser steps done in all.
    pub steps: u64,
    /// Tokens that went through the model in all, padding not counted.
    pub tokens: u64,
}

/// Trains a model on [`Context::device`] and writes a Hugging Face folder to [`Context::output`]: `config.json`,
/// `generation_config.json`, `model.safetensors` and the files of `tokenizer_files` (`tokenizer.json`,
/// `tokenizer_config.json`).
///
/// Checkpoints stand in [`Context::state`]; a second call with the same arguments goes on from the last one, on the
/// CPU to the same bytes.
///
/// # Errors
/// Where files cannot be read or written, a row does not fit the model, the loss stops being finite, or the run was
/// asked to stop.
pub fn train(
    ctx: &dyn Context,
    start: Start<'_>,
    tokenizer_files: &Path,
    batches: &dyn Batches,
    recipe: &Recipe,
) -> Result<Trained> {
    let device = Device::open(ctx.device())?;
    let (mut config, weights) = match start {
        Start::Fresh(config) => {
            config.check()?;
            let weights = hub::initial(&config, recipe.seed);
            (config, weights)
        }
        Start::From(folder) => hub::load(folder)?,
    };
    if let Some(stop) = &recipe.stop_tokens {
        config.eos.clone_from(stop);
    }
    let job = Job { ctx, config: &config, batches, recipe };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(ctx.threads())
        .build()
        .map_err(|error| Error::new("cannot start threads").because(error))?;
    let (trained, weights) = pool.install(|| {
        with_backend!(
            device,
            cpu: job.run::<Autodiff<burn_flex::Flex>>(weights, &burn_flex::FlexDevice),
            gpu: |Gpu, place| job.run::<Autodiff<Gpu>>(weights, &place)
        )
    })?;
    hub::save(ctx.output(), &config, &weights)?;
    hub::copy_tokenizer(&Folder::at(tokenizer_files), ctx.output())?;
    Ok(trained)
}

/// A training, apart from the backend it runs on.
struct Job<'a> {
    ctx: &'a dyn Context,
    config: &'a Config,
    batches: &'a dyn Batches,
    recipe: &'a Recipe,
}

/// A training on a backend.
struct State<B: AutodiffBackend> {
    slots: Vec<Slot<B::InnerBackend>>,
    progress: Progress,
}

impl Job<'_> {
    fn run<B>(&self, weights: Vec<Vec<f32>>, device: &B::Device) -> Result<(Trained, Vec<Vec<f32>>)>
    where
        B: AutodiffBackend + Ops,
        B::InnerBackend: Update,
    {
        let (ctx, steps) = (self.ctx, self.batches.steps());
        let mut state = self.start::<B>(weights, device)?;
        let mut saved = state.progress.step;
        let model = Model::<B>::new(self.config.clone(), device);
        // Where rows differ in length, steps are what there is a total of.
        let by_steps = self.batches.tokens().is_none();
        let bar = match self.batches.tokens() {
            Some(total) => ctx.bar(total, "tokens"),
            None => ctx.bar(steps, "steps"),
        };
        bar.add(if by_steps { state.progress.step } else { state.progress.tokens });
        let every = steps.div_ceil(CURVE_POINTS).max(1);
        let (mut curve, mut curve_steps) = (0.0, 0.0);
        while state.progress.step < steps {
            if ctx.cancelled() {
                if state.progress.step > saved && self.recipe.checkpoint_every > 0 {
                    checkpoint::save(ctx.state(), &state.checkpoint())?;
                }
                ctx.proceed()?;
            }
            let step = state.progress.step;
            let batch = Batch::new(&self.batches.batch(step)?, self.config)
                .map_err(|error| Error::new(format!("step {step} cannot be trained")).because(error))?;
            let loss = self.step(&model, &mut state, &batch, device)?;
            state.progress.advance(loss, batch.tokens);
            bar.add(if by_steps { 1 } else { batch.tokens });
            bar.note(&format!("loss {loss:.3}"));
            ctx.count("steps", 1);
            ctx.count("tokens", batch.tokens);
            curve += loss;
            curve_steps += 1.0;
            if (step + 1).is_multiple_of(every) || step + 1 == steps {
                ctx.point("loss", (step + 1) as f64, curve / curve_steps);
                (curve, curve_steps) = (0.0, 0.0);
            }
            let due =
                self.recipe.checkpoint_every > 0 && (step + 1).is_multiple_of(self.recipe.checkpoint_every);
            if due && step + 1 < steps {
                checkpoint::save(ctx.state(), &state.checkpoint())?;
                saved = step + 1;
            }
        }
        Ok((state.progress.trained(), state.weights()))
    }

    /// The last checkpoint, or step 0.
    fn start<B: AutodiffBackend>(&self, weights: Vec<Vec<f32>>, device: &B::Device) -> Result<State<B>> {
        let parameters = self.config.parameters();
        let groups: Vec<Group> = parameters.iter().map(|p| Group::of(p, self.recipe.optimizer)).collect();
        let lengths: Vec<usize> = layout(&groups).map(|(index, _)| parameters[index].len()).collect();
        let found = checkpoint::load(self.ctx.state(), &lengths, |line| self.ctx.log(line))?;
        let (progress, mut tensors) = match found {
            Some(found) => {
                self.ctx.log(&format!("going on after step {}", found.progress.step));
                (found.progress, found.tensors.into_iter())
            }
            None => (Progress::default(), weights.into_iter()),
        };
        let mut next = |p: &Parameter| match tensors.next() {
            Some(values) => Tensor::from_data(TensorData::new(values, p.shape), device),
            None => Tensor::zeros(p.shape, device),
        };
        let mut slots: Vec<Slot<B::InnerBackend>> = Vec::with_capacity(parameters.len());
        for (index, kept) in layout(&groups) {
            let (tensor, group) = (next(&parameters[index]), groups[index]);
            match kept {
                None => slots.push(Slot {
                    weight: tensor,
                    state: Vec::with_capacity(group.optimizer.slots()),
                    group,
                }),
                Some(_) => slots[index].state.push(tensor),
            }
        }
        Ok(State { slots, progress })
    }

    /// One optimiser step; gives the loss.
    fn step<B>(
        &self,
        model: &Model<B>,
        state: &mut State<B>,
        batch: &Batch,
        device: &B::Device,
    ) -> Result<f64>
    where
        B: AutodiffBackend + Ops,
        B::InnerBackend: Update,
    {
        let leaves: Vec<Tensor<B, 2>> =
            state.slots.iter().map(|slot| Tensor::from_inner(slot.weight.clone()).require_grad()).collect();
        let (ids, targets) = batch.upload::<B>(device);
        let loss = model.loss(&leaves, ids, &targets);
        let value: f64 = loss.clone().inner().into_scalar().elem();
        let mut gradients = loss.backward();
        let gradients = leaves
            .into_iter()
            .map(|leaf| {
                let zero = || Tensor::zeros(leaf.dims(), device);
                leaf.grad_remove(&mut gradients).unwrap_or_else(zero)
            })
            .collect::<Vec<_>>();
        let norm = B::InnerBackend::squared_norm(&gradients);
        if !value.is_finite() || !norm.is_finite() {
            let what = if value.is_finite() { "gradient" } else { "loss" };
            let message = format!("the {what} of step {} is no longer a finite number", state.progress.step);
            return Err(Error::new(message).help("lower `lr`, or set `clip` to 1 or less"));
        }
        let rates = self.recipe.rates(state.progress.step, self.batches.steps(), norm);
        let slots = std::mem::take(&mut state.slots);
        state.slots = B::InnerBackend::update(slots, gradients, &rates);
        Ok(value)
    }
}

impl<B: AutodiffBackend> State<B> {
    fn checkpoint(&self) -> Checkpoint {
        let groups: Vec<Group> = self.slots.iter().map(|slot| slot.group).collect();
        let tensor = |(index, kept): (usize, Option<usize>)| {
            let slot = &self.slots[index];
            download(kept.map_or(&slot.weight, |kept| &slot.state[kept]))
        };
        Checkpoint { progress: self.progress.clone(), tensors: layout(&groups).map(tensor).collect() }
    }

    fn weights(&self) -> Vec<Vec<f32>> {
        self.slots.iter().map(|slot| download(&slot.weight)).collect()
    }
}

/// The order of tensors in a checkpoint: all weights, then the first tensor that each optimiser keeps, where it keeps one, then the
/// second, and so on. A tensor is told by its parameter and its place in the state.
fn layout(groups: &[Group]) -> impl Iterator<Item = (usize, Option<usize>)> {
    let most = groups.iter().map(|group| group.optimizer.slots()).max().unwrap_or(0);
    let weights = (0..groups.len()).map(|index| (index, None));
    let kept = (0..most).flat_map(move |kept| {
        let has = move |(_, group): &(usize, &Group)| group.optimizer.slots() > kept;
        groups.iter().enumerate().filter(has).map(move |(index, _)| (index, Some(kept)))
    });
    weights.chain(kept)
}

fn download<B: Backend>(tensor: &Tensor<B, 2>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

impl Progress {
    fn advance(&mut self, loss: f64, tokens: u64) {
        self.step += 1;
        self.tokens += tokens;
        if self.losses.len() == FINAL_STEPS {
            self.losses.remove(0);
        }
        self.losses.push(loss.to_bits());
    }

    fn trained(&self) -> Trained {
        let sum: f64 = self.losses.iter().map(|&bits| f64::from_bits(bits)).sum();
        Trained { final_loss: sum / self.losses.len().max(1) as f64, steps: self.step, tokens: self.tokens }
    }
}

/// A batch as one rectangle: short rows are filled up with tokens that do not count.
struct Batch {
    rows: usize,
    length: usize,
    ids: Vec<i32>,
    targets: Vec<i32>,
    weights: Vec<f32>,
    /// Tokens that are not padding.
    tokens: u64,
}

impl Batch {
    fn new(rows: &[Row], config: &Config) -> Result<Self> {
        let length = rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0).saturating_sub(1);
        if length == 0 {
            return Err(Error::new("no row has two tokens or more"));
        }
        if length > config.context {
            let message = format!("a row has {} tokens, the model's context {}", length + 1, config.context);
            return Err(Error::new(message).help("cut rows to the context and one token more"));
        }
        let learned = rows.iter().flat_map(|row| row.learn.iter().skip(1)).filter(|learn| **learn).count();
        if learned == 0 {
            return Err(Error::new("no token of the rows is to be learned"));
        }
        let size = rows.len() * length;
        let (mut ids, mut targets, mut weights) = (vec![0; size], vec![0; size], vec![0.0; size]);
        let (weight, mut tokens) = (1.0 / learned as f32, 0);
        for (i, row) in rows.iter().enumerate() {
            if row.tokens.len() != row.learn.len() {
                let message = format!("a row has {} tokens and {} marks", row.tokens.len(), row.learn.len());
                return Err(Error::new(message));
            }
            if let Some(id) = row.tokens.iter().find(|&&id| id as usize >= config.vocabulary) {
                let message =
                    format!("token {id} is outside the model's vocabulary of {}", config.vocabulary);
                return Err(Error::new(message).help("use the tokenizer that the model was trained with"));
            }
            for t in 1..row.tokens.len() {
                let at = i * length + t - 1;
                (ids[at], targets[at]) = (row.tokens[t - 1] as i32, row.tokens[t] as i32);
                weights[at] = if row.learn[t] { weight } else { 0.0 };
            }
            tokens += row.tokens.len().saturating_sub(1) as u64;
        }
        Ok(Self { rows: rows.len(), length, ids, targets, weights, tokens })
    }

    fn upload<B: Backend>(&self, device: &B::Device) -> (Tensor<B, 2, Int>, Targets<B>) {
        let shape = [self.rows, self.length];
        let ids = |ids: &Vec<i32>| Tensor::from_data(TensorData::new(ids.clone(), shape), device);
        let weights = Tensor::from_data(TensorData::new(self.weights.clone(), shape), device);
        (ids(&self.ids), Targets { ids: ids(&self.targets), weights })
    }
}

#[cfg(test)]
mod tests;
