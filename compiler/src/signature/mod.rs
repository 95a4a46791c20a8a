//! The stages a program can use, read from signature text in the language itself.

mod phrases;
mod read;

pub(crate) mod errors;

pub use phrases::LOCK;
pub(crate) use phrases::PHRASES;
pub(crate) use read::{Declared, PROPERTIES, ReadType, VALUES, lone_word, setting, signature, type_of};

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Amounts, Needs};
use crate::lint::Lints;
use crate::source::{FileId, Sources, Span};
use crate::syntax;
use crate::types::{Pattern, SettingSpec, SettingType};
use crate::value::Const;

/// What is known of a stage before anything is computed.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `filter.language`
    pub name: String,
    /// Documentation; its first paragraph is the summary.
    pub docs: String,
    /// Where the name is declared.
    pub span: Span,
    /// Inputs, in order.
    pub inputs: Vec<InputSpec>,
    /// The output's type; `None` where it is broken, which agrees with everything.
    pub output: Option<Pattern>,
    /// Settings, in declared order.
    pub settings: Vec<SettingSpec>,
    /// Raised when the stage's output changes.
    pub epoch: u32,
    /// The input whose shards are processed one by one.
    pub per_shard: Option<String>,
    /// Whether the stage keeps checkpoints.
    pub resumes: bool,
    /// What it takes while it runs.
    pub needs: Needs,
    /// The command of a user's own stage.
    pub command: Option<Vec<String>>,
    /// Where its words are written.
    pub command_span: Option<Span>,
    /// Whether documents reach that command as JSON lines instead of Parquet.
    pub jsonl: bool,
    /// The sets of special tokens ([`SPECIAL_TOKENS`]) that a vocabulary made here holds, or that this stage
    /// needs in the vocabulary that goes in; `None` where the signature says nothing.
    pub special_tokens: Option<Vec<String>>,
    /// What it does with the data that goes through it.
    pub flow: Flow,
    /// The settings that say how much of something there is.
    pub amounts: Amounts,
    /// `stem without SETTINGS`: see [`Stage::stem`](crate::graph::Stage::stem).
    pub stem: Vec<String>,
    /// The numbers that its report holds, for what a program expects of it.
    pub measures: Vec<Measure>,
    /// What must hold of its settings.
    pub(crate) rules: Vec<Rule>,
}

/// What a stage does with the data that goes through it, in words of its signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// `cleans pii`: personal data is masked in what it makes.
    pub cleans_pii: bool,
    /// `uses names`: what it makes depends on the names of the user's files, too, which are part of its key
    /// then.
    pub uses_names: bool,
    /// `trains on ROLE`: a model learns from these inputs.
    pub trains_on: Vec<String>,
    /// `evaluates on ROLE`: a model is measured with these inputs.
    pub evaluates_on: Vec<String>,
    /// `keeps clear of ROLE`: what is made holds nothing of these inputs.
    pub clear_of: Vec<String>,
    /// `ROLE replaces SETTING`: where the input is given, it says what the setting would have said, and the
    /// setting is not written.
    pub replaces: Vec<(String, String)>,
    /// `after STEPS`: what goes in first passes through the stages that are called as this one, with these
    /// names behind, so that each has a key of its own.
    pub steps: Vec<String>,
    /// `locked by SETTINGS`: what it reads is fetched before it runs, as these settings say, and stands in
    /// the lock file. It is an input called [`LOCK`] that no call gives.
    pub locked_by: Vec<String>,
}

/// `measure wrong[model, group]: Ratio`
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// What it is looked up by.
    pub keys: Vec<String>,
    /// The type of the number.
    pub ty: SettingType,
    /// Documentation.
    pub docs: String,
    /// Where its name is declared.
    pub span: Span,
}

impl Measure {
    /// `wrong[model, group]: Ratio`
    #[must_use]
    pub fn display(&self) -> String {
        match self.keys.is_empty() {
            true => format!("{}: {}", self.name, self.ty),
            false => format!("{}[{}]: {}", self.name, self.keys.join(", "), self.ty),
        }
    }
}

/// `require width % heads == 0 else "…"`
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// A `Bool` of the settings, by slot.
    pub(crate) condition: Const,
    /// The settings, as paths, by slot.
    pub(crate) settings: Vec<Vec<String>>,
    /// What is wrong where it does not hold.
    pub(crate) message: String,
    /// The clause.
    #[expect(dead_code, reason = "shown beside the settings once signatures are sources of every rendering")]
    pub(crate) span: Span,
}

/// Sets of special tokens: the end of a document, the chat format's, and the search format's.
pub const SPECIAL_TOKENS: [&str; 3] = ["text", "chat", "search"];

