//! Tables for the screen and for Markdown.

/// Rows of cells under a head. Columns from `numbers` on are set to the right.
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) numbers: usize,
}

impl Table {
    /// Columns in line, two blanks apart.
    pub(crate) fn aligned(&self) -> String {
        let widths = self.widths();
        let lines = std::iter::once(&self.head).chain(&self.rows);
        let lines = lines.map(|row| self.line(row, &widths, "  ").trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let escaped = |row: &Vec<String>| row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let table = Self {
            head: escaped(&self.head),
            rows: self.rows.iter().map(escaped).collect(),
            numbers: self.numbers,
        };
        let widths = table.widths();
        let rule = widths.iter().enumerate().map(|(column, width)| match column < table.numbers {
            true => "-".repeat(*width),
            false => format!("{}:", "-".repeat(width.saturating_sub(1))),
        });
        let lines = [table.head.clone(), rule.collect()].into_iter().chain(table.rows.iter().cloned());
        lines.map(|row| format!("| {} |\n", table.line(&row, &widths, " | "))).collect()
    }

    fn line(&self, row: &[String], widths: &[usize], between: &str) -> String {
        let cell = |(column, width): (usize, &usize)| {
            let text = row.get(column).map_or("", String::as_str);
            let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
            if column < self.numbers { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
        };
        widths.iter().enumerate().map(cell).collect::<Vec<_>>().join(between)
    }

    fn widths(&self) -> Vec<usize> {
        let cells =
            |column: usize| self.rows.iter().chain([&self.head]).filter_map(move |row| row.get(column));
        let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0).max(3);
        (0..self.head.len()).map(width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let table = Table {
            head: row(["model", "group", "right"]),
            rows: vec![row(["base", "a|b", "1.5 %"]), row(["assistant", "ü", "100.0 %"])],
            numbers: 2,
        };
        assert_eq!(
            table.aligned(),
            "model      group    right\nbase       a|b      1.5 %\nassistant  ü      100.0 %"
        );
        let expected = "| model     | group |   right |\n| --------- | ----- | ------: |\n\
                        | base      | a\\|b  |   1.5 % |\n| assistant | ü     | 100.0 % |\n";
        assert_eq!(table.markdown(), expected);
    }
}
