//! Encoding with cl100k in one thread, beside GigaToken and tiktoken in the same run: CPU time and ids.
//!
//!     cargo run --release -p llmp-data --example tokenize_bench -- FILE [ROUNDS]
//!
//! FILE is text. It is encoded in pieces of whole lines of about 4 KB, as documents would be: its first half
//! by a fresh encoder (cold), then its second half, which the encoder has not met (warm). The least time of
//! the rounds counts. The variable PYTHON names a Python with `bench/requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::Command;

use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::{Error, Result};

const PIECE_BYTES: usize = 4_096;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    // A fresh process for each round: an encoder that is made anew would find memory that is warm.
    if let Some(path) = std::env::var_os("LLMP_TOKENIZE_BENCH_ROUND") {
        return round(Path::new(&path));
    }
    let path = PathBuf::from(arguments.next().ok_or_else(|| {
        Error::new("no file was named")
            .help("cargo run --release -p llmp-data --example tokenize_bench -- FILE")
    })?);
    let rounds = arguments.next().and_then(|rounds| rounds.to_str()?.parse().ok()).unwrap_or(3);
    let text = std::fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
    let folder = std::env::temp_dir().join(format!("llmp-tokenize-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Error::io("cannot make", &folder))?;
    let ranks = folder.join("cl100k_base.tiktoken");
    std::fs::write(&ranks, Tokenizer::cl100k().to_tiktoken()?).map_err(Error::io("cannot write", &ranks))?;

    println!(
        "{}: {:.1} MB, one thread, CPU time, the best of {rounds}",
        path.display(),
        text.len() as f64 / 1e6
    );
    println!("  {:18} {:>10} {:>12} {:>12}", "", "loading", "cold", "warm");
    let mut all = Vec::new();
    for _ in 0..rounds {
        let this = std::env::current_exe().map_err(Error::io("cannot find", Path::new("this program")))?;
        let ours = run(Command::new(this).env("LLMP_TOKENIZE_BENCH_ROUND", &path).arg(folder.join("llmp")));
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/tokenize_peer.py");
        let peer = |name: &str| {
            run(Command::new(&python).arg(&script).arg(name).arg(&ranks).arg(&path).arg(folder.join(name)))
        };
        all.push([ours, peer("gigatoken"), peer("tiktoken")]);
    }
    let sizes =
        [0, 0, 1].map(|half| halves(&text)[half].iter().map(|piece| piece.len()).sum::<usize>() as f64 / 1e6);
    let ids = |name: &str| std::fs::read(folder.join(name)).ok();
    let mut ours: Option<[f64; 3]> = None;
    for (at, name) in ["llmp", "gigatoken", "tiktoken"].into_iter().enumerate() {
        let rounds: Vec<_> = all.iter().filter_map(|round| round[at].as_ref()).collect();
        let Some((version, _)) = rounds.first() else {
            println!("  {name}: skipped; install bench/requirements.txt and name its Python in PYTHON");
            continue;
        };
        let best = [0, 1, 2]
            .map(|part| rounds.iter().map(|(_, seconds)| seconds[part]).fold(f64::INFINITY, f64::min));
        let speed = |part: usize| format!("{:.1} MB/s", sizes[part] / best[part]);
        print!("  {:18} {:>8.3} s {:>12} {:>12}", format!("{name} {version}"), best[0], speed(1), speed(2));
        match ours {
            None => println!(),
            Some(ours) => println!(
                "   llmp is {:.2} and {:.2} times as fast, ids {}",
                best[1] / ours[1],
                best[2] / ours[2],
                if ids(name) == ids("llmp") { "equal" } else { "DIFFER" }
            ),
        }
        ours = ours.or(Some(best));
    }
    std::fs::remove_dir_all(&folder).map_err(Error::io("cannot remove", &folder))
}

/// One round of ours: as the peer's script, it prints its version and three times, and writes the ids.
fn round(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    let halves = halves(&text);
    let start = cpu_seconds();
    let tokenizer = Tokenizer::cl100k();
    let mut times = vec![cpu_seconds() - start];
    let mut ids: Vec<Vec<u32>> = Vec::new();
    for half in halves {
        let start = cpu_seconds();
        ids.extend(half.iter().map(|piece| tokenizer.encode(piece)));
        times.push(cpu_seconds() - start);
    }
    println!("{} {} {} {}", env!("CARGO_PKG_VERSION"), times[0], times[1], times[2]);
    let bytes: Vec<u8> = ids.into_iter().flatten().flat_map(u32::to_le_bytes).collect();
    let out = std::env::args_os().nth(1).map(PathBuf::from).unwrap_or_default();
    std::fs::write(&out, bytes).map_err(Error::io("cannot write", &out))
}

/// What a round printed: a version and three times.
fn run(command: &mut Command) -> Option<(String, [f64; 3])> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let said = String::from_utf8(output.stdout).ok()?;
    let mut words = said.split_whitespace();
    let version = words.next()?.to_owned();
    let times: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
    Some((version, times.try_into().ok()?))
}

fn halves(text: &str) -> [Vec<&str>; 2] {
    let (mut pieces, mut start, mut end) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        end += line.len();
        if end - start >= PIECE_BYTES {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    let second = pieces.split_off(pieces.len().div_ceil(2));
    [pieces, second]
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
