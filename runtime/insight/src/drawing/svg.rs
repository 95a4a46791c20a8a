//! The pipeline as a drawing, for editors and pages; the element of a stage has an id, see [`node_id`].

use std::fmt::Write as _;

use llmp_compiler::graph::{Graph, StageId};

use super::layout::{H, Layout, W, layout};
use super::{State, node_id};

/// Letters of a name that find room.
const ROOM: usize = 26;

/// Draws stages in layers, with edges as curves between them; the element of a stage has the id [`node_id`].
#[must_use]
pub fn svg(graph: &Graph, state: &dyn Fn(StageId) -> State) -> String {
    let Layout { width, height, stages, edges } = layout(graph);
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for edge in &edges {
        let _ = writeln!(text, "<path d=\"{}\" fill=\"none\" stroke=\"#8899aa\"/>", path(edge));
    }
    for (id, &(x, y)) in graph.ids().zip(&stages) {
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
            escape(&graph.type_of(stage)),
            y + 19,
            y + 35,
        );
    }
    text + "</svg>\n"
}

/// A curve from the lower side of the first place to the upper side of the last, straight past those between.
fn path(edge: &[(i64, i64)]) -> String {
    let mut path = String::new();
    for (&(x1, y1), &(x2, y2)) in edge.iter().zip(edge.iter().skip(1)) {
        let (y1, y2) = (y1 + H / 2, y2 - H / 2);
        let middle = i64::midpoint(y1, y2);
        let start = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{start}{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}");
    }
    path
}

/// What finds room of a name: its end tells it apart from its neighbours.
fn shortened(name: &str) -> String {
    let letters = name.chars().count();
    if letters <= ROOM {
        return name.to_owned();
    }
    ['…'].into_iter().chain(name.chars().skip(letters - ROOM + 1)).collect()
}
