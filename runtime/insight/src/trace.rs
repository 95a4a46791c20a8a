//! What became of one document: through every stage that kept or dropped it, down to its tokens.
//!
//! Documents are found by URL, id or text in the first stages that hold documents and among those that were
//! dropped. From there on a document is followed by its id, in the shard of the same name: shards keep their
//! names.

mod dropped;
mod find;
mod standing;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use llmp_records::{Run, StageRun};
use llmp_stage::{
    Detail, Dropped, Entries, Error, Form, Holds, Input, InputFile, Registry, Result, shard_of,
};
use llmp_store::{Entry, Ledger, Manifest, Store};
use serde::Serialize;

pub use dropped::Left;
pub use find::{Found, Query, find};
pub use standing::standing;

/// Letters of the first tokens that are shown.
const SHOWN: usize = 60;
/// Duplicates that are named.
const MAX_DUPLICATES: usize = 5;

/// A document by what names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Name {
    /// Its URL.
    pub url: String,
    /// Its id.
    pub id: String,
}

/// What one stage did with a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The stage.
    pub stage: String,
    /// Its signature.
    pub kind: String,
    /// What it did.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of a document in a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It is in the stage's result.
    Kept {
        /// Its shard, where it was looked at.
        #[serde(skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
        /// Its place in the shard.
        #[serde(skip_serializing_if = "Option::is_none")]
        row: Option<u64>,
        /// Words of its text, as filters count them.
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<u64>,
        /// Its language, once known.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// The file it came from.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Documents that were dropped because they are like it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        duplicates: Vec<Name>,
    },
    /// It was left out.
    Dropped {
        /// The rule.
        rule: String,
        /// What the rule saw.
        value: String,
        /// The document that was kept in its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        like: Option<Name>,
    },
    /// It was left out, and is not in the sample of what was.
    Missing {
        /// Documents that the stage dropped.
        dropped: u64,
        /// How many of them were kept with their reasons.
        sampled: u64,
    },
    /// It became tokens.
    Tokens {
        /// The shard.
        shard: String,
        /// Its range in the shard, its end-of-text token included.
        from: u64,
        /// Where it ends.
        to: u64,
        /// Its range in the whole set.
        from_in_set: u64,
        /// Where that ends.
        to_in_set: u64,
        /// How the text begins, decoded from the tokens.
        begins: String,
    },
    /// The stage read it.
    Read,
}

impl Fate {
    /// In the result, as what became of it later tells.
    fn kept_unseen() -> Self {
        let (shard, row, words, language, source) = (None, None, None, None, None);
        Self::Kept { shard, row, words, language, source, duplicates: vec![] }
    }
}

/// A run's stages with their records, as far as they are there.
pub struct Tracer<'a> {
    store: &'a Store,
    registry: &'a Registry,
    run: &'a Run,
    manifests: BTreeMap<&'a str, Manifest>,
    dropped: BTreeMap<&'a str, Vec<Dropped>>,
    counts: BTreeMap<&'a str, u64>,
}

