use llmp_artifacts::testing::tiny;
use llmp_stage::testing::TestContext;

use super::*;
use crate::{OnSpike, Optimizer, Schedule, Stretch};
use llmp_stage::Stem;

fn recipe() -> Recipe {
    Recipe {
        optimizer: Optimizer::Muon,
        learning_rate: 0.02,
        embedding_learning_rate: 6e-3,
        warmup: Stretch::Share(0.05),
        schedule: Schedule::Linear,
        decay: Stretch::Share(0.2),
        final_fraction: 0.1,
        weight_decay: 0.05,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 10,
        on_spike: OnSpike::Note,
        stop_tokens: None,
    }
}

/// The same few rows at every step, of different lengths; may cancel the run at a step, and every third step
/// may be another kind.
#[derive(Default)]
struct Repeat<'a> {
    steps: u64,
    cancel: Option<(u64, &'a TestContext)>,
    mixed: bool,
    /// Many rows of many lengths a step, which go through the model in parts where they may.
    many: Option<bool>,
    /// The step whose rows are nonsense.
    wild: Option<u64>,
    held_out: Option<HeldOut>,
}

impl Batches for Repeat<'_> {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        if let Some((at, ctx)) = self.cancel
            && step == at
        {
            ctx.cancel();
        }
        let row = |seed: u32, length: u32| {
            let tokens: Vec<u32> = (0..length).map(|i| (i * i * 7 + seed * 11 + i * 3) % 37).collect();
            Row { learn: vec![true; tokens.len()], tokens }
        };
        if self.many.is_some() {
            // More than go through the model at a time.
            return Ok((0..1_500).map(|i| row(i, 2 + (i * 7 + step as u32) % 20)).collect());
        }
        if self.wild == Some(step) {
            let tokens: Vec<u32> = (0..21).map(|i| (i * i * i + 5) % 37).rev().collect();
            return Ok(vec![Row { learn: vec![true; tokens.len()], tokens }]);
        }
        Ok(vec![row(1, 21), row(2, 12), row(3 + step as u32 % 2, 17)])
    }

    fn splits(&self) -> bool {
        self.many == Some(true)
    }

    fn curve(&self, step: u64) -> &str {
        if self.mixed && step % 3 == 2 { "replay loss" } else { "loss" }
    }

    fn held_out(&self) -> Option<&HeldOut> {
        self.held_out.as_ref()
    }

    fn prolongs(&self) -> bool {
        !self.mixed
    }
}

/// Rows that training never sees, and whose loss rises once it has learned its own by heart.
fn held_out(patience: Option<u32>) -> Option<HeldOut> {
    let row = |seed: u32| {
        let tokens: Vec<u32> = (0..18).map(|i| (i * 5 + seed * 13 + i * i * i) % 37).collect();
        Row { learn: vec![true; tokens.len()], tokens }
    };
    let rows: Vec<Row> = (0..5).map(row).collect();
    Some(HeldOut { rows, batch: 2, bytes: Some(170), every: 4, patience })
}

fn tokenizer(folder: &Path) -> std::path::PathBuf {
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    folder.to_owned()
}

fn run(ctx: &TestContext, root: &Path, batches: &Repeat<'_>, recipe: &Recipe) -> Result<Trained> {
    train(ctx, Start::Fresh(tiny()), &tokenizer(root), batches, recipe)
}

fn weights(ctx: &TestContext) -> Vec<u8> {
    std::fs::read(ctx.output().join("model.safetensors")).unwrap()
}

