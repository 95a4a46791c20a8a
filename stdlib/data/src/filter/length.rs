//! `filter.length`: keeps documents of a certain length.

use llmp_stage::{Asked, Context, Lint, Result, Rule};
use serde::Deserialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::shards::{Verdict, filter_shards};

/// The settings of `filter.length`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is counted.
    pub unit: Unit,
    /// Fewer are too few.
    pub min: Option<usize>,
    /// More are too many.
    pub max: Option<usize>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Unicode's characters.
    Characters,
    /// Unicode's words.
    Words,
    /// Lines that hold something.
    Lines,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    const OWN: &str = "this program";
    &[
        Rule {
            name: "length.min",
            drops: "the document is shorter",
            setting: Some("min"),
            off: Some("min = none"),
            source: OWN,
        },
        Rule {
            name: "length.max",
            drops: "the document is longer",
            setting: Some("max"),
            off: Some("max = none"),
            source: OWN,
        },
    ]
}

/// Bounds that nothing lies between.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let crossed = settings.min.is_some_and(|min| settings.max.is_some_and(|max| min > max));
    crossed.then(|| Lint::new("E0309", &["min"], "`min` is above `max`")).into_iter().collect()
}

/// How fast it is: documents are read, counted and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 20e6, gives: 0.8 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let (count, unit) = match settings.unit {
            Unit::Characters => (doc.text.chars().count(), "characters"),
            Unit::Words => (doc.text.unicode_words().count(), "words"),
            Unit::Lines => (doc.text.lines().filter(|line| !line.trim().is_empty()).count(), "lines"),
        };
        let least = settings.min.map(|min| ("length.min", Asked::least(count as f64, min as f64)));
        let most = settings.max.map(|max| ("length.max", Asked::most(count as f64, max as f64)));
        let mut broken = None;
        for (rule, asked) in [least, most].into_iter().flatten() {
            ctx.asked(&doc.id, rule, asked);
            if asked.broken() {
                broken = broken.or(Some(rule));
            }
        }
        Ok(match broken {
            Some(rule) => Verdict::Drop { rule, value: format!("{count} {unit}") },
            None => Verdict::Keep(doc),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::testing::{kept, shard};
    use llmp_stage::testing::TestContext;

    #[test]
    fn each_unit_is_counted() {
        let texts = ["河水漫過", "one two three", "a\n\nb\n \nc d", ""];
        let root = tempfile::tempdir().unwrap();
        let mut number = 0;
        let mut run = |unit, min, max| {
            number += 1;
            let ctx = TestContext::new(&root.path().join(number.to_string()))
                .with_files("docs", &[("a.parquet", &shard(&texts))]);
            super::run(&ctx, Settings { unit, min, max }).unwrap();
            assert_eq!(
                kept(&ctx).len() as u64
                    + ctx.counted("dropped.length.min")
                    + ctx.counted("dropped.length.max"),
                4
            );
            kept(&ctx)
        };
        assert_eq!(run(Unit::Characters, Some(4), Some(12)), ["河水漫過", "a\n\nb\n \nc d"]);
        assert_eq!(run(Unit::Words, Some(4), None), ["河水漫過", "a\n\nb\n \nc d"]);
        let lints = |min, max| lint(&Settings { unit: Unit::Words, min, max }).len();
        assert_eq!((lints(Some(2), Some(1)), lints(Some(1), Some(1)), lints(None, Some(0))), (1, 0, 0));
        assert_eq!(run(Unit::Lines, Some(1), Some(1)), ["河水漫過", "one two three"]);
    }
}
