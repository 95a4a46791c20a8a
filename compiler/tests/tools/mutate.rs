//! Damages the texts of the tests at random, and reads and formats the results: `cargo run --release
//! --example mutate [COUNT] [SEED]`. Reports panics, hangs, and every law of `tests/syntax/laws.rs` that is
//! broken. Fuzzing without libFuzzer; `benches/README.md` has the figures.

#![allow(clippy::disallowed_methods, reason = "it reads texts and measures")]

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../syntax/laws.rs"]
mod laws;
#[path = "../syntax/mutate.rs"]
mod mutate;

use laws::fault;
use mutate::{Random, mutate};

/// Time of a core that no text takes; all of them are far below 64 KiB.
const HANG: Duration = Duration::from_secs(1);

/// What a thread found.
#[derive(Default)]
struct Findings {
    slowest: Duration,
    slowest_text: String,
    bytes: usize,
    faults: Vec<(String, String)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let count: usize = args.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let texts = texts()?;
    // A panic is a finding, not a message.
    std::panic::set_hook(Box::new(|_| {}));
    let threads = std::env::var("THREADS").map_or(2, |threads| threads.parse().unwrap_or(2));
    let start = Instant::now();
    let findings: Vec<Findings> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let texts = &texts;
                    move || search(texts, count / threads, seed.wrapping_mul(1_000_003) + thread as u64)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let bytes: usize = findings.iter().map(|finding| finding.bytes).sum();
    println!("{count} texts, {bytes} bytes, {:?}", start.elapsed());
    for finding in &findings {
        println!("slowest: {:?} for {} bytes", finding.slowest, finding.slowest_text.len());
        for (fault, text) in &finding.faults {
            println!("{fault}: {text:?}");
        }
    }
    let faults: usize = findings.iter().map(|finding| finding.faults.len()).sum();
    println!("{faults} faults");
    if faults > 0 { Err("see above".into()) } else { Ok(()) }
}

fn texts() -> Result<Vec<String>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["syntax/ok", "syntax/err", "language/right", "language/wrong"] {
        for entry in std::fs::read_dir(root.join("tests").join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "llmp") {
                texts.push(std::fs::read_to_string(path)?);
            }
        }
    }
    texts.push(std::fs::read_to_string(root.join("../examples/who-is/who-is.llmp"))?);
    texts.sort();
    Ok(texts)
}

/// The law that a text breaks, and how long it took to find out: by the clock, and where that is long, by the
/// time that this thread had a core, since other programs may have delayed it.
fn checked(text: &str) -> (Option<String>, Duration) {
    let timed = || {
        let start = Instant::now();
        let fault = catch_unwind(AssertUnwindSafe(|| fault(text))).unwrap_or(Some("panic".to_owned()));
        (fault, start.elapsed())
    };
    let (fault, took) = timed();
    if took <= HANG {
        return (fault, took);
    }
    let before = core_time();
    let (_, again) = timed();
    let worked = before.zip(core_time()).map(|(before, after)| after.saturating_sub(before));
    (fault, worked.unwrap_or(again).min(took))
}

/// How long this thread had a core; `None` where the system does not say.
fn core_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn search(texts: &[String], count: usize, seed: u64) -> Findings {
    let mut random = Random(seed);
    let mut findings = Findings::default();
    for _ in 0..count {
        let lines: Vec<_> = texts[random.below(texts.len())].split_inclusive('\n').collect();
        let from = random.below(lines.len());
        // Mostly a few lines, so that damage is dense; sometimes whatever follows.
        let most = if random.below(50) == 0 { lines.len() } else { 12 };
        let part: String = lines[from..].iter().take(1 + random.below(most)).copied().collect();
        let text = mutate(&part, &mut random);
        findings.bytes += text.len();
        let (fault, took) = checked(&text);
        let fault = fault.or_else(|| (took > HANG).then(|| format!("took {took:?}")));
        if took > findings.slowest {
            (findings.slowest, findings.slowest_text) = (took, text.clone());
        }
        if let Some(fault) = fault.filter(|_| findings.faults.len() < 10) {
            findings.faults.push((fault, text));
        }
    }
    findings
}