impl<'a> Tracer<'a> {
    /// Reads what a run's stages left: lists of files, and what they dropped.
    ///
    /// # Errors
    /// Where the ledger or a list cannot be read.
    pub fn new(
        store: &'a Store,
        ledger: &Ledger,
        run: &'a Run,
        registry: &'a Registry,
    ) -> llmp_store::Result<Self> {
        let mut tracer = Self {
            store,
            registry,
            run,
            manifests: BTreeMap::new(),
            dropped: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        for stage in &run.stages {
            let (Some(key), Some(artifact)) = (stage.key, stage.artifact) else { continue };
            // What `llmp gc` removed cannot be followed.
            let Ok(manifest) = store.objects.manifest(&artifact) else { continue };
            tracer.manifests.insert(&stage.name, manifest);
            let Some(record) = ledger.record(&key)? else { continue };
            let dropped = record.counts.iter().filter(|(name, _)| name.starts_with("dropped."));
            tracer.counts.insert(&stage.name, dropped.map(|(_, count)| count).sum());
            let all = tracer.dropped.entry(&stage.name).or_default();
            for digest in &record.dropped {
                let Ok(object) = store.objects.open(digest) else { continue };
                let lines = BufReader::new(object).lines().map_while(std::result::Result::ok);
                all.extend(lines.filter_map(|line| serde_json::from_str(&line).ok()));
            }
        }
        Ok(tracer)
    }

    /// Follows a document through the run.
    ///
    /// # Errors
    /// Where a result cannot be read.
    pub fn follow(&self, name: &Name) -> Result<Vec<Step>> {
        let mut fates = BTreeMap::<&str, Fate>::new();
        for stage in &self.run.stages {
            if let Some(fate) = self.fate(stage, name, &fates)? {
                if !matches!(fate, Fate::Read) {
                    self.kept_before(stage, &mut fates);
                }
                fates.insert(&stage.name, fate);
            }
        }
        let step = |stage: &StageRun| {
            let fate = fates.remove(stage.name.as_str())?;
            Some(Step { stage: stage.name.clone(), kind: stage.kind.clone(), fate })
        };
        Ok(self.run.stages.iter().filter_map(step).collect())
    }

    /// What a stage's result is on disk.
    fn form(&self, stage: &StageRun) -> Option<&'static dyn Form> {
        self.registry.form(stage.output.as_ref()?.kind.name())
    }

