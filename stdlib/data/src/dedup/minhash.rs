//! `dedup.minhash`: keeps one of each group of documents that are nearly alike.
//!
//! Three passes. The first writes signatures to a file in the state folder. The second goes through the bands
//! one after another, sorts the documents by the band's hash and joins those that are alike. The third copies
//! what is kept. Documents are numbered by rank (longest first, then by a hash of id and text), so that
//! neither the order of shards nor that of threads has a say. Memory is about 40 bytes a document.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llmp_stage::{Context, Cost, Dropped, Error, Input, Inputs, Lint, Result, Rule};
use rayon::prelude::*;
use serde::Deserialize;

use super::bands::Bands;
use super::clusters::Clusters;
use super::signature::{Hasher, band_hash, similarity};
use crate::shards::thread_pool;
use llmp_artifacts::docs::{Doc, Reader, Writer};

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

/// A document in a crowded band is compared with so many that are unlike each other, not with all.
const MAX_COMPARED: usize = 32;

/// Documents hashed at once.
const BATCH: usize = 512;

/// What is remembered of a document: what ranks it. The order of fields is the order of ranks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Remembered {
    shorter: std::cmp::Reverse<u32>,
    digest: [u8; 16],
    /// Where it stands in the order of the shards.
    place: u32,
}

/// What it will need: what is remembered of each document, its place in a band, and a batch of texts.
#[must_use]
pub fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    const REMEMBERED: u64 = 80;
    const SHORTEST: u64 = 512;
    let docs = inputs.get("docs");
    let memory = docs.bytes.map(|bytes| {
        let documents = docs.items.unwrap_or(bytes / SHORTEST);
        let text = llmp_artifacts::docs::text_of(bytes);
        let batch = text.checked_div(documents.div_ceil(BATCH as u64)).unwrap_or(0);
        documents * REMEMBERED + 2 * batch
    });
    Cost { memory, ..Cost::default() }
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
/// Where documents or the file of signatures cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let bands = match (settings.bands, settings.band_hashes) {
        (Some(count), Some(width)) => Bands::given(count, width, settings.hashes)?,
        // The stage does not run so.
        _ => Bands::for_similarity(settings.similarity, settings.hashes),
    };
    let input = ctx.input("docs")?;
    let path = ctx.state().join("signatures");
    let (documents, mut signatures) = hash_all(ctx, input, &settings, path)?;
    ctx.log(&format!(
        "{} bands of {} hashes: {:.1}% of the pairs at {:.0}% are found",
        bands.count,
        bands.width,
        100.0 * bands.recall(settings.similarity),
        100.0 * settings.similarity
    ));
    let clusters = cluster(ctx, &documents, &mut signatures, bands, settings.similarity)?;
    let kept = kept_documents(&documents, clusters);
    copy(ctx, input, &kept)
}

/// First pass: signatures of all documents, and what ranks them.
fn hash_all(
    ctx: &dyn Context,
    input: &Input,
    settings: &Settings,
    path: PathBuf,
) -> Result<(Vec<Remembered>, Signatures)> {
    let hasher = Hasher::new(settings.ngram, settings.hashes, settings.seed);
    let pool = thread_pool(ctx)?;
    let mut documents = Vec::new();
    let mut writer = SignatureWriter::create(&path)?;
    for file in input.with_suffix(".parquet") {
        let mut reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        loop {
            ctx.proceed()?;
            let batch: Vec<Doc> = reader.by_ref().take(BATCH).collect::<Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            let hashed: Vec<_> = pool
                .install(|| batch.par_iter().map(|doc| (rank(doc), hasher.signature(&doc.text))).collect());
            bar.add(batch.len() as u64);
            for ((shorter, digest), signature) in hashed {
                let place = u32::try_from(documents.len()).map_err(|_| too_many())?;
                writer.write(&signature)?;
                documents.push(Remembered { shorter, digest, place });
            }
        }
    }
    documents.sort_unstable();
    Ok((documents, writer.finish(settings.hashes)?))
}

fn too_many() -> Error {
    Error::new("there are more than 4,294,967,295 documents")
        .help("FineWeb deduplicates each crawl by itself; do so here, and join the results")
}

fn rank(doc: &Doc) -> (std::cmp::Reverse<u32>, [u8; 16]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(doc.id.len() as u64).to_le_bytes()).update(doc.id.as_bytes()).update(doc.text.as_bytes());
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    (std::cmp::Reverse(u32::try_from(doc.text.len()).unwrap_or(u32::MAX)), digest)
}

