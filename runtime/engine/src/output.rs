//! What a user's own program wrote, before it becomes an artifact: is it of the declared type?

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Form, Input, InputFile, Result};

/// Makes every file below `folder` the artifact's own: one that is linked from elsewhere could still be written to there.
///
/// # Errors
/// Where a file cannot be read or copied.
pub(super) fn own(folder: &Path) -> Result<()> {
    for (_, path) in files(folder)? {
        if fs::metadata(&path).map_err(Error::io("cannot read", &path))?.nlink() > 1 {
            let copy = path.with_extension("llmp-copy");
            fs::copy(&path, &copy).map_err(Error::io("cannot copy", &path))?;
            fs::rename(&copy, &path).map_err(Error::io("cannot write", &path))?;
        }
    }
    Ok(())
}

/// Compares the files below `folder` with what artifacts of this form are (spec 8.1).
///
/// # Errors
/// Names the file, what was found and what was expected.
pub(super) fn check(form: Option<&dyn Form>, folder: &Path) -> Result<()> {
    let found = files(folder)?;
    if found.is_empty() {
        let expected = form.map_or("some files", Form::expected);
        return Err(Error::new(format!("the program wrote nothing to `LLMP_OUTPUT`, expected {expected}"))
            .help("a command writes its result into the folder that the variable `LLMP_OUTPUT` names"));
    }
    let Some(form) = form else { return Ok(()) };
    let file = |(name, path)| InputFile { name, path, digest: String::new(), label: None };
    let files = found.into_iter().map(file).collect();
    let written = Input { label: "LLMP_OUTPUT".into(), kind: None, files, folder: folder.to_owned() };
    form.check(&written).map_err(|error| {
        let (kind, expected) = (form.kind(), form.expected());
        let help = error.help_text().map_or_else(|| format!("{kind} is {expected}"), str::to_owned);
        Error::new(format!("the output is no `{kind}`: {}", short(&error.to_string(), folder))).help(help)
    })
}

/// Messages without the attempt's folder, which is gone when they are read.
fn short(message: &str, folder: &Path) -> String {
    message
        .replace(&format!("{}/", folder.display()), "")
        .replace(&folder.display().to_string(), "the folder")
}

/// All files below a folder with their names, sorted.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(Error::io("cannot read", folder))? {
            let path = entry.map_err(Error::io("cannot read", folder))?.path();
            let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
            let kind = fs::symlink_metadata(&path).map_err(Error::io("cannot read", &path))?.file_type();
            if kind.is_dir() {
                collect(&path, &format!("{name}/"), files)?;
            } else if kind.is_file() {
                files.push((name, path));
            } else {
                return Err(Error::new(format!(
                    "the program wrote `{name}`, which is neither a file nor a folder"
                ))
                .help("write files; links would point at something that is no part of the result"));
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that begin with a greeting.
    struct Greetings;

    impl Form for Greetings {
        fn kind(&self) -> &'static str {
            "Greetings"
        }

        fn expected(&self) -> &'static str {
            "files that greet"
        }

        fn check(&self, written: &Input) -> Result<()> {
            written.files.iter().try_for_each(|file| {
                let text = fs::read_to_string(&file.path).map_err(Error::io("cannot read", &file.path))?;
                if text.starts_with("hello") {
                    Ok(())
                } else {
                    Err(Error::new(format!("`{}` is rude", file.path.display())))
                }
            })
        }
    }

    #[test]
    fn what_a_program_wrote_is_of_the_declared_kind() {
        let root = tempfile::tempdir().unwrap();
        let none = check(Some(&Greetings), root.path()).unwrap_err().to_string();
        assert_eq!(none, "the program wrote nothing to `LLMP_OUTPUT`, expected files that greet");
        fs::write(root.path().join("a"), "hello").unwrap();
        check(Some(&Greetings), root.path()).unwrap();
        fs::write(root.path().join("b"), "begone").unwrap();
        let rude = check(Some(&Greetings), root.path()).unwrap_err();
        assert_eq!(rude.to_string(), "the output is no `Greetings`: `b` is rude");
        assert_eq!(rude.help_text(), Some("Greetings is files that greet"));
    }

    #[test]
    fn linked_files_are_copied() {
        let root = tempfile::tempdir().unwrap();
        let (outside, inside) = (root.path().join("mine"), root.path().join("out/a"));
        fs::create_dir(root.path().join("out")).unwrap();
        fs::write(&outside, "one").unwrap();
        fs::hard_link(&outside, &inside).unwrap();
        own(&root.path().join("out")).unwrap();
        fs::write(&outside, "two").unwrap();
        assert_eq!(fs::read_to_string(&inside).unwrap(), "one");
    }
}