/// An input of a stage.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// Its name, which is the role of the input.
    pub name: String,
    /// What it must be; `None` where the type is broken, which agrees with everything.
    pub ty: Option<Pattern>,
    /// Where its name is declared.
    pub span: Span,
}

impl Signature {
    /// The setting with this name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&SettingSpec> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// `filter.language(docs: Docs) -> Docs`
    #[must_use]
    pub fn display(&self) -> String {
        let text = |ty: &Option<Pattern>| ty.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        let inputs: Vec<String> =
            self.inputs.iter().map(|input| format!("{}: {}", input.name, text(&input.ty))).collect();
        format!("{}({}) -> {}", self.name, inputs.join(", "), text(&self.output))
    }
}

/// A stage of a library: a program uses few of them, so each is read when it is first asked for.
#[derive(Clone, Debug)]
struct Entry {
    file: FileId,
    read: OnceLock<Option<Arc<Signature>>>,
}

/// Stages by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    stages: BTreeMap<String, Entry>,
    sources: Sources,
    lints: Lints,
}

impl Library {
    /// Reads signature files, given as path and text, in that order.
    ///
    /// Stages with broken parts are kept, so that programs that use them are checked as far as possible. The
    /// spans of signatures and diagnostics point into the sources returned.
    #[must_use]
    pub fn new(signatures: &[(&str, &str)]) -> (Self, Vec<Diagnostic>, Sources) {
        let mut library = Self::default();
        let mut diagnostics = Diagnostics::default();
        for &(path, text) in signatures {
            let file = library.sources.add(path, text);
            let parse = syntax::parse(file, text);
            diagnostics.extend(parse.diagnostics);
            for item in &parse.file.items {
                match item {
                    ast::Item::Stage(stage) => library.add(file, stage, &mut diagnostics),
                    ast::Item::Error(_) => {}
                    other => diagnostics.push(errors::not_a_stage(item_span(other))),
                }
            }
        }
        let sources = library.sources.clone();
        (library, diagnostics.sorted(), sources)
    }

    /// A library of signature files that are known to be right, given as name, path and text: each declares
    /// the stage of its name and nothing else. What [`Self::new`] has to say of them is said in a test of
    /// whoever has them.
    #[must_use]
    pub fn of_stages<'s>(signatures: impl IntoIterator<Item = (&'s str, &'s str, &'s str)>) -> Self {
        let mut library = Self::default();
        for (name, path, text) in signatures {
            let file = library.sources.add(path, text);
            library.stages.insert(name.to_owned(), Entry { file, read: OnceLock::new() });
        }
        library
    }

    fn add(&mut self, file: FileId, stage: &ast::Stage, diagnostics: &mut Diagnostics) {
        let Some(signature) = signature(stage, diagnostics) else { return };
        match self.shared(&signature.name) {
            Some(first) => diagnostics.push(errors::stage_twice(&signature.name, signature.span, first.span)),
            None => {
                let name = signature.name.clone();
                let entry = Entry { file, read: OnceLock::from(Some(Arc::new(signature))) };
                self.stages.insert(name, entry);
            }
        }
    }

    fn read(&self, entry: &Entry) -> Option<Arc<Signature>> {
        let text = &self.sources.get(entry.file)?.text;
        syntax::parse(entry.file, text).file.items.iter().find_map(|item| match item {
            ast::Item::Stage(stage) => signature(stage, &mut Diagnostics::default()).map(Arc::new),
            _ => None,
        })
    }

    fn known<'l>(&'l self, entry: &'l Entry) -> Option<&'l Arc<Signature>> {
        entry.read.get_or_init(|| self.read(entry)).as_ref()
    }

    /// The library with the rules of its stages' implementations.
    #[must_use]
    pub fn with_lints(self, lints: Lints) -> Self {
        Self { lints, ..self }
    }

    pub(crate) fn lints(&self) -> &Lints {
        &self.lints
    }

    /// The stage with this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Signature> {
        self.shared(name).map(Arc::as_ref)
    }

    pub(crate) fn shared(&self, name: &str) -> Option<&Arc<Signature>> {
        self.known(self.stages.get(name)?)
    }

    /// The names of all stages, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.keys().map(String::as_str)
    }

    /// All stages, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.stages.values().filter_map(|entry| self.known(entry)).map(Arc::as_ref)
    }

    /// The text that the signatures' spans point into.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

fn item_span(item: &ast::Item) -> Span {
    match item {
        ast::Item::Edition(item) => item.span,
        ast::Item::Import(item) => item.span,
        ast::Item::Param(item) => item.span,
        ast::Item::Profile(item) => item.span,
        ast::Item::Def(item) => item.span,
        ast::Item::Stage(item) => item.span,
        ast::Item::Binding(item) => item.span,
        ast::Item::Expect(item) => item.span,
        ast::Item::Error(span) => *span,
    }
}
