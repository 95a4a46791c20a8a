//! The trainer: one loop for pretraining and every fine-tuning stage.

mod batch;
mod held_out;
mod progress;

use std::path::Path;
use std::time::Instant;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor, TensorData};
use llmp_artifacts::model::{Config, Folder, Parameter};
use llmp_stage::{Context, Error, Result, Saved};

use crate::checkpoint::{self, Checkpoint};
use crate::device::{Device, with_backend};
use crate::hub;
use crate::model::Model;
use crate::ops::Ops;
use crate::optimizer::{Group, Slot, Update};
use crate::recipe::{OnSpike, Recipe};
use batch::Batch;
pub(crate) use batch::PART;
pub use held_out::HeldOut;
pub(crate) use progress::Progress;
use progress::{HELD_OUT_BITS, HELD_OUT_LOSS, LOSS, NORM, SPIKES};

/// Points of the loss curve, at most.
const CURVE_POINTS: u64 = 500;

/// One sequence of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Token ids; at most one more than the model's context.
    pub tokens: Vec<u32>,
    /// `learn[i]`: whether predicting `tokens[i]` from the tokens before it counts in the loss. `learn[0]` is
    /// ignored.
    pub learn: Vec<bool>,
}

/// Where the rows of each step come from.
pub trait Batches: Sync {
    /// Number of optimiser steps.
    fn steps(&self) -> u64;

    /// The rows of step `step`, counted from 0: a pure function of `step`, so that an interrupted training
    /// resumes exactly. Rows may differ in length.
    ///
    /// # Errors
    /// Where the data cannot be read.
    fn batch(&self, step: u64) -> Result<Vec<Row>>;

    /// The curve that the loss of step `step` belongs to: `loss`, or another one for what is learned in
    /// between. Losses of different texts in one curve would make it a saw.
    fn curve(&self, step: u64) -> &str {
        let _ = step;
        LOSS
    }

    /// What the model is measured with on its way.
    fn held_out(&self) -> Option<&HeldOut> {
        None
    }

    /// Whether the rows of a step are the same however many steps there are.
    fn prolongs(&self) -> bool {
        false
    }

    /// Whether a step may go through the model in parts.
    fn splits(&self) -> bool {
        false
    }

    /// Tokens of all steps together, where that is known: the length of the progress bar, which else counts
    /// steps.
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
    /// Mean loss of the last steps ([`llmp_stage::LAST_STEPS`] at most), in nats a learned token.
    pub final_loss: f64,
    /// How many steps that is the mean of: fewer than all where others are in a curve of their own.
    pub mean_of: u64,
    /// The held-out loss of the last step, where anything was held out.
    pub held_out: Option<f64>,
    /// Optimiser steps done in all.
    pub steps: u64,
    /// Tokens that went through the model in all, padding not counted.
    pub tokens: u64,
}

impl std::fmt::Display for Trained {
    /// `loss 2.961 (mean of the last 50 steps), held-out loss 3.012, 1172 steps`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "loss {:.3} (mean of the last {} steps)", self.final_loss, self.mean_of)?;
        if let Some(loss) = self.held_out {
            write!(f, ", held-out loss {loss:.3}")?;
        }
        write!(f, ", {} steps", self.steps)
    }
}

/// Trains a model on [`Context::device`] and writes a Hugging Face folder to [`Context::output`]:
/// `config.json`, `generation_config.json`, `model.safetensors` and the files of `tokenizer_files`
/// (`tokenizer.json`, `tokenizer_config.json`).
///
/// Checkpoints stand in [`Context::state`]; a second call with the same arguments goes on from the last one,
/// on the CPU to the same bytes, counts and curves.
///
/// # Errors
/// Where files cannot be read or written, a row does not fit the model, the loss stops being finite, or the
/// run was asked to stop.
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
    /// The step of the last checkpoint; 0 where there is none.
    saved: u64,
    /// Steps after which its stem is to be written.
    stem: Option<u64>,
    /// The weights of the lowest held-out loss so far, where they are what is wanted.
    best: Option<Vec<Vec<f32>>>,
}

