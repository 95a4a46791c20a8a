//! Encoding speed with cl100k, in one thread, against Python's tiktoken in the same run.
//!
//!     cargo run --release -p llmp-data --example tokenize_bench -- FILE
//!
//! FILE is text; it is encoded in pieces of whole lines of about 4 KB, as documents would be. A fresh encoder meets each
//! piece once (cold); then the whole is encoded again (warm). The variable PYTHON names a Python with
//! `bench/requirements.txt`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::{Error, Result};

const PIECE_BYTES: usize = 4_096;

/// Reads ranks, the pattern, and pieces (each as its length in bytes on a line, then its bytes) from standard input.
/// Prints its version and the seconds of a first and a second pass on a line, then the ids of each piece on a line.
const PEER: &str = r"
import base64, sys, time, tiktoken
data = sys.stdin.buffer
ranks = {}
for _ in range(int(data.readline())):
    token, rank = data.readline().split()
    ranks[base64.b64decode(token)] = int(rank)
pattern = data.readline().decode().rstrip('\n')
pieces = []
while line := data.readline():
    pieces.append(data.read(int(line)).decode())
encoding = tiktoken.Encoding('cl100k', pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
seconds = []
for _ in range(2):
    start = time.perf_counter()
    ids = [encoding.encode_ordinary(piece) for piece in pieces]
    seconds.append(time.perf_counter() - start)
print(tiktoken.__version__, *seconds)
for piece in ids:
    print(*piece)
";

/// tiktoken's own spelling of cl100k's pattern.
const PATTERN: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).ok_or_else(|| {
        Error::new("no file was named")
            .help("cargo run --release -p llmp-data --example tokenize_bench -- FILE")
    })?;
    let path = std::path::PathBuf::from(path);
    let text = std::fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
    let pieces = pieces(&text);
    let megabytes = text.len() as f64 / 1e6;

    let start = Instant::now();
    let tokenizer = Tokenizer::cl100k();
    println!("{}: {megabytes:.1} MB in {} pieces, one thread", path.display(), pieces.len());
    println!("  ready after {:.2} s", start.elapsed().as_secs_f64());
    let mut seconds = [0.0; 2];
    let mut ids: Vec<Vec<u32>> = Vec::new();
    for seconds in &mut seconds {
        let start = Instant::now();
        ids = pieces.iter().map(|piece| tokenizer.encode(piece)).collect();
        *seconds = start.elapsed().as_secs_f64();
    }
    let tokens: usize = ids.iter().map(Vec::len).sum();
    report("llmp", tokens, megabytes, seconds);

    let ranks = tokenizer.to_tiktoken()?;
    match peer(&ranks, &pieces) {
        Ok(peer) => {
            let tokens = peer.ids.iter().map(Vec::len).sum();
            report(&format!("tiktoken {}", peer.version), tokens, megabytes, peer.seconds);
            println!(
                "  llmp / tiktoken: {:.1} cold, {:.1} warm; ids {}",
                peer.seconds[0] / seconds[0],
                peer.seconds[1] / seconds[1],
                if ids == peer.ids { "equal" } else { "DIFFER" }
            );
        }
        Err(why) => println!("  tiktoken: skipped, {why}"),
    }
    Ok(())
}

fn report(name: &str, tokens: usize, megabytes: f64, [cold, warm]: [f64; 2]) {
    println!(
        "  {name}: {tokens} tokens, {:.1} MB/s cold, {:.1} MB/s warm",
        megabytes / cold,
        megabytes / warm
    );
}

fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut end) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        end += line.len();
        if end - start >= PIECE_BYTES {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

struct Peer {
    version: String,
    seconds: [f64; 2],
    ids: Vec<Vec<u32>>,
}

/// Runs tiktoken on the same pieces; says why where it cannot.
fn peer(ranks: &str, pieces: &[&str]) -> std::result::Result<Peer, String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let mut child = Command::new(&python)
        .args(["-c", PEER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{python}` does not start: {error}"))?;
    let mut input = format!("{}\n{ranks}{PATTERN}\n", ranks.lines().count()).into_bytes();
    for piece in pieces {
        input.extend_from_slice(format!("{}\n{piece}", piece.len()).as_bytes());
    }
    // It reads everything before it writes, so neither waits for the other.
    let sent = child.stdin.take().map(|mut stdin| stdin.write_all(&input));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() || !matches!(sent, Some(Ok(()))) {
        return Err(format!(
            "`{python}` has no tiktoken; install bench/requirements.txt and name it in PYTHON"
        ));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [version, cold, warm] = first[..] else { return Err("it printed something unexpected".into()) };
    let number = |text: &str| text.parse::<f64>().map_err(|error| error.to_string());
    let ids = lines
        .map(|line| line.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error: std::num::ParseIntError| error.to_string())?;
    Ok(Peer { version: version.to_owned(), seconds: [number(cold)?, number(warm)?], ids })
}
