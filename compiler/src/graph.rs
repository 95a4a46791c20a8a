//! The lowered pipeline: stages with all settings resolved, in topological order. What `lower` makes, and all
//! that keys, plans and runs are made from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::artifact::{ArtifactKind, ArtifactType};
use crate::gate::Gate;
use crate::source::Span;

/// A stage of the graph; an index into [`Graph::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StageId(pub u32);

/// The lowered pipeline.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Stages; every input comes before its user.
    pub stages: Vec<Stage>,
    /// What each binding's value is: one stage, or several for a family (`each`) or a list.
    pub bindings: BTreeMap<String, Vec<StageId>>,
    /// What is expected of its reports, in order of text.
    pub gates: Vec<Gate>,
}

/// One stage with everything resolved.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What people call it: the binding's name, or `docs/filter.urls` for a stage inside a binding's value.
    pub name: String,
    /// The signature, e.g. `filter.urls`.
    pub kind: String,
    /// The signature's epoch.
    pub epoch: u32,
    /// All settings, sorted by name, defaults included.
    pub settings: Vec<Setting>,
    /// Inputs, in the signature's order; a list parameter gives several with one role.
    pub inputs: Vec<Input>,
    /// What it makes; `None` where its signature is broken, so in no graph that can run.
    pub output: Option<Output>,
    /// The role whose shards are processed one by one.
    pub per_shard: Option<String>,
    /// Whether the stage keeps checkpoints.
    pub resumes: bool,
    /// Settings on which its course depends only towards its end, such as how long it trains. What it leaves
    /// of the part before, its stem, serves every other stage that differs in nothing else. Empty where it
    /// leaves none.
    pub stem: Vec<String>,
    /// What it takes while it runs.
    pub needs: Needs,
    /// The settings that say how much of something there is, as its signature says.
    pub amounts: Amounts,
    /// The user's command and the files it names, for stages declared with `run`.
    pub command: Option<Vec<String>>,
    /// Where its words are written.
    pub command_span: Option<Span>,
    /// Whether documents reach that command as JSON lines instead of Parquet.
    pub jsonl: bool,
    /// The call as written.
    pub span: Span,
}

impl Stage {
    /// Whether it makes an artifact of this kind.
    #[must_use]
    pub fn makes(&self, kind: ArtifactKind) -> bool {
        self.makes_any(&[kind])
    }

    /// Whether it makes an artifact of one of these kinds.
    #[must_use]
    pub fn makes_any(&self, kinds: &[ArtifactKind]) -> bool {
        self.output.as_ref().is_some_and(|output| kinds.contains(&output.kind))
    }

    /// How much of something its settings say there is, and the setting that says so; `None` where that is no
    /// number, or is only known when it runs.
    #[must_use]
    pub fn amount(&self, amount: Amount) -> Option<(u64, Named<'_>)> {
        self.named(amount).find_map(|named| Some((named.value.as_u64()?, named)))
    }

    /// The settings that say how much of something there is, in order of the signature.
    pub fn named(&self, amount: Amount) -> impl Iterator<Item = Named<'_>> {
        let paths = self.amounts.get(&amount).into_iter().flatten();
        paths.filter_map(|path| {
            let (name, fields) = path.split_first()?;
            let setting = self.settings.iter().find(|setting| setting.name == *name)?;
            let value = fields.iter().try_fold(&setting.value, |value, field| value.get(field))?;
            Some(Named { name: path.last()?, value, span: setting.span })
        })
    }
}

/// Something that a setting says how much there is of, and that checks across stages compare. A signature
/// says which setting does: `context from model context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// Tokens that the model which is made reads at most.
    Context,
    /// Tokens that it trains on, each as often as it is read.
    Horizon,
    /// What decides on the memory that it takes.
    Memory,
    /// Tokens that a model writes at most behind what it reads.
    Answer,
    /// Words of a passage of the index that is made, or tokens where the index is given a tokenizer.
    Passage,
    /// Passages that a model is given for one search.
    Results,
}

