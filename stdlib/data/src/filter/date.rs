//! `filter.date`: keeps documents by their date.

mod read;

use llmp_artifacts::docs::Doc;
use llmp_stage::{Context, Error, Lint, Result, Rule};
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};
use read::{Day, exact, read};

/// The settings of `filter.date`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// From this day on documents are left out.
    pub before: Option<String>,
    /// Documents from before this day are left out.
    pub since: Option<String>,
    /// Which date counts.
    pub of: Of,
    /// What becomes of documents without one.
    pub undated: Undated,
}

/// Which date of a document counts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// What the page says.
    Published,
    /// When it was fetched.
    Fetched,
    /// What the page says, or when it was fetched.
    Either,
}

/// What becomes of documents without a date.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Undated {
    /// They stay.
    Keep,
    /// They are left out.
    Drop,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    const OWN: &str = "this program";
    &[
        Rule {
            name: "date.unknown",
            drops: "the document has no date that can be read",
            setting: Some("undated"),
            off: Some("undated = keep"),
            source: OWN,
        },
        Rule {
            name: "date.before",
            drops: "the document is of this day or later, or may be",
            setting: Some("before"),
            off: Some("before = none"),
            source: OWN,
        },
        Rule {
            name: "date.since",
            drops: "the document is from before this day, or may be",
            setting: Some("since"),
            off: Some("since = none"),
            source: OWN,
        },
    ]
}

/// How fast it is: documents are read and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 0.8 }
}

/// Days that are none.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let days: [(&'static [&'static str], _); 2] =
        [(&["before"], &settings.before), (&["since"], &settings.since)];
    let wrong = days.into_iter().filter_map(|(path, day)| {
        let text = day.as_deref().filter(|text| exact(text).is_none())?;
        let lint = Lint::new("E0309", path, format!("`{text}` is no day"));
        Some(lint.help("write year, month and day: `\"2024-01-31\"`"))
    });
    let mut wrong: Vec<Lint> = wrong.collect();
    let [before, since] = [&settings.before, &settings.since].map(|day| day.as_deref().and_then(exact));
    if before.is_some_and(|before| since.is_some_and(|since| since >= before)) {
        wrong.push(Lint::new("E0309", &["since"], "`since` is not before `before`"));
    }
    wrong
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let day = |text: &Option<String>| match text {
        Some(text) => exact(text).map(Some).ok_or_else(|| Error::new(format!("`{text}` is no day"))),
        None => Ok(None),
    };
    let (before, since) = (day(&settings.before)?, day(&settings.since)?);
    filter_shards(ctx, |doc| {
        let Some((first, last, text)) = dated(&doc, settings.of) else {
            return Ok(match settings.undated {
                Undated::Keep => Verdict::Keep(doc),
                Undated::Drop => Verdict::Drop { rule: "date.unknown", value: "no date".into() },
            });
        };
        Ok(if before.is_some_and(|before| last >= before) {
            Verdict::Drop { rule: "date.before", value: text }
        } else if since.is_some_and(|since| first < since) {
            Verdict::Drop { rule: "date.since", value: text }
        } else {
            Verdict::Keep(doc)
        })
    })
}

/// The first and the last day on which a document may be dated, and how that is written.
fn dated(doc: &Doc, of: Of) -> Option<(Day, Day, String)> {
    let read = |text: &str| read(text).map(|(first, last)| (first, last, text.chars().take(40).collect()));
    let published = || doc.published.as_deref().and_then(read);
    let fetched = || read(&doc.date);
    match of {
        Of::Published => published(),
        Of::Fetched => fetched(),
        Of::Either => published().or_else(fetched),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::testing::{kept, shard_of};
    use llmp_stage::testing::TestContext;

    #[test]
    fn what_may_be_later_is_left_out() {
        let doc = |text: &str, published: Option<&str>, date: &str| Doc {
            text: text.into(),
            published: published.map(Into::into),
            date: date.into(),
            ..Doc::default()
        };
        let docs = [
            doc("old", Some("2023-12-31"), "2025-01-01T00:00:00Z"),
            doc("new", Some("January 1, 2024"), "2025-01-01T00:00:00Z"),
            doc("month", Some("2023-12"), ""),
            doc("year", Some("2024"), ""),
            doc("fetched", None, "2023-05-05T00:00:00Z"),
            doc("odd", Some("last week"), "2023-05-05T00:00:00Z"),
            doc("none", None, ""),
        ];
        let root = tempfile::tempdir().unwrap();
        let mut number = 0;
        let mut run = |before: Option<&str>, since: Option<&str>, of, undated| {
            number += 1;
            let ctx = TestContext::new(&root.path().join(number.to_string()))
                .with_files("docs", &[("a.parquet", &shard_of(docs.to_vec()))]);
            let settings =
                Settings { before: before.map(Into::into), since: since.map(Into::into), of, undated };
            assert!(lint(&settings).is_empty());
            super::run(&ctx, settings).unwrap();
            kept(&ctx).join(" ")
        };
        let cut = Some("2024-01-01");
        assert_eq!(run(cut, None, Of::Either, Undated::Drop), "old month fetched odd");
        assert_eq!(run(cut, None, Of::Published, Undated::Keep), "old month fetched odd none");
        assert_eq!(run(cut, None, Of::Fetched, Undated::Drop), "fetched odd");
        assert_eq!(run(None, cut, Of::Either, Undated::Drop), "new year");
        assert_eq!(run(Some("2024-06-01"), Some("2023-12-02"), Of::Either, Undated::Drop), "old new");
    }

    #[test]
    fn what_is_no_day_is_told_before_the_run() {
        let settings = |before: &str| Settings {
            before: Some(before.into()),
            since: None,
            of: Of::Either,
            undated: Undated::Drop,
        };
        for wrong in ["2024", "2024-02-30", "01.01.2024", "today"] {
            assert_eq!(lint(&settings(wrong))[0].message, format!("`{wrong}` is no day"));
        }
        let empty = Settings { since: Some("2024-01-01".into()), ..settings("2024-01-01") };
        assert_eq!(lint(&empty)[0].message, "`since` is not before `before`");
    }
}
