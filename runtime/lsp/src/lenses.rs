//! Code lenses: Run at the top of a program; Run to Here, Why and Log at each binding that a stage makes.

use gen_lsp_types::{CodeLens, CodeLensParams, Command};
use llmp_compiler::ast::Item;
use llmp_compiler::graph::{Graph, Stage};
use serde_json::json;

use super::error::Answer;
use super::snapshot::Snapshot;

/// The stage that makes a binding's value under its name: `base`, or the first member of a family,
/// `base[1e-3]`.
fn made_by<'a>(graph: &'a Graph, binding: &str) -> Option<&'a Stage> {
    let ids = graph.bindings.get(binding)?;
    let mut stages = ids.iter().map(|id| graph.stage(*id));
    stages.find(|stage| {
        stage.name.strip_prefix(binding).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '#']))
    })
}

/// `textDocument/codeLens`
pub(crate) fn lenses(snapshot: &Snapshot, _: CodeLensParams) -> Answer<Option<Vec<CodeLens>>> {
    let analysis = &snapshot.analysis;
    let graph = &analysis.compilation.graph;
    // The program is run, whichever of its files is looked at.
    let main = analysis.compilation.files.first().and_then(|file| analysis.uri(file.id));
    let (Some(main), Some(view)) = (main, snapshot.view()) else { return Ok(None) };
    let main = json!(main.as_str());
    let plan = snapshot.plans.of(analysis);
    let mut lenses: Vec<CodeLens> = Vec::new();
    for item in &view.file.ast.items {
        let Item::Binding(binding) = item else { continue };
        let Some(stage) = made_by(graph, &binding.name.text) else { continue };
        let range = snapshot.range(binding.name.span.start, binding.name.span.end);
        let lens = |title: &str, command: &str, stage: Option<&str>| {
            let arguments =
                Some(std::iter::once(main.clone()).chain(stage.map(|name| json!(name))).collect());
            let command =
                Command { title: title.to_owned(), tooltip: None, command: command.to_owned(), arguments };
            CodeLens { range, command: Some(command), data: None }
        };
        if lenses.is_empty() {
            let title = plan.map_or_else(|| "Run".to_owned(), |plan| format!("Run: {}", plan.summary()));
            lenses.push(lens(&title, "llmp.run", None));
        }
        // Of a family, all members.
        lenses.push(lens("Run to Here", "llmp.run", Some(&binding.name.text)));
        lenses.push(lens("Why", "llmp.why", Some(&stage.name)));
        lenses.push(lens("Log", "llmp.log", Some(&stage.name)));
    }
    Ok(Some(lenses))
}
