//! `filter.classifier`: keeps the documents that a classifier takes for good.

use llmp_artifacts::classifier::{MODEL_FILE, read_head};
use llmp_artifacts::docs::{Doc, Reader};
use llmp_stage::{Asked, Context, Error, Lint, Result, Rule};
use rayon::prelude::*;
use serde::Deserialize;

use super::fasttext::FastText;
use crate::classifier::words::line;
use crate::shards::{Verdict, filter_shards, thread_pool};

/// The label whose probability is the score.
const GOOD: &str = "good";
/// Documents that are scored at once.
const BATCH: usize = 4_096;

/// The settings of `filter.classifier`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The share that is kept.
    pub keep: Option<f64>,
    /// The least score.
    pub threshold: Option<f64>,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    const DCLM: &str = "DCLM: Li et al. (2024), arXiv 2406.11794, section 4.4";
    &[
        Rule {
            name: "classifier.unknown",
            drops: "no word of the document is known to the classifier",
            setting: None,
            off: None,
            source: "this program",
        },
        Rule {
            name: "classifier.keep",
            drops: "the document scores below the best share",
            setting: Some("keep"),
            off: None,
            source: DCLM,
        },
        Rule {
            name: "classifier.threshold",
            drops: "the probability that the document is good is below this",
            setting: Some("threshold"),
            off: Some("threshold = 0%"),
            source: DCLM,
        },
    ]
}

/// One of the two says what is kept.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let help = "write `keep = 10%` for a share of the documents, or `threshold = 50%` for a score";
    match (settings.keep, settings.threshold) {
        (None, None) => {
            vec![Lint::new("E0309", &[], "neither `keep` nor `threshold` is given").help(help)]
        }
        (Some(_), Some(_)) => {
            vec![Lint::new("E0309", &["threshold"], "`keep` and `threshold` are both given").help(help)]
        }
        _ => Vec::new(),
    }
}

/// Runs the stage.
///
/// # Errors
/// Where documents or the classifier cannot be read, or it has other labels than `good` and one other.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("classifier")?;
    let labels = read_head(input)?.labels;
    if labels.len() != 2 || labels.iter().all(|(label, _)| label != GOOD) {
        let found: Vec<String> = labels.iter().take(5).map(|(label, _)| format!("`{label}`")).collect();
        return Err(Error::new(format!(
            "the classifier tells {} apart, expected `{GOOD}` and one other",
            found.join(", ")
        ))
        .help("make one with `quality.train`, or train fastText with `__label__good` and one other label"));
    }
    let model = FastText::load(&input.file(MODEL_FILE)?.path)?;
    let (rule, threshold) = match (settings.keep, settings.threshold) {
        (Some(share), _) => ("classifier.keep", limit(&scores(ctx, &model)?, share)),
        (None, Some(threshold)) => ("classifier.threshold", threshold as f32),
        (None, None) => return Err(Error::new("neither `keep` nor `threshold` is given")),
    };
    if threshold.is_finite() {
        ctx.measure("threshold", threshold.into());
    }
    filter_shards(ctx, |doc| {
        let score = score(&model, &doc);
        if let Some(score) = score {
            ctx.asked(&doc.id, rule, Asked::least(score.into(), threshold.into()));
        }
        Ok(match score {
            Some(score) if score >= threshold => Verdict::Keep(doc),
            Some(score) => Verdict::Drop { rule, value: format!("{score:.4}") },
            None => Verdict::Drop { rule: "classifier.unknown", value: "no known word".into() },
        })
    })
}

/// The probability that a document is good; `None` where none of its words is known.
fn score(model: &FastText, doc: &Doc) -> Option<f32> {
    model.predict(&line(&doc.text)).map(|(label, score)| if label == GOOD { score } else { 1.0 - score })
}

/// The scores of all documents, those without one below all others; 4 bytes each.
fn scores(ctx: &dyn Context, model: &FastText) -> Result<Vec<f32>> {
    let (pool, mut scores) = (thread_pool(ctx)?, Vec::new());
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let mut reader = Reader::open(&file.path)?;
        loop {
            ctx.proceed()?;
            let batch: Vec<Doc> = reader.by_ref().take(BATCH).collect::<Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            let found: Vec<f32> =
                pool.install(|| batch.par_iter().map(|doc| score(model, doc).unwrap_or(-1.0)).collect());
            scores.extend(found);
        }
    }
    Ok(scores)
}