impl Amount {
    /// All of them, with the word that signatures say.
    pub const ALL: [(&str, Self); 6] = [
        ("context", Self::Context),
        ("horizon", Self::Horizon),
        ("memory", Self::Memory),
        ("answer", Self::Answer),
        ("passage", Self::Passage),
        ("results", Self::Results),
    ];

    /// That with this word.
    #[must_use]
    pub fn called(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == word).map(|(_, amount)| amount)
    }
}

/// Paths of the settings that say how much there is of something: `["model", "context"]`.
pub type Amounts = BTreeMap<Amount, Vec<Vec<String>>>;

/// A setting, or a field in one, that says how much there is of something.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// What it is called: the last word of its path.
    pub name: &'a str,
    /// What it says.
    pub value: &'a Value,
    /// Where the setting is written; `None` for defaults.
    pub span: Option<Span>,
}

/// The type of a stage's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What it is.
    pub kind: ArtifactKind,
    /// What the model that comes out has been taught, in that order, by this stage and those before it.
    pub abilities: Vec<String>,
    /// The stage that made its vocabulary: itself, or one that it needs. `None` where it has none or where it
    /// is unknown.
    pub vocabulary: Option<StageId>,
}

impl Output {
    /// Whether it is a model that has been taught `ability`.
    #[must_use]
    pub fn has(&self, ability: &str) -> bool {
        self.abilities.iter().any(|one| one == ability)
    }
}

/// What each of a stage's actions takes while it runs. No part of a key: results do not depend on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Cores; `None` where it can use as many as are free.
    pub cores: Option<u32>,
    /// Bytes of memory; `None` where nothing is declared.
    pub memory: Option<u64>,
    /// The devices that it has for itself.
    pub devices: Option<Devices>,
    /// Seconds after which a command is stopped; `None` for no limit.
    pub time_limit: Option<f64>,
}

/// Devices that an action has for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Devices {
    /// Of which kind.
    pub kind: DeviceKind,
    /// How many; at least one.
    pub count: u32,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Whatever computes: the processor where there is nothing faster.
    Any,
    /// A graphics processor.
    Gpu,
}

/// A resolved setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// As the signature declares it, `min_words`; fields of records are inside of the value.
    pub name: String,
    /// Its value in base units: tokens, bytes, seconds, ratios as fractions; enums as text; absent ones
    /// `null`.
    pub value: Value,
    /// Whether the result cannot depend on it.
    pub runtime: bool,
    /// Whether its value is the path of a file whose content counts.
    pub path: bool,
    /// Where the value was written; `None` for a default.
    pub span: Option<Span>,
}

impl Setting {
    /// The files it names, where it is a path or a list of paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let list = self.value.as_array().into_iter().flatten();
        list.chain(std::iter::once(&self.value)).filter_map(Value::as_str).filter(|_| self.path)
    }
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The parameter of the signature.
    pub role: String,
    /// What has to be there before the stage can run.
    pub from: Producer,
    /// The argument as written.
    pub span: Span,
}

/// What makes an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Producer {
    /// Another stage.
    Stage(StageId),
    /// Files of the user.
    Files(FileSet),
}

/// Files of the user that go into a stage together, without order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileSet {
    /// Where they come from.
    pub source: Source,
    /// Whether their names count, too, and not only what is in them.
    pub names: bool,
}

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Paths and patterns, at least one, relative to the main file's folder.
    Patterns(Vec<String>),
    /// What the lock file holds for this request: the stage, and the settings that say what is fetched, as
    /// canonical JSON.
    Lock(String),
}

impl FileSet {
    /// The files that paths and patterns name, whose names do not count.
    #[must_use]
    pub fn of(patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let patterns = patterns.into_iter().map(Into::into).collect();
        Self { source: Source::Patterns(patterns), names: false }
    }

    /// As a program writes it: `"a/*.jsonl", "b.txt"`.
    #[must_use]
    pub fn quoted(&self) -> String {
        match &self.source {
            Source::Patterns(patterns) => {
                let quoted: Vec<String> = patterns.iter().map(|pattern| format!("{pattern:?}")).collect();
                quoted.join(", ")
            }
            Source::Lock(_) => self.to_string(),
        }
    }

