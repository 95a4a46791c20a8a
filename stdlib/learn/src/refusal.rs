//! Stage `refusal`: to say "I don't know" where the probe found that the model does not.

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::Ability;
use llmp_artifacts::questions::Question;
use llmp_artifacts::words::normalized;
use llmp_model::Row;
use llmp_stage::{Context, Cost, Counts, Error, Inputs, Remark, Result};
use serde::Deserialize;

use crate::blend;
use crate::mix::Mix;
use crate::tune::{self, Border, Student, Tuning};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    message: String,
    known_share: f64,
    chat_share: f64,
    steps: u64,
    batch: usize,
    lr: f64,
    warmup: f64,
    replay_share: f64,
    held_out: f64,
    keep: Option<f64>,
    seed: u64,
    checkpoint_every: u64,
}

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let row = tune::row(inputs);
    let flops = tune::flops(inputs, settings.steps as f64, settings.batch, settings.replay_share, row);
    Cost { flops, ..tune::cost(settings.batch, inputs, &["probe", "conversations"]) }
}

/// What was cut off.
pub(crate) fn remarks(_: &Settings, counts: &Counts) -> Vec<Remark> {
    tune::left_out(counts)
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    if normalized(&settings.message).is_empty() {
        return Err(
            Error::new("`message` says nothing").help("write what the model shall say when it does not know")
        );
    }
    let mut student = Student::open(ctx)?;
    let seed = settings.seed;
    // What nothing is chosen by may teach.
    let held_out = if settings.keep.is_some() { 0.0 } else { settings.held_out };
    let shares = [settings.chat_share, settings.known_share, held_out];
    let border = Border::open(ctx, &student, settings.batch, shares, seed)?;
    let Border { known, unknown, known_rows, unknown_rows, chat, held_back } = border;
    let row = |question: &Question, answer: &str| -> Row {
        let messages = [Message::new(Role::User, &question.question), Message::new(Role::Assistant, answer)];
        student.row(ctx, &messages)
    };
    let answers = known.iter().map(|question| row(question, &question.answer)).collect();
    let refusals = unknown.iter().map(|question| row(question, &settings.message)).collect();
    let mut parts =
        vec![tune::fixed_part(known_rows, answers, seed), tune::fixed_part(unknown_rows, refusals, seed + 1)];
    parts.extend(chat);

    let replay = student.replay(ctx, settings.replay_share, settings.batch, seed)?;
    let Settings { steps, lr, warmup, checkpoint_every, .. } = settings;
    student.train(
        ctx,
        &Mix { steps, parts, replay, held_out: None },
        &Tuning { lr, warmup, seed, checkpoint_every },
    )?;
    let way = student.template.tokenizer().encode(&settings.message);
    blend::keep(ctx, &student, settings.keep, student.decisions(&held_back, &way))?;
    student.abilities.refusal = Some(settings.message);
    student.abilities.save_with(Ability::Refuses, ctx.output())
}
