//! What checks across stages know of a stage besides the graph: its signature, and what flows into it from far above.

use crate::graph::{Graph, Producer, Stage, StageId};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Kind, Pattern};

/// Facts of all stages, by their ids.
pub(super) struct Facts<'a> {
    graph: &'a Graph,
    facts: Vec<Fact<'a>>,
}

/// Facts of one stage.
#[derive(Default)]
pub(super) struct Fact<'a> {
    pub(super) signature: Option<&'a Signature>,
    /// The stage that made the vocabulary of the output; `None` where it has none, or comes from nowhere.
    pub(super) vocabulary: Option<StageId>,
    /// What the model that comes out has been taught.
    pub(super) abilities: Vec<&'a str>,
    /// The longest sequence of the model that comes out, in tokens, and where it is written.
    pub(super) context: Option<(u64, Span)>,
}

impl<'a> Facts<'a> {
    /// Works out the facts of all stages; `signature` finds that of a kind.
    pub(super) fn new(graph: &'a Graph, signature: impl Fn(&str) -> Option<&'a Signature>) -> Self {
        let mut facts = Self { graph, facts: Vec::with_capacity(graph.stages.len()) };
        for (id, stage) in graph.ids().zip(&graph.stages) {
            let fact = signature(&stage.kind).map_or_else(Fact::default, |it| facts.of_stage(id, stage, it));
            facts.facts.push(fact);
        }
        facts
    }

    /// All stages with their facts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a Stage, &Fact<'a>)> {
        self.graph.stages.iter().zip(&self.facts)
    }

    /// The facts of a stage's inputs that are models, in order: each with the stage that makes it and where it is taken.
    pub(super) fn models(&self, stage: &'a Stage) -> impl Iterator<Item = (&'a Stage, &Fact<'a>, Span)> {
        self.inputs(stage, Kind::Model)
    }

    /// The same of inputs of `kind`.
    pub(super) fn inputs(
        &self,
        stage: &'a Stage,
        kind: Kind,
    ) -> impl Iterator<Item = (&'a Stage, &Fact<'a>, Span)> {
        stage.inputs.iter().filter_map(move |input| {
            let Producer::Stage(id) = input.from else { return None };
            let fact = self.facts.get(id.0 as usize)?;
            let made = fact.signature?.output.as_ref()?.kind;
            (made == kind).then(|| (self.graph.stage(id), fact, input.span))
        })
    }

    /// The facts of the stage `id`.
    pub(super) fn get(&self, id: StageId) -> Option<&Fact<'a>> {
        self.facts.get(id.0 as usize)
    }

    /// The facts of a stage all of whose inputs are known.
    fn of_stage(&self, id: StageId, stage: &'a Stage, signature: &'a Signature) -> Fact<'a> {
        let mut fact = Fact { signature: Some(signature), ..Fact::default() };
        let Some(output) = &signature.output else { return fact };
        let model = self.models(stage).next();
        if let Some(variable) = &output.vocabulary {
            let carries = |ty: &Pattern| ty.vocabulary.as_ref() == Some(variable);
            let carriers = signature.inputs.iter().filter(|input| input.ty.as_ref().is_some_and(carries));
            let mut carriers = carriers.peekable();
            fact.vocabulary = match carriers.peek() {
                None => Some(id),
                Some(_) => carriers.find_map(|carrier| {
                    let input = stage.inputs.iter().find(|input| input.role == carrier.name)?;
                    let Producer::Stage(from) = input.from else { return None };
                    self.get(from)?.vocabulary
                }),
            };
        }
        if output.kind == Kind::Model {
            let before = model.as_ref().filter(|_| output.keeps).map(|(_, model, _)| model.abilities.clone());
            fact.abilities = before.unwrap_or_default();
            fact.abilities.extend(output.abilities.iter().map(String::as_str));
            fact.context = super::number(stage, &["model", "context"])
                .map(|(context, span)| (context, span.unwrap_or(stage.span)))
                .or_else(|| model.and_then(|(_, model, _)| model.context));
        }
        fact
    }
}
