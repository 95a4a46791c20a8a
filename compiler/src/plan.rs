//! The one decision: what a stage will do, and why.
//!
//! `plan`, `run`, `why` and the editor all call [`decide`]. It looks at what is known of the inputs and at
//! the [`History`]; it does no work itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::graph::{FileSet, Graph, Producer, Stage, StageId};
use crate::key::{Component, ComponentName, Content, Digest, Key, key};
use crate::source::Span;

/// What has been done before, and what lies on disk. Implemented by `runtime`.
pub trait History {
    /// The artifact that the action with this key gave, if it is still there.
    fn artifact(&self, key: &Digest) -> Option<Digest>;

    /// Whether the action with this key was done once, though its artifact is gone.
    fn lost(&self, key: &Digest) -> bool;

    /// What the stage of this name was when it last ran in this pipeline.
    fn previous(&self, stage: &Stage) -> Option<Previous>;

    /// The user's files, and those that are fetched: their content, or why it is not known.
    ///
    /// # Errors
    /// What is missing or unreadable, or that it is to be fetched first.
    fn files(&self, files: &FileSet) -> Result<Content, Absent>;

    /// Why the stage, whose result of this key is not there yet, cannot read files of an input: what their
    /// first bytes say.
    fn refused(&self, stage: &Stage, key: &Key, role: &str, files: &FileSet) -> Option<String> {
        let _ = (stage, key, role, files);
        None
    }

    /// The content of the file that a word of a command names; folders and patterns, which may hold anything,
    /// are none.
    fn file(&self, word: &str) -> Option<Content>;

    /// Why a command cannot be started on this machine: a program or a script that is missing.
    fn unstartable(&self, command: &[String]) -> Option<String> {
        let _ = command;
        None
    }

    /// How many shards of the stage's input would have to run, of how many, where that is known.
    fn shards(&self, stage: &Stage, key: &Key, input: &Digest) -> Option<(usize, usize)> {
        let _ = (stage, key, input);
        None
    }
}

/// Why nobody knows what is in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// They are missing or unreadable: a sentence for people.
    Missing(String),
    /// They are fetched before the stage runs, and what is in them stands in the lock file from then on.
    Unfetched,
}

impl From<String> for Absent {
    fn from(message: String) -> Self {
        Self::Missing(message)
    }
}

impl std::fmt::Display for Absent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(message) => formatter.write_str(message),
            Self::Unfetched => formatter.write_str("what it reads is not fetched yet"),
        }
    }
}

/// A stage as it was when it last ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The run's number.
    pub run: u64,
    /// The component table of its key.
    pub components: Vec<Component>,
}

/// What a stage will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the result is there.
    Cached {
        /// What it was made from, which is all as it was.
        key: Box<Key>,
        /// The digest of the list of its files, which is in the store.
        artifact: Digest,
    },
    /// Work.
    Run {
        /// Its key, where all inputs are known already.
        key: Option<Box<Key>>,
        /// Why, root causes first.
        reasons: Vec<Reason>,
        /// Whether it will be left out if its inputs turn out as they were (early cutoff).
        may_skip: bool,
        /// Shards to run, of how many, where known.
        shards: Option<(usize, usize)>,
    },
    /// It cannot run.
    Blocked(Blocked),
}

/// Why a stage cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// A file is missing or unreadable.
    Files {
        /// As written.
        pattern: String,
        /// What is wrong.
        message: String,
        /// Where it is written.
        span: Span,
        /// Whether files were found, of which one is of a kind that the stage does not read.
        found: bool,
    },
    /// A stage before it cannot run.
    By(StageId),
}

/// Why a stage will run. It says all by itself, so that it can be kept with the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// It never ran.
    New,
    /// A component of its key differs from the last run's.
    Changed {
        /// The row of the key's table: a setting, an input, the epoch.
        name: ComponentName,
        /// Then; `None` where it did not exist.
        old: Option<String>,
        /// Now; `None` where it is gone.
        new: Option<String>,
        /// Where the new value is written; known only while the program is.
        #[serde(skip)]
        span: Option<Span>,
    },
    /// It waits for a stage that will run.
    Waits {
        /// Its name in the graph, so that the reason can be told without it.
        stage: String,
    },
    /// What it reads is fetched first.
    Fetches,
    /// Its result was removed or damaged.
    Lost,
    /// The user asked for it.
    Forced,
}

