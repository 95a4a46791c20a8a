//! Plain text for snapshots: diagnostics and graphs.

use std::fmt::Write;

use llmp_compiler::diagnostic::{Diagnostic, Label};
use llmp_compiler::gate::Term;
use llmp_compiler::graph::{Graph, Needs, Producer};
use llmp_compiler::place::Place;
use llmp_compiler::source::Sources;

/// All diagnostics, with the source lines that they speak of.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let _ = writeln!(text, "{}[{}]: {}", diagnostic.severity.name(), diagnostic.code, diagnostic.message);
        for label in &diagnostic.labels {
            write_label(&mut text, label, sources);
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(text, "  help: {help}");
        }
        if let Some(fix) = &diagnostic.fix {
            let edits: Vec<String> = fix
                .edits
                .iter()
                .map(|edit| format!("`{}` -> `{}`", sources.text(edit.span), edit.text))
                .collect();
            let _ = writeln!(text, "  fix: {}: {}", fix.title, edits.join(", "));
        }
    }
    text
}

fn write_label(text: &mut String, label: &Label, sources: &Sources) {
    let Some(source) = sources.get(label.span.file) else { return };
    let at = source.position(label.span.start);
    let line = source.line(at.line);
    let under = sources.text(label.span).lines().next().unwrap_or("").chars().count().max(1);
    let _ = writeln!(text, "  {}\n    | {line}", sources.place(label.span));
    let pad = " ".repeat(at.column as usize - 1);
    let _ = writeln!(text, "    | {pad}{} {}", "^".repeat(under), label.text);
    while text.ends_with(" \n") {
        text.truncate(text.len() - 2);
        text.push('\n');
    }
}

/// The lowered form; `all` shows defaults too, marked by `~`.
pub(crate) fn graph(graph: &Graph, all: bool) -> String {
    let mut text = String::new();
    for stage in &graph.stages {
        let inputs: Vec<String> = stage
            .inputs
            .iter()
            .map(|input| match &input.from {
                Producer::Stage(id) => format!("{} = {}", input.role, graph.stage(*id).name),
                Producer::Files(files) => format!("{} = {}", input.role, files.quoted()),
            })
            .collect();
        let output = graph.type_of(stage);
        let _ = writeln!(text, "{} = {}({}) -> {output}", stage.name, stage.kind, inputs.join(", "));
        let settings: Vec<String> = stage
            .settings
            .iter()
            .filter(|setting| all || setting.span.is_some())
            .map(|setting| {
                let marks =
                    [(setting.runtime, "runtime "), (setting.path, "path "), (setting.span.is_none(), "~")];
                let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
                format!("{marks}{} = {}", setting.name, setting.value)
            })
            .collect();
        if !settings.is_empty() {
            let _ = writeln!(text, "  {{ {} }}", settings.join(", "));
        }
        let mut marks = Vec::new();
        if stage.epoch != 1 {
            marks.push(format!("epoch {}", stage.epoch));
        }
        if let Some(role) = &stage.per_shard {
            marks.push(format!("per shard {role}"));
        }
        if stage.resumes {
            marks.push("resumes".to_owned());
        }
        if stage.needs != Needs::default() {
            marks.push(format!("{:?}", stage.needs));
        }
        if let Some(command) = &stage.command {
            marks.push(format!("run {command:?}"));
        }
        if !marks.is_empty() {
            let _ = writeln!(text, "  {}", marks.join(", "));
        }
    }
    for gate in &graph.gates {
        let of = |term: &Term| term_text(graph, term);
        let _ = writeln!(
            text,
            "expect {} {:?} {} guards {:?}{}",
            of(&gate.left),
            gate.comparison,
            of(&gate.right),
            gate.guards(graph).iter().map(|id| graph.stage(*id).name.as_str()).collect::<Vec<_>>(),
            if gate.docs.is_empty() { String::new() } else { format!(" // {}", gate.docs) }
        );
    }
    for (name, ids) in &graph.bindings {
        let own = matches!(ids.as_slice(), [id] if graph.stage(*id).name == *name);
        if !own {
            let names: Vec<&str> = ids.iter().map(|id| graph.stage(*id).name.as_str()).collect();
            let _ = writeln!(text, "{name}: {}", names.join(", "));
        }
    }
    text
}

fn term_text(graph: &Graph, term: &Term) -> String {
    match term {
        Term::Number(number) => number.to_string(),
        Term::Reading(reading) => format!("{}.{reading}", graph.stage(reading.stage).name),
        Term::Binary(operator, sides) => {
            format!("({} {operator:?} {})", term_text(graph, &sides.0), term_text(graph, &sides.1))
        }
    }
}

/// Where a run takes place.
pub(crate) fn place(place: &Place) -> String {
    let mut text = String::new();
    if let Some(executor) = &place.on {
        let settings: Vec<String> =
            executor.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(text, "on {} {{ {} }}", executor.name, settings.join(", "));
    }
    if let Some((store, _)) = &place.store {
        let _ = writeln!(text, "store {store}");
    }
    text
}
