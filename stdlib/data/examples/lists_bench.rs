//! What long lists of hosts cost `filter.urls`: the first run compiles them, the next ones open what was
//! compiled.
//!
//! `cargo run --release -p llmp-data --example lists_bench -- LIST WORK [SHARDS]`, twice: the second run
//! shows what shards cost where the list is compiled. LIST is a file or a folder of lists, WORK a folder that
//! stays between the runs. FineWeb's list, 4.6 M hosts, is in the package datatrove 0.10.1
//! (`assets/url_filterblacklistsv0_3_0.tar.gz`).

use std::error::Error;
use std::path::Path;

use llmp_artifacts::warc::{Headers, Record, Writer};
use llmp_stage::Context;
use llmp_stage::testing::TestContext;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: lists_bench LIST WORK [SHARDS]";
    let (list, work) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?);
    let (list, work) = (Path::new(&list), Path::new(&work));
    let shards: usize = arguments.next().map_or(Ok(8), |shards| shards.parse())?;
    let pages = work.join("pages");
    std::fs::create_dir_all(&pages)?;
    let mut writer = Writer::create(&pages.join("s.warc.gz"))?;
    for number in 0..1_000 {
        let url = format!("https://www.host{number}.example/page/{number}");
        let headers = [("WARC-Type", "response"), ("WARC-Target-URI", &*url), ("WARC-Record-ID", "<1>")];
        let headers = Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        writer.write(&Record { headers, block: b"HTTP/1.1 200 OK\r\n\r\n".to_vec() })?;
    }
    writer.finish()?;
    let stages = llmp_data::stages();
    let stage = stages.iter().find(|stage| stage.name() == "filter.urls").ok_or("no such stage")?;
    let settings = json!({
        "block": ["adult"], "lists": ["list"], "hosts": [], "hosts_file": null, "words": [], "soft_words": [],
        "soft_limit": 2, "parts": []
    });
    let contexts: Vec<TestContext> = (0..shards)
        .map(|_| TestContext::new(work).with_folder("pages", &pages).with_folder("lists", list))
        .collect();
    let started = (std::time::Instant::now(), cpu_seconds());
    std::thread::scope(|scope| {
        let running: Vec<_> =
            contexts.iter().map(|ctx| scope.spawn(|| stage.run(ctx as &dyn Context, &settings))).collect();
        running
            .into_iter()
            .try_for_each(|shard| shard.join().map_err(|_| "a shard broke down")?.map_err(|_| "failed"))
    })?;
    println!(
        "{shards} shards of 1,000 pages, {} entries: {:.2} s, {:.2} s of CPU, {} MB resident at most",
        contexts[0].counted("hosts.entries"),
        started.0.elapsed().as_secs_f64(),
        cpu_seconds() - started.1,
        peak() / 1_000
    );
    Ok(())
}

/// The most memory that this process had, in kB; 0 where there is no `/proc`.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// CPU time of this process so far, from `/proc`; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
