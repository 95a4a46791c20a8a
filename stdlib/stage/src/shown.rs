//! How the report of an evaluation is shown: tables, charts and examples, as data.
//!
//! The `report.json` of a Report holds this, or the stage that made it says it (see
//! [`Stage::show`](crate::Stage::show)); the run's report, `llmp diff` and gates know nothing else of
//! evaluations. Its measures are read in one way, [`Shown::value`], whoever asks.

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
    /// Its measures, where they are more than the columns of the first table, such as shares of several rows
    /// together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measured>,
    /// Bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// Single cases worth looking at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// A number of a report, as gates and `llmp diff` know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The measure of the stage's signature.
    pub measure: String,
    /// What it is looked up by, in the order of the signature.
    pub keys: Vec<String>,
    /// The value, in the unit.
    pub value: f64,
    /// What it is.
    pub unit: Unit,
    /// What a higher value means; `llmp diff` compares what says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// Whether it sums up all that has the same first key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub total: bool,
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

impl Shown {
    /// What a `report.json` says of how it is shown; `None` where it does not.
    #[must_use]
    pub fn of(report: &Value) -> Option<Self> {
        report.get("tables")?;
        Self::deserialize(report).ok()
    }

    /// The value of a measure that is looked up by `keys`; `None` where the report has none such.
    ///
    /// Measures that are declared are found by exactly their keys. Where none are, they are the columns of
    /// the first table: the first key is the first name of the row, the others are among the rest of its
    /// names. Where several rows fit, such as all groups of a model, it is the one that sums them up; without
    /// such a row it is not known which is meant.
    #[must_use]
    pub fn value<S: AsRef<str>>(&self, measure: &str, keys: &[S]) -> Option<f64> {
        if !self.measures.is_empty() {
            let same = |one: &&Measured| {
                one.measure == measure
                    && one.keys.iter().map(String::as_str).eq(keys.iter().map(AsRef::as_ref))
            };
            return self.measures.iter().find(same).map(|one| one.value);
        }
        let fits = |one: &Measured| {
            one.measure == measure
                && match (one.keys.split_first(), keys.split_first()) {
                    (Some((first, rest)), Some((key, keys))) => {
                        first == key.as_ref()
                            && keys.iter().all(|key| rest.iter().any(|one| one == key.as_ref()))
                    }
                    (_, None) => true,
                    (None, Some(_)) => false,
                }
        };
        let found: Vec<Measured> = self.of_the_first_table().filter(fits).collect();
        match found.as_slice() {
            [one] => Some(one.value),
            several => {
                let mut totals = several.iter().filter(|one| one.total);
                totals.next().filter(|_| totals.next().is_none()).map(|one| one.value)
            }
        }
    }

    /// All measures: those that are declared, or the columns of the first table.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        match self.measures.as_slice() {
            [] => self.of_the_first_table().collect(),
            declared => declared.to_vec(),
        }
    }

    /// The measures that say which values are good, one for each first key: what two runs are compared by.
    #[must_use]
    pub fn compared(&self) -> Vec<Measured> {
        let mut compared: Vec<Measured> = Vec::new();
        for one in self.measured().into_iter().filter(|one| one.better.is_some()) {
            let same = |other: &&mut Measured| {
                (&other.measure, other.keys.first()) == (&one.measure, one.keys.first())
            };
            match compared.iter_mut().find(same) {
                None => compared.push(one),
                // Of rows among which none sums up, the last one stands for them.
                Some(other) if one.total || !other.total => *other = one,
                Some(_) => {}
            }
        }
        compared
    }

    fn of_the_first_table(&self) -> impl Iterator<Item = Measured> {
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

    /// The measure that it holds, where it does.
    fn measured(&self) -> &str {
        self.measure.as_deref().unwrap_or(&self.name)
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
    fn measures(&self) -> impl Iterator<Item = Measured> {
        let names = self.names();
        self.rows.iter().flat_map(move |row| {
            let named = row.cells.iter().take(names).filter_map(|cell| match cell {
                Cell::Text(text) => Some(text.clone()),
                Cell::Number(_) | Cell::Empty => None,
            });
            let named: Vec<String> = named.collect();
            self.columns.iter().zip(&row.cells).filter_map(move |(column, cell)| match cell {
                Cell::Number(value) => Some(Measured {
                    measure: column.measured().to_owned(),
                    keys: named.clone(),
                    value: *value,
                    unit: column.unit,
                    better: column.better,
                    total: row.total,
                }),
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
            shown.measured().into_iter().map(|one| (one.keys, one.measure, one.value)).collect();
        let named = |model: &str, group: &str, value| {
            (vec![model.to_owned(), group.to_owned()], "right".to_owned(), value)
        };
        assert_eq!(found, [named("base", "a|b", 0.015), named("assistant", "ü", 1.0)]);
        assert_eq!(shown.value("right", &["base", "a|b"]), Some(0.015));
        assert_eq!(shown.value("right", &["assistant"]), Some(1.0));
        assert_eq!((shown.value("wrong", &["base"]), shown.value("right", &["base", "ü"])), (None, None));
    }

    #[test]
    fn of_several_rows_that_fit_the_one_counts_that_sums_them_up() {
        let row = |group: &str, right: f64, total| Row {
            cells: vec!["base".into(), group.into(), Cell::Number(right)],
            total,
        };
        let rows = |total| vec![row("old", 0.25, false), row("all", 0.5, total), row("new", 0.75, false)];
        let shown =
            |total| Shown { tables: vec![Table { rows: rows(total), ..table() }], ..Shown::default() };
        assert_eq!(shown(true).value("right", &["base"]), Some(0.5));
        assert_eq!(shown(true).value("right", &["base", "old"]), Some(0.25));
        assert_eq!(shown(false).value("right", &["base"]), None, "nobody can say which is meant");
        let compared = shown(true).compared();
        assert_eq!((compared.len(), compared[0].value), (1, 0.5));
        assert_eq!(shown(false).compared()[0].value, 0.75);
    }

    #[test]
    fn what_is_declared_is_found_by_exactly_its_keys() {
        let one = |keys: &[&str], value, total| Measured {
            measure: "right".into(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            value,
            unit: Unit::Share,
            better: Some(Better::Higher),
            total,
        };
        let measures = vec![one(&["base", "all"], 0.4, true), one(&["base", "new"], 0.6, false)];
        let shown = Shown { tables: vec![table()], measures, ..Shown::default() };
        assert_eq!(shown.value("right", &["base", "new"]), Some(0.6));
        assert_eq!(shown.value("right", &["base"]), None);
        assert_eq!(shown.value("right", &["base", "a|b"]), None, "the table is no second source");
        assert_eq!(shown.compared(), [one(&["base", "all"], 0.4, true)]);
        let written = serde_json::to_value(&shown).unwrap();
        assert_eq!(Shown::of(&written), Some(shown));
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
