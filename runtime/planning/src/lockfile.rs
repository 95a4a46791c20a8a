//! The lock file beside a pipeline, `NAME.lock`: what was fetched for it, with addresses, bytes and digests,
//! so that plans and keys know all of it without a network. People read it, compare it and commit it.
//!
//! ```text
//! # Written by `llmp fetch` …
//! lock 1
//!
//! crawl.common_crawl {"snapshot":"CC-MAIN-2026-30"}
//!   1 1073741824 1f0c… https://data.commoncrawl.org/crawl-data/CC-MAIN-2026-30/…/….warc.gz
//!   2 …
//!
//! addresses
//!   1 52013 77ab… https://example.org/articles.jsonl.gz
//! ```
//!
//! A section is what a stage asks for: its name and the settings that say what is fetched, but for the one
//! that says which files of a list, since these are numbered. Lines are number, bytes, blake3, address. What
//! is not needed any more stays: going back to it costs nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use llmp_compiler::graph::{FileSet, Source};
use llmp_compiler::key::Digest;
use llmp_compiler::place::fetched_address;
use llmp_store::{Entry, write_atomically};
use serde_json::{Map, Value};

/// Larger ones are no lock files: a million files are about 250 MB.
const MAX_BYTES: u64 = 1 << 29;

/// The section of single addresses.
pub const ADDRESSES: &str = "addresses";

const FIRST: &str = "lock 1";

/// A file that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Where it came from.
    pub address: String,
    /// Its content and bytes.
    pub entry: Entry,
}

/// A lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    sections: BTreeMap<String, BTreeMap<u64, Locked>>,
}

/// What a stage asks to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The stage's name in the library.
    pub stage: String,
    /// The settings that say what is fetched, in base units.
    pub settings: Map<String, Value>,
}

impl Request {
    /// Reads what the compiler wrote into a [`Source::Lock`].
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut request: Map<String, Value> = serde_json::from_str(text).ok()?;
        let Value::Object(settings) = request.remove("settings")? else { return None };
        Some(Self { stage: request.remove("stage")?.as_str()?.to_owned(), settings })
    }

    /// The heading of its section.
    #[must_use]
    pub fn section(&self) -> String {
        let mut settings = self.settings.clone();
        settings.retain(|name, value| name != "files" || range(value).is_none());
        format!("{} {}", self.stage, Value::Object(settings))
    }

    /// The files of the list that it asks for, first and last, counted from 1; `None` where it asks for all
    /// there are.
    #[must_use]
    pub fn range(&self) -> Option<(u64, u64)> {
        range(self.settings.get("files")?)
    }
}

fn range(value: &Value) -> Option<(u64, u64)> {
    match value.as_array()?.as_slice() {
        [first, last] => Some((first.as_u64()?, last.as_u64()?)),
        _ => None,
    }
}

impl LockFile {
    /// Where the lock file of the pipeline with this main file is.
    #[must_use]
    pub fn path(main: &Path) -> PathBuf {
        main.with_extension("lock")
    }

    /// Reads it; one that is not there is empty.
    ///
    /// # Errors
    /// A sentence for people: which line of it cannot be read.
    pub fn open(path: &Path) -> Result<Self, String> {
        let refused = |why: String| format!("the lock file `{}` cannot be read: {why}", path.display());
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(refused(error.to_string())),
            Ok(meta) if meta.len() > MAX_BYTES => return Err(refused("it is too large".to_owned())),
            Ok(_) => {}
        }
        let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        Self::read(&text).map_err(|(line, why)| {
            format!(
                "line {line} of the lock file `{}` {why}; a line that is removed is fetched anew",
                path.display()
            )
        })
    }

    fn read(text: &str) -> Result<Self, (usize, &'static str)> {
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            Some((_, FIRST)) => {}
            Some((at, _)) => {
                return Err((at, "is not `lock 1`: another version of llmp wrote it, or it is no lock file"));
            }
            None => return Ok(Self::default()),
        }
        let mut lock = Self::default();
        let mut section = None;
        for (at, line) in lines {
            let Some(entry) = line.strip_prefix("  ") else {
                if !line.starts_with(|first: char| first.is_ascii_lowercase()) {
                    return Err((at, "is neither a heading nor a file"));
                }
                section = Some(lock.sections.entry(line.to_owned()).or_default());
                continue;
            };
            let Some(section) = section.as_mut() else { return Err((at, "stands before any heading")) };
            let (number, locked) = entry_of(entry).map_err(|why| (at, why))?;
            if section.insert(number, locked).is_some() {
                return Err((at, "has a number that stands twice in its section"));
            }
        }
        Ok(lock)
    }

    /// As it is written: sections by name, files by number.
    #[must_use]
    pub fn text(&self, main: &str) -> String {
        let mut text = format!(
            "# Written by `llmp fetch`: where the files that {main} reads came from, their bytes and blake3. Commit it, and all\n\
             # read the same files. A line that is removed is fetched anew.\n{FIRST}\n"
        );
        for (section, files) in self.sections.iter().filter(|(_, files)| !files.is_empty()) {
            let _ = write!(text, "\n{section}\n");
            for (number, Locked { address, entry }) in files {
                let _ = writeln!(text, "  {number} {} {} {address}", entry.size, entry.digest.hex());
            }
        }
        text
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&self, path: &Path) -> llmp_store::Result<()> {
        let main = path.with_extension("llmp");
        let main = main.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        write_atomically(path, self.text(&main).as_bytes())
    }

    /// The file of this number in a section.
    #[must_use]
    pub fn numbered(&self, section: &str, number: u64) -> Option<&Locked> {
        self.sections.get(section)?.get(&number)
    }

    /// The file at an address that stands by itself.
    #[must_use]
    pub fn address(&self, address: &str) -> Option<&Locked> {
        self.sections.get(ADDRESSES)?.values().find(|locked| locked.address == address)
    }

    /// The files of a section.
    pub fn section(&self, section: &str) -> impl Iterator<Item = (u64, &Locked)> {
        self.sections.get(section).into_iter().flatten().map(|(number, locked)| (*number, locked))
    }

    /// Takes in a file of a section's list.
    pub fn insert(&mut self, section: &str, number: u64, locked: Locked) {
        self.sections.entry(section.to_owned()).or_default().insert(number, locked);
    }

    /// Takes in a file at an address that stands by itself; addresses stay sorted.
    pub fn insert_address(&mut self, locked: Locked) {
        let section = self.sections.remove(ADDRESSES).unwrap_or_default();
        let mut all: Vec<_> = section.into_values().filter(|other| other.address != locked.address).collect();
        all.push(locked);
        all.sort_by(|a, b| a.address.cmp(&b.address));
        self.sections.insert(ADDRESSES.to_owned(), (1..).zip(all).collect());
    }

    /// The files of what a stage asks for; `None` where one of them is not fetched yet.
    #[must_use]
    pub fn files(&self, request: &Request) -> Option<Vec<&Locked>> {
        let section = self.sections.get(&request.section())?;
        match request.range() {
            Some((first, last)) => (first..=last).map(|number| section.get(&number)).collect(),
            None => Some(section.values().collect()).filter(|all: &Vec<_>| !all.is_empty()),
        }
    }
}

