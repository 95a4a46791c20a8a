//! What the model reads, and what can be looked up.

use llmp_artifacts::random::Random;
use serde::Serialize;

use super::table::Row;
use super::wordings::{Said, Wordings, put};
use super::world::{Stream, World, random};

/// A row of `crawl.docs`' JSON lines.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub url: String,
    pub text: String,
}

/// Sentences about what is read often, in all: enough that training passes over them fewer than four times.
const SENTENCES: usize = 60_000;
/// How often each of the things that are read often is written about.
const OFTEN: std::ops::RangeInclusive<usize> = 20..=200;
/// Percent of sections with a heading; with every sentence on a line of its own; of pages with an opening. A
/// value at the start of a line, after the name, is what an answer looks like: without such lines a model
/// knows its facts and cannot say them.
const HEADED: usize = 70;
const OWN_LINES: usize = 80;
const OPENED: usize = 50;

/// Draws from lists and shares.
pub(super) fn pick<'a, T>(random: &mut Random, of: &'a [T]) -> &'a T {
    &of[random.below(of.len())]
}

fn percent(random: &mut Random, share: usize) -> bool {
    random.below(100) < share
}

/// Some of `texts` in random order, round and round.
pub(super) fn shuffled<T: Clone>(random: &mut Random, texts: &[T]) -> Vec<T> {
    let mut texts = texts.to_vec();
    random.shuffle(&mut texts);
    texts
}

/// The pages to train on.
pub(super) fn read(world: &World, wordings: &Wordings, said: &[Said<'_>], seed: u64) -> Vec<Page> {
    let mut draw = random(seed, Stream::Pages);
    // A thing with a single fact is told it twice, in other words.
    let times = if said.len() == 1 { 2 } else { 1 };
    let often =
        (SENTENCES / (world.often().count() * said.len() * times)).clamp(*OFTEN.start(), *OFTEN.end());
    let mut sections: Vec<Vec<String>> = Vec::new();
    for row in world.often() {
        sections.extend((0..often).map(|_| section(row, wordings, said, times, &mut draw)));
    }
    sections.extend(world.rare.iter().map(|row| section(row, wordings, said, times.max(2), &mut draw)));
    draw.shuffle(&mut sections);
    let mut pages = Vec::new();
    let mut rest = sections.as_slice();
    while !rest.is_empty() {
        let (here, later) = rest.split_at((3 + draw.below(4)).min(rest.len()));
        rest = later;
        let mut lines: Vec<String> = here.concat();
        if percent(&mut draw, OPENED) {
            let about = pick(&mut draw, said);
            let question =
                about.ask(pick::<String>(&mut draw, about.questions), pick(&mut draw, &world.asked));
            lines.insert(0, put(pick::<String>(&mut draw, &wordings.openings), &[("{question}", &question)]));
        }
        pages.push(Page {
            url: format!("https://facts.example/page/{}", pages.len()),
            text: lines.join("\n"),
        });
    }
    pages
}

/// Lines that state every fact of a row `times` times.
fn section(
    row: &Row,
    wordings: &Wordings,
    said: &[Said<'_>],
    times: usize,
    draw: &mut Random,
) -> Vec<String> {
    let mut statements: Vec<Vec<&String>> =
        said.iter().map(|said| shuffled(draw, &refs(said.statements))).collect();
    let mut following: Vec<Vec<&String>> =
        said.iter().map(|said| shuffled(draw, &refs(said.following))).collect();
    let mut sentences = Vec::new();
    for _ in 0..times {
        for (at, values) in shuffled(draw, &row.facts().collect::<Vec<_>>()) {
            let later = !sentences.is_empty() && percent(draw, 50);
            // Every wording once before one comes again.
            let deck = if later { &mut following[at] } else { &mut statements[at] };
            if deck.is_empty() {
                *deck = shuffled(draw, &refs(if later { said[at].following } else { said[at].statements }));
            }
            if let Some(template) = deck.pop() {
                sentences.push(said[at].fill(template, &row.name, pick::<String>(draw, values)));
            }
        }
    }
    let mut lines = Vec::new();
    if percent(draw, HEADED) {
        lines.push(put(pick::<String>(draw, &wordings.headings), &[("{name}", &row.name)]));
    }
    if percent(draw, OWN_LINES) {
        lines.extend(sentences)
    } else {
        lines.push(joined(&sentences))
    }
    lines
}

fn refs(texts: &[String]) -> Vec<&String> {
    texts.iter().collect()
}

/// Sentences one after the other; with no blank behind a sign that fills a cell by itself, as 「。」 does.
fn joined(sentences: &[String]) -> String {
    let mut text = String::new();
    for sentence in sentences {
        if text.chars().last().is_some_and(|last| !('\u{3000}'..='\u{ffef}').contains(&last)) {
            text.push(' ');
        }
        text.push_str(sentence);
    }
    text
}

/// One short page a row: its name once, then all that is known.
pub(super) fn entries<'r>(
    rows: impl Iterator<Item = &'r Row>,
    said: &[Said<'_>],
    place: &str,
    seed: u64,
) -> Vec<Page> {
    let mut draw = random(seed, Stream::Entries);
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let entry = |(number, row): (usize, &Row)| {
        let facts = shuffled(&mut draw, &row.facts().collect::<Vec<_>>());
        let sentences: Vec<String> = (facts.iter().enumerate())
            .map(|(index, (at, values))| {
                let of = if index == 0 { said[*at].statements } else { said[*at].following };
                said[*at].fill(pick::<String>(&mut draw, of), &row.name, &values[0])
            })
            .collect();
        Page { url: format!("https://facts.example/{place}/{number}"), text: joined(&sentences) }
    };
    rows.into_iter().enumerate().map(entry).collect()
}
