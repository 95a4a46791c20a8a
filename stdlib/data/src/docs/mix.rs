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
    /// Whether scarce sets are repeated instead of leaving out a part of the others.
    pub repeat: bool,
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

/// A set that would be repeated more often is too small for its weight.
const MOST: f64 = 100.0;

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written, there are not as many weights as sets, or a set is too small
/// for its weight.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let sets = ctx.inputs("docs");
    let shares = match &settings.weights {
        None => vec![1.0; sets.len()],
        Some(weights) => shares(ctx, sets, weights, settings.repeat)?,
    };
    let mut names = BTreeSet::new();
    let mut taken = Vec::new();
    for (set, share) in sets.iter().zip(shares) {
        let mut documents = 0;
        for file in set.with_suffix(".parquet") {
            for _ in 0..share.floor() as u64 {
                let path = ctx.output().join(name(&mut names, &file.name));
                std::fs::copy(&file.path, &path).map_err(Error::io("cannot copy", &file.path))?;
                documents += Reader::open(&file.path)?.rows();
                ctx.proceed()?;
            }
            let rest = share.fract();
            if rest == 0.0 {
                continue;
            }
            let mut reader = Reader::open(&file.path)?;
            let bar = ctx.bar(reader.rows(), "documents");
            let mut writer = Writer::create(&ctx.output().join(name(&mut names, &file.name)))?;
            for doc in reader.by_ref() {
                ctx.proceed()?;
                bar.add(1);
                let doc = doc?;
                if place("llmp docs.mix 1", settings.seed, &doc.text) < rest {
                    writer.write(doc)?;
                } else if share < 1.0 {
                    let value = format!("{:.1}% of {} are taken", share * 100.0, set.label);
                    ctx.dropped(Dropped { id: doc.id, url: doc.url, rule: "mix.not_chosen".into(), value });
                }
            }
            documents += writer.finish()?;
        }
        ctx.count("documents", documents);
        taken.push(format!("{:.1}% of {}, {documents} documents", share * 100.0, set.label));
    }
    if settings.weights.is_some() {
        ctx.show(&taken.join("; "));
    }
    Ok(())
}

/// The share of each set's documents that is taken: all of the scarcest one's, and of the others what its
/// weight allows; or, where sets may be repeated, all of the most plentiful one's, and of the others what its
/// weight asks for.
fn shares(ctx: &dyn Context, sets: &[Input], weights: &[f64], repeat: bool) -> Result<Vec<f64>> {
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
    let whole = match repeat {
        false => wholes.iter().copied().fold(f64::INFINITY, f64::min),
        true => wholes.iter().copied().fold(0.0, f64::max),
    };
    let shares: Vec<f64> = wholes.into_iter().map(|own| whole / own).collect();
    match sets.iter().zip(&shares).find(|(_, share)| **share > MOST) {
        None => Ok(shares),
        Some((set, share)) => {
            Err(Error::new(format!("`{}` would be repeated {share:.0} times for its weight", set.label))
                .help("give it a smaller weight, or leave out `repeat`"))
        }
    }
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
            run(&ctx, Settings { weights, repeat: false, seed: 0 }).map(|()| texts(&ctx))
        };
        assert_eq!(mix(None).unwrap().len(), 5000, "shards of one name stay apart");
        let half = mix(Some(vec![0.5, 0.5])).unwrap();
        let books = half.iter().filter(|text| text.starts_with("book")).count();
        let web = half.len() - books;
        assert_eq!(books, 1000, "the scarcest set is taken whole");
        assert!((950..1050).contains(&web), "{web}");
        assert!(mix(Some(vec![1.0])).is_err());
        assert!(lint(&Settings { weights: Some(vec![0.5, 0.4]), repeat: false, seed: 0 }).len() == 1);
        assert!(
            lint(&Settings { weights: Some(vec![0.333, 0.333, 0.333]), repeat: false, seed: 0 }).is_empty()
        );
    }

    #[test]
    fn a_scarce_set_is_repeated_where_that_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let (web, books) = (root.path().join("web"), root.path().join("books"));
        set(&web, "a.parquet", (0..1000).map(|number| format!("web {number:06}")));
        set(&books, "a.parquet", (0..400).map(|number| format!("book {number:05}")));
        let work = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(work.path()).with_folder("docs", &web).with_folder("docs", &books);
        run(&ctx, Settings { weights: Some(vec![0.5, 0.5]), repeat: true, seed: 0 }).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for entry in std::fs::read_dir(ctx.output()).unwrap() {
            for doc in Reader::open(&entry.unwrap().path()).unwrap() {
                *counts.entry(doc.unwrap().text).or_insert(0) += 1;
            }
        }
        let of = |what: &'static str| {
            counts.iter().filter(move |(text, _)| text.starts_with(what)).map(|(_, count)| *count)
        };
        assert!(of("web").all(|count| count == 1) && of("web").count() == 1000);
        // Two and a half times: half of them come a third time.
        assert!(of("book").all(|count| count == 2 || count == 3));
        assert!((950..1050).contains(&of("book").sum::<i32>()));
        assert_eq!(ctx.counted("dropped.mix.not_chosen"), 0);
        let few = run(&ctx, Settings { weights: Some(vec![0.001, 0.999]), repeat: true, seed: 0 });
        assert!(few.unwrap_err().to_string().contains("would be repeated"));
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
