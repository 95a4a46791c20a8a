//! What the rules of a filter saw: how the values of each lie, where its threshold stands among them, what
//! another one would keep, and documents on both sides of it.
//!
//! Who looks runs the stage once more over a sample of its input and writes down what every rule saw in every
//! document ([`Document`]); here that becomes tables, drawings and samples. What the run itself dropped comes
//! from its records.

mod page;

use std::collections::BTreeMap;

use llmp_stage::{Asked, Counts, Rule};
use serde::Serialize;

use crate::trace::Left;

/// Bars of a histogram.
const BARS: usize = 24;
/// Characters of a text that are kept of it.
const MAX_TEXT: usize = 1_200;
/// Places of the values, from the least to the largest, where other thresholds are tried.
const TRIED: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// A document of the sample, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// Its text before the stage.
    pub text: String,
    /// What each rule saw.
    pub values: Vec<(&'static str, Asked)>,
    /// The rule that dropped it and the value as people read it.
    pub dropped: Option<(String, String)>,
}

/// A filter as it is looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    /// The stage.
    pub stage: String,
    /// Its signature.
    pub kind: String,
    /// Documents that it kept, all of them.
    pub kept: u64,
    /// Documents that it dropped, all of them.
    pub dropped: u64,
    /// Documents that were looked at once more.
    pub sampled: usize,
    /// How many of these it keeps.
    pub sampled_kept: usize,
    /// Its rules, in the order in which they are asked; those that nothing is known of are left out.
    pub rules: Vec<RuleLook>,
    /// Documents that it keeps.
    pub samples: Vec<Shown>,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleLook {
    /// Its name.
    pub rule: String,
    /// What it drops, in a sentence.
    pub drops: String,
    /// The setting that changes it.
    pub setting: Option<String>,
    /// How it is switched off.
    pub off: Option<String>,
    /// Documents that it dropped, all of them.
    pub dropped: u64,
    /// What it saw in the sample.
    pub values: Option<Values>,
    /// Documents that it drops, those nearest to the threshold first where values are known.
    pub samples: Vec<Shown>,
    /// Documents that it only just keeps.
    pub near: Vec<Shown>,
}

/// What a rule saw in the documents of the sample.
#[derive(Clone, Debug, Serialize)]
pub struct Values {
    /// Whether values below the threshold are dropped, and not those above it.
    pub least: bool,
    /// The threshold; the least and the largest where documents of different languages have different ones.
    pub limit: (f64, f64),
    /// Documents that it was asked of.
    pub asked: usize,
    /// Documents that break it, whether another rule drops them or not.
    pub broken: usize,
    /// Documents that break no other rule.
    pub alone: usize,
    /// How the values lie.
    pub bars: Vec<Bar>,
    /// What other thresholds would do; the present one is among them where it is one.
    pub others: Vec<Other>,
}

/// A bar of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// The first value.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Documents that the rule lets through.
    pub kept: usize,
    /// Documents that it drops.
    pub dropped: usize,
}

/// What a threshold does to the sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Other {
    /// The threshold.
    pub limit: f64,
    /// Whether it is the present one.
    pub present: bool,
    /// Documents that pass this rule.
    pub passes: usize,
    /// Documents that pass all rules.
    pub kept: usize,
}

/// A document as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// What the rule saw; empty among what is kept.
    pub value: String,
    /// How its text begins; `None` where it is not known.
    pub text: Option<String>,
}

impl Shown {
    fn of(document: &Document, value: String) -> Self {
        Self {
            id: document.id.clone(),
            url: document.url.clone(),
            value,
            text: Some(document.text.chars().take(MAX_TEXT).collect()),
        }
    }

    fn left(left: &Left) -> Self {
        Self {
            id: left.id.clone(),
            url: left.url.clone(),
            value: left.value.clone(),
            text: left.text.as_ref().map(|text| text.chars().take(MAX_TEXT).collect()),
        }
    }

    /// Whether it holds a text, in what is shown of it.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        [&self.id, &self.url, &self.value].iter().any(|part| part.contains(text))
            || self.text.as_ref().is_some_and(|shown| shown.contains(text))
    }
}

