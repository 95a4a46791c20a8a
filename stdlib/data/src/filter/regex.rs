//! `filter.regex`: keeps documents by regular expressions.

use llmp_artifacts::docs::Doc;
use llmp_stage::{Context, Error, Lint, Result, Rule};
use regex::RegexSet;
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};

/// Characters of an expression that the value of a rule shows.
const SHOWN: usize = 80;

/// The settings of `filter.regex`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which column is looked at.
    pub of: Column,
    /// One of these must match.
    pub keep: Vec<String>,
    /// None of these may match.
    pub drop: Vec<String>,
}

/// A column of documents.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    /// The text.
    Text,
    /// Where it was found.
    Url,
    /// The title of its page.
    Title,
    /// Who wrote it.
    Author,
    /// The name of its site.
    Site,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    const OWN: &str = "this program";
    &[
        Rule {
            name: "regex.keep",
            drops: "none of these expressions matches",
            setting: Some("keep"),
            off: Some("keep = []"),
            source: OWN,
        },
        Rule {
            name: "regex.drop",
            drops: "one of these expressions matches; the value is the expression",
            setting: Some("drop"),
            off: Some("drop = []"),
            source: OWN,
        },
    ]
}

/// How fast it is: documents are read, searched and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 20e6, gives: 0.8 }
}

/// Expressions that are none.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    if settings.keep.is_empty() && settings.drop.is_empty() {
        return vec![Lint::new("E0309", &[], "neither `keep` nor `drop` is given")];
    }
    let lists: [(&'static [&'static str], _); 2] = [(&["keep"], &settings.keep), (&["drop"], &settings.drop)];
    let wrong = lists.into_iter().filter_map(|(path, list)| {
        let (text, error) = list.iter().find_map(|text| Some((text, regex::Regex::new(text).err()?)))?;
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let lint = Lint::new("E0309", path, format!("`{}` is no regular expression", shown(text)));
        Some(
            lint.label(reason)
                .help("`\\.` means a point, `\\(` a bracket; look-around and back references are not known"),
        )
    });
    wrong.collect()
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written, or all expressions together are too large.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let compiled = |list: &[String]| {
        RegexSet::new(list)
            .map_err(|error| Error::new("the expressions together are too large").because(error))
    };
    let (keep, drop) = (compiled(&settings.keep)?, compiled(&settings.drop)?);
    filter_shards(ctx, |doc| {
        let text = column(&doc, settings.of);
        Ok(if !keep.is_empty() && !keep.is_match(text) {
            Verdict::Drop { rule: "regex.keep", value: "no match".into() }
        } else if let Some(first) = drop.matches(text).iter().next() {
            Verdict::Drop { rule: "regex.drop", value: shown(&settings.drop[first]) }
        } else {
            Verdict::Keep(doc)
        })
    })
}

fn column(doc: &Doc, column: Column) -> &str {
    match column {
        Column::Text => &doc.text,
        Column::Url => &doc.url,
        Column::Title => doc.title.as_deref().unwrap_or_default(),
        Column::Author => doc.author.as_deref().unwrap_or_default(),
        Column::Site => doc.site.as_deref().unwrap_or_default(),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::testing::{kept, shard};
    use llmp_stage::testing::TestContext;

    fn settings(keep: &[&str], drop: &[&str]) -> Settings {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Settings { of: Column::Text, keep: owned(keep), drop: owned(drop) }
    }

    #[test]
    fn one_must_match_and_none_of_the_others() {
        let texts = ["the river rose", "the mill stood", "a River in flood", "buy now: river"];
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path()).with_files("docs", &[("a.parquet", &shard(&texts))]);
        run(&ctx, settings(&["(?i)river", "^$"], &[r"\bbuy\b", "flood$"])).unwrap();
        assert_eq!(kept(&ctx), ["the river rose"]);
        assert_eq!((ctx.counted("dropped.regex.keep"), ctx.counted("dropped.regex.drop")), (1, 2));
        assert_eq!(ctx.drops.lock().unwrap()[2].value, r"\bbuy\b");
    }

    #[test]
    fn what_is_no_expression_is_told_before_the_run() {
        let found = lint(&settings(&["a", "(b"], &["c(?=d)"]));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].message, "`(b` is no regular expression");
        assert_eq!(found[0].label.as_deref(), Some("unclosed group"));
        assert!(found[1].label.as_deref().unwrap().contains("look-around"), "{found:?}");
        assert_eq!((lint(&settings(&["a"], &[])).len(), lint(&settings(&[], &[])).len()), (0, 1));
    }
}
