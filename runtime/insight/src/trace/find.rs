//! Finding the documents that a user means.

use std::collections::BTreeSet;

use llmp_records::StageRun;
use llmp_stage::removed::plain;
use llmp_stage::{Detail, Holds, Result};

use super::{Name, Tracer};

/// Documents that may be meant at once.
const MAX_FOUND: usize = 20;
/// Documents that are compared for likeness where none fits.
const MAX_COMPARED: usize = 200_000;
/// Documents that are named where none fits.
const MAX_CLOSE: usize = 3;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A URL, in any of its usual spellings, or a part of one.
    Url(String),
    /// An id.
    Id(String),
    /// A piece of the text.
    Text(String),
}

impl Query {
    /// What a user's words mean: an id is written `urn:…`, a text has blanks.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let id = text.trim_matches(['<', '>']);
        if id.starts_with("urn:") {
            Self::Id(id.to_owned())
        } else if text.trim().contains(char::is_whitespace) {
            Self::Text(text.to_owned())
        } else {
            Self::Url(plain(text))
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Documents that fit, sorted; at most 20.
    pub documents: Vec<Name>,
    /// Whether more fit.
    pub more: bool,
    /// Where none fits: the nearest URLs.
    pub close: Vec<String>,
}

/// The documents of a run that fit a query: those that fit exactly, else those that hold it in their URL.
///
/// # Errors
/// Where a result cannot be read.
pub fn find(tracer: &Tracer<'_>, query: &Query) -> Result<Found> {
    let (mut exact, mut partly) = (BTreeSet::new(), BTreeSet::new());
    let mut others = Vec::new();
    let mut see = |name: &Name| match query {
        Query::Text(_) => {}
        Query::Id(id) => {
            if name.id.trim_matches(['<', '>']) == id {
                exact.insert(name.clone());
            }
        }
        Query::Url(url) => {
            let known = plain(&name.url);
            if known == *url || name.id == *url {
                exact.insert(name.clone());
            } else if known.contains(url.as_str()) {
                if partly.len() <= MAX_FOUND {
                    partly.insert(name.clone());
                }
            } else if others.len() < MAX_COMPARED {
                others.push(name.url.clone());
            }
        }
    };
    let mut texts = BTreeSet::new();
    for stage in &tracer.run.stages {
        for dropped in tracer.dropped.get(stage.name.as_str()).into_iter().flatten() {
            see(&Name { url: dropped.url.clone(), id: dropped.id.clone() });
        }
        if let Query::Text(piece) = query {
            with_text(tracer, stage, piece, &mut texts)?;
        } else if is_source(tracer, stage) {
            each_name(tracer, stage, &mut see)?;
        }
    }
    if let Query::Text(_) = query {
        exact = texts;
    }
    let fits = if exact.is_empty() { partly } else { exact };
    let close = match query {
        Query::Url(url) if fits.is_empty() => nearest(url, others),
        _ => vec![],
    };
    let more = fits.len() > MAX_FOUND;
    Ok(Found { documents: fits.into_iter().take(MAX_FOUND).collect(), more, close })
}

/// Whether documents appear here first, or appear nowhere else.
fn is_source(tracer: &Tracer<'_>, stage: &StageRun) -> bool {
    let held = |stage: &StageRun| {
        tracer.holds(stage) == Holds::Documents && tracer.manifests.contains_key(stage.name.as_str())
    };
    match tracer.holds(stage) {
        Holds::Documents => !tracer.inputs(stage).any(held),
        Holds::Pages => {
            let goes_on = |later: &StageRun| later.inputs.iter().any(|(_, from)| *from == stage.name);
            let holds = |later: &StageRun| held(later) || tracer.holds(later) == Holds::Pages;
            !tracer.run.stages.iter().any(|later| goes_on(later) && holds(later))
        }
        Holds::Tokens | Holds::Nothing => false,
    }
}

fn each_name(tracer: &Tracer<'_>, stage: &StageRun, see: &mut impl FnMut(&Name)) -> Result<()> {
    let Some(manifest) = tracer.manifests.get(stage.name.as_str()) else { return Ok(()) };
    for (file, entry) in &manifest.files {
        for found in tracer.entries(stage, file, entry, Detail::Names)? {
            let found = found?;
            see(&Name { url: found.url, id: found.id });
        }
    }
    Ok(())
}

fn with_text(tracer: &Tracer<'_>, stage: &StageRun, piece: &str, found: &mut BTreeSet<Name>) -> Result<()> {
    if tracer.holds(stage) != Holds::Documents {
        return Ok(());
    }
    let Some(manifest) = tracer.manifests.get(stage.name.as_str()) else { return Ok(()) };
    for (file, entry) in &manifest.files {
        for document in tracer.entries(stage, file, entry, Detail::Whole)? {
            let document = document?;
            if holds(&document.text, piece) && found.len() <= MAX_FOUND {
                found.insert(Name { url: document.url, id: document.id });
            }
        }
    }
    Ok(())
}

/// Whether a text holds a piece; line breaks and several blanks are as one blank, as people copy them from a
/// screen.
fn holds(text: &str, piece: &str) -> bool {
    let piece = piece.trim();
    if text.contains(piece) {
        return true;
    }
    // Where no blanks part words, a line break parts nothing.
    if piece.chars().any(is_ideograph) {
        let joined = |text: &str| text.split_whitespace().collect::<String>();
        return joined(text).contains(&joined(piece));
    }
    if !piece.contains(char::is_whitespace) {
        return false;
    }
    let collapsed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    collapsed(text).contains(&collapsed(piece))
}

/// A sign of Chinese or Japanese, which are written without blanks.
fn is_ideograph(sign: char) -> bool {
    matches!(sign, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// The URLs most like one that is unknown.
fn nearest(url: &str, others: Vec<String>) -> Vec<String> {
    let like = |other: String| {
        let likeness = strsim::normalized_damerau_levenshtein(url, &plain(&other));
        (likeness > 0.7).then_some((likeness, other))
    };
    let mut close: Vec<(f64, String)> = others.into_iter().filter_map(like).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    close.dedup_by(|a, b| a.1 == b.1);
    close.into_iter().take(MAX_CLOSE).map(|(_, url)| url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_url_are_one() {
        let one = plain("https://www.News.example/One/page");
        for other in [
            "http://news.example/One/page/",
            "news.example/One/page#top",
            "HTTPS://news.example:443/One/page",
        ] {
            assert_eq!(plain(other), one);
        }
        assert_ne!(plain("news.example/one/page"), one, "paths have capitals");
    }

    #[test]
    fn words_mean_what_they_look_like() {
        assert_eq!(Query::of("<urn:uuid:1>"), Query::Id("urn:uuid:1".into()));
        assert_eq!(Query::of("two words"), Query::Text("two words".into()));
        assert_eq!(Query::of("http://a.example/"), Query::Url("a.example".into()));
    }

    #[test]
    fn a_piece_is_found_across_lines() {
        assert!(holds("秦川雄帝宅，函谷壯皇居。", "函谷壯皇居"));
        assert!(holds("秦川雄帝宅，\n函谷壯皇居。", "帝宅，函谷"));
        assert!(holds("one two\n three", "two three") && holds("one two", " two "));
        assert!(!holds("one two", "onetwo") && !holds("one two", "three"));
    }

    #[test]
    fn the_nearest_are_named() {
        let known = ["https://a.example/river", "https://a.example/rivers", "https://b.example/zzzzzz"];
        let near = nearest("a.example/rivr", known.map(str::to_owned).to_vec());
        assert_eq!(near, ["https://a.example/river", "https://a.example/rivers"]);
    }
}
