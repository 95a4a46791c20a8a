//! The pipeline in the language of [Mermaid](https://mermaid.js.org/syntax/flowchart.html).

use std::fmt::Write as _;

use llmp_compiler::graph::{Graph, Producer, StageId};

use super::State;

/// A flow chart with a box a stage, in the colour of its state where that is known.
#[must_use]
pub fn mermaid(graph: &Graph, state: &dyn Fn(StageId) -> State) -> String {
    let escape = |text: &str| text.replace('"', "#quot;");
    let mut text = String::from("flowchart TD\n");
    for (id, stage) in graph.ids().zip(&graph.stages) {
        let _ = writeln!(text, "  s{}[\"{}<br/>{}\"]", id.0, escape(&stage.name), escape(&stage.kind));
        for (index, input) in stage.inputs.iter().enumerate() {
            match &input.from {
                Producer::Stage(from) => {
                    let _ = writeln!(text, "  s{} -->|{}| s{}", from.0, escape(&input.role), id.0);
                }
                Producer::Files(files) => {
                    let pattern = escape(&files.to_string());
                    let _ = writeln!(text, "  f{}_{index}[/\"{}\"/] --> s{}", id.0, pattern, id.0);
                }
            }
        }
        let state = state(id);
        if state != State::Unknown {
            let (fill, border) = state.colours();
            let _ = writeln!(text, "  style s{} fill:{fill},stroke:{border}", id.0);
        }
    }
    text
}