impl Job<'_> {
    fn run<B>(&self, weights: Vec<Vec<f32>>, device: &B::Device) -> Result<(Trained, Vec<Vec<f32>>)>
    where
        B: AutodiffBackend + Ops,
        B::InnerBackend: Update + Ops,
    {
        let (ctx, steps, clock) = (self.ctx, self.batches.steps(), Instant::now());
        let mut state = self.start::<B>(weights, device)?;
        let before = state.progress.millis;
        let model = Model::<B>::new(self.config.clone(), device);
        let plain = Model::<B::InnerBackend>::new(self.config.clone(), device);
        let total = self.batches.tokens();
        let bar = ctx.bar(total.unwrap_or(steps), if total.is_some() { "tokens" } else { "steps" });
        if state.saved > 0 {
            bar.resume(if total.is_some() { state.progress.tokens } else { state.saved });
        }
        state.progress.tell(ctx);
        let every = self.curve_every();
        while state.progress.step < steps && !self.has_stopped(&state.progress) {
            if ctx.cancelled() {
                if state.progress.step > state.saved && self.recipe.checkpoint_every > 0 {
                    self.save(&mut state, before, clock)?;
                }
                ctx.proceed()?;
            }
            let step = state.progress.step;
            let rows = self.batches.batch(step)?;
            let parts = match self.batches.splits() {
                true => Batch::parts(&rows, self.config),
                false => Batch::new(&rows, self.config).map(|batch| vec![batch]),
            };
            let parts =
                parts.map_err(|error| Error::new(format!("step {step} cannot be trained")).because(error))?;
            let tokens: u64 = parts.iter().map(|part| part.tokens).sum();
            let curve = self.batches.curve(step);
            let (loss, norm) = self.step(&model, &mut state, &parts, curve, device)?;
            state.progress.advance(curve, loss, tokens);
            state.progress.step_value(NORM, norm);
            bar.add(if total.is_some() { tokens } else { 1 });
            bar.note(&format!("{curve} {:.3}", state.progress.last(curve)));
            ctx.count("steps", 1);
            ctx.count("tokens", tokens);
            let done = step + 1;
            if done.is_multiple_of(every) || done == steps {
                state.progress.close(ctx);
            }
            if let Some(held_out) = self.batches.held_out().filter(|held_out| held_out.is_due(done, steps)) {
                self.measure(&plain, &mut state, held_out, device)?;
            }
            if state.stem == Some(done) {
                self.save_stem(&mut state, before, clock)?;
            }
            let due = self.recipe.checkpoint_every > 0 && done.is_multiple_of(self.recipe.checkpoint_every);
            if due && done < steps {
                self.save(&mut state, before, clock)?;
            }
        }
        state.progress.close(ctx);
        if state.progress.step < steps {
            let (at, rises) = (state.progress.step, state.progress.watch.since);
            let lowest = state.progress.watch.lowest.map_or(0, |(step, _)| step);
            ctx.count("stopped_early", 1);
            ctx.log(&format!(
                "stopped after step {at} of {steps}: the held-out loss was lowest after step {lowest}, {rises} measurements before"
            ));
        }
        let trained = state.progress.trained(ctx);
        let weights = state.best.take().unwrap_or_else(|| state.weights());
        Ok((trained, weights))
    }

    /// Whether the held-out loss has not fallen for long enough.
    fn has_stopped(&self, progress: &Progress) -> bool {
        self.patience().is_some_and(|patience| progress.watch.since >= patience)
    }

    fn patience(&self) -> Option<u32> {
        self.batches.held_out()?.patience
    }

    /// Measures the model with what is held out.
    fn measure<B>(
        &self,
        model: &Model<B::InnerBackend>,
        state: &mut State<B>,
        held_out: &HeldOut,
        device: &B::Device,
    ) -> Result<()>
    where
        B: AutodiffBackend,
        B::InnerBackend: Ops,
    {
        let weights: Vec<_> = state.slots.iter().map(|slot| slot.weight.clone()).collect();
        let measured = held_out.measure(model, &weights, self.config, device)?;
        let progress = &mut state.progress;
        progress.measured(self.ctx, HELD_OUT_LOSS, measured.loss);
        if let Some(bits) = measured.bits {
            progress.measured(self.ctx, HELD_OUT_BITS, bits);
        }
        if progress.watch.take(progress.step, measured.loss) && held_out.patience.is_some() {
            state.best = Some(state.weights());
        }
        Ok(())
    }

    /// Steps between points of a curve.
    fn curve_every(&self) -> u64 {
        self.batches.steps().div_ceil(CURVE_POINTS).max(1)
    }

    /// Steps after which a longer training can go on from here.
    fn stem(&self) -> Option<u64> {
        let keeps = self.recipe.checkpoint_every > 0 && self.batches.prolongs() && self.patience().is_none();
        keeps.then(|| self.recipe.stem(self.batches.steps()))?
    }

    /// Writes the stem, which needs nothing of the steps before any more.
    fn save_stem<B: AutodiffBackend>(&self, state: &mut State<B>, before: u64, clock: Instant) -> Result<()> {
        state.stem = None;
        if state.progress.is_whole() {
            state.progress.worked(before, clock);
            checkpoint::save_stem(self.ctx.state(), &state.checkpoint(false))?;
        }
        state.progress.forget_all();
        Ok(())
    }

    /// Writes a checkpoint, and beside it how far that is.
    fn save<B: AutodiffBackend>(&self, state: &mut State<B>, before: u64, clock: Instant) -> Result<()> {
        state.progress.worked(before, clock);
        let keeps_best = self.patience().is_some();
        checkpoint::save(self.ctx.state(), &state.checkpoint(keeps_best))?;
        state.saved = state.progress.step;
        let (step, seconds) = (state.progress.step, state.progress.millis as f64 / 1000.0);
        Saved { step, steps: self.batches.steps(), seconds }.write(self.ctx.state())
    }

    /// The last checkpoint, or step 0.
    fn start<B: AutodiffBackend>(&self, weights: Vec<Vec<f32>>, device: &B::Device) -> Result<State<B>> {
        let parameters = self.config.parameters();
        let groups: Vec<Group> = parameters.iter().map(|p| Group::of(p, self.recipe.optimizer)).collect();
        let mut lengths: Vec<usize> = layout(&groups).map(|(index, _)| parameters[index].len()).collect();
        let trained = lengths.len();
        if self.patience().is_some() {
            lengths.extend(parameters.iter().map(Parameter::len));
        }
        let stem = self.stem();
        let mut found = checkpoint::load(self.ctx.state(), &lengths, |line| self.ctx.log(line))?;
        let own = found.as_ref().map_or(0, |found| found.progress.step);
        if let Some(mut given) = self.given(stem, &lengths).filter(|given| given.progress.step > own) {
            let (steps, held_out) = (self.batches.steps(), self.batches.held_out());
            let is_due = |step| held_out.is_some_and(|held_out| held_out.is_due(step, steps));
            given.progress.fit(self.curve_every(), is_due);
            found = Some(given);
        }
        let (mut progress, mut tensors, best) = match found {
            Some(mut found) => {
                self.ctx.log(&format!("going on after step {}", found.progress.step));
                let best = found.tensors.split_off(trained);
                let best = found.progress.watch.lowest.map(|_| best).filter(|best| !best.is_empty());
                (found.progress, found.tensors.into_iter(), best)
            }
            None => (Progress::default(), weights.into_iter(), None),
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
        let saved = progress.step;
        let stem = stem.filter(|&stem| saved < stem);
        match stem {
            // What an earlier version left does not have all of it; then no stem is kept.
            Some(_) => progress.keeps_all |= saved == 0,
            None => progress.forget_all(),
        }
        Ok(State { slots, progress, saved, stem, best })
    }

    /// The stem of another training that is a part of this one.
    fn given(&self, stem: Option<u64>, lengths: &[usize]) -> Option<Checkpoint> {
        let given = checkpoint::given_stem(self.ctx.state(), lengths, |line| self.ctx.log(line))?;
        let fits = stem.is_some_and(|stem| given.progress.step <= stem) && given.progress.is_whole();
        if !fits {
            self.ctx.log(&format!("the stem of {} steps is no part of this training", given.progress.step));
        }
        fits.then_some(given)
    }

    /// One optimiser step; gives the loss and the norm of the gradient.
    fn step<B>(
        &self,
        model: &Model<B>,
        state: &mut State<B>,
        parts: &[Batch],
        curve: &str,
        device: &B::Device,
    ) -> Result<(f64, f64)>
    where
        B: AutodiffBackend + Ops,
        B::InnerBackend: Update,
    {
        let (mut value, mut gradients) = (0.0, Vec::new());
        for part in parts {
            let (loss, more) = gradients_of(model, &state.slots, part, device);
            value += loss;
            gradients = match gradients.is_empty() {
                true => more,
                false => gradients.into_iter().zip(more).map(|(sum, more)| sum + more).collect(),
            };
        }
        let norm = B::InnerBackend::squared_norm(&gradients);
        if !value.is_finite() || !norm.is_finite() {
            let what = if value.is_finite() { "gradient" } else { "loss" };
            let mut message =
                format!("the {what} of step {} is no longer a finite number", state.progress.step);
            // Where it began: the first parameter in the order of the model whose weights or gradient are
            // none.
            let broken = |tensor: &Tensor<B::InnerBackend, 2>| {
                !B::InnerBackend::squared_norm(std::slice::from_ref(tensor)).is_finite()
            };
            let place = state
                .slots
                .iter()
                .zip(&gradients)
                .position(|(slot, gradient)| broken(&slot.weight) || broken(gradient));
            if let Some(parameter) = place.and_then(|place| self.config.parameters().into_iter().nth(place)) {
                message += &format!(", first in `{}`", parameter.name);
            }
            let help = "lower `lr`, or set `clip` to 1 or less";
            return Err(Error::new(message).help(match state.saved {
                0 => help.to_owned(),
                saved => format!("{help}; the last checkpoint is that of step {saved}"),
            }));
        }
        if let Some(usual) = state.progress.spikes_over(curve, value) {
            let (step, skips) = (state.progress.step, self.recipe.on_spike == OnSpike::Skip);
            let what = if skips { "; its update is left out" } else { "" };
            self.ctx.log(&format!("step {step}: a loss of {value:.3} after a mean of {usual:.3}{what}"));
            self.ctx.count(SPIKES, 1);
            state.progress.spikes += 1;
            if skips {
                return Ok((value, norm.sqrt()));
            }
        }
        let rates = self.recipe.rates(state.progress.step, self.batches.steps(), norm);
        let slots = std::mem::take(&mut state.slots);
        state.slots = B::InnerBackend::update(slots, gradients, &rates);
        Ok((value, norm.sqrt()))
    }
}

