//! `llmp graph`: the pipeline as text, DOT, Mermaid or SVG.

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, ValueEnum};
use llmp_compiler::graph::{Graph, Producer};

use super::{Outcome, PipelineArguments};
use crate::drawing::{self, State};

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum GraphFormat {
    /// An indented list
    #[default]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// A drawing
    Svg,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The form
    #[arg(long, value_enum, default_value_t)]
    format: GraphFormat,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let pipeline = arguments.pipeline.checked()?;
    let graph = &pipeline.compilation.graph;
    let drawing = match arguments.format {
        GraphFormat::Text => as_text(graph),
        GraphFormat::Dot => dot(graph),
        GraphFormat::Mermaid => mermaid(graph),
        GraphFormat::Svg => drawing::svg(graph, &|_| State::Unknown),
    };
    write!(std::io::stdout().lock(), "{drawing}")?;
    Ok(0)
}

fn as_text(graph: &Graph) -> String {
    let width = graph.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for stage in &graph.stages {
        let inputs: Vec<_> = stage
            .inputs
            .iter()
            .map(|input| match &input.from {
                Producer::Stage(from) => graph.stage(*from).name.clone(),
                Producer::Files(pattern) => format!("\"{pattern}\""),
            })
            .collect();
        let _ = writeln!(
            text,
            "{:<width$}  {}({}) -> {}",
            stage.name,
            stage.kind,
            inputs.join(", "),
            stage.output
        );
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn dot(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph pipeline {\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
    );
    for (id, stage) in graph.ids().zip(&graph.stages) {
        let label = format!("{}\n{}", stage.name, stage.kind);
        let _ = writeln!(text, "  s{} [label={}];", id.0, quoted(&label).replace('\n', "\\n"));
        for (index, input) in stage.inputs.iter().enumerate() {
            match &input.from {
                Producer::Stage(from) => {
                    let _ = writeln!(text, "  s{} -> s{} [label={}];", from.0, id.0, quoted(&input.role));
                }
                Producer::Files(pattern) => {
                    let _ = writeln!(text, "  f{}_{index} [label={}, shape=note];", id.0, quoted(pattern));
                    let _ = writeln!(text, "  f{}_{index} -> s{};", id.0, id.0);
                }
            }
        }
    }
    text + "}\n"
}

fn mermaid(graph: &Graph) -> String {
    let escape = |text: &str| text.replace('"', "#quot;");
    let mut text = String::from("flowchart TD\n");
    for (id, stage) in graph.ids().zip(&graph.stages) {
        let _ = writeln!(text, "  s{}[\"{}<br/>{}\"]", id.0, escape(&stage.name), escape(&stage.kind));
        for (index, input) in stage.inputs.iter().enumerate() {
            match &input.from {
                Producer::Stage(from) => {
                    let _ = writeln!(text, "  s{} -->|{}| s{}", from.0, escape(&input.role), id.0);
                }
                Producer::Files(pattern) => {
                    let _ = writeln!(text, "  f{}_{index}[/\"{}\"/] --> s{}", id.0, escape(pattern), id.0);
                }
            }
        }
    }
    text
}
