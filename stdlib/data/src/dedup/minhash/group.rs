//! The second step of `dedup.minhash`: groups of documents that are alike, over all shards.
//!
//! Documents are numbered by rank, so that neither the order of shards nor that of threads has a say. One
//! pass over the signatures writes the hash of each band to a file of its own; then band after band is
//! sorted, and those that meet are compared.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::Deserialize;

use super::signed::{Rank, SUFFIX, Signed};
use super::{Left, SUFFIX_LEFT, shard_of};
use crate::dedup::bands::Bands;
use crate::dedup::clusters::Clusters;
use crate::dedup::signature::{band_hash, similarity};
use crate::shards::pass_on;

/// The settings of `dedup.minhash.group`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How alike two documents are at least, from 0 to 1.
    pub similarity: f64,
    /// Hashes of a document.
    pub hashes: usize,
    /// Bands, where they are given.
    pub bands: Option<usize>,
    /// Hashes in each of these bands.
    pub band_hashes: Option<usize>,
}

/// A document in a crowded band is compared with so many that are unlike each other, not with all.
const MAX_COMPARED: usize = 32;

/// What it will need: what is remembered of each document, and its place in a band.
#[must_use]
pub fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    const REMEMBERED: u64 = 80;
    const SHORTEST: u64 = 512;
    let docs = inputs.get("docs");
    let documents = docs.items.or(docs.bytes.map(|bytes| bytes / SHORTEST));
    Cost { memory: documents.map(|documents| documents * REMEMBERED), ..Cost::default() }
}

/// All signatures, by place: the number of a document in the order of shards and rows.
struct Places {
    shards: Vec<Signed>,
    /// The place of each shard's first document.
    firsts: Vec<u32>,
}

impl Places {
    fn read(&mut self, place: u32) -> Result<Vec<u32>> {
        let shard = self.firsts.partition_point(|first| *first <= place) - 1;
        self.shards[shard].read(u64::from(place - self.firsts[shard]))
    }
}

/// Runs the stage.
///
/// # Errors
/// Where signatures or documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let bands = match (settings.bands, settings.band_hashes) {
        (Some(count), Some(width)) => Bands::given(count, width, settings.hashes)?,
        // The stage does not run so.
        _ => Bands::for_similarity(settings.similarity, settings.hashes),
    };
    let input = ctx.input("docs")?;
    let (mut places, mut documents) = (Places { shards: Vec::new(), firsts: Vec::new() }, 0_u64);
    for file in input.with_suffix(".parquet") {
        let signatures = input.file(&format!("{}{SUFFIX}", shard_of(file)))?;
        let signed = Signed::open(&signatures.path, settings.hashes)?;
        places.firsts.push(u32::try_from(documents).map_err(|_| too_many())?);
        documents += signed.documents();
        places.shards.push(signed);
    }
    u32::try_from(documents).map_err(|_| too_many())?;
    let mut ranked: Vec<(Rank, u32)> = Vec::with_capacity(documents as usize);
    for signed in &mut places.shards {
        signed.ranks(|rank| ranked.push((rank, ranked.len() as u32)))?;
    }
    ranked.sort_unstable();
    let by_rank: Vec<u32> = ranked.into_iter().map(|(_, place)| place).collect();
    ctx.log(&format!(
        "{} bands of {} hashes: {:.1}% of the pairs at {:.0}% are found",
        bands.count,
        bands.width,
        100.0 * bands.recall(settings.similarity),
        100.0 * settings.similarity
    ));
    let files = banded(ctx, &mut places, &by_rank, bands)?;
    let clusters = cluster(ctx, &files, &mut places, &by_rank, settings.similarity)?;
    write(ctx, &mut places, &by_rank, clusters)
}

fn too_many() -> Error {
    Error::new("there are more than 4,294,967,295 documents")
        .help("FineWeb deduplicates each crawl by itself; do so here, and join the results")
}

/// Bytes of a document in a band: its hash and its rank.
const RECORD: usize = 12;