/// The loss of a part of a step, and the gradients of all parameters.
fn gradients_of<B>(
    model: &Model<B>,
    slots: &[Slot<B::InnerBackend>],
    part: &Batch,
    device: &B::Device,
) -> (f64, Vec<Tensor<B::InnerBackend, 2>>)
where
    B: AutodiffBackend + Ops,
{
    let leaves: Vec<Tensor<B, 2>> =
        slots.iter().map(|slot| Tensor::from_inner(slot.weight.clone()).require_grad()).collect();
    let (ids, targets) = part.upload::<B>(device);
    let loss = model.loss(&leaves, ids, &targets);
    let value: f64 = loss.clone().inner().into_scalar().elem();
    let mut gradients = loss.backward();
    let gradients = leaves.into_iter().map(|leaf| {
        let zero = || Tensor::zeros(leaf.dims(), device);
        leaf.grad_remove(&mut gradients).unwrap_or_else(zero)
    });
    (value, gradients.collect())
}

impl<B: AutodiffBackend> State<B> {
    /// With the best weights behind the others, where those are wanted: the present ones before anything was
    /// measured.
    fn checkpoint(&self, keeps_best: bool) -> Checkpoint {
        let groups: Vec<Group> = self.slots.iter().map(|slot| slot.group).collect();
        let tensor = |(index, kept): (usize, Option<usize>)| {
            let slot = &self.slots[index];
            download(kept.map_or(&slot.weight, |kept| &slot.state[kept]))
        };
        let mut tensors: Vec<Vec<f32>> = layout(&groups).map(tensor).collect();
        if keeps_best {
            tensors.extend(self.best.clone().unwrap_or_else(|| self.weights()));
        }
        Checkpoint { progress: self.progress.clone(), tensors }
    }

    fn weights(&self) -> Vec<Vec<f32>> {
        self.slots.iter().map(|slot| download(&slot.weight)).collect()
    }
}

/// The order of tensors in a checkpoint: all weights, then the first tensor that each optimiser keeps, where
/// it keeps one, then the second, and so on. A tensor is told by its parameter and its place in the state.
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

#[cfg(test)]
mod same_bytes;
#[cfg(test)]
mod tests;
