//! Which of many things were there before: exactly, by sorting on disk, or nearly so, by a Bloom filter.
//! Either is bounded in memory.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use llmp_stage::{Context, Error, Result};

/// Buckets on disk; each holds the hashes of one range.
const BUCKETS: usize = 256;
/// Bytes that are gathered before they are written to a bucket.
const BUFFER: usize = 64 << 10;
/// A hash and its place.
const RECORD: usize = 24;
/// A bucket of more records is sorted in parts, by further bits of the hashes.
const SORTED: u64 = 8 << 20;

/// A bit for each thing, in the order in which they came.
#[derive(Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    length: u64,
}

impl Bits {
    fn zeros(length: u64) -> Self {
        Self { words: vec![0; usize::try_from(length.div_ceil(64)).unwrap_or(usize::MAX)], length }
    }

    fn set(&mut self, at: u64) {
        if let Some(word) = self.words.get_mut((at / 64) as usize) {
            *word |= 1 << (at % 64);
        }
    }

    fn push(&mut self, bit: bool) {
        if self.length.is_multiple_of(64) {
            self.words.push(0);
        }
        self.length += 1;
        if bit {
            self.set(self.length - 1);
        }
    }

    /// The bit of a thing; those behind the last are not set.
    pub(super) fn get(&self, at: u64) -> bool {
        self.words.get((at / 64) as usize).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

/// What is known of things once all have come.
#[derive(Default)]
pub(super) struct Found {
    /// Things that were there before.
    pub(super) later: Bits,
    /// Things that come more than once, the first of each kind among them. Empty where that was not asked
    /// for.
    pub(super) repeated: Bits,
    /// Of each thing that was there before, its place and that of the first, by place. Empty where that was
    /// not asked for.
    pub(super) firsts: Vec<(u64, u64)>,
}

/// What has to be known of things.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Which were there before.
    Later,
    /// Which come more than once, too.
    Repeated,
    /// Which were there before, and which the first was; this takes 16 bytes of memory each.
    Firsts,
}

/// Things that come one after another.
pub(super) enum Seen {
    /// Exactly: hashes of 128 bits go to files by their range, and are sorted there. Two unlike things among
    /// a thousand million million have the same hash with a chance of one in a hundred million.
    Sorted(Sorted),
    /// A Bloom filter, which takes some things for known that are not.
    Bloom(Bloom, Bits),
}

/// Hashes on disk, by range.
pub(super) struct Sorted {
    folder: PathBuf,
    buckets: Vec<BufWriter<File>>,
    count: u64,
}

impl Seen {
    /// Exactly, with files below `folder`, which begins empty.
    pub(super) fn sorted(folder: &Path) -> Result<Self> {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("cannot remove", folder)(error));
            }
            _ => std::fs::create_dir_all(folder).map_err(Error::io("cannot make", folder))?,
        }
        let mut buckets = Vec::with_capacity(BUCKETS);
        for number in 0..BUCKETS {
            let path = bucket(folder, number);
            let file = File::create(&path).map_err(Error::io("cannot make", &path))?;
            buckets.push(BufWriter::with_capacity(BUFFER, file));
        }
        Ok(Self::Sorted(Sorted { folder: folder.to_owned(), buckets, count: 0 }))
    }

    /// With a Bloom filter of so many bytes.
    pub(super) fn bloom(bytes: u64) -> Self {
        Self::Bloom(Bloom::new(bytes), Bits::default())
    }

    /// The next thing.
    pub(super) fn add(&mut self, hash: u128) -> Result<()> {
        match self {
            Self::Sorted(Sorted { folder, buckets, count }) => {
                let number = (hash >> 120) as usize;
                let mut record = [0; RECORD];
                // Big-endian, so that bytes sort as numbers do.
                record[..16].copy_from_slice(&hash.to_be_bytes());
                record[16..].copy_from_slice(&count.to_be_bytes());
                *count += 1;
                let path = || bucket(folder, number);
                buckets[number].write_all(&record).map_err(|error| Error::io("cannot write", &path())(error))
            }
            Self::Bloom(bloom, later) => {
                later.push(bloom.insert(hash));
                Ok(())
            }
        }
    }

    /// What is known of them; files are removed.
    pub(super) fn finish(self, ctx: &dyn Context, asked: Asked) -> Result<Found> {
        let Sorted { folder, buckets, count } = match self {
            Self::Sorted(sorted) => sorted,
            Self::Bloom(bloom, later) => {
                bloom.tell(ctx);
                return Ok(Found { later, ..Found::default() });
            }
        };
        for (number, bucket_file) in buckets.into_iter().enumerate() {
            let path = bucket(&folder, number);
            bucket_file.into_inner().map_err(|error| Error::io("cannot write", &path)(error.into_error()))?;
        }
        let mut found = Found { later: Bits::zeros(count), ..Found::default() };
        if asked == Asked::Repeated {
            found.repeated = Bits::zeros(count);
        }
        for number in 0..BUCKETS {
            let path = bucket(&folder, number);
            let length = std::fs::metadata(&path).map_err(Error::io("cannot read", &path))?.len();
            let parts = (length / RECORD as u64).div_ceil(SORTED).next_power_of_two();
            for part in 0..parts {
                ctx.proceed()?;
                group(&path, parts, part, asked, &mut found)?;
            }
            std::fs::remove_file(&path).map_err(Error::io("cannot remove", &path))?;
        }
        found.firsts.sort_unstable();
        Ok(found)
    }
}

fn bucket(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:02x}"))
}

