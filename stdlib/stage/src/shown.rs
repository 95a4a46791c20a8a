//! How the report of an evaluation is shown: tables, charts and examples, as data.
//!
//! The `report.json` of a Report holds this, or the stage that made it says it (see [`Stage::show`](crate::Stage::show)); the run's
//! report, `llmp diff` and gates know nothing else of evaluations.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a report shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What it is about, after the stage's name: `what the models know`.
    #[serde(default)]
    pub title: String,
    /// Its tables, the most important first.
    pub tables: Vec<Table>,
    /// Bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Single cases worth looking at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its columns. Those of text that come first name the row.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// The measure of the stage's signature that it holds, where that has another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// What its cells are.
    pub unit: Unit,
    /// What a higher value means. A column that says so is a measure, which `llmp diff` compares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Text.
    Text,
    /// A whole number.
    Count,
    /// A share from 0 to 1, shown in percent.
    Share,
    /// A number, shown with three decimals.
    Number,
    /// Seconds.
    Seconds,
}

/// Which values of a measure are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// High ones.
    Higher,
    /// Low ones.
    Lower,
    /// Neither by itself.
    Neither,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its cells, one for each column.
    pub cells: Vec<Cell>,
    /// Whether it sums up the rows above.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total: bool,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing to say, such as a share of nothing.
    Empty,
    /// A number in the column's unit.
    Number(f64),
    /// Text.
    Text(String),
}

/// Bars, each made of the same parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What is drawn: `answers by model`.
    pub title: String,
    /// The parts of each bar.
    pub parts: Vec<Part>,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A part of every bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the key.
    pub name: String,
    /// Whether much of it is good, which decides its colour.
    pub better: Better,
}

/// One bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// The lengths of its parts.
    pub values: Vec<f64>,
    /// A remark at its end.
    #[serde(default)]
    pub note: String,
}

/// A case worth looking at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What it is an example of.
    pub of: String,
    /// Names and texts.
    pub fields: Vec<(String, String)>,
}

/// A value of a report's first table.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure<'a> {
    /// The texts that name the row: `["honest", "unseen"]`.
    pub row: Vec<&'a str>,
    /// Its column.
    pub column: &'a Column,
    /// The value, in the column's unit.
    pub value: f64,
}

impl Shown {
    /// What a `report.json` says of how it is shown; `None` where it does not.
    #[must_use]
    pub fn of(report: &Value) -> Option<Self> {
        report.get("tables")?;
        Self::deserialize(report).ok()
    }

    /// The value of a measure in the row that `labels` name: the first label is the first name of the row, the others are among
    /// the rest of its names. Where several rows fit, such as all groups of a model, the last one sums them up.
    #[must_use]
    pub fn value<S: AsRef<str>>(&self, measure: &str, labels: &[S]) -> Option<f64> {
        let fits = |one: &Measure<'_>| {
            let names = |names: &[&str]| match (names.split_first(), labels.split_first()) {
                (Some((first, rest)), Some((label, labels))) => {
                    *first == label.as_ref() && labels.iter().all(|label| rest.contains(&label.as_ref()))
                }
                (_, None) => true,
                (None, Some(_)) => false,
            };
            one.column.is(measure) && names(&one.row)
        };
        self.measures().filter(fits).last().map(|one| one.value)
    }

    /// The values of the first table, row by row.
    pub fn measures(&self) -> impl Iterator<Item = Measure<'_>> {
        self.tables.first().into_iter().flat_map(Table::measures)
    }
}

impl Column {
    /// A column of text.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), measure: None, unit: Unit::Text, better: None }
    }

    /// A column of numbers that are no measure.
    pub fn number(name: impl Into<String>, unit: Unit) -> Self {
        Self { name: name.into(), measure: None, unit, better: None }
    }

    /// A measure.
    pub fn measure(name: impl Into<String>, unit: Unit, better: Better) -> Self {
        Self { name: name.into(), measure: None, unit, better: Some(better) }
    }

    /// Holds this measure of the signature.
    #[must_use]
    pub fn of(mut self, measure: impl Into<String>) -> Self {
        self.measure = Some(measure.into());
        self
    }

    /// Whether it holds this measure.
    fn is(&self, measure: &str) -> bool {
        self.measure.as_deref().unwrap_or(&self.name) == measure
    }
}

impl Unit {
    /// A value as people read it.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Count | Self::Text => format!("{value}"),
            Self::Share => format!("{:.1} %", 100.0 * value),
            Self::Number => format!("{value:.3}"),
            Self::Seconds => format!("{value:.1} s"),
        }
    }
}

impl Cell {
    /// `part` of `whole`; empty where there is no whole.
    #[must_use]
    pub fn share(part: usize, whole: usize) -> Self {
        if whole == 0 { Self::Empty } else { Self::Number(part as f64 / whole as f64) }
    }