#[test]
fn overfits_a_few_rows() {
    for optimizer in [Optimizer::Muon, Optimizer::AdamW] {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path());
        let recipe = Recipe { optimizer, learning_rate: 0.01, ..recipe() };
        let trained = run(&ctx, root.path(), &Repeat { steps: 200, ..Repeat::default() }, &recipe).unwrap();
        assert!(trained.final_loss < 0.3, "{optimizer:?}: {}", trained.final_loss);
        let last = ctx.points.lock().unwrap().last().unwrap().2;
        assert!(last < 0.2, "{optimizer:?}: {last}");
        assert_eq!((ctx.counted("steps"), ctx.counted("tokens")), (200, trained.tokens));
        assert!(ctx.output().join("tokenizer.json").exists());
    }
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bytes_counts_and_curves() {
    let whole_batches =
        || Repeat { steps: 20, mixed: true, held_out: held_out(Some(9)), ..Repeat::default() };
    for saved_at_the_stop in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
        let ctx = TestContext::new(&whole);
        let undisturbed = run(&ctx, &whole, &whole_batches(), &recipe()).unwrap();
        let stopped = TestContext::new(&parts);
        let batches = Repeat { cancel: Some((13, &stopped)), ..whole_batches() };
        assert!(run(&stopped, &parts, &batches, &recipe()).unwrap_err().is_cancelled());
        let saved = Saved::read(stopped.state()).unwrap();
        assert_eq!((saved.step, saved.steps), (14, 20));
        if !saved_at_the_stop {
            std::fs::remove_file(stopped.state().join("000000000014.checkpoint")).unwrap();
        }
        let resumed = TestContext::new(&parts);
        assert_eq!(run(&resumed, &parts, &whole_batches(), &recipe()).unwrap(), undisturbed);
        let lines = resumed.lines.lock().unwrap();
        let from = if saved_at_the_stop { 14 } else { 10 };
        assert!(lines.contains(&format!("going on after step {from}")), "{lines:?}");
        assert_eq!(*resumed.counts.lock().unwrap(), *ctx.counts.lock().unwrap());
        assert_eq!(*resumed.measures.lock().unwrap(), *ctx.measures.lock().unwrap());
        // Curve by curve: what was drawn before is told first.
        let of = |ctx: &TestContext, curve: &str| -> Vec<(f64, f64)> {
            let points = ctx.points.lock().unwrap();
            points.iter().filter(|(name, ..)| name == curve).map(|(_, x, y)| (*x, *y)).collect()
        };
        for (curve, points) in [("loss", 14), ("replay loss", 6), (HELD_OUT_LOSS, 5), (HELD_OUT_BITS, 5)] {
            assert_eq!(of(&resumed, curve), of(&ctx, curve), "{curve}");
            assert_eq!(of(&ctx, curve).len(), points, "{curve}");
        }
        assert!(weights(&ctx) == weights(&resumed), "weights differ");
    }
}

/// What a training left for longer ones, laid where another finds it.
fn hand_on(from: &TestContext, to: &TestContext) -> u64 {
    let stem = Stem::read(from.state()).expect("a stem");
    std::fs::copy(Stem::made(from.state()), Stem::given(to.state())).unwrap();
    stem.step
}

#[test]
fn a_longer_training_goes_on_from_where_a_shorter_one_began_to_decay() {
    let root = tempfile::tempdir().unwrap();
    let ctx_of = |name: &str| TestContext::new(&root.path().join(name));
    let train = |ctx: &TestContext, batches: Repeat<'_>, recipe: &Recipe| {
        let folder = ctx.state().parent().unwrap().to_owned();
        run(ctx, &folder, &batches, recipe)
    };
    let stable = Recipe { schedule: Schedule::Wsd, warmup: Stretch::Steps(3), ..recipe() };
    let steps = |steps| Repeat { steps, held_out: held_out(None), ..Repeat::default() };
    let (short, long, plain) = (ctx_of("short"), ctx_of("long"), ctx_of("plain"));
    train(&short, steps(25), &stable).unwrap();
    let undisturbed = train(&plain, steps(40), &stable).unwrap();
    assert_eq!(hand_on(&short, &long), 20);
    let stopped = Repeat { cancel: Some((34, &long)), ..steps(40) };
    assert!(train(&long, stopped, &stable).unwrap_err().is_cancelled());
    let lines = long.lines.lock().unwrap().clone();
    assert!(lines.contains(&"going on after step 20".to_owned()), "{lines:?}");
    assert_eq!(Saved::read(long.state()).unwrap().step, 35, "a continuation keeps checkpoints of its own");
    let again = TestContext::new(long.state().parent().unwrap());
    assert_eq!(train(&again, steps(40), &stable).unwrap(), undisturbed);
    assert!(weights(&again) == weights(&plain), "weights differ");
    assert_eq!(*again.counts.lock().unwrap(), *plain.counts.lock().unwrap());
    assert_eq!(*again.measures.lock().unwrap(), *plain.measures.lock().unwrap());
    let of = |ctx: &TestContext, curve: &str| -> Vec<(f64, f64)> {
        let points = ctx.points.lock().unwrap();
        points.iter().filter(|(name, ..)| name == curve).map(|(_, x, y)| (*x, *y)).collect()
    };
    assert_eq!(of(&again, LOSS), of(&plain, LOSS));
    assert_eq!(of(&again, HELD_OUT_LOSS), of(&plain, HELD_OUT_LOSS));
    assert_eq!(Stem::read(again.state()).unwrap().step, 32, "and leaves a stem itself");

    // Another decay; a shorter one, which the stem is too long for; and weights of another model.
    let late = Recipe { decay: Stretch::Steps(4), final_fraction: 0.0, ..stable.clone() };
    let (other, plain) = (ctx_of("other"), ctx_of("plain-late"));
    hand_on(&again, &other);
    assert_eq!(train(&other, steps(40), &late).unwrap(), train(&plain, steps(40), &late).unwrap());
    assert!(weights(&other) == weights(&plain));
    for (name, batches, damage) in [("shorter", steps(30), false), ("damaged", steps(40), true)] {
        let (with, without) = (ctx_of(name), ctx_of(&format!("{name}-plain")));
        hand_on(&again, &with);
        if damage {
            std::fs::write(Stem::given(with.state()), b"no stem").unwrap();
        }
        let plain = Repeat { held_out: held_out(None), steps: batches.steps, ..Repeat::default() };
        assert_eq!(train(&with, batches, &stable).unwrap(), train(&without, plain, &stable).unwrap());
        let lines = with.lines.lock().unwrap();
        assert!(lines.iter().any(|line| line.contains("stem")), "{lines:?}");
        assert!(weights(&with) == weights(&without));
    }
    // Where a share decides on the start, or the held-out loss on the end, no other training shares it.
    let share = Recipe { warmup: Stretch::Share(0.1), ..stable.clone() };
    let stops = Repeat { held_out: held_out(Some(9)), ..steps(25) };
    let none = [("share", steps(25), &share), ("stops", stops, &stable), ("linear", steps(25), &recipe())]
        .map(|(name, batches, recipe)| {
            let ctx = ctx_of(name);
            train(&ctx, batches, recipe).unwrap();
            Stem::read(ctx.state())
        });
    assert_eq!(none, [None; 3]);
}

