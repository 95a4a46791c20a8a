//! Where stages and the edges between them lie: layers of stages, ordered so that few edges cross (Sugiyama,
//! Tagawa and Toda, 1981). An edge over several layers has a lane between the stages that it passes; edges
//! from one stage share it.

use std::collections::HashMap;

use llmp_compiler::graph::{Graph, Producer};

/// The size of a stage.
pub(super) const W: i64 = 190;
pub(super) const H: i64 = 44;

/// The room between layers, between neighbours in one, and around all.
const GAP_Y: i64 = 46;
const GAP_X: f64 = 24.0;
const MARGIN: i64 = 20;

/// How wide a lane is.
const LANE: f64 = 18.0;

/// Lanes at most; in a graph that needs more, edges go straight.
const MAX_LANES: usize = 50_000;

/// How often layers are put in order, and aligned with their neighbours.
const ROUNDS: usize = 8;

/// A layout in whole pixels.
pub(super) struct Layout {
    pub(super) width: i64,
    pub(super) height: i64,
    /// Left upper corners of the stages.
    pub(super) stages: Vec<(i64, i64)>,
    /// For each edge, the middles of what it passes: a stage below, lanes, the stage above; by layers.
    pub(super) edges: Vec<Vec<(i64, i64)>>,
}

/// What stands in a layer: a stage, or the lane of edges that come from a stage.
#[derive(Clone, Debug)]
struct Item {
    layer: usize,
    width: f64,
    /// Neighbours in the layer before and in the layer behind.
    above: Vec<usize>,
    below: Vec<usize>,
    /// The middle.
    x: f64,
}

/// Lays a graph out.
pub(super) fn layout(graph: &Graph) -> Layout {
    let inputs: Vec<Vec<usize>> = graph.stages.iter().map(|stage| inputs(&stage.inputs)).collect();
    let layers = layers(&inputs);
    let mut items: Vec<Item> = layers.iter().map(|&layer| Item::new(layer, W as f64 + GAP_X)).collect();
    let edges = connect(&mut items, &inputs, &layers);

    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers.iter().max().map_or(0, |last| last + 1)];
    for (index, item) in items.iter().enumerate() {
        rows[item.layer].push(index);
    }
    for round in 0..ROUNDS {
        in_both_directions(&mut rows, round, |row, above| order(row, &mut items, above));
    }
    for row in &rows {
        pack(row, &mut items, |item| item.x);
    }
    for round in 0..ROUNDS {
        in_both_directions(&mut rows, round, |row, above| {
            pack(row, &mut items, |item| item.x);
            align(row, &mut items, above);
        });
    }

    let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::MAX, f64::min);
    let right = items.iter().map(|item| item.x + item.width / 2.0).fold(f64::MIN, f64::max);
    let middle = |item: &Item| {
        let x = MARGIN + (item.x - left - GAP_X / 2.0).round() as i64;
        (x, MARGIN + item.layer as i64 * (H + GAP_Y) + H / 2)
    };
    let width = if items.is_empty() { 0 } else { (right - left - GAP_X).ceil() as i64 };
    Layout {
        width: width + 2 * MARGIN,
        height: (rows.len() as i64 * (H + GAP_Y) - GAP_Y).max(0) + 2 * MARGIN,
        stages: items.iter().take(layers.len()).map(middle).map(|(x, y)| (x - W / 2, y - H / 2)).collect(),
        edges: edges.iter().map(|edge| edge.iter().map(|&index| middle(&items[index])).collect()).collect(),
    }
}

impl Item {
    fn new(layer: usize, width: f64) -> Self {
        Self { layer, width, above: Vec::new(), below: Vec::new(), x: 0.0 }
    }
}

/// The stages that a stage takes its inputs from, each once.
fn inputs(inputs: &[llmp_compiler::graph::Input]) -> Vec<usize> {
    let from = inputs.iter().filter_map(|input| match input.from {
        Producer::Stage(from) => Some(from.0 as usize),
        Producer::Files(_) => None,
    });
    let mut from: Vec<usize> = from.collect();
    from.sort_unstable();
    from.dedup();
    from
}

/// The layer of each stage: behind all its inputs. What feeds one stage only comes as late as that allows.
fn layers(inputs: &[Vec<usize>]) -> Vec<usize> {
    let mut layers: Vec<usize> = Vec::with_capacity(inputs.len());
    let mut consumers = vec![Vec::new(); inputs.len()];
    for (stage, from) in inputs.iter().enumerate() {
        layers.push(from.iter().map(|&from| layers[from] + 1).max().unwrap_or(0));
        for &from in from {
            consumers[from].push(stage);
        }
    }
    let mut free: Vec<bool> = Vec::with_capacity(inputs.len());
    for from in inputs {
        free.push(from.iter().all(|&from| free[from] && consumers[from].len() == 1));
    }
    for stage in (0..inputs.len()).rev().filter(|&stage| free[stage]) {
        if let Some(first) = consumers[stage].iter().map(|&consumer| layers[consumer]).min() {
            layers[stage] = first - 1;
        }
    }
    layers
}

