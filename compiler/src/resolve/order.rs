//! Topological order and circles of a small graph of dependencies.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// What [`order`] finds.
#[derive(Debug)]
pub(crate) struct Order {
    /// All nodes, each behind its dependencies (except within a circle); otherwise in their own order.
    pub(crate) nodes: Vec<usize>,
    /// A shortest circle through the first node of every strongly connected part, in order of that node.
    pub(crate) cycles: Vec<Vec<usize>>,
    /// For every node, whether it is part of a circle.
    pub(crate) cyclic: Vec<bool>,
}

/// Orders nodes by their dependencies: `edges[n]` are those of node `n`.
pub(crate) fn order(edges: &[Vec<usize>]) -> Order {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(edges.len(), edges.len());
    for _ in edges {
        graph.add_node(());
    }
    for (from, targets) in edges.iter().enumerate() {
        for &to in targets {
            graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
        }
    }
    let mut cycles = Vec::new();
    let mut cyclic = vec![false; edges.len()];
    for part in kosaraju_scc(&graph) {
        let mut part: Vec<usize> = part.into_iter().map(NodeIndex::index).collect();
        part.sort_unstable();
        let Some(&first) = part.first() else { continue };
        if part.len() > 1 || edges[first].contains(&first) {
            for &node in &part {
                cyclic[node] = true;
            }
            cycles.push(circle(edges, first, &part));
        }
    }
    cycles.sort_unstable();
    Order { nodes: post_order(edges), cycles, cyclic }
}

/// A shortest way from `start` back to itself within `part`, which is sorted.
fn circle(edges: &[Vec<usize>], start: usize, part: &[usize]) -> Vec<usize> {
    let mut from: Vec<Option<usize>> = vec![None; part.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    let mut last = start;
    'search: while let Some(node) = queue.pop_front() {
        for &next in &edges[node] {
            let Ok(at) = part.binary_search(&next) else { continue };
            if next == start {
                last = node;
                break 'search;
            }
            if from[at].is_none() {
                from[at] = Some(node);
                queue.push_back(next);
            }
        }
    }
    let mut chain = vec![last];
    while last != start {
        let before = part.binary_search(&last).ok().and_then(|at| from[at]);
        last = before.unwrap_or(start);
        chain.push(last);
    }
    chain.reverse();
    chain
}

/// Depth first with a stack of our own: chains may be as long as the program.
fn post_order(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; edges.len()];
    let mut nodes = Vec::with_capacity(edges.len());
    for root in 0..edges.len() {
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            match edges[node].get(next) {
                None => nodes.push(node),
                Some(&to) => {
                    stack.push((node, next + 1));
                    if !std::mem::replace(&mut seen[to], true) {
                        stack.push((to, 0));
                    }
                }
            }
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first() {
        let found = order(&[vec![2, 1], vec![2], vec![], vec![]]);
        assert_eq!(found.nodes, [2, 1, 0, 3]);
        assert!(found.cycles.is_empty());
    }

    #[test]
    fn circles_are_shortest_and_complete() {
        let found = order(&[vec![1], vec![2, 0], vec![0], vec![3], vec![0]]);
        assert_eq!(found.cycles, [vec![0, 1], vec![3]]);
        assert_eq!(found.cyclic, [true, true, true, true, false]);
        assert_eq!(found.nodes.len(), 5);
    }

    #[test]
    fn long_chains_need_no_call_stack() {
        let edges: Vec<Vec<usize>> =
            (0..200_000).map(|node| if node == 0 { vec![] } else { vec![node - 1] }).collect();
        assert_eq!(order(&edges).nodes.first(), Some(&0));
        let ring: Vec<Vec<usize>> = (0..100_000).map(|node| vec![(node + 1) % 100_000]).collect();
        assert_eq!(order(&ring).cycles[0].len(), 100_000);
    }
}