    /// As people read it in a column of this unit.
    #[must_use]
    pub fn text(&self, unit: Unit) -> String {
        match self {
            Self::Empty => "–".to_owned(),
            Self::Number(value) => unit.text(*value),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl Table {
    /// How many columns name the row.
    #[must_use]
    pub fn names(&self) -> usize {
        self.columns.iter().take_while(|column| column.unit == Unit::Text).count()
    }

    /// Its numbers, row by row.
    pub fn measures(&self) -> impl Iterator<Item = Measure<'_>> {
        let names = self.names();
        self.rows.iter().flat_map(move |row| {
            let name = |cell: &Cell| matches!(cell, Cell::Text(_));
            let named = row.cells.iter().take(names).filter(|cell| name(cell));
            let named: Vec<&str> = named
                .filter_map(|cell| if let Cell::Text(text) = cell { Some(text.as_str()) } else { None })
                .collect();
            self.columns.iter().zip(&row.cells).filter_map(move |(column, cell)| match cell {
                Cell::Number(value) => Some(Measure { row: named.clone(), column, value: *value }),
                Cell::Empty | Cell::Text(_) => None,
            })
        })
    }

    /// For the screen: columns in line, two blanks apart.
    #[must_use]
    pub fn aligned(&self) -> String {
        let lines = self.lines();
        let widths = widths(&lines);
        let lines = lines.iter().map(|row| self.line(row, &widths, "  ").trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// As a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut lines = self.lines();
        lines.iter_mut().flatten().for_each(|cell| *cell = cell.replace('|', "\\|"));
        let widths = widths(&lines);
        let rule = widths.iter().zip(&self.columns).map(|(width, column)| match column.unit {
            Unit::Text => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width.saturating_sub(1))),
        });
        lines.insert(1, rule.collect());
        lines.iter().map(|row| format!("| {} |\n", self.line(row, &widths, " | "))).collect()
    }

    /// The head and all rows as text.
    fn lines(&self) -> Vec<Vec<String>> {
        let head = self.columns.iter().map(|column| column.name.clone()).collect();
        let row = |row: &Row| {
            self.columns.iter().zip(&row.cells).map(|(column, cell)| cell.text(column.unit)).collect()
        };
        std::iter::once(head).chain(self.rows.iter().map(row)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize], between: &str) -> String {
        let cell = |(place, width): (usize, &usize)| {
            let text = row.get(place).map_or("", String::as_str);
            let blanks = " ".repeat(width.saturating_sub(crate::cells(text)));
            let left = self.columns.get(place).is_some_and(|column| column.unit == Unit::Text);
            if left { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
        };
        widths.iter().enumerate().map(cell).collect::<Vec<_>>().join(between)
    }
}

fn widths(lines: &[Vec<String>]) -> Vec<usize> {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|row| row.get(column));
        cells.map(|cell| crate::cells(cell)).max().unwrap_or(0).max(3)
    };
    (0..columns).map(width).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let row = |model: &str, group: &str, right: Cell| Row {
            cells: vec![model.into(), group.into(), right],
            total: false,
        };
        Table {
            columns: vec![
                Column::text("model"),
                Column::text("group"),
                Column::measure("right", Unit::Share, Better::Higher),
            ],
            rows: vec![row("base", "a|b", Cell::share(3, 200)), row("assistant", "ü", Cell::share(2, 2))],
        }
    }

    #[test]
    fn columns_stand_in_line() {
        assert_eq!(
            table().aligned(),
            "model      group    right\nbase       a|b      1.5 %\nassistant  ü      100.0 %"
        );
        let expected = "| model     | group |   right |\n| --------- | ----- | ------: |\n\
                        | base      | a\\|b  |   1.5 % |\n| assistant | ü     | 100.0 % |\n";
        assert_eq!(table().markdown(), expected);
    }

    #[test]
    fn measures_are_named_by_their_row() {
        let shown = Shown { tables: vec![table()], ..Shown::default() };
        let found: Vec<_> =
            shown.measures().map(|one| (one.row, one.column.name.as_str(), one.value)).collect();
        assert_eq!(found, [(vec!["base", "a|b"], "right", 0.015), (vec!["assistant", "ü"], "right", 1.0)]);
        assert_eq!(shown.value("right", &["base", "a|b"]), Some(0.015));
        assert_eq!(shown.value("right", &["assistant"]), Some(1.0));
        assert_eq!((shown.value("wrong", &["base"]), shown.value("right", &["base", "ü"])), (None, None));
    }

    #[test]
    fn a_report_may_say_how_it_is_shown() {
        let report = json!({"kind": "mine", "title": "speed", "tables": [{
            "columns": [{"name": "model", "unit": "text"}, {"name": "s", "unit": "seconds", "better": "lower"}],
            "rows": [{"cells": ["a", 1.25]}, {"cells": ["b", null]}],
        }]});
        let shown = Shown::of(&report).unwrap();
        assert_eq!(shown.tables[0].rows[1].cells, ["b".into(), Cell::Empty]);
        assert_eq!(serde_json::to_value(&shown).unwrap()["tables"], report["tables"]);
        assert_eq!(Shown::of(&json!({"rows": []})), None);
    }
}
