//! Types, units and ranges: does every input get what its stage needs, and every setting a value it takes?
//!
//! Order: the user's own stages, params (their values are known from here on), functions, bindings, and what
//! profiles and the command line change. Broken things have no type; nothing is said about what is made from
//! them.

mod calls;
pub(crate) mod changes;
mod defs;
pub(crate) mod errors;
mod nodes;
mod overrides;
pub(crate) mod params;
pub mod pipeline;
mod scope;
mod targets;
pub(crate) mod tree;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::diagnostic::{self, Diagnostic, Diagnostics};
use crate::resolve::Program;
use crate::signature::{Library, Signature, signature};
use crate::source::{Sources, Span};
use crate::types::{Type, Types, Vocabularies, Vocabulary};
use changes::Change;
use params::Param;
use scope::Scope;
use tree::{Binding, Def, Function};

pub use crate::source::Reference;

/// A checked program.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Params with their values.
    pub(crate) params: Vec<Param>,
    /// Functions, each behind those it calls.
    pub(crate) defs: Vec<Def>,
    /// Bindings, each behind those it is made from.
    pub(crate) bindings: Vec<Binding>,
    /// The program's own stages.
    pub(crate) stages: BTreeMap<String, Arc<Signature>>,
    /// Types of expressions and bindings.
    pub(crate) types: Types,
    /// Where names are used, and where they are defined.
    pub(crate) references: Vec<Reference>,
    /// What callers know of the functions.
    pub(crate) functions: Vec<Function>,
}

/// What checking reads.
struct Context<'a> {
    program: &'a Program<'a>,
    library: &'a Library,
    sources: &'a Sources,
    /// The user's own stages, with the file they are declared in.
    stages: BTreeMap<String, (Arc<Signature>, usize)>,
    /// Those of them that could not be read as a whole.
    broken_stages: BTreeSet<String>,
    params: Vec<Param>,
    references: RefCell<Vec<Reference>>,
}

/// What checking writes.
struct Checker<'a> {
    context: &'a Context<'a>,
    defs: Vec<Rc<defs::Heading>>,
    /// The types of bindings checked so far; `None` for broken ones.
    bindings: Vec<Option<Type>>,
    /// For every binding, the settings that are set elsewhere.
    overridden: Vec<Vec<Vec<String>>>,
    vocabularies: Vocabularies,
    /// Vocabularies made by stages that only read files, by all that makes them what they are.
    known_vocabularies: BTreeMap<String, Vocabulary>,
    types: Vec<(Span, Type)>,
    diagnostics: &'a mut Diagnostics,
}

/// How much checking had written at a moment.
#[derive(Clone, Copy)]
struct Mark {
    diagnostics: diagnostic::Mark,
    references: usize,
    types: usize,
    vocabularies: usize,
}

/// Checks `program`, with what profiles, the params file and the command line change.
pub(crate) fn check(
    program: &Program<'_>,
    library: &Library,
    changes: &[Change<'_>],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Checked {
    let mut stages = BTreeMap::new();
    let mut broken_stages = BTreeSet::new();
    for item in &program.stages {
        let Some(signature) = signature(item.ast, diagnostics) else { continue };
        if signature.command.is_none() && !item.ast.clauses.iter().any(may_be_run) {
            diagnostics.push(crate::signature::errors::no_command(&signature.name, signature.span));
        }
        if program.is_broken(item.file, item.ast.span) {
            broken_stages.insert(signature.name.clone());
        }
        stages.insert(signature.name.clone(), (Arc::new(signature), item.file));
    }
    let references = RefCell::new(shard_inputs(program));
    let params = params::params(program, changes, &references, diagnostics);
    let context = Context { program, library, sources, stages, broken_stages, params, references };
    let mut checker = Checker {
        context: &context,
        defs: Vec::new(),
        bindings: Vec::new(),
        overridden: vec![Vec::new(); program.bindings.len()],
        vocabularies: Vocabularies::default(),
        known_vocabularies: BTreeMap::new(),
        types: Vec::new(),
        diagnostics,
    };
    checker.defs = program.defs.iter().map(|def| Rc::new(checker.heading(def))).collect();
    let defs = program.defs.iter().enumerate().map(|(at, def)| checker.def(at, def)).collect();
    checker.note_overridden(changes);
    let mut bindings = Vec::with_capacity(program.bindings.len());
    for (at, item) in program.bindings.iter().enumerate() {
        let (node, ty) = checker.binding(at, item);
        checker.bindings.push(ty);
        bindings.push(Binding { name: item.name.clone(), node });
    }
    checker.overrides(changes, &mut bindings);
    let functions = checker.defs.iter().map(|heading| heading.function.clone()).collect();
    let types = Types { notes: checker.types, vocabularies: checker.vocabularies };
    let Context { params, references, stages, .. } = context;
    let mut references = references.into_inner();
    references.sort_unstable();
    references.dedup();
    let stages = stages.into_iter().map(|(name, (signature, _))| (name, signature)).collect();
    Checked { params, defs, bindings, stages, types, references, functions }
}

/// The inputs that `per shard` names.
fn shard_inputs(program: &Program<'_>) -> Vec<Reference> {
    let mut references = Vec::new();
    for stage in program.stages.iter().map(|item| item.ast) {
        for clause in &stage.clauses {
            let crate::ast::Clause::PerShard(name) = clause else { continue };
            let mut inputs = stage.params.iter().filter_map(|input| input.name.as_ref());
            if let Some(input) = inputs.find(|input| input.text == name.text) {
                references.push(Reference { at: name.span, to: input.span });
            }
        }
    }
    references
}

/// Whether a clause is `run`, or was perhaps meant to be.
fn may_be_run(clause: &crate::ast::Clause) -> bool {
    matches!(clause, crate::ast::Clause::Property(name, _)
        if name.text == "run" || !crate::signature::PROPERTIES.contains(&name.text.as_str()))
}

impl Checker<'_> {
    /// This moment, for [`Self::back_to`].
    fn mark(&self) -> Mark {
        Mark {
            diagnostics: self.diagnostics.mark(),
            references: self.context.references.borrow().len(),
            types: self.types.len(),
            vocabularies: self.vocabularies.len(),
        }
    }

    /// Takes back all that was written since: an expression was only tried out.
    fn back_to(&mut self, mark: Mark) {
        self.diagnostics.back_to(mark.diagnostics);
        self.context.references.borrow_mut().truncate(mark.references);
        self.types.truncate(mark.types);
        if self.vocabularies.len() > mark.vocabularies {
            self.vocabularies.truncate(mark.vocabularies);
            self.known_vocabularies.retain(|_, known| self.vocabularies.holds(*known));
        }
    }

    fn report(&mut self, error: Diagnostic) {
        self.diagnostics.push(error);
    }

    /// Where to look up values in `scope`.
    fn names<'s>(context: &'s Context<'s>, scope: &'s Scope<'s>) -> scope::ValueNames<'s> {
        scope::ValueNames { context, scope }
    }

    /// The text below `span`, shortened for a message.
    fn text(&self, span: Span) -> String {
        scope::short(self.context.sources.text(span))
    }

    fn note_type(&mut self, span: Span, ty: Option<&Type>) {
        if let Some(ty) = ty {
            self.types.push((span, ty.clone()));
        }
    }

    fn display(&self, ty: &Type) -> String {
        ty.display(&self.vocabularies)
    }
}
