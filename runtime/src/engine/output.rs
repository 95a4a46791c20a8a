//! What a user's own program wrote, before it becomes an artifact: is it of the declared kind?

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use llmp_chat::ability::Abilities;
use llmp_chat::search::Search;
use llmp_compiler::artifact::ArtifactKind;
use llmp_data::docs;
use llmp_data::tokenize::{TokenSet, Tokenizer};
use llmp_data::warc;
use llmp_model::Config;
use llmp_stage::{Error, Input, InputFile, Result};

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

/// Compares the files below `folder` with what artifacts of the kind are (spec 8.1). JSONL where Parquet is due is
/// converted.
///
/// # Errors
/// Names the file, what was found and what was expected.
pub(super) fn check(kind: ArtifactKind, folder: &Path) -> Result<()> {
    let found = files(folder)?;
    if found.is_empty() {
        return Err(Error::new(format!(
            "the program wrote nothing to `LLMP_OUTPUT`, expected {}",
            form(kind)
        ))
        .help("a command writes its result into the folder that the variable `LLMP_OUTPUT` names"));
    }
    let whole = |files: Vec<(String, PathBuf)>| Input {
        label: "LLMP_OUTPUT".into(),
        files: files
            .into_iter()
            .map(|(name, path)| InputFile { name, path, digest: String::new(), label: None })
            .collect(),
        folder: folder.to_owned(),
    };
    let checked = match kind {
        ArtifactKind::Docs => found.iter().try_for_each(|(name, path)| document(name, path)),
        ArtifactKind::Pages => found.iter().try_for_each(|(name, path)| pages(name, path)),
        ArtifactKind::Tokenizer => Tokenizer::load(folder).map(drop),
        ArtifactKind::Tokens => TokenSet::open(&whole(found)).and_then(|tokens| match tokens.documents() {
            0 => Err(Error::new("it holds no tokens")),
            _ => Tokenizer::load(folder).map(drop),
        }),
        ArtifactKind::Model => model(folder),
        ArtifactKind::Conversations => llmp_chat::check::conversations(&whole(found)),
        ArtifactKind::Questions => llmp_chat::check::questions(&whole(found)),
        ArtifactKind::Probe => llmp_chat::check::probe(&whole(found)),
        ArtifactKind::Index => Search::open(folder).map(drop),
        ArtifactKind::Report => report(folder),
        ArtifactKind::Files => Ok(()),
    };
    checked.map_err(|error| {
        let help =
            error.help_text().map_or_else(|| format!("{} is {}", kind.name(), form(kind)), str::to_owned);
        Error::new(format!("the output is no `{}`: {}", kind.name(), short(&error.to_string(), folder)))
            .help(help)
    })
}

/// What the files of a kind of artifact are.
fn form(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::Docs => "`SHARD.parquet` or `SHARD.jsonl` with a column `text`",
        ArtifactKind::Pages => "`SHARD.warc.gz` or `SHARD.warc`",
        ArtifactKind::Tokenizer => "`tokenizer.json` of a byte-level BPE",
        ArtifactKind::Tokens => {
            "`SHARD.tokens.bin`, `SHARD.index.bin`, `tokens.json` and the tokenizer's files"
        }
        ArtifactKind::Model => "`config.json`, `model.safetensors` and the tokenizer's files",
        ArtifactKind::Conversations => "`conversations.jsonl` with `messages`",
        ArtifactKind::Questions => "`questions.jsonl` with `id`, `question`, `answer` and `values`",
        ArtifactKind::Probe => "`probe.jsonl`",
        ArtifactKind::Index => "a tantivy index as `tools.search` makes it",
        ArtifactKind::Report => "`report.json` and `report.md`",
        ArtifactKind::Files => "some files",
    }
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

fn document(name: &str, path: &Path) -> Result<()> {
    if name.ends_with(".parquet") {
        return docs::Reader::open(path)?.try_for_each(|doc| doc.map(drop));
    }
    let shard = [".jsonl", ".jsonl.gz"].iter().find_map(|suffix| path.to_str()?.strip_suffix(suffix));
    let Some(shard) = shard else {
        return Err(Error::new(format!("`{name}` is neither Parquet nor JSONL by its name")));
    };
    let parquet = PathBuf::from(format!("{shard}.parquet"));
    if parquet.exists() {
        return Err(Error::new(format!("there are both `{name}` and the same shard as Parquet")));
    }
    let mut writer = docs::Writer::create(&parquet)?;
    for doc in docs::JsonlReader::open(path)? {
        writer.write(doc?)?;
    }
    writer.finish()?;
    fs::remove_file(path).map_err(Error::io("cannot remove", path))
}

