//! Tokens per second of training and decoding, beside PyTorch's.
//!
//!     cargo run --release -p llmp-model --example bench [-- recipe | middle]
//!
//! Runs `bench/torch_peer.py` with `$PYTHON` (or `python3`) where that has torch; else the peer is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use llmp_model::config::RopeScaling;
use llmp_model::{Batches, Config, Optimizer, Recipe, Request, Row, Sampler, Schedule, Start, train};
use llmp_stage::Result;
use llmp_stage::testing::TestContext;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A size to measure.
struct Case {
    name: &'static str,
    width: usize,
    layers: usize,
    heads: usize,
    context: usize,
    vocabulary: usize,
    batch: usize,
    /// Steps of a training, the first few of which are not counted.
    steps: u64,
}

/// The recipe of `reference/knowledge.md`, and size (b) of `reference/burn.md`.
const CASES: [Case; 2] = [
    Case {
        name: "recipe",
        width: 96,
        layers: 4,
        heads: 3,
        context: 96,
        vocabulary: 1024,
        batch: 8,
        steps: 200,
    },
    Case {
        name: "middle",
        width: 384,
        layers: 6,
        heads: 6,
        context: 256,
        vocabulary: 4096,
        batch: 4,
        steps: 14,
    },
];
const WARM_UP: u64 = 4;
/// Rows of a batched decoding.
const ROWS: usize = 256;

impl Case {
    fn config(&self) -> Config {
        Config {
            vocabulary: self.vocabulary,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.heads,
            head_width: self.width / self.heads,
            mlp_width: Config::default_mlp_width(self.width),
            context: self.context,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            norm_eps: 1e-6,
            qk_norm: true,
            tied: true,
            bos: None,
            eos: vec![0],
            pad: Some(0),
        }
    }

    fn row(&self, i: u64) -> Row {
        let vocabulary = self.vocabulary as u64;
        let tokens: Vec<u32> = (0..=self.context as u64)
            .map(|t| ((t * 7919 + i * 104_729 + t * t * i) % vocabulary) as u32)
            .collect();
        Row { learn: vec![true; tokens.len()], tokens }
    }
}

/// Notes when each step begins.
struct Timed<'a> {
    case: &'a Case,
    begins: Mutex<Vec<Instant>>,
}

impl Batches for Timed<'_> {
    fn steps(&self) -> u64 {
        self.case.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        self.begins.lock().expect("one thread").push(Instant::now());
        Ok((0..self.case.batch as u64).map(|i| self.case.row(step * 64 + i)).collect())
    }
}

/// Tokens per second of training; leaves the model below `folder`.
fn training(case: &Case, optimizer: Optimizer, folder: &Path) -> Result<f64> {
    let ctx = TestContext::new(folder);
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::write(folder.join(name), "{}").map_err(llmp_stage::Error::io("cannot write", folder))?;
    }
    let recipe = Recipe {
        optimizer,
        learning_rate: if optimizer == Optimizer::Muon { 0.02 } else { 1e-3 },
        embedding_learning_rate: 1e-3,
        warmup: 0.05,
        schedule: Schedule::Linear,
        final_fraction: 0.1,
        weight_decay: 0.05,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 0,
        stop_tokens: None,
    };
    let batches = Timed { case, begins: Mutex::default() };
    train(&ctx, Start::Fresh(case.config()), folder, &batches, &recipe)?;
    let begins = batches.begins.into_inner().expect("one thread");
    let seconds = (begins[begins.len() - 1] - begins[WARM_UP as usize]).as_secs_f64();
    Ok((case.steps - 1 - WARM_UP) as f64 * (case.batch * case.context) as f64 / seconds)
}

/// New tokens per second of decoding `rows` rows to the end of the context.
fn decoding(case: &Case, sampler: &Sampler, rows: usize) -> Result<f64> {
    let request = |seed: usize| Request {
        prompt: vec![1, 2, 3, 4],
        max_tokens: case.context - 4,
        temperature: 1.0,
        top_k: None,
        top_p: None,
        seed: seed as u64,
        stop: vec![],
        banned: vec![],
    };
    let requests: Vec<Request> = (0..rows).map(request).collect();
    let begin = Instant::now();
    let done = sampler.generate(&requests, &|_| (), None)?;
    let tokens: usize = done.iter().map(|completion| completion.tokens.len()).sum();
    Ok(tokens as f64 / begin.elapsed().as_secs_f64())
}

/// The peer's figures, in the order of ours.
fn peer(case: &Case) -> std::result::Result<Vec<f64>, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bench/torch_peer.py");
    let sizes = [case.width, case.layers, case.heads, case.context, case.vocabulary, case.batch];
    let mlp = Config::default_mlp_width(case.width);
    let output = Command::new(&python)
        .arg(script)
        .args(sizes.map(|size| size.to_string()))
        .args([mlp.to_string(), case.steps.to_string()])
        .output()
        .map_err(|error| format!("`{python}` cannot be run: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(errors.lines().last().unwrap_or("it failed").to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|word| word.parse().map_err(|_| format!("it printed `{word}`"))).collect()
}

fn main() -> Result<()> {
    let chosen = std::env::args().nth(1);
    println!("| size | what | tokens/s | PyTorch | ratio |\n|---|---|---|---|---|");
    for case in CASES.iter().filter(|case| chosen.as_deref().is_none_or(|name| name == case.name)) {
        let folder = std::env::temp_dir().join(format!("llmp-bench-{}-{}", case.name, std::process::id()));
        let adamw = training(case, Optimizer::AdamW, &folder)?;
        let muon = training(case, Optimizer::Muon, &folder)?;
        let sampler = Sampler::load(&folder.join("output"), "cpu")?;
        let (one, many) = (decoding(case, &sampler, 1)?, decoding(case, &sampler, ROWS)?);
        drop(std::fs::remove_dir_all(&folder));
        let ours = [
            ("training, AdamW", adamw),
            ("training, Muon", muon),
            ("decoding 1 row", one),
            ("decoding 256 rows", many),
        ];
        let peer = peer(case);
        for (i, (what, rate)) in ours.into_iter().enumerate() {
            let (theirs, ratio) =
                match peer.as_ref().ok().and_then(|peer| peer.get(i)).filter(|rate| **rate > 0.0) {
                    Some(theirs) => (format!("{theirs:.0}"), format!("{:.2}", rate / theirs)),
                    None => ("skipped".into(), "".into()),
                };
            println!("| {} | {what} | {rate:.0} | {theirs} | {ratio} |", case.name);
        }
        if let Err(reason) = peer {
            println!("PyTorch was skipped: {reason}");
        }
    }
    Ok(())
}
