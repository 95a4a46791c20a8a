//! What the issue asks for: the failing server, and a fetch that is killed at 20 random moments.
//!
//!     cargo test --release -p llmp --test fetch -- --ignored --nocapture killed

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Asked, Reply, Server};
use crate::world::{World, crawl, give, program, warc};

const FILES: usize = 20;
const KILLS: usize = 20;

/// About 1 MB/s a connection. A piece that a killed process does not read any more counts as sent: real
/// networks lose as much of far larger files.
const SLOW: (usize, Duration) = (4 << 10, Duration::from_millis(4));

/// Answers well, slowly, badly, in an order that stays.
fn failing(asked: &Asked, all: &BTreeMap<String, Vec<u8>>) -> Reply {
    let slow = Some(SLOW);
    let reply = Reply { pieces: slow, ..give(asked, all) };
    match asked.number % 11 {
        2 => Reply::status(503).with("retry-after", 1),
        4 => Reply::status(429).with("retry-after", 2),
        6 => reply.cut_at(700_001),
        7 => reply.cut_at(0),
        8 if reply.status == 200 => reply.with("content-length", 9_999_999).cut_at(usize::MAX),
        9 if !asked.path.contains("?again") => {
            Reply::status(302).with("location", format!("{}?again", asked.path))
        }
        _ => reply,
    }
}

/// In which life of the program what was asked for, the status of the answer, and when.
type Heard = (usize, String, u16, Instant);

#[test]
#[ignore = "two minutes"]
fn killed_at_twenty_moments() {
    let files: Vec<Vec<u8>> = (0..FILES).map(|number| warc(&format!("site{number}"), 110, 80_000)).collect();
    let total: u64 = files.iter().map(|file| file.len() as u64).sum();
    let all = crawl(&files);
    let life = Arc::new(AtomicUsize::new(0));
    let lives: Arc<std::sync::Mutex<Vec<Heard>>> = Arc::default();
    let (of, log) = (life.clone(), lives.clone());
    let server = Server::new(move |asked| {
        let path = asked.path.trim_end_matches("?again").to_owned();
        let mut reply = failing(asked, &all);
        if reply.status == 404 {
            reply =
                Reply { pieces: Some(SLOW), ..give(&Asked { path: path.clone(), ..asked.clone() }, &all) };
        }
        let status = if reply.cut.is_some() { 0 } else { reply.status };
        log.lock().unwrap().push((of.load(Ordering::Relaxed), path, status, asked.at));
        reply
    });
    let world = World::new(&program(&server, &format!("1..{FILES}")));
    let mut state = 20_261_201_u64;
    let mut killed = 0;
    let begun = Instant::now();
    while killed < KILLS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(150 + (state >> 33) % 1_500);
        let mut child = world
            .command(&["fetch", "main.llmp"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(world.path("stderr")).unwrap())
            .spawn()
            .unwrap();
        thread::sleep(moment);
        if let Some(status) = child.try_wait().unwrap() {
            panic!("it ended by itself: {status}\n{}", fs::read_to_string(world.path("stderr")).unwrap());
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        life.fetch_add(1, Ordering::Relaxed);
        // Nothing that is seen is half a file.
        for entry in fs::read_dir(world.path("downloads/files")).into_iter().flatten() {
            let entry = entry.unwrap();
            let hash = blake3::hash(&fs::read(entry.path()).unwrap()).to_hex();
            assert_eq!(entry.file_name().to_str().unwrap(), hash.as_str());
        }
    }
    world.good(&["fetch", "main.llmp"]);
    let seconds = begun.elapsed().as_secs_f64();
    let lock = world.lock();
    for file in &files {
        let digest = blake3::hash(file).to_hex();
        assert!(lock.contains(digest.as_str()), "{lock}");
        assert_eq!(fs::read(world.path("downloads/files").join(digest.as_str())).unwrap(), *file);
    }
    let lives = lives.lock().unwrap().clone();
    let lists: u64 =
        lives.iter().filter(|(_, path, status, _)| path.ends_with("paths.gz") && *status == 200).count()
            as u64;
    // A retry is a question that follows a failure of the same file in the same process.
    let (mut retries, mut last_failed) = (BTreeMap::<usize, Vec<Instant>>::new(), BTreeMap::new());
    for (life, path, status, at) in &lives {
        if last_failed.insert((*life, path), ![200, 206, 302].contains(status)) == Some(true) {
            retries.entry(*life).or_default().push(*at);
        }
    }
    let gaps = retries.values().flat_map(|times| times.windows(2).map(|pair| pair[1] - pair[0]));
    let least = gaps.min().unwrap_or(Duration::MAX);
    let count: usize = retries.values().map(Vec::len).sum();
    let twice = server.sent().saturating_sub(total + lists * 200);
    let share = 100.0 * twice as f64 / total as f64;
    println!(
        "| files | bytes | kills | questions | failures | retries | least between retries | bytes twice | share | seconds |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let failures = lives.iter().filter(|(_, _, status, _)| ![200, 206, 302].contains(status)).count();
    println!(
        "| {FILES} | {total} | {killed} | {} | {failures} | {count} | {:.2} s | {twice} | {share:.3} % | {seconds:.0} |",
        lives.len(),
        least.as_secs_f64()
    );
    assert_eq!(killed, KILLS);
    assert!(share <= 1.0, "{share} % twice");
    assert!(least >= Duration::from_millis(900), "{least:?}");
    assert!(count > 10);
}
