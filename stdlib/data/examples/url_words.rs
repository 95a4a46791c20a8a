//! What the built-in words of `filter.urls` find of listed hosts, and how often they are wrong about others.
//!
//! `cargo run --release -p llmp-data --example url_words -- FOLDER`, where the folder is UT1's `blacklists`.
//! The words were chosen with a random half of the hosts; every other host by its hash is counted here.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use llmp_data::filter::urls::{Category, Rules, Settings};

/// Categories and UT1's folders for them.
const LISTED: [(Category, &str); 5] = [
    (Category::Gambling, "gambling"),
    (Category::Dating, "dating"),
    (Category::Piracy, "warez"),
    (Category::Adult, "mixed_adult"),
    (Category::Hate, "agressif"),
];

/// Folders of hosts about other things.
const OTHERS: [&str; 14] = [
    "press",
    "bank",
    "shopping",
    "jobsearch",
    "educational_games",
    "translation",
    "child",
    "radio",
    "liste_bu",
    "webmail",
    "financial",
    "forums",
    "blog",
    "sports",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: url_words FOLDER")?;
    let folder = Path::new(&folder);
    let others = OTHERS.iter().flat_map(|name| hosts(folder, name)).collect::<BTreeSet<_>>();
    println!("| category | UT1's folder | hosts, odd half | found | of {} other hosts |", others.len());
    println!("|---|---|---|---|---|");
    for (category, name) in LISTED {
        let rules = Rules::new(&Settings {
            block: vec![category],
            lists: Vec::new(),
            hosts: Vec::new(),
            hosts_file: None,
            words: Vec::new(),
            soft_words: Vec::new(),
            soft_limit: 2,
            parts: Vec::new(),
        })?;
        let found =
            |host: &&String| rules.judge(&format!("https://{host}/")).is_ok_and(|rule| rule.is_some());
        let odd: Vec<String> = hosts(folder, name)
            .into_iter()
            .filter(|host| blake3::hash(host.as_bytes()).as_bytes()[0] % 2 == 1)
            .collect();
        let (right, wrong) = (odd.iter().filter(found).count(), others.iter().filter(found).count());
        let share = |part: usize, all: usize| format!("{:.2} %", 100.0 * part as f64 / all.max(1) as f64);
        println!(
            "| {category:?} | {name} | {} | {} | {wrong} ({}) |",
            odd.len(),
            share(right, odd.len()),
            share(wrong, others.len())
        );
    }
    Ok(())
}

fn hosts(folder: &Path, name: &str) -> Vec<String> {
    let bytes = std::fs::read(folder.join(name).join("domains")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}