#[test]
fn the_parts_of_a_step_are_the_step() {
    let config = tiny();
    let rows = Repeat { many: Some(true), ..Repeat::default() }.batch(0).unwrap();
    let (parts, whole) = (Batch::parts(&rows, &config).unwrap(), Batch::new(&rows, &config).unwrap());
    assert!(parts.len() > 3, "{}", parts.len());
    assert!(parts.iter().all(|part| part.area() <= PART));
    let area: usize = parts.iter().map(Batch::area).sum();
    assert!(area as f64 <= 1.25 * whole.tokens as f64, "{area} for {} tokens", whole.tokens);
    assert_eq!(parts.iter().map(|part| part.tokens).sum::<u64>(), whole.tokens);
    assert_eq!(parts.iter().map(|part| part.learned).sum::<usize>(), whole.learned);

    // The same losses and weights but for rounding, and to the byte in another attempt.
    let root = tempfile::tempdir().unwrap();
    let adamw = Recipe { optimizer: Optimizer::AdamW, learning_rate: 1e-3, ..recipe() };
    let trained = |name: &str, split: bool| {
        let folder = root.path().join(name);
        let ctx = TestContext::new(&folder);
        let trained =
            run(&ctx, &folder, &Repeat { steps: 4, many: Some(split), ..Repeat::default() }, &adamw);
        (trained.unwrap().final_loss, hub::load(ctx.output()).unwrap().1, weights(&ctx))
    };
    let (split, again, whole) = (trained("split", true), trained("again", true), trained("whole", false));
    assert!((split.0 - whole.0).abs() < 1e-5, "{} {}", split.0, whole.0);
    assert!(split.2 == again.2 && split.2 != whole.2);
    let far = split.1.iter().flatten().zip(whole.1.iter().flatten()).map(|(a, b)| (a - b).abs());
    assert!(far.fold(0.0, f32::max) < 2e-3);
}

#[test]
fn a_loss_far_above_those_before_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    let trained = |name: &str, wild: Option<u64>, on_spike: OnSpike| {
        let folder = root.path().join(name);
        let ctx = TestContext::new(&folder);
        let stable = Recipe {
            schedule: Schedule::Wsd,
            decay: Stretch::Steps(0),
            warmup: Stretch::Steps(5),
            ..recipe()
        };
        let recipe = Recipe { on_spike, ..stable };
        run(&ctx, &folder, &Repeat { steps: 81, wild, ..Repeat::default() }, &recipe).unwrap();
        let lines = ctx.lines.lock().unwrap().clone();
        (ctx.counted(SPIKES), weights(&ctx), lines.into_iter().find(|line| line.contains("after a mean")))
    };
    let noted = trained("noted", Some(80), OnSpike::Note);
    let skipped = trained("skipped", Some(80), OnSpike::Skip);
    assert_eq!((noted.0, skipped.0), (1, 1));
    assert!(noted.2.unwrap().starts_with("step 80: a loss of "));
    assert!(skipped.2.unwrap().ends_with("; its update is left out"));
    assert_eq!(trained("none", None, OnSpike::Skip).0, 0, "a usual loss is none");
    assert!(noted.1 != skipped.1);
    // Without its last step it is the training that ended before.
    let short = root.path().join("short");
    let ctx = TestContext::new(&short);
    let stable =
        Recipe { schedule: Schedule::Wsd, decay: Stretch::Steps(0), warmup: Stretch::Steps(5), ..recipe() };
    run(&ctx, &short, &Repeat { steps: 80, ..Repeat::default() }, &stable).unwrap();
    assert!(weights(&ctx) == skipped.1, "weights differ");
}

