//! The table: what a row is about, and what is known of it.

use std::collections::BTreeMap;
use std::path::Path;

use llmp_artifacts::words::normalized;

use crate::commands::Failure;

/// A table of facts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Titles of the columns that say something.
    pub attributes: Vec<String>,
    pub rows: Vec<Row>,
    /// Rows that were left out, by reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// What is known of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub name: String,
    /// A cell for each attribute: what counts as right, the first as it is said; none where it is not known.
    pub cells: Vec<Vec<String>>,
}

impl Row {
    /// What is known of it: the attribute's number, and the values.
    pub(super) fn facts(&self) -> impl Iterator<Item = (usize, &[String])> + Clone {
        self.cells
            .iter()
            .enumerate()
            .filter(|(_, values)| !values.is_empty())
            .map(|(at, values)| (at, values.as_slice()))
    }
}

/// Which columns are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// The name; the first one where it is not said.
    pub name: Option<String>,
    /// What is said of it; all others where it is not said.
    pub said: Vec<String>,
}

/// Fewer rows are too few to tell what is known from what is not.
pub(super) const FEWEST: usize = 40;
/// More facts a thing make pages that no small model learns from.
const MOST_ATTRIBUTES: usize = 6;
/// In characters: what a question, a search result and an answer have room for in a context of 128 tokens.
const LONGEST: usize = 40;
/// In bytes. Every known row is written out some hundred times.
const LARGEST: u64 = 64 << 20;

/// Reads CSV, or TSV where the name ends so. A cell may hold several values that count as right, parted by
/// `|`.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Table, Failure> {
    let shown = path.display();
    let bytes = std::fs::metadata(path)
        .and_then(|meta| if meta.len() > LARGEST { Ok(None) } else { std::fs::read(path).map(Some) })
        .map_err(|error| Failure::new(format!("cannot read `{shown}`: {error}")))?;
    let Some(bytes) = bytes else {
        return Err(Failure::new(format!("`{shown}` is larger than 64 MiB")).help("take a part of its rows"));
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Failure::new(format!("`{shown}`, line {line} is not UTF-8")).help("save it as UTF-8")
    })?;
    let tabs = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    parse(text.trim_start_matches('\u{feff}'), if tabs { b'\t' } else { b',' }, columns)
        .map_err(|failure| Failure { message: format!("`{shown}`{}", failure.message), ..failure })
}

/// Messages begin behind the file's name.
fn parse(text: &str, delimiter: u8, columns: &Columns) -> Result<Table, Failure> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| Failure::new(format!(": {error}")))?.clone();
    let titles: Vec<&str> = header.iter().collect();
    let find = |title: &str| {
        titles.iter().position(|name| *name == title).ok_or_else(|| {
            Failure::new(format!(" has no column `{title}`"))
                .help(format!("its columns are {}", quoted(&titles)))
        })
    };
    let name = columns.name.as_deref().map_or(Ok(0), find)?;
    let said: Vec<usize> = match columns.said.as_slice() {
        [] => (0..titles.len()).filter(|column| *column != name && !titles[*column].is_empty()).collect(),
        said => said.iter().map(|title| find(title)).collect::<Result<_, _>>()?,
    };
    if said.is_empty() {
        return Err(Failure::new(" has one column only")
            .help("the first column names a thing, the others say what is known of it: `country,capital`"));
    }
    if said.len() > MOST_ATTRIBUTES {
        return Err(Failure::new(format!(
            " says {} things of each row, more than {MOST_ATTRIBUTES}",
            said.len()
        ))
        .help(format!("choose some with `--columns`, of {}", quoted(&titles))));
    }
    let mut table = Table {
        attributes: said.iter().map(|column| titles[*column].replace('_', " ")).collect(),
        rows: Vec::new(),
        left_out: BTreeMap::new(),
    };
    let mut names = std::collections::BTreeSet::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(String::new(), |at| format!(", line {}", at.line()));
            Failure::new(format!("{line}: {error}"))
        })?;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let row = Row {
            name: cell(name).to_owned(),
            cells: said.iter().map(|column| values(cell(*column))).collect(),
        };
        match fault(&row) {
            Some(reason) => *table.left_out.entry(reason).or_default() += 1,
            None if !names.insert(row.name.to_lowercase()) => {
                *table.left_out.entry("the name stands twice").or_default() += 1
            }
            None => table.rows.push(row),
        }
    }
    if table.rows.len() < FEWEST {
        let left_out = said_of(&table.left_out).map_or(String::new(), |reasons| format!(" ({reasons})"));
        return Err(Failure::new(format!(
            " has {} rows that can be used{left_out}, fewer than {FEWEST}",
            table.rows.len()
        ))
        .help("some are learned, some are probed and some are held back for the evaluation: give more"));
    }
    Ok(table)
}

