//! What an artifact is in the store: an object that lists files by digest, size and name, one a line, sorted
//! by name. Its digest is the blake3 hash of that text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use llmp_compiler::key::Digest;

use super::{Result, StoreError};

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// blake3 of its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// An artifact's files by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Sorted by name.
    pub files: BTreeMap<String, Entry>,
}

impl Manifest {
    /// The text that is hashed and kept.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.files.len() * 96);
        for (name, entry) in &self.files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {} {name}", entry.digest, entry.size);
        }
        text
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }

    /// Reads the text back.
    ///
    /// # Errors
    /// Where it is no manifest.
    pub fn parse(digest: &Digest, text: &str) -> Result<Self> {
        let mut files = BTreeMap::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ' ');
            let entry = (|| {
                let digest = Digest::from_hex(parts.next()?)?;
                let size = parts.next()?.parse().ok()?;
                Some((parts.next()?.to_owned(), Entry { digest, size }))
            })();
            let Some((name, entry)) = entry else {
                return Err(StoreError::Damaged {
                    digest: digest.hex(),
                    what: "it is no list of files".into(),
                });
            };
            files.insert(name, entry);
        }
        Ok(Self { files })
    }

    /// Adds the files of a shard. Files that several shards have in common must be the same.
    ///
    /// # Errors
    /// Where two shards give one name different contents.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        for (name, entry) in other.files {
            match self.files.get(&name) {
                Some(mine) if *mine != entry => {
                    return Err(StoreError::Output(format!("two shards made different files `{name}`")));
                }
                _ => {
                    self.files.insert(name, entry);
                }
            }
        }
        Ok(())
    }

    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.values().map(|entry| entry.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        let mut manifest = Manifest::default();
        for name in ["b c", "a/ü", "z"] {
            manifest.files.insert(name.into(), Entry { digest: Digest::of(name.as_bytes()), size: 3 });
        }
        assert_eq!(Manifest::parse(&manifest.digest(), &manifest.text()).unwrap(), manifest);
        assert!(Manifest::parse(&manifest.digest(), "nonsense").is_err());
    }

    #[test]
    fn shards_share_equal_files_only() {
        let entry = |text: &str| Entry { digest: Digest::of(text.as_bytes()), size: 1 };
        let shard = |name: &str, common: &str| Manifest {
            files: [(name.to_owned(), entry(name)), ("tokens.json".to_owned(), entry(common))].into(),
        };
        let mut all = shard("a", "x");
        all.merge(shard("b", "x")).unwrap();
        assert_eq!(all.files.len(), 3);
        assert!(all.merge(shard("c", "y")).is_err());
    }
}
