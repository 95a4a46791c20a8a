//! Stage `sft`: supervised fine-tuning on conversations.

use llmp_artifacts::model::Ability;
use llmp_model::Row;
use llmp_stage::{Context, Cost, Counts, Error, Inputs, Remark, Result};
use serde::Deserialize;

use crate::held_out::{self, Watching};
use crate::mix::{Mix, steps_with_replay};
use crate::tune::{self, Student, Tuning};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    epochs: f64,
    batch: usize,
    lr: f64,
    warmup: f64,
    replay_share: f64,
    held_out: f64,
    held_out_every: f64,
    held_out_stop: Option<u32>,
    seed: u64,
    checkpoint_every: u64,
}

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let conversations = inputs.get("conversations");
    let share = if inputs.all("replay").is_empty() { 0.0 } else { settings.replay_share };
    let flops = conversations.items.and_then(|items| {
        let steps = (settings.epochs * items as f64 / settings.batch as f64).ceil();
        let steps = steps_with_replay(steps as u64, share) as f64;
        tune::flops(inputs, steps, settings.batch, settings.replay_share, tune::row(inputs))
    });
    Cost { flops, ..tune::cost(settings.batch, inputs, &["conversations"]) }
}

/// What was left out and cut off.
pub(crate) fn remarks(_: &Settings, counts: &Counts) -> Vec<Remark> {
    tune::left_out(counts)
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let student = Student::open(ctx)?;
    let conversations = tune::conversations(ctx)?;
    let rendered = conversations.iter().map(|messages| student.template.learn(messages));
    let (useful, useless): (Vec<_>, Vec<_>) = rendered.partition(|rendered| rendered.teaches());
    ctx.count("conversations", useful.len() as u64);
    ctx.count("conversations.cut", useful.iter().filter(|rendered| rendered.cut).count() as u64);
    ctx.count("conversations.too_long", useless.len() as u64);
    if !useless.is_empty() {
        ctx.log(&format!(
            "left out {} conversations that are longer than the model's context of {} tokens before the first answer",
            useless.len(),
            student.context
        ));
    }
    let mut examples: Vec<Row> = useful.into_iter().map(|rendered| rendered.row).collect();
    if examples.is_empty() {
        return Err(Error::new("no conversation fits the model's context").help(format!(
            "it is {} tokens long; use shorter conversations or a longer `context`",
            student.context
        )));
    }
    let held_out = held_out::of_examples(&mut examples, settings.held_out, settings.seed);
    ctx.count("held_out.conversations", held_out.as_ref().map_or(0, Vec::len) as u64);
    if examples.is_empty() {
        return Err(
            Error::new("all conversations are held out").help("lower `held_out`, or give more conversations")
        );
    }
    let replay = student.replay(ctx, settings.replay_share, settings.batch, settings.seed)?;
    let steps = (settings.epochs * examples.len() as f64 / settings.batch as f64).ceil() as u64;
    let share = if replay.is_some() { settings.replay_share } else { 0.0 };
    let steps = steps_with_replay(steps, share);
    let watching =
        Watching { every: settings.held_out_every, stop: settings.held_out_stop, batch: settings.batch };
    let held_out = held_out.map(|rows| held_out::of_rows(rows, &watching, steps));
    let parts = vec![tune::fixed_part(settings.batch, examples, settings.seed)];
    let Settings { lr, warmup, seed, checkpoint_every, .. } = settings;
    let mix = Mix { steps, parts, replay, held_out };
    student.train(ctx, &mix, &Tuning { lr, warmup, seed, checkpoint_every })?;
    student.abilities.save_with(Ability::Chat, ctx.output())
}
