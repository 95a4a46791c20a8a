//! Which results of a run hold documents that are to be forgotten, and what was made from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use llmp_compiler::key::Digest;
use llmp_records::{Run, StageRun};
use llmp_stage::removed::Removed;
use llmp_stage::{Detail, Holds, Input, InputFile, Registry, Result, shard_of};
use llmp_store::{Entry, Ledger, Manifest, Store};
use serde::Serialize;

use crate::trace::Name;

/// Texts shorter than this say nothing: other documents may hold them, too.
const MIN_TEXT: usize = 40;

/// A stage whose result holds such documents, or was made from them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The stage.
    pub stage: String,
    /// Its signature.
    pub kind: String,
    /// Documents or pages in its result; 0 where it holds none as such.
    pub documents: u64,
    /// Tokens in its result that they became.
    pub tokens: u64,
    /// Seconds that it took when it last ran: what making it again costs at most.
    pub seconds: f64,
}

/// What a run has of the sources on a list.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The stages, in the order of the run; those that were made from what others hold are among them.
    pub held: Vec<Held>,
    /// The documents.
    pub documents: BTreeSet<Name>,
    /// Their texts, in every form that a stage's result has, for looking whether others hold them.
    pub texts: BTreeSet<String>,
}

/// Looks through the results of a run. Results that are gone are passed over.
///
/// # Errors
/// Where a result cannot be read.
pub fn traces(
    store: &Store,
    ledger: &Ledger,
    registry: &Registry,
    run: &Run,
    list: &Removed,
) -> Result<Traces> {
    let mut traces = Traces::default();
    // Which rows of which shards hold them, by stage; stages that were made from such ones are among them,
    // too.
    let mut rows: BTreeMap<&str, BTreeSet<(String, u64)>> = BTreeMap::new();
    for stage in &run.stages {
        let Some(artifact) = stage.artifact else { continue };
        let Ok(manifest) = store.objects.manifest(&artifact) else { continue };
        let given: Vec<&str> = stage
            .inputs
            .iter()
            .map(|(_, from)| from.as_str())
            .filter(|from| rows.contains_key(from))
            .collect();
        let form = stage.output.as_ref().and_then(|output| registry.form(output.kind.name()));
        let holds = form.map_or(Holds::Nothing, |form| form.holds());
        let record = stage.key.and_then(|key| ledger.record(&key).ok().flatten()).unwrap_or_default();
        let (mut found, mut tokens) = (BTreeSet::new(), 0);
        match (form, holds) {
            (Some(form), Holds::Documents | Holds::Pages) => {
                for (file, entry) in &manifest.files {
                    let path = local(store, entry)?;
                    // What the shard was made of, where documents do not say it themselves.
                    let label = record.labels.get(shard_of(file)).or_else(|| record.labels.get(file));
                    for (row, document) in (0..).zip(form.entries(file, &path, Detail::Whole)?) {
                        let document = document?;
                        let own = document.source.as_deref().filter(|source| !source.is_empty());
                        let source = own.or(label.map(String::as_str)).unwrap_or_default();
                        let name = Name { url: document.url, id: document.id };
                        if !list.has(&name.id, &name.url, source) && !traces.documents.contains(&name) {
                            continue;
                        }
                        found.insert((shard_of(file).to_owned(), row));
                        if document.text.len() >= MIN_TEXT {
                            traces.texts.insert(document.text);
                        }
                        traces.documents.insert(name);
                    }
                }
            }
            (Some(form), Holds::Tokens) => {
                let artifact = input(store, stage, &manifest)?;
                for (shard, row) in given.iter().filter_map(|from| rows.get(from)).flatten() {
                    let span = form.tokens(&artifact, shard, *row, 0)?;
                    tokens += span.map_or(0, |span| span.in_shard.end - span.in_shard.start);
                }
            }
            _ => {}
        }
        // A stage of documents that has none of them left was made without their texts.
        let made_from = !given.is_empty() && !matches!(holds, Holds::Documents | Holds::Pages);
        if found.is_empty() && !made_from {
            continue;
        }
        traces.held.push(Held {
            stage: stage.name.clone(),
            kind: stage.kind.clone(),
            documents: found.len() as u64,
            tokens,
            seconds: record.seconds,
        });
        rows.insert(&stage.name, found);
    }
    Ok(traces)
}

