//! Which objects are needed by which run and stage, and what is left when the kept ones are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use llmp_compiler::key::Digest;
use llmp_records::Run;
use llmp_store::{Kind, Ledger, Manifest, Result, Store, at};

/// Runs of each pipeline that are kept unless told otherwise.
pub const KEPT_RUNS: usize = 5;

/// Which runs are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// The newest of each pipeline.
    pub runs: usize,
    /// Those that are younger, too.
    pub younger_than: Option<Duration>,
}

/// What the store holds and who needs it.
pub struct Reach {
    /// Every object with its size in bytes.
    pub objects: BTreeMap<Digest, u64>,
    /// Runs that ended, the newest first.
    pub runs: Vec<Run>,
    /// The objects of each run, by number.
    pub of_run: BTreeMap<u64, BTreeSet<Digest>>,
    /// The objects of each stage's results that are still offered, by the stage's name.
    pub of_stage: BTreeMap<String, BTreeSet<Digest>>,
    /// The objects of what each run made, finished or not, by its number: of frames in the ledger.
    made_by: BTreeMap<u64, BTreeSet<Digest>>,
}

impl Reach {
    /// Looks through the store.
    ///
    /// # Errors
    /// Where the ledger or the objects cannot be read.
    pub fn new(store: &Store, ledger: &Ledger) -> Result<Self> {
        let mut reach = Self {
            objects: store.objects.list()?.into_iter().collect(),
            runs: store.ended_runs().collect(),
            of_run: BTreeMap::new(),
            of_stage: BTreeMap::new(),
            made_by: BTreeMap::new(),
        };
        let mut dropped = BTreeMap::new();
        for (key, kind, artifact) in ledger.all() {
            let Some(record) = ledger.record(&key)?.filter(|_| kind != Kind::Forgotten) else { continue };
            let mut needs: BTreeSet<Digest> = record.dropped.iter().copied().collect();
            match kind {
                Kind::Stage => needs.extend(files(store, &artifact)),
                Kind::Shard => {
                    let files =
                        record.manifest.as_deref().and_then(|text| Manifest::parse(&artifact, text).ok());
                    needs.extend(
                        files.iter().flat_map(|manifest| manifest.files.values()).map(|file| file.digest),
                    );
                }
                Kind::Forgotten => {}
            }
            if kind == Kind::Stage {
                dropped.insert(key, record.dropped);
            }
            reach.made_by.entry(record.run).or_default().extend(&needs);
            reach.of_stage.entry(record.name).or_default().extend(needs);
        }
        for run in &reach.runs {
            let needs = reach.of_run.entry(run.run).or_default();
            for stage in &run.stages {
                needs.extend(stage.artifact.iter().flat_map(|artifact| files(store, artifact)));
                needs.extend(stage.key.and_then(|key| dropped.get(&key)).into_iter().flatten());
            }
        }
        Ok(reach)
    }

    /// The numbers of the runs that are kept: the newest of each pipeline, young ones, and those with a pin.
    /// A run that went to some stage only is no substitute for one that went further: it counts among its
    /// like.
    #[must_use]
    pub fn kept(&self, keep: Keep, pins: &BTreeMap<String, u64>) -> BTreeSet<u64> {
        let mut newer = BTreeMap::<(&str, &[String]), usize>::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let mut kept = BTreeSet::new();
        for run in &self.runs {
            let name = if run.pipeline_id.is_empty() {
                run.pipeline.to_str().unwrap_or_default()
            } else {
                &run.pipeline_id
            };
            let whole = newer.get(&(name, &[][..])).copied().unwrap_or(0);
            let like = newer.entry((name, &run.targets)).or_default();
            let covered = if run.targets.is_empty() { whole } else { whole + *like };
            *like += 1;
            let young = keep.younger_than.is_some_and(|age| now - run.started < age.as_secs_f64());
            if covered < keep.runs || young || pins.values().any(|pinned| *pinned == run.run) {
                kept.insert(run.run);
            }
        }
        kept
    }

