//! `llmp graph`: the pipeline as text, DOT, Mermaid or SVG.

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, ValueEnum};
use llmp_compiler::graph::{Graph, Producer};

use super::{Outcome, PipelineArguments};

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
        GraphFormat::Svg => svg(graph),
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

/// Stages in layers by their distance from the sources, edges as curves between them.
fn svg(graph: &Graph) -> String {
    const W: usize = 190;
    const H: usize = 44;
    const GAP_X: usize = 24;
    const GAP_Y: usize = 46;
    let mut layers: Vec<usize> = Vec::with_capacity(graph.stages.len());
    for stage in &graph.stages {
        let above = stage.inputs.iter().filter_map(|input| match &input.from {
            Producer::Stage(from) => layers.get(from.0 as usize).copied(),
            Producer::Files(_) => None,
        });
        layers.push(above.max().map_or(0, |layer| layer + 1));
    }
    let mut used = vec![0_usize; layers.iter().max().map_or(0, |layer| layer + 1)];
    let mut places = Vec::with_capacity(layers.len());
    for &layer in &layers {
        let column = used.get(layer).copied().unwrap_or(0);
        if let Some(slot) = used.get_mut(layer) {
            *slot += 1;
        }
        places.push((20 + column * (W + GAP_X), 20 + layer * (H + GAP_Y)));
    }
    let width = 40 + used.iter().max().copied().unwrap_or(1) * (W + GAP_X);
    let height = 40 + used.len() * (H + GAP_Y);
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (stage, &(x, y)) in graph.stages.iter().zip(&places) {
        for input in &stage.inputs {
            let Producer::Stage(from) = &input.from else { continue };
            let Some(&(fx, fy)) = places.get(from.0 as usize) else { continue };
            let (x1, y1, x2, y2) = (fx + W / 2, fy + H, x + W / 2, y);
            let middle = usize::midpoint(y1, y2);
            let _ = writeln!(
                text,
                "<path d=\"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}\" fill=\"none\" stroke=\"#8899aa\"/>"
            );
        }
    }
    for (stage, &(x, y)) in graph.stages.iter().zip(&places) {
        let (name, kind) = (escape(&stage.name), escape(&stage.kind));
        let middle = x + W / 2;
        let _ = writeln!(
            text,
            "<g><title>{name}: {kind} -&gt; {}</title><rect x=\"{x}\" y=\"{y}\" width=\"{W}\" height=\"{H}\" rx=\"6\" \
             fill=\"#f4f7fb\" stroke=\"#5577aa\"/><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" \
             font-weight=\"bold\">{name}</text><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"#556\">{kind}</text></g>",
            escape(&stage.output),
            y + 19,
            y + 35,
        );
    }
    text + "</svg>\n"
}