/// Makes lanes and neighbours; the items that each edge passes, from above to below.
fn connect(items: &mut Vec<Item>, inputs: &[Vec<usize>], layers: &[usize]) -> Vec<Vec<usize>> {
    let mut reach = layers.to_vec();
    for (stage, from) in inputs.iter().enumerate() {
        for &from in from {
            reach[from] = reach[from].max(layers[stage]);
        }
    }
    let lanes =
        reach.iter().zip(layers).map(|(reach, layer)| (reach - layer).saturating_sub(1)).sum::<usize>();
    let mut lane_of: HashMap<(usize, usize), usize> = HashMap::new();
    if lanes <= MAX_LANES {
        for (stage, (&layer, &reach)) in layers.iter().zip(&reach).enumerate() {
            let mut before = stage;
            for layer in layer + 1..reach {
                let lane = items.len();
                items.push(Item::new(layer, LANE));
                lane_of.insert((stage, layer), lane);
                join(items, before, lane);
                before = lane;
            }
        }
    }
    let mut edges = Vec::new();
    for (stage, from) in inputs.iter().enumerate() {
        for &from in from {
            let between =
                (layers[from] + 1..layers[stage]).filter_map(|layer| lane_of.get(&(from, layer)).copied());
            let mut edge: Vec<usize> = std::iter::once(from).chain(between).collect();
            if let Some(&last) = edge.last() {
                join(items, last, stage);
            }
            edge.push(stage);
            edges.push(edge);
        }
    }
    edges
}

fn join(items: &mut [Item], above: usize, below: usize) {
    items[above].below.push(below);
    items[below].above.push(above);
}

/// Calls `act` for each layer, from above or, every second time, from below; with whether it looks at the
/// layer above.
fn in_both_directions(rows: &mut [Vec<usize>], round: usize, mut act: impl FnMut(&mut Vec<usize>, bool)) {
    if round.is_multiple_of(2) {
        rows.iter_mut().for_each(|row| act(row, true));
    } else {
        rows.iter_mut().rev().for_each(|row| act(row, false));
    }
}

/// The mean of an item's neighbours; its own place where it has none.
fn mean(item: &Item, items: &[Item], above: bool) -> f64 {
    let neighbours = if above { &item.above } else { &item.below };
    if neighbours.is_empty() {
        return item.x;
    }
    neighbours.iter().map(|&index| items[index].x).sum::<f64>() / neighbours.len() as f64
}

/// Puts a layer in the order of its neighbours' means, and each item at its number.
fn order(row: &mut [usize], items: &mut [Item], above: bool) {
    let mut wanted: Vec<(f64, usize)> =
        row.iter().map(|&index| (mean(&items[index], items, above), index)).collect();
    wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (place, (slot, (_, index))) in row.iter_mut().zip(wanted).enumerate() {
        *slot = index;
        items[index].x = place as f64;
    }
}

/// Moves a layer's items to the middle of their neighbours, as far as their order allows.
fn align(row: &[usize], items: &mut [Item], above: bool) {
    let wanted: Vec<f64> = row.iter().map(|&index| mean(&items[index], items, above)).collect();
    for (&index, x) in row.iter().zip(wanted) {
        items[index].x = x;
    }
    pack(row, items, |item| item.x);
}

/// Gives each item of a layer room near where it is wanted: the mean of what comes out from the left and from
/// the right, both of which keep the order and the room.
fn pack(row: &[usize], items: &mut [Item], wanted: impl Fn(&Item) -> f64) {
    let mut left = Vec::with_capacity(row.len());
    let mut edge = f64::MIN;
    for &index in row {
        let item = &items[index];
        let x = wanted(item).max(edge + item.width / 2.0);
        left.push(x);
        edge = x + item.width / 2.0;
    }
    let mut edge = f64::MAX;
    for (&index, left) in row.iter().zip(left).rev() {
        let item = &mut items[index];
        let x = wanted(item).min(edge - item.width / 2.0);
        edge = x - item.width / 2.0;
        item.x = f64::midpoint(left, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_feeds_one_stage_only_stands_near_it() {
        // 0 -> 1 -> 2 -> 5, and 3 -> 4 -> 5.
        let inputs = [vec![], vec![0], vec![1], vec![], vec![3], vec![2, 4]];
        assert_eq!(layers(&inputs), [0, 1, 2, 1, 2, 3]);
        // What two stages need cannot come late.
        assert_eq!(layers(&[vec![], vec![0], vec![0, 1]]), [0, 1, 2]);
    }

    #[test]
    fn nothing_overlaps_and_edges_pass_beside_stages() {
        // Everybody takes everything before it.
        let inputs: Vec<Vec<usize>> = (0..12).map(|stage| (0..stage).collect()).collect();
        let layers = layers(&inputs);
        let mut items: Vec<Item> = layers.iter().map(|&layer| Item::new(layer, W as f64 + GAP_X)).collect();
        let edges = connect(&mut items, &inputs, &layers);
        assert_eq!(edges.iter().map(Vec::len).max(), Some(12), "the longest edge passes ten lanes");
        let rows: Vec<Vec<usize>> = (0..12)
            .map(|layer| (0..items.len()).filter(|&index| items[index].layer == layer).collect())
            .collect();
        for row in &rows {
            align(row, &mut items, true);
            for pair in row.windows(2) {
                let (a, b) = (&items[pair[0]], &items[pair[1]]);
                assert!(b.x - a.x >= (a.width + b.width) / 2.0 - 1e-6, "{a:?} {b:?}");
            }
        }
    }
}
