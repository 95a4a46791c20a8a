//! The pipeline in the language of [Graphviz](https://graphviz.org/doc/info/lang.html).

use std::fmt::Write as _;

use llmp_compiler::graph::{Graph, Producer, StageId};

use super::State;

/// A box a stage, in the colour of its state.
#[must_use]
pub fn dot(graph: &Graph, state: &dyn Fn(StageId) -> State) -> String {
    let mut text = String::from(
        "digraph pipeline {\n  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    for (id, stage) in graph.ids().zip(&graph.stages) {
        let (label, (fill, border)) = (format!("{}\n{}", stage.name, stage.kind), state(id).colours());
        let label = quoted(&label).replace('\n', "\\n");
        let _ = writeln!(text, "  s{} [label={label}, fillcolor=\"{fill}\", color=\"{border}\"];", id.0);
        for (index, input) in stage.inputs.iter().enumerate() {
            match &input.from {
                Producer::Stage(from) => {
                    let _ = writeln!(text, "  s{} -> s{} [label={}];", from.0, id.0, quoted(&input.role));
                }
                Producer::Files(files) => {
                    let label = quoted(&files.to_string());
                    let _ = writeln!(text, "  f{}_{index} [label={label}, shape=note, style=solid];", id.0);
                    let _ = writeln!(text, "  f{}_{index} -> s{};", id.0, id.0);
                }
            }
        }
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
