//! `dedup.minhash`: keeps one of each group of documents that are nearly alike.
//!
//! Three steps, each a stage: [`sign`] makes signatures of a shard, [`group`] finds groups over all shards
//! and writes beside each shard what is left out of it, and this one writes what is kept. The first and the
//! last go shard by shard.

pub mod group;
pub mod sign;
mod signed;

use std::collections::BTreeMap;
use std::path::Path;

use llmp_artifacts::docs::{Reader, Writer};
use llmp_artifacts::lines::{Line, Lines};
use llmp_stage::{Context, Dropped, Error, InputFile, Lint, Result, Rule};
use serde::{Deserialize, Serialize};

use crate::shards::pass_on;

/// The settings of `dedup.minhash`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How alike two documents are at least, from 0 to 1.
    pub similarity: f64,
    /// Words in a sequence.
    pub ngram: usize,
    /// Hashes of a document.
    pub hashes: usize,
    /// Bands, where they are given.
    pub bands: Option<usize>,
    /// Hashes in each of these bands.
    pub band_hashes: Option<usize>,
    /// Chooses the hash functions.
    pub seed: u64,
}

/// How the name of the file ends that says what is left out of a shard.
const SUFFIX_LEFT: &str = ".alike.jsonl";

/// A document that is left out: a line of that file.
#[derive(Debug, Serialize, Deserialize)]
struct Left<'a> {
    /// Its row in the shard, from 0.
    row: u64,
    /// The id of the document that is kept in its place.
    like: std::borrow::Cow<'a, str>,
}

/// The shard that a file belongs to.
fn shard_of(file: &InputFile) -> &str {
    llmp_stage::shard_of(&file.name)
}

/// Bands of locality-sensitive hashing are so many of so many hashes each, which there have to be.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let half = |given: &'static [&'static str], missing: &str| {
        let given_name = given.first().copied().unwrap_or_default();
        Lint::new("E0308", given, format!("`{given_name}` is given without `{missing}`"))
            .help(format!("give both, or neither: add `{missing} = …`, or remove `{given_name}`"))
    };
    let lint = match (settings.bands, settings.band_hashes) {
        (Some(bands), Some(width)) if bands.saturating_mul(width) > settings.hashes => {
            let needed = bands.saturating_mul(width);
            let message =
                format!("{bands} bands of {width} hashes need {needed} hashes, found {}", settings.hashes);
            let help = format!("write `hashes = {needed}`, or choose fewer or narrower bands");
            Some(Lint::new("E0308", &["bands"], message).help(help))
        }
        (Some(_), None) => Some(half(&["bands"], "band_hashes")),
        (None, Some(_)) => Some(half(&["band_hashes"], "bands")),
        _ => None,
    };
    lint.into_iter().collect()
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[Rule {
        name: "minhash.similarity",
        drops: "another document of its group shares at least so much of the word sequences; the longest of a group is kept",
        setting: Some("similarity"),
        off: None,
        source: "MinHash: Broder (1997), with bands as FineWeb has them",
    }]
}
/// How fast it is: documents of 700 to 70,000 letters.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 5.8e6, gives: 0.95 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written, or the steps before have not been done.
pub fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    let input = ctx.input("docs")?;
    for file in input.with_suffix(".parquet") {
        let left = left_out(&input.file(&format!("{}{SUFFIX_LEFT}", shard_of(file)))?.path)?;
        let reader = Reader::open(&file.path)?;
        ctx.count("documents", reader.rows().saturating_sub(left.len() as u64));
        if left.is_empty() {
            pass_on(file, ctx.output())?;
            continue;
        }
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let bar = ctx.bar(reader.rows(), "documents");
        for (row, doc) in (0_u64..).zip(reader) {
            ctx.proceed()?;
            let doc = doc?;
            match left.get(&row) {
                None => writer.write(doc)?,
                Some(like) => {
                    let (rule, value) = ("minhash.similarity".into(), Dropped::like(like));
                    ctx.dropped(Dropped { id: doc.id, url: doc.url, rule, value });
                }
            }
            bar.add(1);
        }
        writer.finish()?;
    }
    Ok(())
}

