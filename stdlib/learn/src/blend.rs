//! How much of a tuning is kept, chosen on what it never learned from.
//!
//! A tuning that teaches the border of knowledge finds the border and then shifts it: of what the model knows, things
//! that the tuning never showed come out on the wrong side, the more of them the further it goes. On the straight line
//! back to the model before ([`Line`], after WiSE-FT, arXiv 2109.01903) the border comes back first and what was learned
//! goes last. Where on that line to stand is decided by entities of the probe that are held out: known ones are to be
//! answered, unknown ones to be refused or looked up, and both count the same.

use llmp_artifacts::questions::Question;
use llmp_artifacts::random::{Random, mix};
use llmp_model::{Line, Sampler};
use llmp_stage::{Context, Result};

use crate::tune::Student;

/// Decisions of either kind that are measured, at most.
const MEASURED: usize = 200;
/// Decisions of either kind below which a share would be chosen by luck.
const LEAST: usize = 8;
/// Shares that are tried, in twentieths.
const TWENTIETHS: std::ops::RangeInclusive<u32> = 6..=20;

/// What a stage holds back of its probe.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) known: Vec<Question>,
    pub(crate) unknown: Vec<Question>,
}

/// Takes the entities of a share of `questions` out, all questions about an entity together; a question without one
/// stands for itself. None where that would leave or give nothing.
pub(crate) fn hold_back(questions: &mut Vec<Question>, share: f64, seed: u64) -> Vec<Question> {
    let name = |question: &Question| question.entity.clone().unwrap_or_else(|| question.question.clone());
    let mut names: Vec<String> = questions.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    let count = (names.len() as f64 * share).round() as usize;
    if count == 0 || count >= names.len() {
        return Vec::new();
    }
    Random::new(mix(seed), 0).shuffle(&mut names);
    names.truncate(count);
    names.sort_unstable();
    let (held, kept) =
        std::mem::take(questions).into_iter().partition(|it| names.binary_search(&name(it)).is_ok());
    *questions = kept;
    held
}

/// A place where a model takes the one way or the other.
pub(crate) struct Decision {
    /// What stands before it.
    prompt: Vec<u32>,
    /// The token that begins the way of what is not known.
    token: u32,
}

impl Decision {
    /// Where, behind the question, `way` parts from the answer, which is given for what is known; `None` where the
    /// question does not fit or the two do not part.
    pub(crate) fn new(prompt: Option<Vec<u32>>, way: &[u32], answer: Option<&[u32]>) -> Option<Self> {
        let mut prompt = prompt?;
        let common = answer.map_or(0, |answer| answer.iter().zip(way).take_while(|(a, b)| a == b).count());
        prompt.extend(way.get(..common)?);
        Some(Self { prompt, token: *way.get(common)? })
    }

    /// How much more the model is for the way of what is not known than for the best other one, in logits.
    fn margin(&self, model: &Sampler) -> Result<f64> {
        let logits = model.next(&self.prompt)?;
        let this = logits.get(self.token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let others = logits.iter().enumerate().filter(|(token, _)| *token != self.token as usize);
        let best = others.map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max);
        Ok(f64::from(this) - f64::from(best))
    }
}

/// Decisions on what is held back.
#[derive(Default)]
pub(crate) struct Decisions {
    pub(crate) known: Vec<Decision>,
    pub(crate) unknown: Vec<Decision>,
}

/// How a model decides.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    /// Mean cross-entropy, in nats a decision, known and unknown ones weighing the same.
    loss: f64,
    /// Share of either kind that goes the right way.
    known: f64,
    unknown: f64,
}

impl Decisions {
    /// Of each kind as many as are measured, evenly spread.
    fn thinned(self) -> Self {
        let thin = |all: Vec<Decision>| {
            let step = all.len().div_ceil(MEASURED).max(1);
            all.into_iter().step_by(step).collect()
        };
        Self { known: thin(self.known), unknown: thin(self.unknown) }
    }

    fn measure(&self, ctx: &dyn Context, model: &Sampler) -> Result<Measured> {
        let of = |decisions: &[Decision], sign: f64| -> Result<(f64, f64)> {
            let (mut loss, mut right) = (0.0, 0);
            for decision in decisions {
                ctx.proceed()?;
                let margin = sign * decision.margin(model)?;
                loss += (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
                right += usize::from(margin > 0.0);
            }
            let count = decisions.len().max(1) as f64;
            Ok((loss / count, right as f64 / count))
        };
        let ((known_loss, known), (unknown_loss, unknown)) =
            (of(&self.known, -1.0)?, of(&self.unknown, 1.0)?);
        Ok(Measured { loss: 0.5 * (known_loss + unknown_loss), known, unknown })
    }
}

/// Puts the model between `student` and the one in the output in place of the latter: that of the share `keep`, or else
/// the one that decides best.
pub(crate) fn keep(
    ctx: &dyn Context,
    student: &Student,
    keep: Option<f64>,
    decisions: Decisions,
) -> Result<()> {
    let enough = decisions.known.len() >= LEAST && decisions.unknown.len() >= LEAST;
    let share = match keep {
        Some(share) => share,
        None if !enough => {
            ctx.log("all of the change is kept: too little is held out to choose a share of it");
            1.0
        }
        None => choose(ctx, &Line::between(&student.folder, ctx.output())?, decisions.thinned())?,
    };
    ctx.measure("kept", share);
    if share < 1.0 {
        Line::between(&student.folder, ctx.output())?.save(share, ctx.output())?;
    }
    Ok(())
}

fn choose(ctx: &dyn Context, line: &Line, decisions: Decisions) -> Result<f64> {
    let bar = ctx.bar(u64::from(TWENTIETHS.end() - TWENTIETHS.start() + 1), "shares");
    let mut best: Option<(f64, Measured)> = None;
    for twentieths in TWENTIETHS.rev() {
        let share = f64::from(twentieths) / 20.0;
        let measured = decisions.measure(ctx, &line.sampler(share, ctx.device())?)?;
        let Measured { loss, known, unknown } = measured;
        ctx.log(&format!(
            "share {share:.2}: loss {loss:.4}, right of known {known:.3}, of unknown {unknown:.3}"
        ));
        ctx.point("held-out decisions", share, loss);
        if best.is_none_or(|(_, best)| loss < best.loss) {
            best = Some((share, measured));
        }
        bar.add(1);
    }
    let Some((share, Measured { loss, known, unknown })) = best else { return Ok(1.0) };
    ctx.measure("held-out decisions", loss);
    ctx.show(&format!(
        "{:.0} % of the change is kept: with it, of what is held out, {:.0} % of the known and {:.0} % of the unknown go the right way",
        100.0 * share,
        100.0 * known,
        100.0 * unknown
    ));
    Ok(share)
}
