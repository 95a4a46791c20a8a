//! The pipeline as a drawing, for editors and pages; the element of a stage has an id, see [`node_id`].

use std::fmt::Write as _;

use llmp_compiler::graph::{Graph, Producer, StageId};

use super::{State, node_id};

/// The size of a stage, and the room between two of them.
const W: usize = 190;
const H: usize = 44;
const GAP_X: usize = 24;
const GAP_Y: usize = 46;

/// Letters of a name that find room.
const ROOM: usize = 26;

/// Draws stages in layers by their distance from the sources, with edges as curves between them; the element of a stage
/// has the id [`node_id`].
#[must_use]
pub fn svg(graph: &Graph, state: &dyn Fn(StageId) -> State) -> String {
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
    for (id, &(x, y)) in graph.ids().zip(&places) {
        let (stage, state) = (graph.stage(id), state(id));
        let (name, kind) = (escape(&stage.name), escape(&stage.kind));
        let (short, short_kind) = (escape(&shortened(&stage.name)), escape(&shortened(&stage.kind)));
        let middle = x + W / 2;
        let (fill, stroke) = state.colours();
        let word = state.word().map_or_else(String::new, |word| format!(" ({word})"));
        let _ = writeln!(
            text,
            "<g id=\"{}\"><title>{name}: {kind} -&gt; {}{word}</title><rect x=\"{x}\" y=\"{y}\" width=\"{W}\" height=\"{H}\" rx=\"6\" \
             fill=\"{fill}\" stroke=\"{stroke}\"/><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" \
             font-weight=\"bold\">{short}</text><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"#556\">{short_kind}</text></g>",
            node_id(id),
            escape(&stage.output),
            y + 19,
            y + 35,
        );
    }
    text + "</svg>\n"
}

/// What finds room of a name: its end tells it apart from its neighbours.
fn shortened(name: &str) -> String {
    let letters = name.chars().count();
    if letters <= ROOM {
        return name.to_owned();
    }
    ['…'].into_iter().chain(name.chars().skip(letters - ROOM + 1)).collect()
}
