//! Lines and their columns.

use std::collections::BTreeMap;

use super::layout::Column;
use crate::syntax::NodeId;

/// A line as it will be printed, up to its padding.
pub(super) struct Line {
    indent: usize,
    /// Whether a blank line stands before it.
    blank: bool,
    pub(super) text: String,
    /// The first column of the line, and where in `text` its padding goes.
    column: Option<(Column, usize)>,
    /// Where a comment at the end of the line starts.
    comment: Option<usize>,
    /// Its tokens, as they stand before anything is padded.
    pub(super) tokens: Vec<Token>,
}

/// A token of a line.
pub(super) struct Token {
    pub(super) leaf: NodeId,
    /// Where it ends in the line's text.
    pub(super) end: usize,
}

impl Line {
    pub(super) fn new(indent: usize, blank: bool) -> Self {
        Self { indent, blank, text: String::new(), column: None, comment: None, tokens: Vec::new() }
    }

    /// Adds a token; `comment` says whether it is one that ends the line.
    pub(super) fn push(&mut self, leaf: NodeId, token: &str, column: Option<Column>, comment: bool) {
        let at = self.text.len();
        if let Some(column) = column.filter(|_| self.column.is_none()) {
            self.column = Some((column, at));
        }
        if comment {
            self.comment = Some(at);
        }
        self.text.push_str(token);
        self.tokens.push(Token { leaf, end: self.text.len() });
    }

    /// How far it is indented, in characters.
    pub(super) fn indented(&self) -> usize {
        2 * self.indent
    }

    /// How wide the line is up to `at`, in characters.
    pub(super) fn width(&self, at: usize) -> usize {
        self.indented() + self.text[..at].chars().count()
    }

    /// How wide it is without a comment at its end.
    pub(super) fn code_width(&self) -> usize {
        self.width(self.text[..self.comment.unwrap_or(self.text.len())].trim_end().len())
    }

    fn pad(&mut self, at: usize, spaces: usize) {
        self.text.insert_str(at, &" ".repeat(spaces));
        for place in
            [self.comment.as_mut(), self.column.as_mut().map(|(_, place)| place)].into_iter().flatten()
        {
            if *place >= at {
                *place += spaces;
            }
        }
    }
}

/// Pads all columns.
pub(super) fn align(lines: &mut [Line]) {
    columns(lines);
    comments(lines);
}

fn columns(lines: &mut [Line]) {
    let mut chains: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    let mut neighbours: Vec<usize> = Vec::new();
    for at in 0..lines.len() {
        let goes_on = |&last: &usize| lines[last].column.map(|(column, _)| column);
        match lines[at].column {
            Some((Column::Chain(chain), _)) => chains.entry(chain).or_default().push(at),
            Some((column, _)) if !lines[at].blank && neighbours.last().and_then(goes_on) == Some(column) => {
                neighbours.push(at);
                continue;
            }
            _ => {}
        }
        pad(lines, &std::mem::take(&mut neighbours), |line| line.column.map(|(_, at)| at));
        if matches!(lines[at].column, Some((Column::Neighbours(..), _))) {
            neighbours.push(at);
        }
    }
    pad(lines, &neighbours, |line| line.column.map(|(_, at)| at));
    for chain in chains.values() {
        pad(lines, chain, |line| line.column.map(|(_, at)| at));
    }
}

fn comments(lines: &mut [Line]) {
    let mut run: Vec<usize> = Vec::new();
    for at in 0..lines.len() {
        if lines[at].blank || lines[at].comment.is_none() {
            pad(lines, &std::mem::take(&mut run), |line| line.comment);
        }
        if lines[at].comment.is_some() {
            run.push(at);
        }
    }
    pad(lines, &run, |line| line.comment);
}

/// Brings one place of each of the `members` to the same width.
fn pad(lines: &mut [Line], members: &[usize], place: fn(&Line) -> Option<usize>) {
    let widths = members.iter().filter_map(|&member| place(&lines[member]).map(|at| lines[member].width(at)));
    let Some(widest) = widths.max() else { return };
    for &member in members {
        if let Some(at) = place(&lines[member]) {
            let spaces = widest - lines[member].width(at);
            lines[member].pad(at, spaces);
        }
    }
}

/// The lines as text.
pub(super) fn print(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        if line.blank {
            text.push('\n');
        }
        text.extend(std::iter::repeat_n("  ", line.indent));
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}