/// Values that count as right; a value may stand once.
fn values(cell: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for value in cell.split('|').map(str::trim).filter(|value| !value.is_empty()) {
        if !values.iter().any(|other| other == value) {
            values.push(value.to_owned());
        }
    }
    values
}

fn fault(row: &Row) -> Option<&'static str> {
    let long = |text: &String| text.chars().count() > LONGEST;
    let broken = |text: &String| text.chars().any(char::is_control);
    match () {
        () if row.name.is_empty() => Some("without a name"),
        () if row.facts().next().is_none() => Some("without a value"),
        () if row.cells.iter().flatten().any(|value| normalized(value).is_empty()) => {
            Some("with a value of signs only")
        }
        () if long(&row.name) || row.cells.iter().flatten().any(long) => Some("longer than 40 characters"),
        () if broken(&row.name) || row.cells.iter().flatten().any(broken) => {
            Some("with line breaks or other control characters")
        }
        () => None,
    }
}

/// What was left out, in words.
pub(super) fn said_of(left_out: &BTreeMap<&'static str, usize>) -> Option<String> {
    let parts: Vec<String> = left_out.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    (!parts.is_empty()).then(|| format!("left out: {}", parts.join(", ")))
}

fn quoted(titles: &[&str]) -> String {
    titles.iter().map(|title| format!("`{title}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> String {
        (0..count).map(|row| format!("thing {row},{row}|no. {row},\n")).collect()
    }

    #[test]
    fn cells_hold_several_values_or_none() {
        let table =
            parse(&format!("name,number,other_title\n{}", rows(FEWEST)), b',', &Columns::default()).unwrap();
        assert_eq!(table.attributes, ["number", "other title"]);
        assert_eq!(table.rows[3].cells, [vec!["3".to_owned(), "no. 3".to_owned()], Vec::new()]);
        assert_eq!(table.rows[3].facts().count(), 1);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let text = format!(
            "name,number\n{}thing 1,9\n,3\nlong,{}\nnothing,\n",
            rows(FEWEST).replace(",\n", "\n"),
            "x".repeat(41)
        );
        let table = parse(&text, b',', &Columns::default()).unwrap();
        assert_eq!(table.rows.len(), FEWEST);
        assert_eq!(
            said_of(&table.left_out).unwrap(),
            "left out: 1 longer than 40 characters, 1 the name stands twice, 1 without a name, 1 without a value"
        );
    }

    #[test]
    fn columns_are_chosen_by_their_titles() {
        let text = format!(
            "code,number,name\n{}",
            (0..50).map(|row| format!("c{row},{row},n{row}\n")).collect::<String>()
        );
        let columns = Columns { name: Some("name".into()), said: vec!["code".into()] };
        let table = parse(&text, b',', &columns).unwrap();
        assert_eq!((table.rows[7].name.as_str(), table.rows[7].cells[0][0].as_str()), ("n7", "c7"));
        let failure =
            parse(&text, b',', &Columns { said: vec!["size".into()], ..Columns::default() }).unwrap_err();
        assert_eq!(failure.message, " has no column `size`");
        assert_eq!(failure.help.unwrap(), "its columns are `code`, `number`, `name`");
    }

    #[test]
    fn tables_that_cannot_be_used_are_refused() {
        let message = |text: &str| parse(text, b',', &Columns::default()).unwrap_err().message;
        assert_eq!(message("name\na\n"), " has one column only");
        assert_eq!(message("a,b\n1,2\n"), " has 1 rows that can be used, fewer than 40");
        assert!(message("a,b,c,d,e,f,g,h\n").contains("more than 6"));
    }
}