    /// The paths and patterns.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        match &self.source {
            Source::Patterns(patterns) => patterns,
            Source::Lock(_) => &[],
        }
    }
}

impl std::fmt::Display for FileSet {
    /// As people write it, without quotes: `a/*.jsonl, b.txt`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            Source::Patterns(patterns) => formatter.write_str(&patterns.join(", ")),
            Source::Lock(_) => formatter.write_str("the lock file"),
        }
    }
}

impl Graph {
    /// The stage with this id.
    #[must_use]
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[id.0 as usize]
    }

    /// The stage of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<StageId> {
        self.ids().find(|&id| self.stage(id).name == name)
    }

    /// The type of a stage's output with its vocabulary by name: by the binding that makes it, or else by the
    /// signature of the stage.
    #[must_use]
    pub fn artifact_type(&self, stage: &Stage) -> Option<ArtifactType> {
        let Output { kind, abilities, vocabulary } = stage.output.as_ref()?;
        let maker = vocabulary.map(|id| self.stage(id));
        let vocabulary = maker.map(|maker| if is_inner(&maker.name) { &maker.kind } else { &maker.name });
        Some(ArtifactType { kind: *kind, abilities: abilities.clone(), vocabulary: vocabulary.cloned() })
    }

    /// That type as people read it, `Model<chat, vocab>`; empty where it is unknown.
    #[must_use]
    pub fn type_of(&self, stage: &Stage) -> String {
        self.artifact_type(stage).map_or_else(String::new, |ty| ty.to_string())
    }

    /// Ids in topological order.
    pub fn ids(&self) -> impl Iterator<Item = StageId> + use<> {
        (0..self.stages.len() as u32).map(StageId)
    }

    /// The graph of those stages alone that `targets` need, themselves included: a smaller pipeline, whose
    /// stages have the same names and keys.
    #[must_use]
    pub fn up_to(self, targets: impl IntoIterator<Item = StageId>) -> Self {
        let mut needed = vec![false; self.stages.len()];
        for target in targets {
            needed[target.0 as usize] = true;
        }
        // Users come after their inputs.
        for (at, stage) in self.stages.iter().enumerate().rev() {
            for input in &stage.inputs {
                if let (true, Producer::Stage(from)) = (needed[at], &input.from) {
                    needed[from.0 as usize] = true;
                }
            }
        }
        let mut next = 0;
        let places: Vec<Option<StageId>> = needed
            .into_iter()
            .map(|needed| {
                let place = needed.then_some(StageId(next));
                next += u32::from(needed);
                place
            })
            .collect();
        let place = |id: StageId| places[id.0 as usize];
        let stages = self.stages.into_iter().zip(&places).filter(|(_, place)| place.is_some());
        let stages = stages.map(|(mut stage, _)| {
            if let Some(output) = &mut stage.output {
                output.vocabulary = output.vocabulary.and_then(place);
            }
            for input in &mut stage.inputs {
                if let Producer::Stage(from) = &mut input.from
                    && let Some(moved) = place(*from)
                {
                    *from = moved;
                }
            }
            stage
        });
        // A binding stays as a whole or not at all.
        let bindings = self.bindings.into_iter().filter_map(|(name, ids)| {
            let moved: Option<Vec<_>> = ids.into_iter().map(place).collect();
            Some((name, moved?))
        });
        let gates = self.gates.iter().filter_map(|gate| {
            Some(Gate { left: gate.left.moved(&place)?, right: gate.right.moved(&place)?, ..gate.clone() })
        });
        Self { stages: stages.collect(), bindings: bindings.collect(), gates: gates.collect() }
    }

    /// The stages whose inputs include `id`.
    pub fn users(&self, id: StageId) -> impl Iterator<Item = StageId> + '_ {
        self.ids().filter(move |&user| {
            self.stage(user).inputs.iter().any(|input| input.from == Producer::Stage(id))
        })
    }
}

