//! How well `extract.text` finds the main text of pages: precision, recall and F1 on the sets that people measure with, and the
//! CPU time.
//!
//! `cargo run --release -p llmp-data --example extraction_report -- FOLDER`, where the folder holds the unpacked sets:
//! `ground-truth.json` and `html/` of scrapinghub's article-extraction-benchmark, whose scorer is done again here (shingles of
//! four words, averages over pages), and `dev/` of WCXB (words as a bag, averages over pages by type of page).

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::Path;

use llmp_data::extract::text::{Favour, Settings, main_text};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: extraction_report FOLDER")?;
    let folder = Path::new(&folder);
    let settings = Settings {
        favour: Favour::Balanced,
        title: false,
        comments: false,
        tables: true,
        dump: None,
        max_page: 64 << 20,
        time_limit: 60.0,
    };
    let mut seconds = 0.0;
    let mut text = |path: &Path, url: &str| -> Result<String, Box<dyn Error>> {
        let html = std::fs::read(path)?;
        let started = cpu_seconds();
        // The extraction recurses on deep pages.
        let (settings, url) = (settings.clone(), url.to_owned());
        let run = move || main_text(&html, None, &url, &settings);
        let worker = std::thread::Builder::new().stack_size(64 << 20).spawn(run)?;
        let text = worker.join().map_err(|_| "the extraction broke down")?;
        seconds += cpu_seconds() - started;
        Ok(text.unwrap_or_default())
    };
    println!("| set | pages | F1 | precision | recall |\n|---|---|---|---|---|");
    let mut articles = Score::default();
    let truth: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("ground-truth.json"))?)?;
    for (name, page) in &truth {
        let found = text(&folder.join(format!("html/{name}.html")), page["url"].as_str().unwrap_or(""))?;
        articles.add(&shingles(page["articleBody"].as_str().unwrap_or("")), &shingles(&found));
    }
    articles.show("AEB");
    let mut types = BTreeMap::<String, Score>::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder.join("dev/ground-truth"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let truth: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
        let found = text(&folder.join(format!("dev/html/{name}.html")), truth["url"].as_str().unwrap_or(""))?;
        let wanted = words(truth["ground_truth"]["main_content"].as_str().unwrap_or(""));
        let kind = truth["_internal"]["page_type"]["primary"].as_str().unwrap_or("other");
        for kind in ["all", kind] {
            types
                .entry(format!("WCXB {kind}"))
                .or_default()
                .add(&bag(wanted.iter().cloned()), &bag(words(&found)));
        }
    }
    for (kind, score) in types {
        score.show(&kind);
    }
    println!("\n{seconds:.1} s of CPU time");
    Ok(())
}

/// Averages over pages.
#[derive(Default)]
struct Score {
    precision: f64,
    recall: f64,
    f1: f64,
    pages: u32,
}

impl Score {
    fn add<T: std::hash::Hash + Eq>(&mut self, wanted: &HashMap<T, u32>, found: &HashMap<T, u32>) {
        let both: u32 = wanted.iter().map(|(key, count)| *count.min(found.get(key).unwrap_or(&0))).sum();
        let share = |part: u32, all: u32| {
            if all == 0 { f64::from(part == 0) } else { f64::from(part) / f64::from(all) }
        };
        let (precision, recall) = (share(both, found.values().sum()), share(both, wanted.values().sum()));
        self.precision += precision;
        self.recall += recall;
        self.f1 +=
            if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
        self.pages += 1;
    }

    fn show(&self, name: &str) {
        let pages = f64::from(self.pages.max(1));
        let (precision, recall) = (self.precision / pages, self.recall / pages);
        // scrapinghub's F1 is that of the averages, WCXB's the average of the pages' F1.
        let f1 = match name {
            "AEB" => 2.0 * precision * recall / (precision + recall),
            _ => self.f1 / pages,
        };
        println!("| {name} | {} | {f1:.4} | {precision:.4} | {recall:.4} |", self.pages);
    }
}

fn words(text: &str) -> Vec<String> {
    let split = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    split.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn bag<T: std::hash::Hash + Eq>(items: impl IntoIterator<Item = T>) -> HashMap<T, u32> {
    let mut bag = HashMap::new();
    for item in items {
        *bag.entry(item).or_default() += 1;
    }
    bag
}

fn shingles(text: &str) -> HashMap<Vec<String>, u32> {
    let split = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let words: Vec<String> = split.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    match words.len() {
        0..4 => bag([words]),
        _ => bag(words.windows(4).map(<[String]>::to_vec)),
    }
}

/// CPU time of this process so far, from `/proc`; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