/// Finds what comes more than once among the records of a bucket whose hashes fall into one of `parts`.
fn group(path: &Path, parts: u64, part: u64, asked: Asked, found: &mut Found) -> Result<()> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut records: Vec<[u8; RECORD]> = Vec::new();
    let mut record = [0; RECORD];
    loop {
        match input.read_exact(&mut record) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(Error::io("cannot read", path)(error)),
        }
        // The first byte chose the bucket; the next ones choose the part.
        let next = u64::from(u32::from_be_bytes([record[1], record[2], record[3], record[4]]));
        if (next * parts) >> 32 == part {
            records.push(record);
        }
    }
    records.sort_unstable();
    for same in records.chunk_by(|a, b| a[..16] == b[..16]).filter(|same| same.len() > 1) {
        let place =
            |record: &[u8; RECORD]| record[16..].iter().fold(0, |place, byte| place << 8 | u64::from(*byte));
        let first = place(&same[0]);
        for record in &same[1..] {
            found.later.set(place(record));
            if asked == Asked::Firsts {
                found.firsts.push((place(record), first));
            }
        }
        if asked == Asked::Repeated {
            same.iter().for_each(|record| found.repeated.set(place(record)));
        }
    }
    Ok(())
}

/// Bits that are set for each thing (Bloom 1970).
const PROBES: u64 = 7;

/// A Bloom filter whose bits of one thing lie in one line of memory (Putze, Sanders and Singler 2007).
pub(super) struct Bloom {
    lines: Vec<[u64; 8]>,
    set: u64,
}

impl Bloom {
    fn new(bytes: u64) -> Self {
        let lines = usize::try_from((bytes / 64).max(1)).unwrap_or(usize::MAX);
        Self { lines: vec![[0; 8]; lines], set: 0 }
    }

    /// Whether it seems to have been there; it is from now on.
    fn insert(&mut self, hash: u128) -> bool {
        let (high, mut low) = ((hash >> 64) as u64, hash as u64);
        let line = ((u128::from(high) * self.lines.len() as u128) >> 64) as usize;
        let line = &mut self.lines[line];
        let mut known = true;
        for _ in 0..PROBES {
            let (word, bit) = ((low >> 6 & 7) as usize, 1 << (low & 63));
            low >>= 9;
            if line[word] & bit == 0 {
                known = false;
                line[word] |= bit;
                self.set += 1;
            }
        }
        known
    }

    /// The chance that something new seems known, as full as it is.
    fn mistaken(&self) -> f64 {
        let mean = |line: &[u64; 8]| {
            let set: u32 = line.iter().map(|word| word.count_ones()).sum();
            (f64::from(set) / 512.0).powi(PROBES as i32)
        };
        self.lines.iter().map(mean).sum::<f64>() / self.lines.len() as f64
    }

    fn tell(&self, ctx: &dyn Context) {
        let (full, mistaken) = (self.set as f64 / (self.lines.len() * 512) as f64, self.mistaken());
        ctx.measure("mistaken", mistaken);
        ctx.log(&format!(
            "the Bloom filter is {:.1}% full: what comes next and is new seems known with a chance of {:.4}%",
            100.0 * full,
            100.0 * mistaken
        ));
    }
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::random::mix;
    use llmp_stage::testing::TestContext;

    use super::*;

    fn hash(number: u64) -> u128 {
        u128::from(mix(number)) << 64 | u128::from(mix(!number))
    }

    #[test]
    fn what_was_there_is_found_exactly() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path());
        let mut seen = Seen::sorted(&folder.path().join("seen")).expect("made");
        // 0 to 999, and every third of them again.
        let numbers: Vec<u64> = (0..1000).chain((0..1000).step_by(3)).collect();
        numbers.iter().for_each(|number| seen.add(hash(*number)).expect("added"));
        let found = seen.finish(&ctx, Asked::Repeated).expect("found");
        for place in 0..numbers.len() as u64 {
            assert_eq!(found.later.get(place), place >= 1000);
            assert_eq!(found.repeated.get(place), place >= 1000 || place.is_multiple_of(3));
        }
        let mut seen = Seen::sorted(&folder.path().join("seen")).expect("made");
        [5, 6, 5, 7, 6, 5].iter().for_each(|number| seen.add(hash(*number)).expect("added"));
        let found = seen.finish(&ctx, Asked::Firsts).expect("found");
        assert_eq!(found.firsts, [(2, 0), (4, 1), (5, 0)]);
        assert_eq!(std::fs::read_dir(folder.path().join("seen")).expect("a folder").count(), 0);
    }

    #[test]
    fn large_buckets_are_sorted_in_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("00");
        let records: Vec<u8> = (0..64_u64)
            .flat_map(|place| {
                let hash = (hash(place % 40) >> 8).to_be_bytes();
                [&hash[..], &place.to_be_bytes()].concat()
            })
            .collect();
        std::fs::write(&path, records).expect("written");
        for parts in [1, 2, 8] {
            let mut found = Found { later: Bits::zeros(64), ..Found::default() };
            (0..parts).for_each(|part| group(&path, parts, part, Asked::Later, &mut found).expect("grouped"));
            assert_eq!(
                (0..64).filter(|place| found.later.get(*place)).collect::<Vec<_>>(),
                (40..64).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_bloom_filter_forgets_nothing_and_says_how_often_it_errs() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path());
        let count = 100_000;
        let mut seen = Seen::bloom(count * 12 / 8);
        (0..count).chain(0..count).for_each(|number| seen.add(hash(number)).expect("added"));
        let found = seen.finish(&ctx, Asked::Later).expect("found");
        assert!((count..2 * count).all(|place| found.later.get(place)));
        let mistaken = (0..count).filter(|place| found.later.get(*place)).count() as f64 / count as f64;
        let said = ctx.measures.lock().expect("unpoisoned")["mistaken"];
        // Over the whole way it errs less than at the end.
        assert!(mistaken < said && said < 0.01, "{mistaken} {said}");
    }
}