/// Whether a stage stands inside of a binding's value: names of bindings have no `/`, unless a member's text
/// has.
pub(crate) fn is_inner(name: &str) -> bool {
    name.split('[').next().is_some_and(|name| name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, from: &[u32]) -> Stage {
        let input =
            |&id| Input { role: "from".into(), from: Producer::Stage(StageId(id)), span: Span::default() };
        Stage {
            name: name.into(),
            kind: "make".into(),
            epoch: 1,
            settings: vec![],
            inputs: from.iter().map(input).collect(),
            output: None,
            per_shard: None,
            resumes: false,
            stem: vec![],
            needs: Needs::default(),
            amounts: Amounts::default(),
            command: None,
            command_span: None,
            jsonl: false,
            span: Span::default(),
        }
    }

    #[test]
    fn a_vocabulary_is_called_by_the_stage_that_made_it() {
        let output = |kind, maker| Some(Output { kind, abilities: vec![], vocabulary: Some(StageId(maker)) });
        let tokenizer = Stage { output: output(ArtifactKind::Tokenizer, 1), ..stage("v", &[]) };
        let base = Stage { output: output(ArtifactKind::Model, 1), ..stage("base", &[1]) };
        let inner = Stage { output: output(ArtifactKind::Tokenizer, 3), ..stage("other/make", &[]) };
        let stages = vec![stage("x", &[]), tokenizer, base, inner];
        let graph = Graph { stages, ..Graph::default() };
        let types = |graph: &Graph| graph.stages.iter().map(|it| graph.type_of(it)).collect::<Vec<_>>();
        assert_eq!(types(&graph), ["", "Tokenizer<v>", "Model<base, v>", "Tokenizer<make>"]);
        assert_eq!(types(&graph.up_to([StageId(2)])), ["Tokenizer<v>", "Model<base, v>"]);
    }

    /// `a → b → d`, `a → c`, and `d` from `b` and `x`.
    fn graph() -> Graph {
        let stages =
            vec![stage("a", &[]), stage("c", &[0]), stage("x", &[]), stage("b", &[0]), stage("d", &[3, 2])];
        let bindings = [("a", vec![0]), ("both", vec![1, 3]), ("d", vec![4])];
        let bindings = bindings.map(|(name, ids)| (name.to_owned(), ids.into_iter().map(StageId).collect()));
        Graph { stages, bindings: bindings.into(), ..Graph::default() }
    }

    fn names(graph: &Graph) -> Vec<&str> {
        graph.stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    #[test]
    fn a_stage_needs_itself_and_what_is_before_it() {
        let graph = graph();
        assert_eq!(names(&graph.clone().up_to([StageId(0)])), ["a"]);
        assert_eq!(names(&graph.clone().up_to([StageId(3)])), ["a", "b"]);
        assert_eq!(names(&graph.clone().up_to([StageId(1), StageId(2)])), ["a", "c", "x"]);
        assert_eq!(names(&graph.clone().up_to([StageId(4)])), ["a", "x", "b", "d"]);
        assert_eq!(names(&graph.clone().up_to([])), [""; 0]);
    }

    #[test]
    fn what_is_left_is_connected_as_it_was() {
        let graph = graph().up_to([StageId(4)]);
        let froms = |stage: &Stage| {
            let inputs = stage.inputs.iter().map(|input| match &input.from {
                Producer::Stage(from) => names(&graph)[from.0 as usize].to_owned(),
                Producer::Files(files) => files.to_string(),
            });
            inputs.collect::<Vec<_>>()
        };
        let inputs: Vec<_> = graph.stages.iter().map(froms).collect();
        assert_eq!(inputs, [vec![], vec![], vec!["a".to_owned()], vec!["b".to_owned(), "x".to_owned()]]);
        // A binding is there as a whole or not at all.
        assert_eq!(graph.bindings.keys().collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!(graph.bindings["d"], [StageId(3)]);
    }
}
