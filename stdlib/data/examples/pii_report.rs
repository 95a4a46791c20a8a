//! How well `filter.pii` finds what people marked: precision and recall by kind.
//!
//! `cargo run --release -p llmp-data --example pii_report -- FILE.json`, where the file is
//! presidio-research's synthetic set: a list of objects with `full_text` and `spans` (`entity_type`,
//! `start_position`, `end_position` in characters). With `--spans` it prints what it found instead, one JSON
//! list of `[kind, start, end]` (in characters) a sentence, which `bench/pii.py` scores beside presidio. A
//! found span is right if it overlaps a marked one of its kind, and a marked one is found if a found one
//! overlaps it.

use std::error::Error;
use std::ops::Range;

use llmp_data::filter::pii::{Kind, find};
use serde::Deserialize;

#[derive(Deserialize)]
struct Sample {
    full_text: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    entity_type: String,
    start_position: usize,
    end_position: usize,
}

#[derive(Default)]
struct Score {
    marked: usize,
    recalled: usize,
    found: usize,
    right: usize,
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "EMAIL_ADDRESS",
        Kind::Iban => "IBAN_CODE",
        Kind::Card => "CREDIT_CARD",
        Kind::Ip => "IP_ADDRESS",
        Kind::Phone => "PHONE_NUMBER",
        Kind::Address => "STREET_ADDRESS",
        Kind::Identity => "US_SSN",
        Kind::Mac => "MAC_ADDRESS",
        Kind::Passport => "PASSPORT",
        Kind::Secret => "SECRET",
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: pii_report FILE.json [--misses | --spans]")?;
    let option = arguments.next();
    let misses = option.as_deref() == Some("--misses");
    let samples: Vec<Sample> = serde_json::from_slice(&std::fs::read(path)?)?;
    if option.as_deref() == Some("--spans") {
        for sample in &samples {
            let text = &sample.full_text;
            let place = |at: usize| text[..at].chars().count();
            let spans = find(text, &Kind::ALL).into_iter();
            let spans = spans.map(|(kind, range)| (kind.name(), place(range.start), place(range.end)));
            println!("{}", serde_json::to_string(&spans.collect::<Vec<_>>())?);
        }
        return Ok(());
    }
    println!("| kind | marked | recall | found | precision |\n|---|---|---|---|---|");
    for kind in Kind::ALL {
        let mut score = Score::default();
        for sample in &samples {
            let starts: Vec<usize> =
                sample.full_text.char_indices().map(|(at, _)| at).chain([sample.full_text.len()]).collect();
            let marked: Vec<Range<usize>> = (sample.spans.iter())
                .filter(|span| span.entity_type == label(kind))
                .filter_map(|span| Some(*starts.get(span.start_position)?..*starts.get(span.end_position)?))
                .collect();
            let found: Vec<Range<usize>> = (find(&sample.full_text, &Kind::ALL).into_iter())
                .filter(|(found, _)| *found == kind)
                .map(|(_, range)| range)
                .collect();
            let meets = |range: &Range<usize>, others: &[Range<usize>]| {
                others.iter().any(|other| other.start < range.end && range.start < other.end)
            };
            score.marked += marked.len();
            score.found += found.len();
            score.recalled += marked.iter().filter(|range| meets(range, &found)).count();
            score.right += found.iter().filter(|range| meets(range, &marked)).count();
            if misses {
                for range in marked.iter().filter(|range| !meets(range, &found)) {
                    println!("missed {}: {:?}", kind.name(), &sample.full_text[range.clone()]);
                }
                for range in found.iter().filter(|range| !meets(range, &marked)) {
                    println!(
                        "wrong {}: {:?} in {:?}",
                        kind.name(),
                        &sample.full_text[range.clone()],
                        sample.full_text
                    );
                }
            }
        }
        let share = |part: usize, all: usize| format!("{:.1} %", 100.0 * part as f64 / all.max(1) as f64);
        println!(
            "| {} | {} | {} | {} | {} |",
            kind.name(),
            score.marked,
            share(score.recalled, score.marked),
            score.found,
            share(score.right, score.found)
        );
    }
    Ok(())
}
