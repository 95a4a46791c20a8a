//! Where a training stands: what a checkpoint keeps beside tensors, so that a resumed training has the counts
//! and curves of one that nothing stopped.

use std::collections::BTreeMap;
use std::time::Instant;

use llmp_stage::{Context, LAST_STEPS};
use serde::{Deserialize, Serialize};

use super::Trained;

/// The curve of the loss that is trained for.
pub(crate) const LOSS: &str = "loss";
/// The curve of the loss on what is held out.
pub(crate) const HELD_OUT_LOSS: &str = "held-out loss";
/// The same in bits for each byte of text, which does not depend on the vocabulary.
pub(crate) const HELD_OUT_BITS: &str = "held-out bits per byte";

/// The curve of the gradient's norm, before it is clipped.
pub(crate) const NORM: &str = "gradient norm";
/// The count of steps whose loss was far above those before.
pub(crate) const SPIKES: &str = "spikes";

/// Where a training stands. Numbers are kept as bits: JSON would round them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// Steps done.
    pub(crate) step: u64,
    /// Tokens that went through the model.
    pub(crate) tokens: u64,
    /// Milliseconds of work, those of earlier attempts included.
    pub(crate) millis: u64,
    /// Curves by name.
    pub(crate) curves: BTreeMap<String, Curve>,
    /// What was seen of the held-out loss.
    pub(crate) watch: Watch,
    /// Steps whose loss was far above those before.
    pub(crate) spikes: u64,
    /// Whether every value of a curve is kept, for a training that is longer.
    pub(crate) keeps_all: bool,
}

/// A curve on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Curve {
    /// Steps, and bits of means over the steps since the point before.
    points: Vec<(u64, u64)>,
    /// Bits of what came since the last point.
    open: Vec<u64>,
    /// Bits of the last values, oldest first; at most [`LAST_STEPS`].
    last: Vec<u64>,
    /// Bits of the values of all steps, as long as it is open how many there will be: points are means over a
    /// part of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    all: Vec<u64>,
}

/// The lowest held-out loss, and how often it was not passed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// Its step and bits.
    pub(crate) lowest: Option<(u64, u64)>,
    /// Measurements since then.
    pub(crate) since: u32,
}

impl Watch {
    /// Takes a measurement; whether it is the lowest so far. What is no number never is.
    pub(crate) fn take(&mut self, step: u64, loss: f64) -> bool {
        let lowest = self.lowest.is_none_or(|(_, bits)| loss < f64::from_bits(bits)) && loss.is_finite();
        if lowest {
            *self = Self { lowest: Some((step, loss.to_bits())), since: 0 };
        } else {
            self.since += 1;
        }
        lowest
    }
}

fn mean(bits: &[u64]) -> f64 {
    bits.iter().map(|&bits| f64::from_bits(bits)).sum::<f64>() / bits.len().max(1) as f64
}

impl Curve {
    fn push(&mut self, value: f64) {
        self.open.push(value.to_bits());
        if self.last.len() == LAST_STEPS {
            self.last.remove(0);
        }
        self.last.push(value.to_bits());
    }

    /// The mean of the last values.
    fn last(&self) -> f64 {
        mean(&self.last)
    }

    /// The mean of the last values, where `value` is far above them: by six standard deviations, and by half
    /// a nat. It takes as many of them as a mean does.
    fn usual_below(&self, value: f64) -> Option<f64> {
        let usual = self.last();
        let deviation = |bits: &u64| (f64::from_bits(*bits) - usual).powi(2);
        let variance = self.last.iter().map(deviation).sum::<f64>() / self.last.len().max(1) as f64;
        let far = value > usual + (6.0 * variance.sqrt()).max(0.5);
        (self.last.len() == LAST_STEPS && far).then_some(usual)
    }

    /// The point at `step`, where anything came since the last one.
    fn close(&mut self, step: u64) -> Option<(f64, f64)> {
        if self.open.is_empty() {
            return None;
        }
        let value = mean(&std::mem::take(&mut self.open));
        self.points.push((step, value.to_bits()));
        Some((step as f64, value))
    }
}

impl Progress {
    /// Notes a step with its loss, under the name of the curve that it belongs to.
    pub(crate) fn advance(&mut self, curve: &str, loss: f64, tokens: u64) {
        self.step += 1;
        self.tokens += tokens;
        self.step_value(curve, loss);
    }

    /// Notes a value of the step that is done.
    pub(crate) fn step_value(&mut self, curve: &str, value: f64) {
        let keeps_all = self.keeps_all;
        let curve = self.curve(curve);
        curve.push(value);
        if keeps_all {
            curve.all.push(value.to_bits());
        }
    }