impl Look {
    /// Makes of a sample what is shown of it. `counts` are those of the whole run, `left` are documents that
    /// the run dropped, for rules that tell no values; at most `most` documents are shown of each kind.
    #[must_use]
    pub fn of(
        (stage, kind): (&str, &str),
        rules: &[Rule],
        counts: &Counts,
        documents: &[Document],
        left: &[Left],
        most: usize,
    ) -> Self {
        let mut in_run: BTreeMap<&str, u64> = counts
            .iter()
            .filter_map(|(name, count)| Some((name.strip_prefix("dropped.")?, *count)))
            .collect();
        let dropped = in_run.values().sum();
        let mut looks = Vec::new();
        for rule in rules {
            let known = (rule.setting, rule.off);
            let count = in_run.remove(rule.name).unwrap_or(0);
            let look = look(rule.name, rule.drops, known, count, documents, left, most);
            looks.extend(look);
        }
        // Rules without an account of themselves, as a user's own stage has them.
        for (name, count) in in_run {
            looks.extend(look(name, "", (None, None), count, documents, left, most));
        }
        let kept: Vec<&Document> = documents.iter().filter(|one| one.dropped.is_none()).collect();
        Self {
            stage: stage.to_owned(),
            kind: kind.to_owned(),
            kept: counts.get("documents").copied().unwrap_or(0),
            dropped,
            sampled: documents.len(),
            sampled_kept: kept.len(),
            rules: looks,
            samples: kept.iter().take(most).map(|one| Shown::of(one, String::new())).collect(),
        }
    }

    /// Leaves of it only this rule, and of the samples only those that hold a text.
    pub fn filter(&mut self, rule: Option<&str>, text: Option<&str>) {
        self.rules.retain(|one| rule.is_none_or(|rule| rule == one.rule));
        let lists = self.rules.iter_mut().flat_map(|one| [&mut one.samples, &mut one.near]);
        for list in lists.chain([&mut self.samples]) {
            list.retain(|shown| text.is_none_or(|text| shown.holds(text)));
        }
    }

    /// The page, which takes nothing from elsewhere.
    #[must_use]
    pub fn html(&self) -> String {
        page::page(self)
    }
}

/// The setting of a rule, and how it is switched off.
type Known = (Option<&'static str>, Option<&'static str>);

fn look(
    name: &str,
    drops: &str,
    known: Known,
    dropped: u64,
    documents: &[Document],
    left: &[Left],
    most: usize,
) -> Option<RuleLook> {
    let seen: Vec<(&Document, Asked)> =
        documents.iter().filter_map(|one| Some((one, of(one, name)?))).collect();
    if seen.is_empty() && dropped == 0 {
        return None;
    }
    let distance = |asked: &Asked| (asked.value - asked.limit).abs();
    let edge = |broken: bool| {
        let fits = |(one, asked): &&(&Document, Asked)| match broken {
            true => one.dropped.as_ref().is_some_and(|(rule, _)| rule == name),
            false => one.dropped.is_none() && !asked.broken(),
        };
        let mut side: Vec<&(&Document, Asked)> = seen.iter().filter(fits).collect();
        side.sort_by(|a, b| distance(&a.1).total_cmp(&distance(&b.1)));
        let shown = side.into_iter().take(most).map(|(one, asked)| {
            let said = one.dropped.as_ref().map(|(_, value)| value.clone());
            Shown::of(one, said.unwrap_or_else(|| number(asked.value)))
        });
        shown.collect::<Vec<_>>()
    };
    let values = values(name, &seen, documents);
    let mut samples = edge(true);
    let of_run = left.iter().filter(|left| left.rule == name).map(Shown::left);
    for shown in of_run {
        if samples.len() < most && samples.iter().all(|one| one.id != shown.id) {
            samples.push(shown);
        }
    }
    Some(RuleLook {
        rule: name.to_owned(),
        drops: drops.to_owned(),
        setting: known.0.map(str::to_owned),
        off: known.1.map(str::to_owned),
        dropped,
        near: if values.is_some() { edge(false) } else { vec![] },
        values,
        samples,
    })
}

