//! Stage `refusal`: to say "I don't know" where the probe found that the model does not.

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::Ability;
use llmp_artifacts::questions::Question;
use llmp_artifacts::words::normalized;
use llmp_model::Row;
use llmp_stage::{Context, Cost, Counts, Error, Inputs, Remark, Result};
use serde::Deserialize;

use crate::blend::{self, HeldBack};
use crate::mix::Mix;
use crate::trial::Trial;
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
    // So that a settings record without it is an error, as of every other setting.
    #[serde(deserialize_with = "Option::deserialize")]
    keep: Option<f64>,
    seed: u64,
    checkpoint_every: u64,
}

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let row = tune::row(inputs);
    // The trial takes as many steps.
    let trainings = if settings.keep.is_none() && settings.held_out > 0.0 { 2.0 } else { 1.0 };
    let flops =
        tune::flops(inputs, trainings * settings.steps as f64, settings.batch, settings.replay_share, row);
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
    let keep = match settings.keep {
        Some(share) => share,
        None => choose(ctx, &student, &settings)?,
    };
    let border = open(ctx, &student, &settings)?;
    train(ctx, &student, &settings, border)?;
    blend::keep(ctx, &student, keep)?;
    student.abilities.refusal = Some(settings.message);
    student.abilities.save_with(Ability::Refuses, ctx.output())
}

fn open<'a>(ctx: &dyn Context, student: &Student, settings: &Settings) -> Result<Border<'a>> {
    let shares = [settings.chat_share, settings.known_share];
    Border::open(ctx, student, settings.batch, shares, settings.seed)
}

/// The share to keep: a trial learns from a part of the probe, and the rest tells. What learns from all of
/// the probe is then better than the trial on both sides, and keeps the same share.
fn choose(ctx: &dyn Context, student: &Student, settings: &Settings) -> Result<f64> {
    let trial = Trial::new(ctx)?;
    let mut border = open(&trial, student, settings)?;
    let held_back = HeldBack::of(&mut border.known, &mut border.unknown, settings.held_out, settings.seed);
    ctx.count("held_out.known", held_back.known.len() as u64);
    ctx.count("held_out.unknown", held_back.unknown.len() as u64);
    let way = student.template.tokenizer().encode(&settings.message);
    let decisions = student.decisions(&held_back, &way);
    if !decisions.suffice() {
        ctx.log("all of the change is kept: too little can be held out to choose a share of it");
        return Ok(1.0);
    }
    trial.once(|| train(&trial, student, settings, border))?;
    decisions.choose(ctx, student, trial.output())
}

/// Teaches it.
fn train(ctx: &dyn Context, student: &Student, settings: &Settings, border: Border<'_>) -> Result<()> {
    let Border { known, unknown, known_rows, unknown_rows, chat } = border;
    let seed = settings.seed;
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
    let &Settings { steps, lr, warmup, checkpoint_every, .. } = settings;
    let mix = Mix { steps, parts, replay, held_out: None };
    student.train(ctx, &mix, &Tuning { lr, warmup, seed, checkpoint_every })
}
