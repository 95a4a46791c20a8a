//! What a user's own program wrote, before it becomes an artifact: is it of the declared type?

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use llmp_stage::{Context, Dropped, Error, Form, Input, InputFile, Result};
use serde::Deserialize;
use serde_json::Value;

/// Makes every file below `folder` the artifact's own: one that is linked from elsewhere could still be
/// written to there.
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

/// The file in which a program says what it left out.
const DROPPED: &str = "dropped.jsonl";

/// The longest name of a rule.
const MAX_RULE: usize = 64;

/// A line of [`DROPPED`].
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    url: String,
    rule: String,
    #[serde(default)]
    value: Value,
}

/// Takes `dropped.jsonl` out of what a program wrote: its lines say what was left out, by which rule, and are
/// counted as those of other stages are.
///
/// # Errors
/// Where a line says something else.
pub(super) fn take_dropped(ctx: &dyn Context) -> Result<()> {
    let path = ctx.output().join(DROPPED);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("cannot read", &path)(error)),
    };
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        ctx.proceed()?;
        let wrong = |why: String| {
            Error::new(format!("line {number} of `{DROPPED}` says nothing about a document that was left out: {why}"))
                .help("a line is `{\"id\": …, \"rule\": \"too_short\", \"value\": \"3 words\"}`, perhaps with a `url`")
        };
        let line = line.map_err(|error| wrong(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let Line { id, url, rule, value } =
            serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        let is_name = |sign: char| sign.is_alphanumeric() || "._-".contains(sign);
        if rule.is_empty() || rule.chars().count() > MAX_RULE || !rule.chars().all(is_name) {
            let help = "a rule is called by letters, digits, `_`, `-` and `.`, at most 64 of them";
            return Err(wrong(format!("`{}` is no name of a rule", rule.escape_debug())).help(help));
        }
        let value = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        ctx.dropped(Dropped { id, url, rule, value });
    }
    fs::remove_file(&path).map_err(Error::io("cannot remove", &path))
}

/// Compares what a program wrote with what artifacts of this form are (spec 8.1), and counts it.
///
/// # Errors
/// Names the file, what was found and what was expected.
pub(super) fn check(form: Option<&dyn Form>, ctx: &dyn Context) -> Result<()> {
    let folder = ctx.output();
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
    form.accept(&written, ctx).map_err(|error| {
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
            let name = path.file_name().unwrap_or_default();
            let Some(name) = name.to_str() else {
                let shown = name.to_string_lossy();
                return Err(Error::new(format!(
                    "the program wrote `{prefix}{shown}`, whose name is no UTF-8"
                ))
                .help("give it a name of letters, digits and the like"));
            };
            let name = format!("{prefix}{name}");
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
    use llmp_stage::testing::TestContext;

    use super::*;

    #[test]
    fn a_name_that_is_no_utf_8_is_named() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"a\xff.jsonl");
        // Not every file system takes such a name.
        if fs::write(root.path().join(name), "").is_ok() {
            let error = files(root.path()).unwrap_err().to_string();
            assert_eq!(error, "the program wrote `a\u{fffd}.jsonl`, whose name is no UTF-8");
        }
    }

    #[test]
    fn what_a_program_left_out_is_told_by_rules() {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path());
        take_dropped(&ctx).unwrap();
        let path = ctx.output().join(DROPPED);
        let lines = "{\"id\": \"1\", \"rule\": \"short\", \"value\": 3}\n\n{\"id\": \"2\", \"url\": \"u\", \"rule\": \"short\"}\n";
        fs::write(&path, lines).unwrap();
        take_dropped(&ctx).unwrap();
        assert!(!path.exists());
        assert_eq!(ctx.counted("dropped.short"), 2);
        assert_eq!(ctx.drops.lock().unwrap()[0].value, "3");
        for (line, why) in
            [("{}", "missing field `id`"), ("{\"id\": \"1\", \"rule\": \"a b\"}", "`a b` is no name")]
        {
            fs::write(&path, line).unwrap();
            let error = take_dropped(&ctx).unwrap_err().to_string();
            assert!(error.starts_with("line 1 of `dropped.jsonl`") && error.contains(why), "{error}");
        }
    }

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
        let ctx = TestContext::new(root.path());
        let none = check(Some(&Greetings), &ctx).unwrap_err().to_string();
        assert_eq!(none, "the program wrote nothing to `LLMP_OUTPUT`, expected files that greet");
        fs::write(ctx.output().join("a"), "hello").unwrap();
        check(Some(&Greetings), &ctx).unwrap();
        fs::write(ctx.output().join("b"), "begone").unwrap();
        let rude = check(Some(&Greetings), &ctx).unwrap_err();
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
