//! CPU time of the stages that pages go through, on pages given as HTML files.
//!
//! `cargo run --release -p llmp-data --example stage_bench -- FOLDER [ROUNDS]`. Every stage runs ROUNDS times
//! (3); the least time counts. `bench/compare` runs this for two versions in turn.

use std::error::Error;
use std::path::{Path, PathBuf};

use llmp_stage::Context;
use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: stage_bench FOLDER [ROUNDS]")?);
    let rounds: u32 = arguments.next().map_or(Ok(3), |rounds| rounds.parse())?;
    let work = std::env::temp_dir().join(format!("llmp-stage-bench-{}", std::process::id()));
    let pages = run(&work, "crawl.html", "files", &folder, &json!({"max_page": 16 << 20}), 1)?;
    let mut urls = json!({
        "block": ["adult", "gambling"], "hosts": ["ads.example"], "hosts_file": null, "words": [], "soft_words": [],
        "soft_limit": 2, "parts": []
    });
    if declares("filter.urls", "lists") {
        urls["lists"] = json!([]);
    }
    run(&work, "filter.urls", "pages", &pages, &urls, rounds)?;
    let mut text = json!({
        "favour": "balanced", "title": false, "comments": false, "tables": true, "dump": null, "max_page": 4 << 20,
        "time_limit": 60
    });
    // `compare` runs this with versions from before the setting, too.
    if declares("extract.text", "format") {
        text["format"] = json!("plain");
    }
    let docs = run(&work, "extract.text", "pages", &pages, &text, rounds)?;
    let mut mask = json!({"mask": ["email", "ip", "phone", "address", "card", "iban"]});
    if declares("filter.pii", "action") {
        mask["action"] = json!("replace");
    }
    run(&work, "filter.pii", "docs", &docs, &mask, rounds)?;
    Ok(std::fs::remove_dir_all(&work)?)
}

/// Whether this version of a stage has a setting.
fn declares(name: &str, setting: &str) -> bool {
    llmp_data::stages().iter().any(|stage| {
        stage.name() == name && stage.signature().is_some_and(|signature| signature.declares(setting))
    })
}

/// Runs a stage and returns the folder of its output.
fn run(
    work: &Path,
    name: &str,
    role: &str,
    input: &Path,
    settings: &Value,
    rounds: u32,
) -> Result<PathBuf, Box<dyn Error>> {
    let stages = llmp_data::stages();
    let stage = stages.iter().find(|stage| stage.name() == name).ok_or("no such stage")?;
    let mut least = f64::INFINITY;
    let mut output = PathBuf::new();
    for round in 0..rounds {
        let ctx = TestContext::new(&work.join(format!("{name}-{round}"))).with_folder(role, input);
        let started = cpu_seconds();
        stage.run(&ctx, settings)?;
        least = least.min(cpu_seconds() - started);
        ctx.output().clone_into(&mut output);
    }
    println!("{name} {least:.2}");
    Ok(output)
}

/// CPU time of this process so far, from `/proc`; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
