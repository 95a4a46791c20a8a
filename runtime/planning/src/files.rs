//! The user's files behind a path or pattern, with their digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llmp_compiler::key::{Digest, Hasher};
use llmp_store::{Entry, Stat};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path as people know it: relative to the pipeline's folder where it lies below.
    pub label: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// The files of one path or pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Sorted by digest, so that neither names nor order count; the same content under two names is one file.
    pub found: Vec<Found>,
}

impl Files {
    /// Finds the files: a file, all files below a folder, or those that match a pattern with `*`, `?`, `**`, `[…]`.
    ///
    /// # Errors
    /// A sentence for people: nothing there, or nothing readable.
    pub fn find(folder: &Path, pattern: &str, stat: &mut Stat) -> Result<Self, String> {
        let mut paths = Vec::new();
        let plain = folder.join(pattern);
        if let Ok(meta) = std::fs::metadata(&plain) {
            if meta.is_dir() {
                collect(&plain, &mut Vec::new(), &mut paths)?;
            } else {
                paths.push(plain);
            }
        } else if pattern.contains(['*', '?', '[']) {
            let escaped = glob::Pattern::escape(&folder.to_string_lossy());
            let whole = if Path::new(pattern).is_absolute() {
                pattern.to_owned()
            } else {
                format!("{escaped}/{pattern}")
            };
            let options =
                glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
            let matches = glob::glob_with(&whole, options)
                .map_err(|error| format!("`{pattern}` is no pattern: {}", error.msg))?;
            for path in matches {
                paths.push(path.map_err(|error| {
                    format!("cannot read `{}`: {}", error.path().display(), error.error())
                })?);
            }
        } else {
            return Err(format!("there is no file `{pattern}`"));
        }
        paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        let entries = stat.digests(&paths).map_err(|error| error.to_string())?;
        let mut by_digest = BTreeMap::new();
        for (path, entry) in paths.into_iter().zip(entries) {
            let Some(Entry { digest, size }) = entry else { continue };
            let label = || path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            by_digest.entry(digest).or_insert_with(|| Found {
                label: label(),
                path: path.clone(),
                digest,
                size,
            });
        }
        if by_digest.is_empty() {
            let plain = folder.join(pattern);
            return Err(match plain.exists() {
                true if plain.is_dir() => format!("the folder `{pattern}` is empty"),
                true => format!("`{pattern}` is neither a file nor a folder"),
                false => format!("no file matches `{pattern}`"),
            });
        }
        Ok(Self { found: by_digest.into_values().collect() })
    }

    /// The digest of the whole set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("llmp files 1");
        for file in &self.found {
            hasher.digest(&file.digest);
        }
        hasher.finish()
    }

    /// `8 files`, or the path of a single one.
    #[must_use]
    pub fn label(&self) -> String {
        match self.found.as_slice() {
            [one] => format!("{} ({})", one.label, one.digest.short()),
            many => format!("{} files ({})", many.len(), self.digest().short()),
        }
    }
}

/// All files below a folder. Links are followed, as in the snapshots of Hugging Face's cache; hidden files and folders, the
/// store among them, are left out. `above` are the folders that lead here, without links.
///
/// # Errors
/// A sentence that names what cannot be read, a link that leads nowhere, or one that leads back to where it stands.
fn collect(folder: &Path, above: &mut Vec<PathBuf>, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {error}", folder.display());
    let real = folder.canonicalize().map_err(failed)?;
    if above.contains(&real) {
        return Err(format!("the link `{}` leads back to a folder that it lies in", folder.display()));
    }
    above.push(real);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => collect(&path, above, paths)?,
            Ok(meta) if meta.is_file() => paths.push(path),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(format!("the link `{}` leads nowhere", path.display()));
            }
            Err(error) => return Err(format!("cannot read `{}`: {error}", path.display())),
        }
    }
    above.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        for folder in [&a, &b] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(a.join("1.w"), "x").unwrap();
        std::fs::write(a.join("2.w"), "y").unwrap();
        std::fs::write(b.join("z.w"), "x").unwrap();
        std::fs::write(b.join("k.w"), "y").unwrap();
        std::fs::write(b.join("twice.w"), "y").unwrap();
        let mut stat = Stat::open(&root.path().join("stat"));
        let mut find = |folder: &Path, pattern: &str| Files::find(folder, pattern, &mut stat);
        assert_eq!(find(&a, "*.w").unwrap().digest(), find(&b, "*.w").unwrap().digest());
        assert_eq!(find(root.path(), "a").unwrap().found.len(), 2);
        assert_eq!(find(&a, "*.q").unwrap_err(), "no file matches `*.q`");
        assert_eq!(find(&a, "q").unwrap_err(), "there is no file `q`");
    }

    #[test]
    fn links_are_followed_and_hidden_files_are_not_there() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let (blobs, snapshot) = (root.path().join("blobs"), root.path().join("snapshot"));
        for folder in [&blobs, &snapshot, &snapshot.join(".llmp")] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(blobs.join("1"), "x").unwrap();
        std::fs::write(snapshot.join(".llmp/a"), "y").unwrap();
        symlink("../blobs/1", snapshot.join("config.json")).unwrap();
        let mut stat = Stat::open(&root.path().join("stat"));
        let mut find = |pattern: &str| Files::find(root.path(), pattern, &mut stat);
        let labels: Vec<String> =
            find("snapshot").unwrap().found.into_iter().map(|file| file.label).collect();
        assert_eq!(labels, ["snapshot/config.json"]);
        symlink(&blobs, snapshot.join("all")).unwrap();
        assert_eq!(find("snapshot").unwrap().found.len(), 1);
        symlink("..", blobs.join("up")).unwrap();
        assert!(find("snapshot").unwrap_err().ends_with("leads back to a folder that it lies in"));
        std::fs::remove_file(blobs.join("up")).unwrap();
        symlink("2", blobs.join("gone")).unwrap();
        assert!(find("blobs").unwrap_err().ends_with("leads nowhere"));
    }
}