#[test]
fn a_curve_is_drawn_anew_for_another_number_of_steps() {
    let root = tempfile::tempdir().unwrap();
    let points = |every: u64, steps: u64, fit: Option<u64>| {
        let ctx = TestContext::new(root.path());
        let mut progress = Progress { keeps_all: true, ..Progress::default() };
        for step in 1..=steps {
            progress.advance(LOSS, 1.0 / step as f64, 3);
            if step.is_multiple_of(every) {
                progress.close(&ctx);
            }
            if step.is_multiple_of(5) {
                progress.measured(&ctx, HELD_OUT_LOSS, step as f64);
            }
        }
        if let Some(every) = fit {
            assert!(progress.is_whole());
            progress.fit(every, |step| step.is_multiple_of(10));
        }
        progress.forget_all();
        assert!(!progress.is_whole());
        let again = TestContext::new(root.path());
        progress.tell(&again);
        progress.close(&again);
        again.points.into_inner().unwrap()
    };
    let held_out = |point: &(String, f64, f64)| point.0 == HELD_OUT_LOSS && point.1 % 10.0 != 0.0;
    let mut wanted = points(3, 31, None);
    wanted.retain(|point| !held_out(point));
    assert_eq!(points(2, 31, Some(3)), wanted);
    assert!(wanted.len() == 10 + 3 + 1, "{wanted:?}");
}

#[test]
fn what_is_held_out_changes_no_weight_and_is_measured_as_a_whole() {
    let root = tempfile::tempdir().unwrap();
    let (without, with) = (root.path().join("without"), root.path().join("with"));
    let plain = TestContext::new(&without);
    run(&plain, &without, &Repeat { steps: 10, ..Repeat::default() }, &recipe()).unwrap();
    let ctx = TestContext::new(&with);
    let batches = Repeat { steps: 10, held_out: held_out(None), ..Repeat::default() };
    let trained = run(&ctx, &with, &batches, &recipe()).unwrap();
    assert!(weights(&plain) == weights(&ctx), "weights differ");
    let points = ctx.points.lock().unwrap();
    let losses: Vec<(f64, f64)> =
        points.iter().filter(|(name, ..)| name == HELD_OUT_LOSS).map(|(_, x, y)| (*x, *y)).collect();
    assert_eq!(losses.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [4.0, 8.0, 10.0]);
    let measures = ctx.measures.lock().unwrap();
    assert_eq!((trained.held_out, measures[HELD_OUT_LOSS]), (Some(losses[2].1), losses[2].1));
    // 5 rows of 17 predicted tokens stand for 170 bytes of text.
    let bits = losses[2].1 * 85.0 / std::f64::consts::LN_2 / 170.0;
    assert!((measures[HELD_OUT_BITS] - bits).abs() < 1e-9);
    // The last model, measured with all rows at once.
    let other = HeldOut { batch: 99, ..held_out(None).unwrap() };
    let (config, weights) = hub::load(ctx.output()).unwrap();
    let device = burn_flex::FlexDevice;
    let weights: Vec<Tensor<burn_flex::Flex, 2>> = config
        .parameters()
        .iter()
        .zip(weights)
        .map(|(parameter, values)| Tensor::from_data(TensorData::new(values, parameter.shape), &device))
        .collect();
    let model = Model::<burn_flex::Flex>::new(config.clone(), &device);
    let measured = other.measure(&model, &weights, &config, &device).unwrap();
    assert!((measured.loss - losses[2].1).abs() < 1e-5, "{} {}", measured.loss, losses[2].1);
}

