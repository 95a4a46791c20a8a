//! What a stage has to say about a result that is made and may be of no use: silence would be the worst
//! message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The share of what a stage is given below which what it keeps is worth a word.
pub const FEW_KEPT: f64 = 0.05;

/// What a stage counted, by name.
pub type Counts = BTreeMap<String, u64>;

/// A warning about a result: kept in its record, and told in the run that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about.
    pub concern: Concern,
    /// What is wrong, in llmp's voice.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Nothing came out.
    Nothing,
    /// Hardly anything was kept.
    FewKept,
    /// Training goes over its data very often.
    Epochs,
    /// The model knows hardly any of the questions.
    FewKnown,
    /// The model looks up something else than it was asked about.
    WrongQueries,
    /// Examples were left out.
    LeftOut,
    /// Examples or results were cut off.
    CutOff,
    /// Search does not find what it is asked for.
    NotFound,
    /// Another version's.
    #[serde(other)]
    Other,
}

impl Remark {
    /// A remark without help.
    #[must_use]
    pub fn new(concern: Concern, message: impl Into<String>) -> Self {
        Self { concern, message: message.into(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What a stage dropped, by rule, the most first; equal ones by name.
#[must_use]
pub fn dropped(counts: &Counts) -> Vec<(&str, u64)> {
    let found = counts.iter().filter_map(|(name, count)| Some((name.strip_prefix("dropped.")?, *count)));
    let mut found: Vec<_> = found.filter(|(_, count)| *count > 0).collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    found
}

/// How many `unit` a stage kept, and how many it was given.
#[must_use]
pub fn kept(unit: &str, counts: &Counts) -> (u64, u64) {
    let kept = counts.get(unit).copied().unwrap_or(0);
    (kept, kept + dropped(counts).iter().map(|(_, count)| count).sum::<u64>())
}

/// `1 of 10,008 documents was kept: gopher.min_words dropped 9,000, c4.min_sentences 1,007`, where a stage
/// kept less than [`FEW_KEPT`] of what it was given.
#[must_use]
pub fn few_kept(unit: &str, counts: &Counts) -> Option<Remark> {
    let (kept, given) = kept(unit, counts);
    if given == 0 || kept as f64 >= FEW_KEPT * given as f64 {
        return None;
    }
    let rules: Vec<String> =
        dropped(counts).iter().take(2).map(|(rule, count)| format!("`{rule}` {}", grouped(*count))).collect();
    let was = if kept == 1 { "was" } else { "were" };
    let message =
        format!("{} of {} {unit} {was} kept; dropped by {}", grouped(kept), grouped(given), rules.join(", "));
    Some(Remark::new(if kept == 0 { Concern::Nothing } else { Concern::FewKept }, message))
}

/// What every stage's counts can say: that hardly anything was kept, or that nothing came out. `given` is
/// whether anything went in, as far as that is known.
#[must_use]
pub fn of_counts(unit: Option<&str>, counts: &Counts, given: bool) -> Option<Remark> {
    let unit = unit?;
    if let Some(remark) = few_kept(unit, counts) {
        return Some(remark.help(
            "look at the rules in the report, `llmp trace` follows one document; loosen the settings they belong to",
        ));
    }
    // What got nothing is no news: the stage before has said it.
    if !given || counts.get(unit).copied().unwrap_or(0) > 0 {
        return None;
    }
    let skipped = counts.iter().filter_map(|(name, count)| Some((name.strip_prefix("skipped.")?, count)));
    let skipped: Vec<String> =
        skipped.take(2).map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    let message = match skipped.as_slice() {
        [] => format!("no {unit} came out"),
        kinds => format!("no {unit} came out; passed over: {}", kinds.join(", ")),
    };
    Some(
        Remark::new(Concern::Nothing, message)
            .help("look into the files that go in: do they hold what this stage reads?"),
    )
}

/// `12,345`
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(list: &[(&str, u64)]) -> Counts {
        list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn hardly_anything_kept_is_said_with_the_rules_that_dropped_most() {
        let few = counts(&[
            ("documents", 1),
            ("dropped.c4.min_sentences", 1_007),
            ("dropped.gopher.min_words", 9_000),
            ("dropped.pii", 3),
        ]);
        let remark = of_counts(Some("documents"), &few, true).unwrap();
        assert_eq!(
            (remark.concern, remark.message.as_str()),
            (
                Concern::FewKept,
                "1 of 10,011 documents was kept; dropped by `gopher.min_words` 9,000, `c4.min_sentences` 1,007"
            )
        );
        assert!(remark.help.is_some());
        let enough = counts(&[("documents", 5), ("dropped.a", 95)]);
        assert_eq!(of_counts(Some("documents"), &enough, true), None);
        let less = counts(&[("documents", 4), ("dropped.a", 95)]);
        assert!(of_counts(Some("documents"), &less, true).is_some());
        assert_eq!(of_counts(None, &few, true), None, "what is not counted says nothing");
    }

    #[test]
    fn nothing_is_said_once_where_it_began() {
        let none = counts(&[("skipped.not_html", 2)]);
        let remark = of_counts(Some("pages"), &none, true).unwrap();
        assert_eq!(remark.concern, Concern::Nothing);
        assert_eq!(remark.message, "no pages came out; passed over: 2 not_html");
        assert_eq!(of_counts(Some("documents"), &Counts::new(), false), None, "nothing went in");
        let all = counts(&[("dropped.a", 3)]);
        assert_eq!(of_counts(Some("documents"), &all, true).unwrap().concern, Concern::Nothing);
    }

    #[test]
    fn a_remark_of_another_version_is_read() {
        let text = r#"{"concern":"moonlight","message":"it is dark"}"#;
        assert_eq!(serde_json::from_str::<Remark>(text).unwrap(), Remark::new(Concern::Other, "it is dark"));
        let remark = Remark::new(Concern::Epochs, "often").help("use more");
        let text = serde_json::to_string(&remark).unwrap();
        assert_eq!(text, r#"{"concern":"epochs","message":"often","help":"use more"}"#);
        assert_eq!(serde_json::from_str::<Remark>(&text).unwrap(), remark);
        assert_eq!(grouped(1_234_567) + " " + &grouped(12), "1,234,567 12");
    }
}