    fn stage(&self, name: &str) -> Option<&'a StageRun> {
        self.run.stages.iter().find(|stage| stage.name == name)
    }

    fn holds(&self, stage: &StageRun) -> Holds {
        self.form(stage).map_or(Holds::Nothing, Form::holds)
    }

    /// The documents in one file of a stage's result.
    fn entries(&self, stage: &StageRun, file: &str, entry: &Entry, detail: Detail) -> Result<Entries> {
        match self.form(stage) {
            Some(form) => form.entries(file, &self.localize(entry)?, detail),
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    /// A file of a result, as a file of this machine.
    fn localize(&self, entry: &Entry) -> Result<PathBuf> {
        self.store
            .objects
            .localize(&entry.digest)
            .map_err(|error| Error::new(error.to_string()).help_if(error.help()))
    }

    fn inputs(&self, stage: &'a StageRun) -> impl Iterator<Item = &'a StageRun> {
        stage.inputs.iter().filter_map(|(_, from)| self.stage(from))
    }

    /// A stage that saw the document got it from the stages of pages before it, which kept it.
    fn kept_before(&self, stage: &'a StageRun, fates: &mut BTreeMap<&'a str, Fate>) {
        let mut open: Vec<&StageRun> = self.inputs(stage).collect();
        while let Some(before) = open.pop() {
            if self.holds(before) == Holds::Pages && !fates.contains_key(before.name.as_str()) {
                fates.insert(&before.name, Fate::kept_unseen());
                open.extend(self.inputs(before));
            }
        }
    }

    fn fate(&self, stage: &'a StageRun, name: &Name, fates: &BTreeMap<&str, Fate>) -> Result<Option<Fate>> {
        let Some(manifest) = self.manifests.get(stage.name.as_str()) else { return Ok(None) };
        let dropped = self.dropped.get(stage.name.as_str()).map_or(&[][..], Vec::as_slice);
        if let Some(dropped) = dropped.iter().find(|dropped| dropped.is(&name.id, &name.url)) {
            let like = dropped.kept().map(|id| self.called(stage, manifest, id)).transpose()?;
            let (rule, value) = (dropped.rule.clone(), dropped.value.clone());
            return Ok(Some(Fate::Dropped { rule, value, like: like.flatten() }));
        }
        let given = self.inputs(stage).find_map(|input| match fates.get(input.name.as_str()) {
            Some(Fate::Kept { shard, row, .. }) => Some((shard.clone(), *row)),
            _ => None,
        });
        match (self.holds(stage), given) {
            (Holds::Documents, given) => {
                let shard = given.as_ref().and_then(|(shard, _)| shard.as_deref());
                let kept = self.kept(stage, manifest, name, shard)?;
                let missing = || {
                    let dropped_in_all = self.counts.get(stage.name.as_str()).copied().unwrap_or(0);
                    Fate::Missing { dropped: dropped_in_all, sampled: dropped.len() as u64 }
                };
                // A stage of documents that was given it and does not have it dropped it.
                Ok(kept.or_else(|| given.is_some_and(|(shard, _)| shard.is_some()).then(missing)))
            }
            (Holds::Pages, _) | (_, None) => Ok(None),
            // Programs of the user are not bound to keep the order of documents.
            (Holds::Tokens, Some((Some(shard), Some(row)))) if self.registry.stage(&stage.kind).is_some() => {
                self.tokens(stage, manifest, &shard, row)
            }
            (_, Some(_)) => Ok(Some(Fate::Read)),
        }
    }

    /// The document in a result; `shard` is where it stood before.
    fn kept(
        &self,
        stage: &StageRun,
        manifest: &Manifest,
        name: &Name,
        shard: Option<&str>,
    ) -> Result<Option<Fate>> {
        let same = shard.and_then(|shard| manifest.files.keys().find(|file| shard_of(file) == shard));
        for (file, entry) in manifest.files.iter().filter(|(file, _)| same.is_none_or(|same| same == *file)) {
            for (row, found) in self.entries(stage, file, entry, Detail::Names)?.enumerate() {
                let found = found?;
                if found.id != name.id || found.url != name.url {
                    continue;
                }
                let whole = self.entries(stage, file, entry, Detail::Whole)?.nth(row).transpose()?;
                let whole = whole.unwrap_or_default();
                return Ok(Some(Fate::Kept {
                    shard: Some(shard_of(file).to_owned()),
                    row: Some(row as u64),
                    words: Some(whole.words),
                    language: whole.language,
                    source: whole.source,
                    duplicates: self.duplicates(stage, name),
                }));
            }
        }
        Ok(None)
    }

    /// Documents that a stage dropped because they are like this one.
    fn duplicates(&self, stage: &StageRun, name: &Name) -> Vec<Name> {
        let dropped = self.dropped.get(stage.name.as_str()).into_iter().flatten();
        let duplicates = dropped.filter(|dropped| dropped.kept() == Some(name.id.as_str()));
        let duplicates = duplicates.map(|dropped| Name { url: dropped.url.clone(), id: dropped.id.clone() });
        duplicates.take(MAX_DUPLICATES).collect()
    }

    /// The document with this id in a result.
    fn called(&self, stage: &StageRun, manifest: &Manifest, id: &str) -> Result<Option<Name>> {
        for (file, entry) in &manifest.files {
            for found in self.entries(stage, file, entry, Detail::Names)? {
                let found = found?;
                if found.id == id {
                    return Ok(Some(Name { url: found.url, id: found.id }));
                }
            }
        }
        Ok(None)
    }

    fn tokens(&self, stage: &StageRun, manifest: &Manifest, shard: &str, row: u64) -> Result<Option<Fate>> {
        let file = |(name, entry): (&String, &Entry)| {
            Ok(InputFile {
                name: name.clone(),
                path: self.localize(entry)?,
                digest: entry.digest.hex(),
                label: None,
            })
        };
        let files = manifest.files.iter().map(file).collect::<Result<_>>()?;
        let input = Input { label: stage.name.clone(), files, ..Input::default() };
        let Some(form) = self.form(stage) else { return Ok(None) };
        let span = form.tokens(&input, shard, row, SHOWN)?;
        Ok(span.map(|span| Fate::Tokens {
            shard: shard.to_owned(),
            from: span.in_shard.start,
            to: span.in_shard.end,
            from_in_set: span.in_set.start,
            to_in_set: span.in_set.end,
            begins: span.begins,
        }))
    }
}