/// The score of the last document of the best `share`; infinite where that is none.
fn limit(scores: &[f32], share: f64) -> f32 {
    let kept = (scores.len() as f64 * share).round() as usize;
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(|left, right| right.total_cmp(left));
    kept.checked_sub(1).and_then(|last| sorted.get(last)).copied().unwrap_or(f32::INFINITY)
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Writer;
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::classifier::train;

    fn shard(texts: impl Iterator<Item = String>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard");
        let mut writer = Writer::create(&path).unwrap();
        for (number, text) in texts.enumerate() {
            writer.write(Doc { text, id: number.to_string(), ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    }

    fn settings() -> train::Settings {
        train::Settings {
            dimension: 10,
            learning_rate: 0.5,
            epochs: 5,
            word_ngrams: 2,
            min_count: 1,
            buckets: 1_000,
            held_out: 0.2,
            seed: 0,
        }
    }

    /// Sentences in which one word of each kind of document stands among words of both.
    fn texts(own: &'static [&'static str]) -> impl Iterator<Item = String> {
        (0..300)
            .map(move |n| format!("text {n} of {} and {} so {}", n % 11, own[n % own.len()], (n * n) % 13))
    }

    const GOOD_WORDS: &[&str] = &["river", "stone", "河水"];
    const POOR_WORDS: &[&str] = &["buy", "click", "免费"];

    fn trained(root: &std::path::Path) -> Vec<u8> {
        let ctx = TestContext::new(root)
            .with_files("good", &[("a.parquet", &shard(texts(GOOD_WORDS)))])
            .with_files("poor", &[("a.parquet", &shard(texts(POOR_WORDS)))]);
        train::run(&ctx, settings()).unwrap();
        assert_eq!(ctx.counted("documents") + ctx.counted("held_out"), 600);
        std::fs::read(ctx.output().join(MODEL_FILE)).unwrap()
    }

    #[test]
    fn it_learns_what_tells_them_apart_and_keeps_it() {
        let root = tempfile::tempdir().unwrap();
        let model = trained(&root.path().join("first"));
        assert_eq!(model, trained(&root.path().join("second")), "the same bytes again");
        let mixed = shard(texts(GOOD_WORDS).zip(texts(POOR_WORDS)).flat_map(|(good, poor)| [good, poor]));
        let filter = |name: &str, keep, threshold| {
            let ctx = TestContext::new(&root.path().join(name))
                .with_files("docs", &[("a.parquet", &mixed)])
                .with_files("classifier", &[(MODEL_FILE, &model)]);
            run(&ctx, Settings { keep, threshold }).unwrap();
            let docs = Reader::open(&ctx.output().join("a.parquet")).unwrap();
            let kept: Vec<Doc> = docs.collect::<Result<_>>().unwrap();
            let good =
                kept.iter().filter(|doc| GOOD_WORDS.iter().any(|word| doc.text.contains(word))).count();
            let dropped =
                ctx.counted("dropped.classifier.keep") + ctx.counted("dropped.classifier.threshold");
            assert_eq!(kept.len() as u64 + dropped, 600);
            (kept.len(), good)
        };
        assert_eq!(filter("threshold", None, Some(0.5)), (300, 300));
        let (kept, good) = filter("keep", Some(0.1), None);
        assert!((60..80).contains(&kept) && good == kept, "{good} of {kept}");
        assert_eq!(filter("none", Some(0.0), None).0, 0);
        assert_eq!(filter("all", Some(1.0), None).0, 600);
    }

    #[test]
    fn what_is_no_such_classifier_says_what_is_expected() {
        let root = tempfile::tempdir().unwrap();
        let mut model = trained(&root.path().join("model"));
        let at = model.windows(4).rposition(|bytes| bytes == b"good").unwrap();
        model[at..at + 4].copy_from_slice(b"fine");
        let ctx = TestContext::new(&root.path().join("filter"))
            .with_files("docs", &[("a.parquet", &shard(texts(GOOD_WORDS)))])
            .with_files("classifier", &[(MODEL_FILE, &model)]);
        let error = run(&ctx, Settings { keep: None, threshold: Some(0.5) }).unwrap_err().to_string();
        assert!(error.contains("`fine`") && error.contains("expected `good`"), "{error}");
        let lints = |keep, threshold| lint(&Settings { keep, threshold }).len();
        assert_eq!((lints(None, None), lints(Some(0.1), Some(0.5)), lints(Some(0.1), None)), (1, 1, 0));
    }

    #[test]
    fn one_side_without_documents_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path())
            .with_files("good", &[("a.parquet", &shard(texts(GOOD_WORDS)))])
            .with_files("poor", &[("a.parquet", &shard(std::iter::empty()))]);
        let error = train::run(&ctx, settings()).unwrap_err().to_string();
        assert!(error.contains("`poor` holds no document"), "{error}");
    }
}
