use llmp_artifacts::testing::tiny;
use llmp_stage::testing::TestContext;

use super::*;
use crate::{Optimizer, Schedule};

fn recipe() -> Recipe {
    Recipe {
        optimizer: Optimizer::Muon,
        learning_rate: 0.02,
        embedding_learning_rate: 6e-3,
        warmup: 0.05,
        schedule: Schedule::Linear,
        decay: 0.2,
        final_fraction: 0.1,
        weight_decay: 0.05,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 10,
        stop_tokens: None,
    }
}

/// The same few rows at every step, of different lengths; may cancel the run at a step.
struct Repeat<'a> {
    steps: u64,
    cancel: Option<(u64, &'a TestContext)>,
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
        Ok(vec![row(1, 21), row(2, 12), row(3 + step as u32 % 2, 17)])
    }
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
        let trained = run(&ctx, root.path(), &Repeat { steps: 200, cancel: None }, &recipe).unwrap();
        assert!(trained.final_loss < 0.3, "{optimizer:?}: {}", trained.final_loss);
        let last = ctx.points.lock().unwrap().last().unwrap().2;
        assert!(last < 0.2, "{optimizer:?}: {last}");
        assert_eq!((ctx.counted("steps"), ctx.counted("tokens")), (200, trained.tokens));
        assert!(ctx.output().join("tokenizer.json").exists());
    }
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bytes() {
    for saved_at_the_stop in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let (whole, parts) = (root.path().join("whole"), root.path().join("parts"));
        let ctx = TestContext::new(&whole);
        let undisturbed = run(&ctx, &whole, &Repeat { steps: 20, cancel: None }, &recipe()).unwrap();
        let stopped = TestContext::new(&parts);
        let batches = Repeat { steps: 20, cancel: Some((13, &stopped)) };
        assert!(run(&stopped, &parts, &batches, &recipe()).unwrap_err().is_cancelled());
        if !saved_at_the_stop {
            std::fs::remove_file(stopped.state().join("000000000014.checkpoint")).unwrap();
        }
        let resumed = TestContext::new(&parts);
        assert_eq!(
            run(&resumed, &parts, &Repeat { steps: 20, cancel: None }, &recipe()).unwrap(),
            undisturbed
        );
        assert_eq!(resumed.counted("steps"), if saved_at_the_stop { 6 } else { 10 });
        assert!(weights(&ctx) == weights(&resumed), "weights differ");
    }
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
            batches: &Repeat { steps: 8, cancel: None },
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
    let error = run(&ctx, root.path(), &Repeat { steps: 20, cancel: None }, &wild).unwrap_err();
    assert!(error.to_string().contains("of step 1 is no longer a finite number"), "{error}");
    assert!(error.help_text().unwrap().contains("lower `lr`"));
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