impl Reason {
    /// Whether it is a cause of its own, not the consequence of another stage's.
    #[must_use]
    pub fn is_root(&self) -> bool {
        match self {
            Self::Waits { .. } | Self::Fetches => false,
            Self::Changed { name, .. } => name.input_role().is_none(),
            Self::New | Self::Lost | Self::Forced => true,
        }
    }
}

/// What is known of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its content is there.
    Known(Digest),
    /// Its stage will run.
    Pending,
    /// Its stage cannot run.
    Blocked,
}

/// Decides what `stage` will do, given the state of the stages before it.
pub fn decide(
    graph: &Graph,
    stage: &Stage,
    state: &dyn Fn(StageId) -> State,
    history: &dyn History,
    forced: bool,
) -> Decision {
    let inputs = match Gathered::of(graph, stage, state, history) {
        Ok(inputs) => inputs,
        Err(blocked) => return Decision::Blocked(blocked),
    };
    let key = key(stage, &inputs.contents);
    let changed = || match history.previous(stage) {
        Some(previous) => changes(stage, &previous, &key.components, &inputs.unknown),
        None => vec![Reason::New],
    };
    if !inputs.pending.is_empty() || inputs.unfetched {
        let mut reasons = changed();
        let may_skip = reasons.is_empty() && !forced;
        if forced {
            reasons.insert(0, Reason::Forced);
        }
        // What may be left out need not be there to be started.
        if !may_skip && let Some(blocked) = unstartable(stage, history) {
            return Decision::Blocked(blocked);
        }
        reasons.extend(inputs.unfetched.then_some(Reason::Fetches));
        let name = |id: StageId| graph.stage(id).name.clone();
        reasons.extend(inputs.pending.into_iter().map(|id| Reason::Waits { stage: name(id) }));
        return Decision::Run { key: None, reasons, may_skip, shards: None };
    }
    if !forced && let Some(artifact) = history.artifact(&key.digest) {
        return Decision::Cached { key: Box::new(key), artifact };
    }
    if let Some(blocked) = unstartable(stage, history) {
        return Decision::Blocked(blocked);
    }
    for input in &stage.inputs {
        if let Producer::Files(files) = &input.from
            && let Some(message) = history.refused(stage, &key, &input.role, files)
        {
            return Decision::Blocked(Blocked::Files {
                pattern: files.to_string(),
                message,
                span: input.span,
                found: true,
            });
        }
    }
    let reasons = match () {
        () if forced => vec![Reason::Forced],
        () if history.lost(&key.digest) => vec![Reason::Lost],
        () => changed(),
    };
    let role = stage.per_shard.as_ref();
    let sharded = role.and_then(|role| inputs.contents.iter().find(|content| content.role == *role));
    let shards = sharded.and_then(|content| history.shards(stage, &key, &content.digest));
    Decision::Run { key: Some(Box::new(key)), reasons, may_skip: false, shards }
}

/// What is known of all that goes into a stage.
#[derive(Default)]
struct Gathered<'a> {
    contents: Vec<Content>,
    /// The stages before it that will run, each once, in order of inputs.
    pending: Vec<StageId>,
    /// The same, to look one up: a table may collect thousands.
    seen: BTreeSet<StageId>,
    /// The roles whose content is not known yet.
    unknown: BTreeSet<&'a str>,
    /// Whether files are fetched first.
    unfetched: bool,
}

impl<'a> Gathered<'a> {
    fn of(
        graph: &Graph,
        stage: &'a Stage,
        state: &dyn Fn(StageId) -> State,
        history: &dyn History,
    ) -> Result<Self, Blocked> {
        let mut all = Self::default();
        for input in &stage.inputs {
            match &input.from {
                Producer::Stage(id) => all.stage(&input.role, *id, state(*id), graph)?,
                Producer::Files(files) => all.files(&input.role, files, input.span, history)?,
            }
        }
        for setting in &stage.settings {
            for path in setting.paths() {
                let span = setting.span.unwrap_or(stage.span);
                all.files(&setting.name, &FileSet::of([path]), span, history)?;
            }
        }
        for argument in stage.command.iter().flatten() {
            // A program's files count by content; its other arguments count as text, in the recipe.
            if let Some(content) = history.file(argument) {
                all.contents.push(Content { role: argument.clone(), ..content });
            }
        }
        Ok(all)
    }

