//! All phases in a row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::check::changes;
pub use crate::check::changes::Origin;
pub use crate::check::tree::{Function, Parameter};
use crate::check::{self, Checked, Reference, pipeline};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::follow;
use crate::gate;
use crate::graph::Graph;
use crate::lower::{lower, written_out};
use crate::place::{self, Place};
pub use crate::resolve::File;
use crate::resolve::{self, load, resolve};
use crate::signature::{Library, Signature};
use crate::source::{Sources, Span, World};
use crate::types::{SettingSpec, SettingType, Types};

/// What the user chooses besides the program.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Profiles, the later ones winning.
    pub profiles: Vec<String>,
    /// `--set path=value`: path and value as written; the later ones win.
    pub set: Vec<(String, String)>,
    /// From a params file: values by param, or by path of a setting.
    pub params: BTreeMap<String, Json>,
}

/// What a program means.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// All text that spans point into: signatures, the program's files, values from outside.
    pub sources: Sources,
    /// The pipeline; what is broken is left out.
    pub graph: Graph,
    /// What is wrong, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Params, in order of text.
    pub params: Vec<ParamInfo>,
    /// The program's files with their trees, the main file first.
    pub files: Vec<File>,
    /// Profiles of the program, in order of text: name and documentation.
    pub profiles: Vec<(String, String)>,
    /// Where a run takes place, as the chosen profiles say.
    pub place: Place,
    /// Where names are used and defined, for editors; sorted.
    pub references: Vec<Reference>,
    /// Types of expressions and bindings, for editors.
    pub types: Types,
    /// The program's own stages, by name.
    pub stages: Vec<Arc<Signature>>,
    /// The program's functions, each behind those that it calls.
    pub functions: Vec<Function>,
}

impl Compilation {
    /// Whether nothing keeps the pipeline from running.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// A param and the value it has.
#[derive(Clone, Debug)]
pub struct ParamInfo {
    /// As `--set` takes it.
    pub name: String,
    /// Its type as people read it.
    pub ty: String,
    /// Its default as people write it.
    pub default: Option<String>,
    /// What it is limited to, e.g. `32..1024`.
    pub range: Option<String>,
    /// Markdown; its first paragraph is the summary.
    pub docs: String,
    /// Its value as people write it; `None` where it is broken or missing.
    pub value: Option<String>,
    /// Its value in base units.
    pub json: Option<Json>,
    /// Where the value comes from.
    pub origin: Origin,
    /// Where the value is written.
    pub value_span: Span,
    /// Where the param is declared.
    pub span: Span,
    /// Its type, default and range.
    pub spec: SettingSpec,
}

/// Compiles the pipeline that the file `main` describes.
///
/// Nothing stops it: what can be understood is understood, and the rest is in the diagnostics.
#[must_use]
pub fn compile(world: &dyn World, library: &Library, main: &str, options: &Options) -> Compilation {
    let mut sources = library.sources().clone();
    let mut diagnostics = Diagnostics::default();

    let files = load(world, main, &mut sources, &mut diagnostics);
    let program = resolve(&files, library, &mut diagnostics);
    let assignments = assignments(&program, options, &mut sources, &mut diagnostics);
    let changes = changes::changes(&program, &options.profiles, &assignments, &mut sources, &mut diagnostics);
    let checked = check::check(&program, library, &changes, &sources, &mut diagnostics);
    let signature = |kind: &str| checked.stages.get(kind).map(Arc::as_ref).or_else(|| library.stage(kind));
    let mut graph = written_out(lower(&checked, &mut diagnostics), signature);
    for stage in &mut graph.stages {
        library.lints().complete(&stage.kind, &mut stage.settings);
    }
    let place = place::place(&program, &options.profiles, &mut diagnostics);
    let reports = gate::Reports {
        program: &program,
        params: &checked.params,
        graph: &graph,
        sources: &sources,
        signature: &signature,
    };
    let (gates, measured) = gate::gates(&reports, &mut diagnostics);
    graph.gates = gates;
    pipeline::check(&graph, &program, signature, library, &mut diagnostics);

    let params = params(&checked);
    let profiles =
        program.profiles.iter().map(|item| (item.name.text.clone(), item.ast.docs.clone())).collect();
    let Checked { mut references, types, stages, functions, .. } = checked;
    references.extend(measured);
    references.sort_unstable();
    let diagnostics = follow::causes(diagnostics.sorted(), &program, &sources);
    let stages = stages.into_values().collect();
    Compilation {
        sources,
        graph,
        diagnostics,
        params,
        files,
        profiles,
        place,
        references,
        types,
        stages,
        functions,
    }
}

/// What comes from outside of the program, the params file first.
fn assignments(
    program: &resolve::Program<'_>,
    options: &Options,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<changes::Assignment> {
    let mut assignments = Vec::new();
    for (path, value) in &options.params {
        let text = changes::source_text(value, is_text_param(program, path));
        assignments.extend(changes::assignment(
            Origin::ParamsFile,
            "params file",
            path,
            &text,
            sources,
            diagnostics,
        ));
    }
    for (path, value) in &options.set {
        assignments.extend(changes::assignment(Origin::Set, "--set", path, value, sources, diagnostics));
    }
    assignments
}

/// Whether text from a params file is meant as text for this param.
fn is_text_param(program: &resolve::Program<'_>, path: &str) -> bool {
    use crate::ast::TypeKind;
    let param = program.params.iter().find(|item| item.name.text == path);
    let mut ty = param.and_then(|item| item.ast.ty.as_ref());
    while let Some(TypeKind::Optional(inner) | TypeKind::List(inner)) = ty.map(|ty| &ty.kind) {
        ty = Some(inner);
    }
    let Some(TypeKind::Named(name, _)) = ty.map(|ty| &ty.kind) else { return false };
    matches!(name.text.as_str(), "Text" | "Path" | "Files")
}

fn params(checked: &Checked) -> Vec<ParamInfo> {
    let mut params: Vec<ParamInfo> = checked
        .params
        .iter()
        .map(|param| {
            let spec = &param.spec;
            let range = spec.ty.dimension().filter(|_| spec.bounds != crate::types::Bounds::default());
            ParamInfo {
                name: spec.name.clone(),
                ty: spec.ty.to_string(),
                default: spec.default.as_ref().map(|value| value.display(&spec.ty)),
                range: range.map(|dimension| spec.bounds.display(&dimension)),
                docs: spec.docs.clone(),
                value: param.value.as_ref().map(|value| value.display(&spec.ty)),
                json: param.value.as_ref().map(|value| value.to_json(&spec.ty)),
                origin: param.origin.clone(),
                value_span: param.value_span,
                span: spec.span,
                spec: spec.clone(),
            }
        })
        .filter(|param| param.spec.ty != SettingType::Unknown)
        .collect();
    params.sort_by_key(|param| param.span);
    params
}