fn of(document: &Document, rule: &str) -> Option<Asked> {
    document.values.iter().find(|(name, _)| *name == rule).map(|(_, asked)| *asked)
}

/// `None` where a rule asks whether something is there, so that there is no threshold to move.
fn values(name: &str, seen: &[(&Document, Asked)], documents: &[Document]) -> Option<Values> {
    let (_, first) = seen.first()?;
    let limits = seen.iter().map(|(_, asked)| asked.limit);
    let limit = (limits.clone().fold(f64::INFINITY, f64::min), limits.fold(f64::NEG_INFINITY, f64::max));
    if limit == (0.0, 0.0) && seen.iter().all(|(_, asked)| asked.value == 0.0 || asked.value == 1.0) {
        return None;
    }
    let mut sorted: Vec<f64> =
        seen.iter().map(|(_, asked)| asked.value).filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let one_limit = limit.0 == limit.1;
    let mut tried: Vec<f64> = TRIED
        .iter()
        .filter_map(|at| Some(round(*sorted.get((at * sorted.len() as f64) as usize)?)))
        .collect();
    tried.extend(one_limit.then_some(limit.0));
    tried.sort_unstable_by(f64::total_cmp);
    tried.dedup();
    let breaks_other =
        |one: &Document| one.values.iter().any(|(rule, asked)| *rule != name && asked.broken());
    let others = tried.into_iter().map(|limit| {
        let fits = |one: &&Document| {
            !of(one, name).is_some_and(|asked| Asked { limit: limit.to_owned(), ..asked }.broken())
        };
        Other {
            limit,
            present: one_limit && limit == first.limit,
            passes: documents.iter().filter(fits).count(),
            kept: documents.iter().filter(fits).filter(|one| !breaks_other(one)).count(),
        }
    });
    Some(Values {
        least: first.least,
        limit,
        asked: seen.len(),
        broken: seen.iter().filter(|(_, asked)| asked.broken()).count(),
        alone: seen.iter().filter(|(one, asked)| asked.broken() && !breaks_other(one)).count(),
        bars: bars(seen, &sorted),
        others: others.collect(),
    })
}

/// Bars of one width, or, where values lie far apart, each a multiple of the one before.
fn bars(seen: &[(&Document, Asked)], sorted: &[f64]) -> Vec<Bar> {
    // What lies far out would press the rest into one bar.
    let place = |at: f64| sorted[((sorted.len() - 1) as f64 * at) as usize];
    let Some((_, one)) = seen.first().filter(|_| !sorted.is_empty()) else { return vec![] };
    let low = place(0.0).min(one.limit.max(0.0));
    let high = place(0.995).max(one.limit);
    if low >= high {
        return vec![Bar { from: low, to: high, kept: seen.len(), dropped: 0 }];
    }
    let far = low >= 0.0 && high > 100.0 && place(0.5) * 8.0 < high;
    let scale = |value: f64| if far { (1.0 + value).ln() } else { value };
    let back = |value: f64| if far { value.exp() - 1.0 } else { value };
    let (start, width) = (scale(low), (scale(high) - scale(low)) / BARS as f64);
    let edge = |at: usize| back(start + width * at as f64);
    let mut bars: Vec<Bar> =
        (0..BARS).map(|at| Bar { from: edge(at), to: edge(at + 1), kept: 0, dropped: 0 }).collect();
    for (_, asked) in seen.iter().filter(|(_, asked)| asked.value.is_finite()) {
        let at = ((scale(asked.value) - start) / width).max(0.0) as usize;
        let bar = &mut bars[at.min(BARS - 1)];
        *(if asked.broken() { &mut bar.dropped } else { &mut bar.kept }) += 1;
    }
    bars
}

/// Two digits that say something.
fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 1);
    let rounded = (value / unit).round() * unit;
    // What tenths leave behind.
    (rounded * 1e6).round() / 1e6
}