    /// Whether it holds what a longer training needs of its curves.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |curve: &Curve| curve.all.is_empty() || curve.all.len() as u64 == self.step;
        self.keeps_all
            && self.curves.values().all(whole)
            && self.curves.get(LOSS).is_some_and(|curve| curve.all.len() as u64 == self.step)
    }

    /// Forgets what only a longer training needs.
    pub(crate) fn forget_all(&mut self) {
        self.keeps_all = false;
        for curve in self.curves.values_mut() {
            curve.all = Vec::new();
        }
    }

    /// Takes it over for another number of steps, with a point of what each step gave at multiples of `every`
    /// steps, and one of what was measured where it `is_due`.
    pub(crate) fn fit(&mut self, every: u64, is_due: impl Fn(u64) -> bool) {
        for curve in self.curves.values_mut() {
            if curve.all.is_empty() {
                curve.points.retain(|(step, _)| is_due(*step));
                continue;
            }
            let parts = curve.all.chunks_exact(usize::try_from(every).unwrap_or(usize::MAX));
            curve.open = parts.remainder().to_vec();
            curve.points =
                (1..).zip(parts).map(|(part, bits)| (part * every, mean(bits).to_bits())).collect();
        }
    }

    /// Notes the time that it took since `clock`, with the milliseconds of earlier attempts.
    pub(crate) fn worked(&mut self, before: u64, clock: Instant) {
        self.millis = before + u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX - before);
    }

    fn curve(&mut self, name: &str) -> &mut Curve {
        self.curves.entry(name.to_owned()).or_default()
    }

    /// The mean of the last steps of a curve.
    pub(crate) fn last(&self, curve: &str) -> f64 {
        self.curves.get(curve).map_or(f64::NAN, Curve::last)
    }

    /// The mean of the last steps of a curve, where the loss of this one is far above it.
    pub(crate) fn spikes_over(&self, curve: &str, loss: f64) -> Option<f64> {
        self.curves.get(curve)?.usual_below(loss)
    }

    /// Ends the points that are under way.
    pub(crate) fn close(&mut self, ctx: &dyn Context) {
        let step = self.step;
        for (name, curve) in &mut self.curves {
            if let Some((x, y)) = curve.close(step) {
                ctx.point(name, x, y);
            }
        }
    }

    /// Notes a measurement, which is a point by itself.
    pub(crate) fn measured(&mut self, ctx: &dyn Context, curve: &str, value: f64) {
        let step = self.step;
        let curve_of = self.curve(curve);
        curve_of.last.clear();
        curve_of.push(value);
        if let Some((x, y)) = curve_of.close(step) {
            ctx.point(curve, x, y);
        }
    }

    /// Tells a new attempt's context what was counted and drawn before.
    pub(crate) fn tell(&self, ctx: &dyn Context) {
        if self.step == 0 {
            return;
        }
        ctx.resumed(self.millis as f64 / 1000.0);
        ctx.count("steps", self.step);
        ctx.count("tokens", self.tokens);
        if self.spikes > 0 {
            ctx.count(SPIKES, self.spikes);
        }
        for (name, curve) in &self.curves {
            for &(step, bits) in &curve.points {
                ctx.point(name, step as f64, f64::from_bits(bits));
            }
        }
    }

    /// What it came to, once it has ended.
    pub(crate) fn trained(&self, ctx: &dyn Context) -> Trained {
        for (name, curve) in self.curves.iter().filter(|(name, _)| *name != NORM) {
            ctx.measure(name, curve.last());
        }
        let held_out = self.curves.get(HELD_OUT_LOSS).map(Curve::last);
        let mean_of = self.curves.get(LOSS).map_or(0, |curve| curve.last.len() as u64);
        Trained { final_loss: self.last(LOSS), mean_of, held_out, steps: self.step, tokens: self.tokens }
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;

    #[test]
    fn points_are_means_and_the_end_is_the_mean_of_the_last_steps() {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path());
        let mut progress = Progress::default();
        for step in 0..120_u32 {
            let curve = if step % 4 == 3 { "replay loss" } else { LOSS };
            progress.advance(curve, f64::from(step), 10);
            if step % 8 == 7 {
                progress.close(&ctx);
            }
        }
        let points = ctx.points.lock().unwrap().clone();
        assert_eq!(points[..2], [(LOSS.into(), 8.0, 3.0), ("replay loss".into(), 8.0, 5.0)]);
        assert_eq!(points.len(), 30);
        // The last 50 of those steps that were no replay; all 30 of the others.
        let last: Vec<f64> = (0..120).filter(|step| step % 4 != 3).skip(40).map(f64::from).collect();
        let trained = progress.trained(&ctx);
        assert_eq!(trained.final_loss, last.iter().sum::<f64>() / 50.0);
        assert_eq!((trained.steps, trained.tokens, trained.held_out), (120, 1200, None));
        assert_eq!(trained.to_string(), "loss 85.660 (mean of the last 50 steps), 120 steps");
        let measures = ctx.measures.lock().unwrap();
        assert_eq!((measures[LOSS], measures["replay loss"]), (trained.final_loss, 61.0));
    }

    #[test]
    fn a_new_attempt_hears_what_was_before() {
        let root = tempfile::tempdir().unwrap();
        let (ctx, again) = (TestContext::new(root.path()), TestContext::new(root.path()));
        let mut progress = Progress::default();
        for step in 0..7_u32 {
            progress.advance(LOSS, 0.1 * f64::from(step), 10);
            progress.close(&ctx);
        }
        let kept = serde_json::to_vec(&progress).unwrap();
        let kept: Progress = serde_json::from_slice(&kept).unwrap();
        assert_eq!(kept, progress);
        kept.tell(&again);
        assert_eq!(*again.points.lock().unwrap(), *ctx.points.lock().unwrap());
        assert_eq!((again.counted("steps"), again.counted("tokens")), (7, 70));
    }

    #[test]
    fn the_lowest_is_watched() {
        let mut watch = Watch::default();
        let seen: Vec<(bool, u32)> =
            [3.0, 2.0, 2.0, f64::NAN, 1.5].map(|loss| (watch.take(1, loss), watch.since)).to_vec();
        assert_eq!(seen, [(true, 0), (true, 0), (false, 1), (false, 2), (true, 0)]);
    }
}
