//! Tokens per second of training and decoding, beside PyTorch's.
//!
//!     cargo run --release -p llmp-model --example bench [-- recipe | middle]
//!
//! Runs `bench/torch_peer.py` with `$PYTHON` (or `python3`) where that has torch; else the peer is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use llmp_artifacts::model::Config;
use llmp_artifacts::testing::tiny;
use llmp_model::{Batches, Optimizer, Recipe, Request, Row, Sampler, Schedule, Start, train};
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
/// Decoding is repeated for so long.
const LEAST: Duration = Duration::from_millis(500);
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
            ..tiny()
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

/// A moment: on the clock, and in CPU seconds of this process (which a busy machine disturbs less).
#[derive(Clone, Copy)]
struct Moment(Instant, f64);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), cpu_seconds().unwrap_or(f64::NAN))
    }

    /// Tokens per second and per CPU second since then.
    fn rates(self, tokens: usize, end: Self) -> [f64; 2] {
        [tokens as f64 / (end.0 - self.0).as_secs_f64(), tokens as f64 / (end.1 - self.1)]
    }
}

/// CPU time of all threads of this process, on Linux.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

/// Notes when each step begins.
struct Timed<'a> {
    case: &'a Case,
    begins: Mutex<Vec<Moment>>,
}

impl Batches for Timed<'_> {
    fn steps(&self) -> u64 {
        self.case.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        self.begins.lock().expect("one thread").push(Moment::now());
        Ok((0..self.case.batch as u64).map(|i| self.case.row(step * 64 + i)).collect())
    }
}

/// Rates of training; leaves the model below `folder`.
fn training(case: &Case, optimizer: Optimizer, folder: &Path) -> Result<[f64; 2]> {
    let ctx = TestContext::new(folder);
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::write(folder.join(name), "{}").map_err(llmp_stage::Error::io("cannot write", folder))?;
    }
    let recipe = Recipe {
        optimizer,
        learning_rate: if optimizer == Optimizer::Muon { 0.02 } else { 1e-3 },
        embedding_learning_rate: 1e-3,
        warmup: llmp_model::Stretch::Share(0.05),
        schedule: Schedule::Linear,
        decay: llmp_model::Stretch::Share(0.2),
        final_fraction: 0.1,
        weight_decay: 0.05,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 0,
        on_spike: llmp_model::OnSpike::Note,
        stop_tokens: None,
    };
    let batches = Timed { case, begins: Mutex::default() };
    train(&ctx, Start::Fresh(case.config()), folder, &batches, &recipe)?;
    let begins = batches.begins.into_inner().expect("one thread");
    let tokens = (begins.len() - 1 - WARM_UP as usize) * case.batch * case.context;
    Ok(begins[WARM_UP as usize].rates(tokens, begins[begins.len() - 1]))
}

/// Rates of decoding `rows` rows to the end of the context.
fn decoding(case: &Case, sampler: &Sampler, rows: usize) -> Result<[f64; 2]> {
    let request = |seed: usize| Request {
        prompt: vec![1, 2, 3, 4],
        max_tokens: case.context - 4,
        temperature: 1.0,
        top_k: None,
        top_p: None,
        min_p: None,
        seed: seed as u64,
        stop: vec![],
        banned: vec![],
    };
    let requests: Vec<Request> = (0..rows).map(request).collect();
    let (begin, mut tokens) = (Moment::now(), 0);
    while begin.0.elapsed() < LEAST {
        let done = sampler.generate(&requests, &|_| (), None)?;
        tokens += done.iter().map(|completion| completion.tokens.len()).sum::<usize>();
    }
    Ok(begin.rates(tokens, Moment::now()))
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
    println!("| size | what | tokens/s | PyTorch | ratio | tokens/CPU s | PyTorch | ratio |");
    println!("|---|---|---|---|---|---|---|---|");
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
        for (i, (what, rates)) in ours.into_iter().enumerate() {
            let mut line = format!("| {} | {what} |", case.name);
            for (j, rate) in rates.into_iter().enumerate() {
                let theirs =
                    peer.as_ref().ok().and_then(|peer| peer.get(2 * i + j)).filter(|rate| **rate > 0.0);
                line += &match theirs {
                    Some(theirs) => format!(" {rate:.0} | {theirs:.0} | {:.2} |", rate / theirs),
                    None => format!(" {rate:.0} | skipped | |"),
                };
            }
            println!("{line}");
        }
        if let Err(reason) = peer {
            println!("PyTorch was skipped: {reason}");
        }
    }
    Ok(())
}