    /// An input from another stage.
    fn stage(&mut self, role: &'a str, id: StageId, state: State, graph: &Graph) -> Result<(), Blocked> {
        match state {
            State::Known(digest) => {
                let (role, label) = (role.to_owned(), graph.stage(id).name.clone());
                self.contents.push(Content { role, files: false, label, digest });
            }
            State::Pending => {
                self.unknown.insert(role);
                if self.seen.insert(id) {
                    self.pending.push(id);
                }
            }
            State::Blocked => return Err(Blocked::By(id)),
        }
        Ok(())
    }

    /// Files of the user: an input, or what a setting names.
    fn files(
        &mut self,
        role: &'a str,
        files: &FileSet,
        span: Span,
        history: &dyn History,
    ) -> Result<(), Blocked> {
        match history.files(files) {
            Ok(content) => self.contents.push(Content { role: role.to_owned(), ..content }),
            Err(Absent::Unfetched) => {
                self.unknown.insert(role);
                self.unfetched = true;
            }
            Err(Absent::Missing(message)) => {
                return Err(Blocked::Files { pattern: files.to_string(), message, span, found: false });
            }
        }
        Ok(())
    }
}

/// Why a command stage cannot be started.
fn unstartable(stage: &Stage, history: &dyn History) -> Option<Blocked> {
    let command = stage.command.as_ref()?;
    let message = history.unstartable(command)?;
    Some(Blocked::Files {
        pattern: command.join(" "),
        message,
        span: stage.command_span.unwrap_or(stage.span),
        found: false,
    })
}

/// What differs from the last run, settings first; inputs of `unknown` roles are left out.
fn changes(stage: &Stage, previous: &Previous, now: &[Component], unknown: &BTreeSet<&str>) -> Vec<Reason> {
    let known =
        |component: &&Component| component.name.input_role().is_none_or(|role| !unknown.contains(role));
    let mut reasons = Vec::new();
    for component in now.iter().filter(known) {
        let old = find(&previous.components, &component.name);
        if old.is_none_or(|old| old.digest != component.digest) {
            reasons.push(Reason::Changed {
                name: component.name.clone(),
                old: old.map(|old| old.value.clone()),
                new: Some(component.value.clone()),
                span: place(stage, &component.name),
            });
        }
    }
    for old in previous.components.iter().filter(known) {
        if find(now, &old.name).is_none() {
            reasons.push(Reason::Changed {
                name: old.name.clone(),
                old: Some(old.value.clone()),
                new: None,
                span: None,
            });
        }
    }
    reasons.sort_by_key(|reason| !reason.is_root());
    reasons
}

/// The component of this name in a table, which is sorted.
fn find<'t>(table: &'t [Component], name: &ComponentName) -> Option<&'t Component> {
    let at = table.binary_search_by(|component| component.name.cmp(name)).ok()?;
    table.get(at)
}

/// Where a component's value is written.
fn place(stage: &Stage, component: &ComponentName) -> Option<Span> {
    let setting = |name: &str| stage.settings.iter().find(|setting| setting.name == name)?.span;
    match component.role() {
        Some(role) => {
            let input = stage.inputs.iter().find(|input| input.role == role);
            input.map(|input| input.span).or_else(|| setting(role))
        }
        None => setting(component.setting()?),
    }
}

/// Decides for every stage, in topological order; the index of a decision is its stage's.
#[must_use]
pub fn plan(graph: &Graph, history: &dyn History, forced: &dyn Fn(StageId) -> bool) -> Vec<Decision> {
    plan_while(graph, history, forced, &|| true).unwrap_or_default()
}

/// Like [`plan`], as long as `go_on` says so; it is asked before each stage.
#[must_use]
pub fn plan_while(
    graph: &Graph,
    history: &dyn History,
    forced: &dyn Fn(StageId) -> bool,
    go_on: &dyn Fn() -> bool,
) -> Option<Vec<Decision>> {
    let mut decisions: Vec<Decision> = Vec::with_capacity(graph.stages.len());
    for (id, stage) in graph.ids().zip(&graph.stages) {
        if !go_on() {
            return None;
        }
        let state = |id: StageId| match decisions.get(id.0 as usize) {
            Some(Decision::Cached { artifact, .. }) => State::Known(*artifact),
            Some(Decision::Run { .. }) | None => State::Pending,
            Some(Decision::Blocked(_)) => State::Blocked,
        };
        let decision = decide(graph, stage, &state, history, forced(id));
        decisions.push(decision);
    }
    Some(decisions)
}
