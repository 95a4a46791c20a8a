//! Writing several files at once, over nothing that is there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use llmp_stage::Error;

use super::Failure;

/// A file of a template: its path below the folder, with `/`, and its bytes.
pub(super) type File = (&'static str, &'static [u8]);

/// Writes all of them below `folder`, or none where one of them is there already.
pub(super) fn write_new(folder: &Path, files: &[File]) -> Result<(), Failure> {
    if let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).symlink_metadata().is_ok()) {
        return Err(exists(&folder.join(name)).help("choose another folder with `--out DIR`"));
    }
    files.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
}

/// Writes one, over an earlier one where there is one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    Ok(written.map_err(Error::io("cannot write", path))?)
}

/// Writes one that must not be there.
pub(super) fn write_one_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let file = fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path).help("choose another name with `--out FILE`"),
        _ => Error::io("cannot write", path)(error).into(),
    })
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!("`{}` exists already", path.display()))
}