fn pages(name: &str, path: &Path) -> Result<()> {
    if ![".warc", ".warc.gz"].iter().any(|suffix| name.ends_with(suffix)) {
        return Err(Error::new(format!("`{name}` is no WARC file by its name")));
    }
    let mut records = 0_u64;
    for item in warc::Reader::open(path, warc::DEFAULT_MAX_BLOCK)? {
        match item.map_err(Error::io("cannot read", path))? {
            warc::Item::Record(_) => records += 1,
            warc::Item::Skipped(skipped) => {
                let (reason, offset) = (skipped.reason, skipped.offset);
                return Err(Error::new(format!("`{name}` is damaged at byte {offset} ({reason})")));
            }
        }
    }
    if records == 0 { Err(Error::new(format!("`{name}` holds no record"))) } else { Ok(()) }
}

fn model(folder: &Path) -> Result<()> {
    Config::load(folder)?;
    Tokenizer::load(folder)?;
    Abilities::load(folder)?;
    let weights = ["model.safetensors", "model.safetensors.index.json"];
    if weights.iter().any(|name| folder.join(name).is_file()) {
        return Ok(());
    }
    Err(Error::new("it holds no `model.safetensors`"))
}

fn report(folder: &Path) -> Result<()> {
    let path = folder.join("report.json");
    let text = fs::read(&path).map_err(Error::io("cannot read", &path))?;
    serde_json::from_slice::<serde_json::Value>(&text)
        .map_err(|error| Error::new("`report.json` is not JSON").because(error))?;
    let path = folder.join("report.md");
    fs::read_to_string(&path).map(drop).map_err(Error::io("cannot read", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(kind: ArtifactKind, files: &[(&str, &str)]) -> std::result::Result<Vec<String>, String> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(root.path().join(name), text).unwrap();
        }
        check(kind, root.path()).map_err(|error| error.to_string())?;
        Ok(super::files(root.path()).unwrap().into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn documents_are_read_and_jsonl_becomes_parquet() {
        let rows = "{\"text\": \"one\"}\n{\"text\": \"two\", \"url\": \"u\"}\n";
        assert_eq!(checked(ArtifactKind::Docs, &[("a.jsonl", rows)]), Ok(vec!["a.parquet".to_owned()]));
        for (name, text, due) in [
            ("a.jsonl", "{\"txt\": 1}\n", "line 1 of `a.jsonl` is not a document"),
            ("a.parquet", "nonsense", "`a.parquet`"),
            ("notes.txt", "hello", "`notes.txt` is neither Parquet nor JSONL"),
        ] {
            let error = checked(ArtifactKind::Docs, &[(name, text)]).unwrap_err();
            assert!(error.starts_with("the output is no `Docs`: ") && error.contains(due), "{error}");
        }
        assert!(checked(ArtifactKind::Docs, &[]).unwrap_err().contains("wrote nothing"));
    }

    #[test]
    fn other_kinds_say_what_is_missing() {
        for (kind, name, text, due) in [
            (ArtifactKind::Pages, "a.warc", "hello, this is no WARC\n", "damaged at byte 0"),
            (ArtifactKind::Pages, "a.html", "<p>", "no WARC file"),
            (ArtifactKind::Tokenizer, "a", "x", "tokenizer.json"),
            (ArtifactKind::Tokens, "a", "x", "tokens.json"),
            (ArtifactKind::Model, "config.json", "{}", "config.json"),
            (
                ArtifactKind::Conversations,
                "conversations.jsonl",
                "{\"messages\": 3}\n",
                "conversations.jsonl",
            ),
            (ArtifactKind::Questions, "questions.jsonl", "{\"id\": \"1\"}\n", "questions.jsonl"),
            (ArtifactKind::Probe, "x", "", "probe.jsonl"),
            (ArtifactKind::Index, "x", "", "search index"),
            (ArtifactKind::Report, "report.json", "{", "not JSON"),
        ] {
            let error = checked(kind, &[(name, text)]).unwrap_err();
            assert!(error.contains(due), "{kind:?}: {error}");
        }
        assert!(checked(ArtifactKind::Report, &[("report.json", "{}"), ("report.md", "# x")]).is_ok());
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