/// `1 1073741824 1f0c… https://…`
fn entry_of(line: &str) -> Result<(u64, Locked), &'static str> {
    let mut parts = line.splitn(4, ' ');
    let number = parts.next().and_then(|part| part.parse().ok()).ok_or("has no number")?;
    let size = parts.next().and_then(|part| part.parse().ok()).ok_or("has no number of bytes")?;
    let digest = parts.next().and_then(Digest::from_hex).ok_or("has no blake3 of 64 digits")?;
    let address = parts.next().filter(|part| !part.is_empty()).ok_or("has no address")?.to_owned();
    Ok((number, Locked { address, entry: Entry { digest, size } }))
}

/// The addresses among the paths and patterns of a set.
#[must_use]
pub(crate) fn addresses(set: &FileSet) -> Vec<&str> {
    set.patterns().iter().filter_map(|pattern| fetched_address(pattern)).collect()
}

/// What a set asks of the lock file, where it is a stage's request.
#[must_use]
pub(crate) fn request(set: &FileSet) -> Option<Request> {
    match &set.source {
        Source::Lock(text) => Request::read(text),
        Source::Patterns(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(number: u64) -> Locked {
        let entry = Entry { digest: Digest::of(&number.to_le_bytes()), size: number };
        Locked { address: format!("https://a.example/{number}"), entry }
    }

    fn example() -> LockFile {
        let mut lock = LockFile::default();
        for number in [10, 2, 1] {
            lock.insert("b {}", number, locked(number));
        }
        lock.insert_address(locked(7));
        lock.insert_address(locked(3));
        lock.insert_address(locked(7));
        lock
    }

    #[test]
    fn what_is_written_is_read_and_sorted() {
        let lock = example();
        let text = lock.text("main.llmp");
        assert_eq!(LockFile::read(&text).unwrap(), lock);
        let numbers: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
        assert_eq!(numbers, ["1", "2", "1", "2", "10"]);
        assert_eq!(lock.address("https://a.example/7").unwrap().entry.size, 7);
        assert!(lock.address("https://a.example/10").is_none());
    }

    #[test]
    fn every_damaged_line_is_named() {
        let cases = [
            ("lock 2\n", 1),
            ("lock 1\n  1 2 ab https://x\n", 2),
            ("lock 1\ns\n  x\n", 3),
            ("lock 1\ns\n  1 x\n", 3),
            ("lock 1\n\ns\n  1 2 abc https://x\n", 4),
            ("lock 1\n<<<<<<< HEAD\n  1\n", 2),
        ];
        for (text, line) in cases {
            assert_eq!(LockFile::read(text).unwrap_err().0, line, "{text}");
        }
        let digest = Digest::of(b"").hex();
        let twice = format!("lock 1\ns\n  1 2 {digest} https://x\n  1 2 {digest} https://y\n");
        assert_eq!(LockFile::read(&twice).unwrap_err().0, 4);
        assert!(LockFile::read("").unwrap().sections.is_empty());
    }

    #[test]
    fn a_range_takes_its_numbers_and_all_of_them() {
        let request = |files: &str| {
            Request::read(&format!(r#"{{"stage":"b","settings":{{"files":{files}}}}}"#)).unwrap()
        };
        let lock = example();
        assert_eq!(lock.files(&request("[1,2]")).unwrap().len(), 2);
        assert_eq!(lock.files(&request("[1,3]")), None);
        assert_eq!(request("[1,2]").section(), "b {}");
        let all = Request::read(r#"{"stage":"b","settings":{}}"#).unwrap();
        assert_eq!(lock.files(&all).unwrap().len(), 3);
        let other = Request::read(r#"{"stage":"c","settings":{}}"#).unwrap();
        assert_eq!(lock.files(&other), None);
    }
}
