//! What checks across stages know of a stage besides the graph: its signature, and what flows into it from
//! far above.

use crate::artifact::ArtifactKind;
use crate::graph::{Amount, Graph, Named, Producer, Stage, StageId};
use crate::signature::Signature;
use crate::source::Span;

/// Facts of all stages, by their ids.
pub(super) struct Facts<'a> {
    graph: &'a Graph,
    facts: Vec<Fact<'a>>,
}

/// Facts of one stage.
#[derive(Default)]
pub(super) struct Fact<'a> {
    pub(super) signature: Option<&'a Signature>,
    /// The longest sequence of the model that comes out.
    pub(super) context: Option<Context<'a>>,
}

/// The longest sequence of a model.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) tokens: u64,
    /// The setting that says so.
    pub(super) name: &'a str,
    /// Where it is written, or else the stage.
    pub(super) span: Span,
}

impl<'a> Facts<'a> {
    /// Works out the facts of all stages; `signature` finds that of a kind.
    pub(super) fn new(graph: &'a Graph, signature: impl Fn(&str) -> Option<&'a Signature>) -> Self {
        let mut facts = Self { graph, facts: Vec::with_capacity(graph.stages.len()) };
        for stage in &graph.stages {
            let fact = signature(&stage.kind).map_or_else(Fact::default, |it| facts.of_stage(stage, it));
            facts.facts.push(fact);
        }
        facts
    }

    /// All stages with their facts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a Stage, &Fact<'a>)> {
        self.graph.stages.iter().zip(&self.facts)
    }

    /// The facts of a stage's inputs that are models, in order: each with the stage that makes it and where
    /// it is taken.
    pub(super) fn models(&self, stage: &'a Stage) -> impl Iterator<Item = (&'a Stage, &Fact<'a>, Span)> {
        self.inputs(stage, ArtifactKind::Model)
    }

    /// The same of inputs of `kind`.
    pub(super) fn inputs(
        &self,
        stage: &'a Stage,
        kind: ArtifactKind,
    ) -> impl Iterator<Item = (&'a Stage, &Fact<'a>, Span)> {
        stage.inputs.iter().filter_map(move |input| {
            let Producer::Stage(id) = input.from else { return None };
            let fact = self.facts.get(id.0 as usize)?;
            let made = self.graph.stage(id);
            made.makes(kind).then_some((made, fact, input.span))
        })
    }

    /// All stages that `stage` is made from.
    pub(super) fn before(&self, stage: &Stage) -> Vec<&'a Stage> {
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<StageId> = super::producers(stage).collect();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(super::producers(self.graph.stage(id)));
            }
        }
        seen.into_iter().map(|id| self.graph.stage(id)).collect()
    }

    /// The facts of the stage `id`.
    pub(super) fn get(&self, id: StageId) -> Option<&Fact<'a>> {
        self.facts.get(id.0 as usize)
    }

    /// The facts of a stage all of whose inputs are known.
    fn of_stage(&self, stage: &'a Stage, signature: &'a Signature) -> Fact<'a> {
        // What an input says counts, and not the setting's default.
        let given = |role: &str| stage.inputs.iter().any(|input| input.role == role);
        let replaced = signature.flow.replaces.iter().any(|(role, name)| name == "model" && given(role));
        let own = || {
            if replaced {
                return None;
            }
            let (tokens, Named { name, span, .. }) = stage.amount(Amount::Context)?;
            Some(Context { tokens, name, span: span.unwrap_or(stage.span) })
        };
        let inherited = || self.models(stage).next()?.1.context;
        let is_model = stage.makes(ArtifactKind::Model);
        let context = is_model.then(|| own().or_else(inherited)).flatten();
        Fact { signature: Some(signature), context }
    }
}
