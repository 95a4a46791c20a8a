//! `docs.mix`: several sets of documents as one.

use std::collections::BTreeSet;

use llmp_artifacts::docs::{Reader, Writer};
use llmp_stage::{Context, Dropped, Error, Input, Lint, Result};
use serde::Deserialize;

use super::chance::place;

/// How far a sum of weights may be from 1: what writing them with a few digits takes away.
const ROUNDED: f64 = 0.005;

/// The settings of `docs.mix`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The share of each set.
    pub weights: Option<Vec<f64>>,
    /// Another number chooses others.
    pub seed: u64,
}

/// Weights are shares of one whole.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let Some(weights) = &settings.weights else { return Vec::new() };
    let sum: f64 = weights.iter().sum();
    let wrong = |message: String, help: &str| vec![Lint::new("E0309", &["weights"], message).help(help)];
    if weights.iter().any(|weight| *weight <= 0.0) {
        return wrong("a weight is 0".into(), "leave the set out, or give it a share");
    }
    match (sum - 1.0).abs() > ROUNDED {
        true => wrong(format!("the weights are {:.1}% together", sum * 100.0), "make them 100% together"),
        false => Vec::new(),
    }
}
/// How fast it is: documents are read and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 1.0 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written, or there are not as many weights as sets.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let sets = ctx.inputs("docs");
    let shares = match &settings.weights {
        None => vec![1.0; sets.len()],
        Some(weights) => shares(ctx, sets, weights)?,
    };
    let mut names = BTreeSet::new();
    for (set, share) in sets.iter().zip(shares) {
        for file in set.with_suffix(".parquet") {
            let path = ctx.output().join(name(&mut names, &file.name));
            let mut reader = Reader::open(&file.path)?;
            if share >= 1.0 {
                std::fs::copy(&file.path, &path).map_err(Error::io("cannot copy", &file.path))?;
                ctx.count("documents", reader.rows());
                ctx.proceed()?;
                continue;
            }
            let bar = ctx.bar(reader.rows(), "documents");
            let mut writer = Writer::create(&path)?;
            for doc in reader.by_ref() {
                ctx.proceed()?;
                bar.add(1);
                let doc = doc?;
                if place("llmp docs.mix 1", settings.seed, &doc.text) < share {
                    writer.write(doc)?;
                } else {
                    let value = format!("{:.1}% of {} are taken", share * 100.0, set.label);
                    ctx.dropped(Dropped { id: doc.id, url: doc.url, rule: "mix.not_chosen".into(), value });
                }
            }
            ctx.count("documents", writer.finish()?);
        }
    }
    Ok(())
}

/// The share of each set's documents that is taken: all of the scarcest one's, and of the others what its
/// weight allows.
fn shares(ctx: &dyn Context, sets: &[Input], weights: &[f64]) -> Result<Vec<f64>> {
    if sets.len() != weights.len() {
        return Err(Error::new(format!(
            "there are {} sets of documents and {} weights",
            sets.len(),
            weights.len()
        ))
        .help("give each set a weight, in the same order"));
    }
    // How large the whole could be by each set alone.
    let mut wholes = Vec::new();
    for (set, weight) in sets.iter().zip(weights) {
        let mut bytes = 0_u64;
        for file in set.with_suffix(".parquet") {
            for doc in Reader::open(&file.path)? {
                ctx.proceed()?;
                bytes += doc?.text.len() as u64;
            }
        }
        if bytes == 0 {
            return Err(Error::new(format!(
                "`{}` holds no text, and is to be {:.1}%",
                set.label,
                weight * 100.0
            ))
            .help("leave the set out, or look why it is empty"));
        }
        wholes.push(bytes as f64 / weight);
    }
    let scarcest = wholes.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(wholes.into_iter().map(|whole| scarcest / whole).collect())
}