#[test]
fn training_ends_where_the_held_out_loss_does_not_fall_any_more() {
    let root = tempfile::tempdir().unwrap();
    let (early, parts) = (root.path().join("early"), root.path().join("parts"));
    let wild = Recipe { checkpoint_every: 4, schedule: Schedule::Wsd, ..recipe() };
    let batches = || Repeat { steps: 200, held_out: held_out(Some(2)), ..Repeat::default() };
    let ctx = TestContext::new(&early);
    let trained = run(&ctx, &early, &batches(), &wild).unwrap();
    assert!(trained.steps < 200 && ctx.counted("stopped_early") == 1, "{trained:?}");
    let losses: Vec<f64> = ctx
        .points
        .lock()
        .unwrap()
        .iter()
        .filter(|(name, ..)| name == HELD_OUT_LOSS)
        .map(|(.., y)| *y)
        .collect();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[losses.len() - 3], lowest, "two measurements after the lowest: {losses:?}");
    // The model is that of the lowest loss.
    let at = (losses.len() - 2) as u64 * 4;
    let short = TestContext::new(&root.path().join("short"));
    let stop = Repeat { cancel: Some((at, &short)), ..batches() };
    assert!(
        run(&short, &root.path().join("short"), &stop, &Recipe { checkpoint_every: 1000, ..wild.clone() })
            .unwrap_err()
            .is_cancelled()
    );
    let (config, best) = hub::load(ctx.output()).unwrap();
    let lengths: Vec<usize> = config.parameters().iter().map(Parameter::len).collect();
    let kept = std::fs::read_dir(short.state()).unwrap().count();
    assert!(kept > 0);
    // A checkpoint after one step more holds the best weights behind the others.
    let groups: Vec<Group> = config.parameters().iter().map(|p| Group::of(p, wild.optimizer)).collect();
    let mut all: Vec<usize> = layout(&groups).map(|(index, _)| lengths[index]).collect();
    let trained_tensors = all.len();
    all.extend(&lengths);
    let found = checkpoint::load(short.state(), &all, |_| ()).unwrap().unwrap();
    assert_eq!(found.progress.watch.lowest.map(|(step, _)| step), Some(at));
    assert!(found.tensors[trained_tensors..] == best[..], "not the weights of the lowest loss");
    // Stopped between the lowest loss and the end, and gone on.
    let stopped = TestContext::new(&parts);
    let cancel = Some((at + 2, &stopped));
    assert!(run(&stopped, &parts, &Repeat { cancel, ..batches() }, &wild).unwrap_err().is_cancelled());
    let resumed = TestContext::new(&parts);
    assert_eq!(run(&resumed, &parts, &batches(), &wild).unwrap(), trained);
    assert!(weights(&ctx) == weights(&resumed), "weights differ");
}

#[test]
fn threads_do_not_change_the_result() {
    let root = tempfile::tempdir().unwrap();
    let results = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = root.path().join(threads.to_string());
        let ctx = TestContext::new(&folder);
        let config = tiny();
        let job = Job {
            ctx: &ctx,
            config: &config,
            batches: &Repeat { steps: 8, ..Repeat::default() },
            recipe: &recipe(),
        };
        let device = burn_flex::FlexDevice;
        pool.install(|| job.run::<Autodiff<burn_flex::Flex>>(hub::initial(&config, 1), &device)).unwrap()
    });
    assert!(results[0] == results[1] && results[1] == results[2]);
}

#[test]
fn a_loss_that_explodes_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let ctx = TestContext::new(root.path());
    let wild = Recipe { optimizer: Optimizer::AdamW, learning_rate: 1e30, clip: None, ..recipe() };
    let error = run(&ctx, root.path(), &Repeat { steps: 20, ..Repeat::default() }, &wild).unwrap_err();
    assert!(
        error.to_string().contains("of step 1 is no longer a finite number, first in `model."),
        "{error}"
    );
    assert!(error.help_text().unwrap().contains("lower `lr`"));
    // After a checkpoint, it is named.
    let later = Recipe { checkpoint_every: 1, ..wild };
    let other = tempfile::tempdir().unwrap();
    let ctx = TestContext::new(other.path());
    let error = run(&ctx, other.path(), &Repeat { steps: 20, ..Repeat::default() }, &later).unwrap_err();
    assert!(error.help_text().unwrap().ends_with("the last checkpoint is that of step 1"), "{error:?}");
}

#[test]
fn rows_that_do_not_fit_are_errors() {
    let row = |tokens: Vec<u32>| Row { learn: vec![true; tokens.len()], tokens };
    let message = |rows: &[Row]| Batch::new(rows, &tiny()).err().unwrap().to_string();
    assert!(message(&[row(vec![1, 37])]).contains("token 37 is outside"));
    assert!(message(&[row(vec![1; 22])]).contains("a row has 22 tokens"));
    assert!(message(&[]).contains("no row"));
    assert!(message(&[Row { tokens: vec![1, 2], learn: vec![true, false] }]).contains("to be learned"));
    assert!(message(&[Row { tokens: vec![1, 2], learn: vec![false, true, true] }]).contains("3 marks"));
}