/// What a search went through, and where it found something.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Search {
    /// Files that were read, byte for byte and row by row.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of them.
    pub rows: u64,
    /// Stages in whose result a text was found, with the file.
    pub found: BTreeSet<(String, String)>,
}

/// Searches every file of a run's results for texts: its bytes as they are, and its rows as they are read
/// (documents, conversations, questions, tokens as text), since files are compressed. `folder` lays the files
/// of a result below one folder under their names, as some kinds need them.
///
/// # Errors
/// Where a result cannot be read.
pub fn search(
    store: &Store,
    registry: &Registry,
    run: &Run,
    texts: &BTreeSet<String>,
    folder: &dyn Fn(&StageRun, &Digest) -> Result<PathBuf>,
) -> Result<Search> {
    let mut search = Search::default();
    let mut seen: BTreeSet<Digest> = BTreeSet::new();
    for stage in &run.stages {
        let Some(artifact) = stage.artifact.filter(|artifact| seen.insert(*artifact)) else { continue };
        let Ok(manifest) = store.objects.manifest(&artifact) else { continue };
        let form = stage.output.as_ref().and_then(|output| registry.form(output.kind.name()));
        for (file, entry) in &manifest.files {
            let path = local(store, entry)?;
            let bytes = std::fs::read(&path).map_err(llmp_stage::Error::io("cannot read", &path))?;
            search.files += 1;
            search.bytes += bytes.len() as u64;
            let mut holds = texts.iter().any(|text| contains(&bytes, text.as_bytes()));
            if let Some(form) = form {
                for document in form.entries(file, &path, Detail::Whole)? {
                    let document = document?;
                    search.rows += 1;
                    holds |= texts.iter().any(|text| document.text.contains(text.as_str()));
                }
            }
            if holds {
                search.found.insert((stage.name.clone(), file.clone()));
            }
        }
        let Some(form) = form.filter(|form| matches!(form.holds(), Holds::Tokens | Holds::Nothing)) else {
            continue;
        };
        let artifact = Input { folder: folder(stage, &artifact)?, ..input(store, stage, &manifest)? };
        for view in form.views(&artifact)? {
            let view = view?;
            search.rows += 1;
            let shown = view.all_text();
            // Of tokens the first are shown as text, so that the beginning of a text is looked for.
            let holds = |text: &String| shown.contains(text.as_str()) || shown.contains(start(text));
            if texts.iter().any(holds) {
                search.found.insert((stage.name.clone(), "its rows".to_owned()));
            }
        }
    }
    Ok(search)
}

/// The first characters of a text.
fn start(text: &str) -> &str {
    text.char_indices().nth(4 * MIN_TEXT).map_or(text, |(end, _)| &text[..end])
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

fn local(store: &Store, entry: &Entry) -> Result<PathBuf> {
    let said =
        |error: llmp_store::StoreError| llmp_stage::Error::new(error.to_string()).help_if(error.help());
    store.objects.localize(&entry.digest).map_err(said)
}

fn input(store: &Store, stage: &StageRun, manifest: &Manifest) -> Result<Input> {
    let file = |(name, entry): (&String, &Entry)| {
        let (path, digest) = (local(store, entry)?, entry.digest.hex());
        Ok(InputFile { name: name.clone(), path, digest, label: None })
    };
    let files = manifest.files.iter().map(file).collect::<Result<_>>()?;
    Ok(Input { label: stage.name.clone(), files, ..Input::default() })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        assert!(contains(b"abcabd", b"abd") && contains(b"abd", b"abd") && contains(b"aab", b"ab"));
        assert!(!contains(b"abcab", b"abd") && !contains(b"", b"a") && !contains(b"a", b""));
    }
}