/// The rows that are left out, each with the id of what is kept.
fn left_out(path: &Path) -> Result<BTreeMap<u64, String>> {
    let (mut lines, mut left) = (Lines::open(path)?, BTreeMap::new());
    while let Some(line) = lines.next_line()? {
        let parsed = match line {
            Line::Row(row) => serde_json::from_slice::<Left<'_>>(row).map_err(|error| error.to_string()),
            Line::Bad(why) => Err(why.to_owned()),
        };
        match parsed {
            Ok(line) => left.insert(line.row, line.like.into_owned()),
            Err(why) => {
                return Err(Error::new(format!("cannot understand `{}`: {why}", path.display())));
            }
        };
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Doc;
    use llmp_stage::testing::TestContext;

    use super::*;

    fn settings() -> Settings {
        Settings { similarity: 0.8, ngram: 5, hashes: 112, bands: None, band_hashes: None, seed: 1 }
    }

    /// A text of 200 words that belongs to a subject, with its last words changed.
    fn text(subject: u32, changed: u32) -> String {
        let word = |n: u32| {
            if n < 200 - changed { format!("s{subject}w{n}") } else { format!("c{changed}s{subject}w{n}") }
        };
        (0..200).map(word).collect::<Vec<_>>().join(" ")
    }

    fn shard(docs: &[(&str, String)]) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shard");
        let mut writer = Writer::create(&path).expect("made");
        for (id, text) in docs {
            writer.write(Doc { id: (*id).into(), text: text.clone(), ..Doc::default() }).expect("written");
        }
        writer.finish().expect("written");
        std::fs::read(path).expect("read")
    }

    /// The three steps over shards in the folder `docs`.
    fn steps(docs: &Path, settings: Settings) -> TestContext {
        let Settings { similarity, ngram, hashes, bands, band_hashes, seed } = settings;
        let work = tempfile::tempdir().expect("a folder").keep();
        let ctx = |name: &str, docs: &Path| TestContext::new(&work.join(name)).with_folder("docs", docs);
        let signed = ctx("sign", docs);
        sign::run(&signed, sign::Settings { ngram, hashes, seed }).expect("signed");
        let grouped = ctx("group", signed.output());
        group::run(&grouped, group::Settings { similarity, hashes, bands, band_hashes }).expect("grouped");
        assert_eq!(std::fs::read_dir(grouped.state()).expect("a folder").count(), 0);
        let last = ctx("last", grouped.output());
        run(&last, settings).expect("it runs");
        last
    }

    /// The ids that are left, by shard, and the shards' bytes.
    fn dedup(shards: &[(&str, &[u8])], settings: Settings) -> (Vec<Vec<String>>, Vec<Vec<u8>>, Vec<Dropped>) {
        let docs = tempfile::tempdir().expect("a folder");
        for (name, bytes) in shards {
            std::fs::write(docs.path().join(name), bytes).expect("written");
        }
        let ctx = steps(docs.path(), settings);
        let paths: Vec<_> = shards.iter().map(|(name, _)| ctx.output().join(name)).collect();
        let ids = paths.iter().map(|path| {
            Reader::open(path).expect("opens").map(|doc| doc.expect("read").id).collect::<Vec<_>>()
        });
        let bytes = paths.iter().map(|path| std::fs::read(path).expect("read"));
        let drops = ctx.drops.lock().expect("unpoisoned").clone();
        (ids.collect(), bytes.collect(), drops)
    }

    #[test]
    fn near_duplicates_go_and_untouched_shards_keep_their_bytes() {
        let a = shard(&[("<a>", text(1, 0)), ("<b>", text(2, 0)), ("<e1>", String::new())]);
        let longer = text(1, 10) + " and more";
        let b = shard(&[("<c>", longer), ("<d>", text(3, 0))]);
        let c = shard(&[("<f>", text(4, 0)), ("<e2>", String::new()), ("<g>", text(2, 80))]);
        let shards = [("a.parquet", &a[..]), ("b.parquet", &b[..]), ("c.parquet", &c[..])];
        let (ids, bytes, drops) = dedup(&shards, settings());
        // 80 of 200 words changed leave a similarity of 0.43.
        assert_eq!(ids, [vec!["<b>"], vec!["<c>", "<d>"], vec!["<f>", "<e2>", "<g>"]]);
        assert_eq!(&bytes[1], &b);
        let drops: Vec<_> = drops.iter().map(|drop| (drop.id.as_str(), drop.value.as_str())).collect();
        assert_eq!(drops, [("<a>", "like <c>"), ("<e1>", "like <e2>")]);
    }

    #[test]
    fn the_order_of_shards_has_no_say() {
        let groups: Vec<(String, String)> = (0..30).map(|n| (format!("<{n}>"), text(n % 7, n / 7))).collect();
        let docs: Vec<(&str, String)> = groups.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
        let (one, two) = (shard(&docs[..13]), shard(&docs[13..]));
        let sorted = |ids: Vec<Vec<String>>| {
            let mut ids = ids.concat();
            ids.sort();
            ids
        };
        let first = sorted(dedup(&[("a.parquet", &one), ("b.parquet", &two)], settings()).0);
        let second = sorted(dedup(&[("a.parquet", &two), ("b.parquet", &one)], settings()).0);
        assert_eq!(first, second);
        assert_eq!(first.len(), 7);
    }

    #[test]
    fn similarity_is_held_to() {
        let docs = shard(&[("<a>", text(1, 0)), ("<b>", text(1, 30))]);
        let kept =
            |similarity| dedup(&[("a.parquet", &docs)], Settings { similarity, ..settings() }).0[0].len();
        // 30 of 200 words changed: 166 of 226 sequences in common, 0.73.
        assert_eq!((kept(0.95), kept(0.85), kept(0.6), kept(0.3)), (2, 2, 1, 1));
    }

    #[test]
    fn half_a_choice_of_bands_is_an_error() {
        let found = |settings: Settings| lint(&settings).iter().filter(|lint| lint.is_error()).count();
        assert_eq!(found(Settings { bands: Some(14), ..settings() }), 1);
        assert_eq!(found(Settings { band_hashes: Some(8), ..settings() }), 1);
        let both = |bands, width| Settings { bands: Some(bands), band_hashes: Some(width), ..settings() };
        assert_eq!((found(both(1, 1)), found(both(1_000, 1_000)), found(settings())), (0, 1, 0));
    }
}