/// A value as people read it.
#[must_use]
pub fn number(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4;
    if rounded.abs() >= 1_000.0 { format!("{rounded:.0}") } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[Rule] = &[
        Rule { name: "r.words", drops: "few", setting: Some("min_words"), off: None, source: "" },
        Rule { name: "r.never", drops: "there", setting: None, off: None, source: "" },
        Rule { name: "r.silent", drops: "nothing", setting: None, off: None, source: "" },
    ];

    fn documents() -> Vec<Document> {
        let document = |number: usize| {
            let (words, odd) =
                (Asked::least(number as f64, 50.0), Asked::most(number.is_multiple_of(10).into(), 0.0));
            let dropped =
                [("r.words", words), ("r.never", odd)].into_iter().find(|(_, asked)| asked.broken());
            Document {
                id: number.to_string(),
                text: format!("text {number}"),
                values: vec![("r.words", words), ("r.never", odd)],
                dropped: dropped.map(|(rule, asked)| (rule.to_owned(), number_of(asked))),
                ..Document::default()
            }
        };
        (0..200).map(document).collect()
    }

    fn number_of(asked: Asked) -> String {
        format!("{} words", asked.value)
    }

    fn counts() -> Counts {
        [("documents", 1_350), ("dropped.r.words", 500), ("dropped.r.never", 150)]
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    }

    #[test]
    fn other_thresholds_are_counted_with_and_without_the_other_rules() {
        let look = Look::of(("good", "r"), RULES, &counts(), &documents(), &[], 3);
        assert_eq!((look.kept, look.dropped, look.sampled, look.sampled_kept), (1_350, 650, 200, 135));
        let [words, never] = look.rules.as_slice() else { panic!("{look:?}") };
        let values = words.values.as_ref().unwrap();
        assert_eq!((values.asked, values.broken, values.alone, values.limit), (200, 50, 45, (50.0, 50.0)));
        let present = values.others.iter().find(|other| other.present).unwrap();
        assert_eq!((present.passes, present.kept), (150, 135));
        let half = values.others.iter().find(|other| other.limit == 100.0).unwrap();
        assert_eq!((half.passes, half.kept), (100, 90));
        assert_eq!(values.bars.iter().map(|bar| bar.dropped).sum::<usize>(), 50);
        assert_eq!(values.bars.iter().map(|bar| bar.kept + bar.dropped).sum::<usize>(), 200);
        let ids = |list: &[Shown]| list.iter().map(|shown| shown.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&words.samples), ["49", "48", "47"], "what is nearest to the threshold");
        assert_eq!(ids(&words.near), ["51", "52", "53"], "50 is dropped by another rule");
        assert!(never.values.is_none() && never.near.is_empty());
        assert_eq!(never.samples.len(), 3);
    }

    #[test]
    fn rules_without_values_show_what_the_run_dropped() {
        let left = [("a", "own.rule"), ("b", "own.other")].map(|(id, rule)| Left {
            url: String::new(),
            id: id.into(),
            rule: rule.into(),
            value: "7".into(),
            text: Some("gone".into()),
        });
        let counts = [("dropped.own.rule".to_owned(), 9)].into();
        let mut look = Look::of(("s", "own"), &[], &counts, &[], &left, 5);
        assert_eq!(look.rules.len(), 1);
        assert_eq!((look.rules[0].dropped, look.rules[0].samples[0].id.as_str()), (9, "a"));
        look.filter(None, Some("nothing like it"));
        assert!(look.rules[0].samples.is_empty());
        look.filter(Some("own.other"), None);
        assert!(look.rules.is_empty());
    }

    #[test]
    fn the_page_draws_the_threshold_and_holds_no_address() {
        let page = Look::of(("good", "r"), RULES, &counts(), &documents(), &[], 3).html();
        assert!(page.contains("text 49") && page.contains("class=\"limit\"") && page.contains("min_words"));
        for outside in ["http://", "https://", "src=", "href="] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn numbers_have_two_digits_that_say_something() {
        assert_eq!([0.0, 0.123, 47.6, 1_234.0, 0.000_51].map(round), [0.0, 0.12, 48.0, 1_200.0, 0.000_51]);
        assert_eq!([0.5, 12_345.6, 0.123_456].map(number), ["0.5", "12346", "0.1235"]);
    }
}
