//! What is fetched before a run: files that its stages will read and that are not in the download cache.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use llmp_compiler::graph::{FileSet, Graph, Producer, Stage, StageId};
use llmp_compiler::plan::{Decision, Reason};
use llmp_compiler::source::Span;
use llmp_records::text;
use llmp_store::Entry;

use super::lockfile::{self, Locked, Request};
use super::{Past, Row};

/// What one stage reads and lacks.
#[derive(Clone, Debug)]
pub struct Lack {
    /// The stage.
    pub stage: StageId,
    /// Where it is asked for.
    pub span: Span,
    /// What it is.
    pub what: Lacking,
}

/// What is lacking.
#[derive(Clone, Debug)]
pub enum Lacking {
    /// Files of a list that the lock file does not know yet: their numbers, first and last. `None` is all
    /// there are.
    Unknown(Request, Option<(u64, u64)>),
    /// A file at an address that the lock file does not know yet.
    Address(String),
    /// A file that the lock file knows, under a number of a request's list or by itself.
    Known(Locked, Option<(Request, u64)>),
}

/// How much is to be fetched for a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// Files; those whose number is not known, as of a site, are none.
    pub files: u64,
    /// Their bytes, as far as they can be told.
    pub bytes: Option<u64>,
    /// Whether some of the bytes are what such files usually have.
    pub usual: bool,
}

/// Bytes a second that are assumed: a line of 100 Mbit/s.
pub const BYTES_A_SECOND: f64 = 11e6;

impl Fetch {
    /// Seconds that it takes at [`BYTES_A_SECOND`].
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.bytes.map(|bytes| bytes as f64 / BYTES_A_SECOND)
    }

    /// The sum of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let bytes = self.bytes.zip(other.bytes).map(|(one, other)| one + other);
        Self { files: self.files + other.files, bytes, usual: self.usual || other.usual }
    }
}

impl fmt::Display for Fetch {
    /// `18 files, about 15.1 GiB, 24m 32s at 11 MB/s`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.files {
            0 => formatter.write_str("pages")?,
            files => formatter.write_str(&text::plural(files, "file"))?,
        }
        let about = if self.usual { "about " } else { "" };
        match (self.bytes, self.seconds()) {
            (Some(bytes), Some(seconds)) => {
                let (bytes, seconds) = (text::bytes(bytes), text::duration(seconds));
                write!(formatter, ", {about}{bytes}, {seconds} at {:.0} MB/s", BYTES_A_SECOND / 1e6)
            }
            _ => formatter.write_str(" of unknown size"),
        }
    }
}

/// The files that stages which will run read from the download cache and that are not what the lock file
/// says.
#[must_use]
pub fn damaged(graph: &Graph, past: &Past, rows: &[Row]) -> Vec<PathBuf> {
    let mut paths = BTreeSet::new();
    for row in rows.iter().filter(|row| matches!(row.decision, Decision::Run { .. })) {
        for (_, set, _) in sets(graph.stage(row.id)) {
            if lockfile::request(&set).is_none() && lockfile::addresses(&set).is_empty() {
                continue;
            }
            let Ok(files) = past.find(&set) else { continue };
            let downloads = past.surroundings().downloads.clone();
            for file in &files.found {
                let entry = Entry { digest: file.digest, size: file.size };
                let here = file.path == downloads.file(&file.digest) && downloads.has(&entry);
                if here && !past.is_intact(&file.path, &entry) {
                    paths.insert(file.path.clone());
                }
            }
        }
    }
    paths.into_iter().collect()
}

/// What the stages that will run lack, in the order of the graph.
///
/// # Errors
/// A sentence for people: where the lock file cannot be read.
pub fn lacks(graph: &Graph, past: &Past, rows: &[Row]) -> Result<Vec<Lack>, String> {
    let mut all = Vec::new();
    for row in rows {
        all.extend(of_stage(graph.stage(row.id), row.id, &row.decision, past)?);
    }
    Ok(all)
}

/// The sets of files that a stage reads, with their roles.
fn sets(stage: &Stage) -> Vec<(&str, FileSet, Span)> {
    let inputs = stage.inputs.iter().filter_map(|input| match &input.from {
        Producer::Files(set) => Some((input.role.as_str(), set.clone(), input.span)),
        Producer::Stage(_) => None,
    });
    let settings = stage.settings.iter().flat_map(|setting| {
        let span = setting.span.unwrap_or(stage.span);
        setting.paths().map(move |path| (setting.name.as_str(), FileSet::of([path]), span))
    });
    inputs.chain(settings).collect()
}