    /// The objects that kept runs need. What a run finished that was killed counts as kept where no kept run
    /// is newer: the next run goes on from there.
    #[must_use]
    pub fn needed(&self, kept: &BTreeSet<u64>) -> BTreeSet<Digest> {
        let mut needed: BTreeSet<Digest> =
            kept.iter().filter_map(|run| self.of_run.get(run)).flatten().copied().collect();
        let newest = kept.last().copied().unwrap_or(0);
        for (run, made) in &self.made_by {
            let killed = !self.of_run.contains_key(run);
            if kept.contains(run) || killed && *run > newest {
                needed.extend(made);
            }
        }
        needed
    }

    /// Bytes of objects.
    #[must_use]
    pub fn bytes<'a>(&self, objects: impl IntoIterator<Item = &'a Digest>) -> u64 {
        objects.into_iter().filter_map(|digest| self.objects.get(digest)).sum()
    }
}

/// An artifact's list and its files.
fn files(store: &Store, artifact: &Digest) -> Vec<Digest> {
    let manifest = store.objects.manifest(artifact).unwrap_or_default();
    std::iter::once(*artifact).chain(manifest.files.values().map(|file| file.digest)).collect()
}

/// Bytes of the files below a folder, each content once however often it is linked here; 0 where there is
/// none.
#[must_use]
pub fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// When something below a folder was last written.
fn last_written(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let time = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => last_written(&entry.path()),
        Ok(meta) => meta.modified().ok(),
        Err(_) => None,
    };
    entries.filter_map(time).max()
}

/// Work that no process goes on with and no later run will: attempts of dead processes, and checkpoints that
/// were last written before the oldest kept run started. Only for one who has the store alone.
///
/// # Errors
/// Where the folder of work cannot be read.
pub fn stale_work(store: &Store, since: Option<f64>) -> Result<Vec<(PathBuf, u64)>> {
    let root = store.root().join("work");
    let since =
        since.and_then(|since| Duration::try_from_secs_f64(since).ok()).map(|since| UNIX_EPOCH + since);
    let mut stale = Vec::new();
    for key in fs::read_dir(&root).map_err(at("read", &root))?.flatten() {
        let state = key.path().join("state");
        let fresh = last_written(&state).is_some_and(|time| since.is_none_or(|since| time >= since));
        if !fresh {
            stale.push((key.path(), size_of(&key.path())));
            continue;
        }
        for entry in fs::read_dir(key.path()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("attempt-") {
                stale.push((entry.path(), size_of(&entry.path())));
            }
        }
    }
    stale.sort();
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of those kept of runs that went as far as these targets, the oldest first.
    fn kept(keep: usize, targets: &[&[&str]]) -> Vec<u64> {
        let run = |(at, targets): (usize, &&[&str])| Run {
            run: at as u64 + 1,
            pipeline_id: "main".into(),
            targets: targets.iter().map(|&name| name.to_owned()).collect(),
            ..Run::default()
        };
        let reach = Reach {
            objects: BTreeMap::new(),
            runs: targets.iter().enumerate().map(run).rev().collect(),
            of_run: BTreeMap::new(),
            of_stage: BTreeMap::new(),
            made_by: BTreeMap::new(),
        };
        reach.kept(Keep { runs: keep, younger_than: None }, &BTreeMap::new()).into_iter().collect()
    }

    #[test]
    fn runs_to_a_stage_push_out_their_like_only() {
        assert_eq!(kept(2, &[&[], &[], &[]]), [2, 3]);
        assert_eq!(kept(1, &[&[], &["docs"], &["docs"], &["docs"]]), [1, 4]);
        assert_eq!(kept(1, &[&["base"], &["docs"], &["docs"]]), [1, 3]);
        // What went through everything did what those did, too.
        assert_eq!(kept(2, &[&["docs"], &["docs"], &[], &[]]), [3, 4]);
        assert_eq!(kept(2, &[&["docs"], &["docs"], &[]]), [2, 3]);
        assert_eq!(kept(0, &[&["docs"], &[]]), [0_u64; 0]);
    }
}