/// A name for a shard that none before it has: the same source may have gone through two sets.
fn name(names: &mut BTreeSet<String>, file: &str) -> String {
    let mut name = file.to_owned();
    for number in 1_u32.. {
        if names.insert(name.clone()) {
            break;
        }
        let hash = blake3::hash(format!("{file}#{number}").as_bytes()).to_hex();
        name = format!("{}.parquet", hash.get(..16).unwrap_or(&hash));
    }
    name
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use llmp_artifacts::docs::Doc;
    use llmp_stage::testing::TestContext;

    use super::super::{sample, split};
    use super::*;

    fn set(folder: &Path, name: &str, texts: impl Iterator<Item = String>) {
        std::fs::create_dir_all(folder).unwrap();
        let mut writer = Writer::create(&folder.join(name)).unwrap();
        for text in texts {
            writer.write(Doc { id: text.clone(), text, ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
    }

    fn texts(ctx: &TestContext) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for entry in std::fs::read_dir(ctx.output()).unwrap() {
            for doc in Reader::open(&entry.unwrap().path()).unwrap() {
                assert!(texts.insert(doc.unwrap().text), "no document stands twice");
            }
        }
        texts
    }

    #[test]
    fn sets_come_together_by_their_weights() {
        let root = tempfile::tempdir().unwrap();
        let (web, books) = (root.path().join("web"), root.path().join("books"));
        set(&web, "a.parquet", (0..4000).map(|number| format!("web {number:06}")));
        set(&books, "a.parquet", (0..1000).map(|number| format!("book {number:05}")));
        let mix = |weights: Option<Vec<f64>>| {
            let work = tempfile::tempdir().unwrap().keep();
            let ctx = TestContext::new(&work).with_folder("docs", &web).with_folder("docs", &books);
            run(&ctx, Settings { weights, seed: 0 }).map(|()| texts(&ctx))
        };
        assert_eq!(mix(None).unwrap().len(), 5000, "shards of one name stay apart");
        let half = mix(Some(vec![0.5, 0.5])).unwrap();
        let books = half.iter().filter(|text| text.starts_with("book")).count();
        let web = half.len() - books;
        assert_eq!(books, 1000, "the scarcest set is taken whole");
        assert!((950..1050).contains(&web), "{web}");
        assert!(mix(Some(vec![1.0])).is_err());
        assert!(lint(&Settings { weights: Some(vec![0.5, 0.4]), seed: 0 }).len() == 1);
        assert!(lint(&Settings { weights: Some(vec![0.333, 0.333, 0.333]), seed: 0 }).is_empty());
    }

    #[test]
    fn parts_are_disjoint_and_complete_and_stay_when_data_is_added() {
        let root = tempfile::tempdir().unwrap();
        let part = |documents: u32, part: split::Side| {
            let folder = root.path().join(documents.to_string());
            set(&folder, "a.parquet", (0..documents).map(|number| format!("text {number}")));
            let work = tempfile::tempdir().unwrap().keep();
            let ctx = TestContext::new(&work).with_folder("docs", &folder);
            split::run(&ctx, split::Settings { part, held_out: 0.1, seed: 0 }).unwrap();
            texts(&ctx)
        };
        let (train, held) = (part(2000, split::Side::Train), part(2000, split::Side::HeldOut));
        assert_eq!(train.len() + held.len(), 2000);
        assert!(train.is_disjoint(&held) && (150..250).contains(&held.len()));
        assert!(part(3000, split::Side::HeldOut).is_superset(&held));
    }

    #[test]
    fn a_larger_sample_holds_a_smaller_one() {
        let root = tempfile::tempdir().unwrap();
        set(&root.path().join("docs"), "a.parquet", (0..1000).map(|number| format!("text {number}")));
        let sample = |share| {
            let work = tempfile::tempdir().unwrap().keep();
            let ctx = TestContext::new(&work).with_folder("docs", &root.path().join("docs"));
            sample::run(&ctx, sample::Settings { share, seed: 0 }).unwrap();
            texts(&ctx)
        };
        let (small, large) = (sample(0.1), sample(0.3));
        assert!(large.is_superset(&small) && small.len() > 60 && large.len() < 360);
        assert_eq!((sample(0.0).len(), sample(1.0).len()), (0, 1000));
    }
}