/// Second pass: joins the ranks of documents that are alike.
fn cluster(
    ctx: &dyn Context,
    documents: &[Remembered],
    signatures: &mut Signatures,
    bands: Bands,
    least: f64,
) -> Result<Clusters> {
    let mut clusters = Clusters::new(documents.len() as u32);
    let mut ranks = vec![0_u32; documents.len()];
    for (rank, document) in documents.iter().enumerate() {
        ranks[document.place as usize] = rank as u32;
    }
    let bar = ctx.bar(bands.count as u64, "bands");
    for band in 0..bands.count {
        let mut hashes = Vec::with_capacity(documents.len());
        signatures.each(|place, signature| {
            ctx.proceed()?;
            let part = &signature[band * bands.width..][..bands.width];
            hashes.push((band_hash(part), ranks[place]));
            Ok(())
        })?;
        hashes.sort_unstable();
        for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            ctx.proceed()?;
            let mut unlike: Vec<(u32, Vec<u32>)> = Vec::new();
            for &(_, rank) in group {
                let known = unlike.iter().any(|(other, _)| clusters.find(*other) == clusters.find(rank));
                if known {
                    continue;
                }
                let signature = signatures.read(documents[rank as usize].place)?;
                match unlike.iter().find(|(_, other)| similarity(other, &signature) >= least) {
                    Some((other, _)) => clusters.join(*other, rank),
                    None if unlike.len() < MAX_COMPARED => unlike.push((rank, signature)),
                    None => {}
                }
            }
        }
        bar.add(1);
    }
    Ok(clusters)
}

/// For each place, the place of the document that is kept of its group.
fn kept_documents(documents: &[Remembered], mut clusters: Clusters) -> Vec<u32> {
    let mut kept = vec![0; documents.len()];
    for (rank, document) in documents.iter().enumerate() {
        let first = clusters.find(rank as u32);
        kept[document.place as usize] = documents[first as usize].place;
    }
    kept
}

/// Third pass: writes the documents that are kept.
fn copy(ctx: &dyn Context, input: &Input, kept: &[u32]) -> Result<()> {
    // What is dropped names what is kept in its place, which may stand in a later shard.
    let mut ids: BTreeMap<u32, String> = kept
        .iter()
        .enumerate()
        .filter(|(place, kept)| **kept as usize != *place)
        .map(|(_, kept)| (*kept, String::new()))
        .collect();
    if !ids.is_empty() {
        each_document(ctx, input, |place, doc| {
            if let Some(id) = ids.get_mut(&place) {
                *id = doc.id;
            }
            Ok(())
        })?;
    }
    let mut place = 0;
    for file in input.with_suffix(".parquet") {
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        let mut count = 0;
        for doc in reader {
            ctx.proceed()?;
            let doc = doc?;
            let first = *kept.get(place as usize).ok_or_else(changed)?;
            if first == place {
                writer.write(doc)?;
                count += 1;
            } else {
                let value = Dropped::like(ids.get(&first).map_or("another", String::as_str));
                ctx.dropped(Dropped { id: doc.id, url: doc.url, rule: "minhash.similarity".into(), value });
            }
            place += 1;
            bar.add(1);
        }
        writer.finish()?;
        ctx.count("documents", count);
    }
    Ok(())
}

fn each_document(
    ctx: &dyn Context,
    input: &Input,
    mut each: impl FnMut(u32, Doc) -> Result<()>,
) -> Result<()> {
    let mut place = 0;
    for file in input.with_suffix(".parquet") {
        for doc in Reader::open(&file.path)? {
            ctx.proceed()?;
            each(place, doc?)?;
            place += 1;
        }
    }
    Ok(())
}

fn changed() -> Error {
    Error::new("the documents have changed while they were read")
        .help("`llmp verify` finds artifacts whose bytes have changed")
}

/// Writes signatures one after another, as little-endian numbers.
struct SignatureWriter {
    path: PathBuf,
    output: BufWriter<File>,
}

impl SignatureWriter {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        Ok(Self { path: path.to_owned(), output: BufWriter::with_capacity(1 << 20, file) })
    }

    fn write(&mut self, signature: &[u32]) -> Result<()> {
        let bytes: Vec<u8> = signature.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.output.write_all(&bytes).map_err(Error::io("cannot write", &self.path))
    }

    fn finish(mut self, hashes: usize) -> Result<Signatures> {
        self.output.flush().map_err(Error::io("cannot write", &self.path))?;
        let file = File::open(&self.path).map_err(Error::io("cannot read", &self.path))?;
        Ok(Signatures { path: self.path, file, hashes })
    }
}

/// The signatures on disk, by place.
struct Signatures {
    path: PathBuf,
    file: File,
    hashes: usize,
}

impl Signatures {
    fn each(&mut self, mut each: impl FnMut(usize, &[u32]) -> Result<()>) -> Result<()> {
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("cannot read", &self.path))?;
        let mut input = BufReader::with_capacity(1 << 20, &self.file);
        let mut bytes = vec![0; self.hashes * 4];
        let mut place = 0;
        loop {
            match input.read_exact(&mut bytes) {
                Ok(()) => each(place, &numbers(&bytes))?,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(Error::io("cannot read", &self.path)(error)),
            }
            place += 1;
        }
    }

    fn read(&mut self, place: u32) -> Result<Vec<u32>> {
        let mut bytes = vec![0; self.hashes * 4];
        let start = u64::from(place) * bytes.len() as u64;
        let read = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(Error::io("cannot read", &self.path))?;
        Ok(numbers(&bytes))
    }
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
}

#[cfg(test)]
mod tests {
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

    /// The ids that are left, by shard, and the shards' bytes.
    fn dedup(shards: &[(&str, &[u8])], settings: Settings) -> (Vec<Vec<String>>, Vec<Vec<u8>>, Vec<Dropped>) {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files("docs", shards);
        run(&ctx, settings).expect("it runs");
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