/// Writes a file for each band.
fn banded(ctx: &dyn Context, places: &mut Places, by_rank: &[u32], bands: Bands) -> Result<Vec<PathBuf>> {
    let mut ranks = vec![0_u32; by_rank.len()];
    for (rank, place) in by_rank.iter().enumerate() {
        ranks[*place as usize] = rank as u32;
    }
    let paths: Vec<PathBuf> = (0..bands.count).map(|band| ctx.state().join(format!("band-{band}"))).collect();
    let mut files = Vec::with_capacity(paths.len());
    for path in &paths {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        files.push(BufWriter::with_capacity(64 << 10, file));
    }
    let bar = ctx.bar(by_rank.len() as u64, "documents");
    let mut place = 0;
    for signed in &mut places.shards {
        ctx.proceed()?;
        signed.each(|signature| {
            for ((band, file), path) in signature.chunks_exact(bands.width).zip(&mut files).zip(&paths) {
                let mut record = [0; RECORD];
                record[..8].copy_from_slice(&band_hash(band).to_le_bytes());
                record[8..].copy_from_slice(&ranks[place].to_le_bytes());
                file.write_all(&record).map_err(Error::io("cannot write", path))?;
            }
            place += 1;
            Ok(())
        })?;
        bar.add(signed.documents());
    }
    for (file, path) in files.into_iter().zip(&paths) {
        file.into_inner().map_err(|error| Error::io("cannot write", path)(error.into_error()))?;
    }
    Ok(paths)
}

/// Joins the ranks of documents that are alike.
fn cluster(
    ctx: &dyn Context,
    files: &[PathBuf],
    places: &mut Places,
    by_rank: &[u32],
    least: f64,
) -> Result<Clusters> {
    let mut clusters = Clusters::new(by_rank.len() as u32);
    let bar = ctx.bar(files.len() as u64, "bands");
    for path in files {
        let mut hashes = records(path, by_rank.len())?;
        std::fs::remove_file(path).map_err(Error::io("cannot remove", path))?;
        hashes.sort_unstable();
        for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            ctx.proceed()?;
            let mut unlike: Vec<(u32, Vec<u32>)> = Vec::new();
            for &(_, rank) in group {
                let known = unlike.iter().any(|(other, _)| clusters.find(*other) == clusters.find(rank));
                if known {
                    continue;
                }
                let signature = places.read(by_rank[rank as usize])?;
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

fn records(path: &Path, count: usize) -> Result<Vec<(u64, u32)>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut records = Vec::with_capacity(count);
    let mut record = [0; RECORD];
    for _ in 0..count {
        input.read_exact(&mut record).map_err(Error::io("cannot read", path))?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = record;
        records.push((u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l])));
    }
    Ok(records)
}

/// Writes, beside each shard, what is left out of it and for which document.
fn write(ctx: &dyn Context, places: &mut Places, by_rank: &[u32], mut clusters: Clusters) -> Result<()> {
    // By place, what is kept instead; only of what is left out.
    let mut left: BTreeMap<u32, u32> = BTreeMap::new();
    for (rank, place) in by_rank.iter().enumerate() {
        let first = clusters.find(rank as u32);
        if first as usize != rank {
            left.insert(*place, by_rank[first as usize]);
        }
    }
    // What is kept may stand in a later shard.
    let mut ids: BTreeMap<u32, String> = left.values().map(|kept| (*kept, String::new())).collect();
    for (signed, first) in places.shards.iter_mut().zip(&places.firsts) {
        signed.ids(|document, id| {
            if let Some(known) = ids.get_mut(&(first + document as u32)) {
                id.clone_into(known);
            }
        })?;
    }
    let files = ctx.input("docs")?.with_suffix(".parquet").zip(&places.shards).zip(&places.firsts);
    for ((file, signed), first) in files {
        ctx.proceed()?;
        let path = ctx.output().join(format!("{}{SUFFIX_LEFT}", shard_of(file)));
        let output = File::create(&path).map_err(Error::io("cannot make", &path))?;
        let mut output = BufWriter::new(output);
        for (place, kept) in left.range(*first..first + signed.documents() as u32) {
            let like = ids.get(kept).map_or("", String::as_str);
            let line = Left { row: u64::from(place - first), like: like.into() };
            let line = serde_json::to_string(&line).unwrap_or_default();
            writeln!(output, "{line}").map_err(Error::io("cannot write", &path))?;
        }
        output.flush().map_err(Error::io("cannot write", &path))?;
        ctx.count("documents", signed.documents());
        pass_on(file, ctx.output())?;
    }
    Ok(())
}