pub(super) fn of_stage(
    stage: &Stage,
    id: StageId,
    decision: &Decision,
    past: &Past,
) -> Result<Vec<Lack>, String> {
    let Decision::Run { key, reasons, .. } = decision else { return Ok(vec![]) };
    // What is forced is read again.
    let key = key.as_ref().filter(|_| !reasons.contains(&Reason::Forced));
    let mut lacks = Vec::new();
    for (role, set, span) in sets(stage) {
        let (request, addresses) = (lockfile::request(&set), lockfile::addresses(&set));
        if request.is_none() && addresses.is_empty() {
            continue;
        }
        let at = past.surroundings();
        let lock = at.lock().map_err(|absent| absent.to_string())?;
        // What was read once, shard by shard, need not be there again.
        let unread: Option<BTreeSet<String>> = key.and_then(|key| past.unread(stage, key, role, &set));
        let needed = |locked: &Locked| {
            let read = unread.as_ref().is_some_and(|unread| !unread.contains(&locked.address));
            !read && !at.downloads.has(&locked.entry)
        };
        let mut lack = |what| lacks.push(Lack { stage: id, span, what });
        for address in addresses {
            match lock.address(address) {
                None => lack(Lacking::Address(address.to_owned())),
                Some(locked) if needed(locked) => lack(Lacking::Known(locked.clone(), None)),
                Some(_) => {}
            }
        }
        let Some(request) = request else { continue };
        let section = request.section();
        for (number, locked) in lock.section(&section) {
            let asked = request.range().is_none_or(|(first, last)| (first..=last).contains(&number));
            if asked && needed(locked) {
                lack(Lacking::Known(locked.clone(), Some((request.clone(), number))));
            }
        }
        match request.range() {
            None if lock.section(&section).next().is_none() => lack(Lacking::Unknown(request, None)),
            None => {}
            Some((first, last)) => {
                for (from, to) in gaps(first, last, |number| lock.numbered(&section, number).is_some()) {
                    lack(Lacking::Unknown(request.clone(), Some((from, to))));
                }
            }
        }
    }
    // Which files of those that are known are read, and not only what was made of them, is known with the
    // others.
    let is_unknown = |lack: &Lack| !matches!(lack.what, Lacking::Known(..));
    if lacks.iter().any(is_unknown) {
        lacks.retain(is_unknown);
    }
    Ok(lacks)
}

/// The runs of numbers from `first` to `last` that are not there.
fn gaps(first: u64, last: u64, there: impl Fn(u64) -> bool) -> Vec<(u64, u64)> {
    let mut gaps: Vec<(u64, u64)> = Vec::new();
    for number in (first..=last).filter(|number| !there(*number)) {
        match gaps.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => gaps.push((number, number)),
        }
    }
    gaps
}

/// How much a stage's files come to; `usual` are the bytes that all files which it asks for usually have.
pub(super) fn sum(stage: &Stage, lacks: &[Lack], usual: Option<u64>) -> Option<Fetch> {
    let requests = sets(stage).into_iter().filter_map(|(_, set, _)| lockfile::request(&set));
    let asked: u64 =
        requests.filter_map(|request| request.range()).map(|(first, last)| last - first + 1).sum();
    let usual = usual.map(|bytes| bytes / asked.max(1));
    let of = |lack: &Lack| match &lack.what {
        Lacking::Known(locked, _) => Fetch { files: 1, bytes: Some(locked.entry.size), usual: false },
        Lacking::Address(_) => Fetch { files: 1, bytes: None, usual: false },
        Lacking::Unknown(_, range) => {
            let files = range.map_or(0, |(from, to)| to - from + 1);
            Fetch { files, bytes: usual.map(|bytes| bytes.saturating_mul(files.max(1))), usual: true }
        }
    };
    lacks.iter().map(of).reduce(Fetch::and)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_is_not_there() {
        assert_eq!(gaps(1, 6, |number| [2, 3, 6].contains(&number)), [(1, 1), (4, 5)]);
        assert!(gaps(1, 2, |_| true).is_empty());
        assert_eq!(gaps(3, 5, |_| false), [(3, 5)]);
    }
}
