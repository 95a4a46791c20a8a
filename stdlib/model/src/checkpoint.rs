//! Checkpoints of a training: one file each, complete or not there, with a digest.
//!
//! A file is the length of a JSON header (8 bytes, little-endian), the header, all values (32-bit floats,
//! little-endian), and the blake3 digest of everything before it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Result, Stem};
use serde::{Deserialize, Serialize};

use crate::train::Progress;

/// How many checkpoints are kept: the last, and the one before in case the last is damaged.
const KEPT: usize = 2;
const SUFFIX: &str = ".checkpoint";

/// What a file begins with. Files of earlier versions do not say how many tensors follow.
#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    progress: Progress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tensors: Option<usize>,
}

/// A training's state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) progress: Progress,
    /// Weights and optimiser state, in an order that the trainer knows.
    pub(crate) tensors: Vec<Vec<f32>>,
}

/// Writes a checkpoint and removes those before the last two.
///
/// # Errors
/// Where it cannot be written; what was there stays.
pub(crate) fn save(folder: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let path = folder.join(format!("{:012}{SUFFIX}", checkpoint.progress.step));
    let unfinished = path.with_extension("unfinished");
    write(&unfinished, checkpoint).map_err(Error::io("cannot write", &unfinished))?;
    std::fs::rename(&unfinished, &path).map_err(Error::io("cannot write", &path))?;
    // The rename has to be on the disk before older checkpoints go.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("cannot sync", folder))?;
    for old in list(folder)?.into_iter().skip(KEPT) {
        std::fs::remove_file(&old).map_err(Error::io("cannot remove", &old))?;
    }
    Ok(())
}

fn write(path: &Path, checkpoint: &Checkpoint) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut digest = blake3::Hasher::new();
    let mut put = |bytes: &[u8]| {
        digest.update(bytes);
        out.write_all(bytes)
    };
    let (progress, tensors) = (checkpoint.progress.clone(), Some(checkpoint.tensors.len()));
    let header = serde_json::to_vec(&Header { progress, tensors })?;
    put(&(header.len() as u64).to_le_bytes())?;
    put(&header)?;
    for values in &checkpoint.tensors {
        for part in values.chunks(1 << 16) {
            put(&part.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())?;
        }
    }
    let digest = digest.finalize();
    out.write_all(digest.as_bytes())?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

/// Writes the stem of a training, and notes that it is whole.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn save_stem(state: &Path, checkpoint: &Checkpoint) -> Result<()> {
    let path = Stem::made(state);
    let unfinished = path.with_extension("unfinished");
    write(&unfinished, checkpoint).map_err(Error::io("cannot write", &unfinished))?;
    std::fs::rename(&unfinished, &path).map_err(Error::io("cannot write", &path))?;
    Stem { step: checkpoint.progress.step }.note(state)
}

/// The stem that a training may go on from, where it was given one that is whole and holds tensors of
/// `lengths` values.
pub(crate) fn given_stem(state: &Path, lengths: &[usize], report: impl Fn(&str)) -> Option<Checkpoint> {
    let path = Stem::given(state);
    if !path.is_file() {
        return None;
    }
    read(&path, lengths).inspect_err(|reason| report(&format!("the stem is left out: {reason}"))).ok()
}

/// The last checkpoint that is whole and holds tensors of `lengths` values; `report` hears of those that are
/// not.
///
/// # Errors
/// Where the folder cannot be read.
pub(crate) fn load(folder: &Path, lengths: &[usize], report: impl Fn(&str)) -> Result<Option<Checkpoint>> {
    for path in list(folder)? {
        match read(&path, lengths) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(reason) => report(&format!("checkpoint `{}` is left out: {reason}", path.display())),
        }
    }
    Ok(None)
}

fn read(path: &Path, lengths: &[usize]) -> std::result::Result<Checkpoint, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let Some((content, digest)) = bytes.split_last_chunk::<32>() else {
        return Err("it is too short".into());
    };
    if blake3::hash(content).as_bytes() != digest {
        return Err("its digest does not match".into());
    }
    let (length, rest) = content.split_first_chunk::<8>().ok_or("it has no header")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
    let (header, mut rest) = rest.split_at_checked(length).ok_or("its header is cut off")?;
    let Header { progress, tensors: count } =
        serde_json::from_slice(header).map_err(|error| error.to_string())?;
    if count.is_some_and(|count| count != lengths.len()) {
        return Err("it is of another model or optimiser".into());
    }
    let mut tensors = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (values, after) = rest.split_at_checked(4 * length).ok_or("it is of another model")?;
        tensors.push(values.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect());
        rest = after;
    }
    if rest.is_empty() { Ok(Checkpoint { progress, tensors }) } else { Err("it is of another model".into()) }
}

/// Checkpoints in a folder, the last first.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("cannot read", folder))? {
        let path = entry.map_err(Error::io("cannot read", folder))?.path();
        if path.to_string_lossy().ends_with(SUFFIX) {
            found.push(path);
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_falls_back_to_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let at = |step| Checkpoint {
            progress: Progress { step, tokens: 7 * step, ..Progress::default() },
            tensors: vec![vec![step as f32; 5], vec![-1.0; 3]],
        };
        for step in [5, 10, 100] {
            save(folder.path(), &at(step)).unwrap();
        }
        let load = |lengths: &[usize]| super::load(folder.path(), lengths, |_| ()).unwrap();
        assert_eq!(list(folder.path()).unwrap().len(), 2);
        assert_eq!(load(&[5, 3]), Some(at(100)));
        assert_eq!(load(&[5, 4]), None);
        let last = list(folder.path()).unwrap()[0].clone();
        let mut bytes = std::fs::read(&last).unwrap();
        bytes[60] ^= 1;
        std::fs::write(&last, bytes).unwrap();
        assert_eq!(load(&[5, 3]), Some(at(10)));
        std::fs::write(&last, b"short").unwrap();
        assert_eq!(load(&[5, 3]), Some(at(10)));
    }
}
