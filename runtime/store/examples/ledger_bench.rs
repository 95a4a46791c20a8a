//! What a ledger of many frames costs: `cargo run --release -p llmp --example ledger_bench -- 100000`.

use std::time::Instant;

use llmp_compiler::key::{Component, ComponentName, Digest};
use llmp_records::Record;
use llmp_store::{Kind, Ledger};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let frames: u64 = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let root = tempfile::tempdir()?;
    let path = root.path().join("ledger");
    let digest = |number: u64| Digest::of(&number.to_le_bytes());
    let component = |number: u64| Component {
        name: ComponentName::Setting(format!("setting.{number}")),
        value: "a value of usual length".into(),
        digest: digest(number),
    };
    let record = Record { components: (0..10).map(component).collect(), ..Record::default() };
    let time = |what: &str, work: &mut dyn FnMut() -> llmp_store::Result<()>| {
        let clock = Instant::now();
        let done = work();
        println!("| {what} | {:.1} ms |", clock.elapsed().as_secs_f64() * 1e3);
        done
    };
    println!("| {frames} frames | time |\n|---|---:|");
    let mut ledger = Ledger::open(&path)?;
    time("appended", &mut || {
        (0..frames).try_for_each(|key| ledger.append(Kind::Stage, &digest(key), &digest(key + 1), &record))
    })?;
    time("opened without an index", &mut || Ledger::open(&path).map(drop))?;
    time("synced, which writes the index", &mut || ledger.sync())?;
    time("opened with the index", &mut || Ledger::open(&path).map(drop))?;
    let opened = Ledger::open(&path)?;
    time("all keys looked up", &mut || {
        let found = (0..frames).filter(|key| opened.artifact(&digest(*key)).is_some()).count() as u64;
        assert_eq!(found, frames);
        Ok(())
    })?;
    println!("\nledger: {} MB", std::fs::metadata(&path)?.len() / 1_000_000);
    Ok(())
}
