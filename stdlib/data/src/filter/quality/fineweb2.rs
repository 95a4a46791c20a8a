//! FineWeb2's thresholds by language, as data: `fineweb2.txt` beside this file.

use std::sync::LazyLock;

const TABLE: &str = include_str!("fineweb2.txt");

/// A row of the table.
#[derive(Debug)]
pub(super) struct Language {
    /// FineWeb2's label, such as `cmn_Hani`.
    pub(super) label: &'static str,
    /// The code that documents carry, such as `zh`.
    pub(super) code: &'static str,
    pub(super) repeated_lines: f64,
    pub(super) repeated: Vec<f64>,
    pub(super) top: Vec<f64>,
    pub(super) punctuated: f64,
    pub(super) word_length: [f64; 2],
    pub(super) alphabetic: f64,
    pub(super) breaks: f64,
    pub(super) stop_words: Vec<&'static str>,
}

/// All rows, sorted by label.
pub(super) fn languages() -> &'static [Language] {
    static ROWS: LazyLock<Vec<Language>> = LazyLock::new(|| {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| row(line).expect("each row of the table is whole")).collect()
    });
    &ROWS
}

fn row(line: &'static str) -> Option<Language> {
    let mut cells = line.split(" | ");
    let (label, code) = cells.next()?.split_once(' ')?;
    let mut numbers =
        || cells.next()?.split(' ').map(|number| number.parse().ok()).collect::<Option<Vec<f64>>>();
    let one = |numbers: Option<Vec<f64>>| numbers?.first().copied();
    Some(Language {
        label,
        code,
        repeated_lines: one(numbers())?,
        repeated: numbers().filter(|list| list.len() == 6)?,
        top: numbers().filter(|list| list.len() == 3)?,
        punctuated: one(numbers())?,
        word_length: numbers()?.try_into().ok()?,
        alphabetic: one(numbers())?,
        breaks: one(numbers())?,
        stop_words: cells.next()?.split(' ').collect(),
    })
}

/// The code of a language, of what documents carry: `zh`, `cmn`, `zho_Hans` and `cmn_Hani` are one. What is
/// neither English nor in the table is `und`, or a script without blanks where its code says so.
pub(super) fn code(label: &str) -> &'static str {
    let (own, _) = label.split_once(['_', '-']).unwrap_or((label, ""));
    if let Some(row) =
        languages().iter().find(|row| row.code == own || row.label == label || &row.label[..3] == own)
    {
        return row.code;
    }
    match own {
        "" => "",
        "en" | "eng" => "en",
        "zho" | "chi" => "zh",
        "ara" => "ar",
        "lo" | "lao" => "lo",
        "km" | "khm" => "km",
        "my" | "mya" => "my",
        "nb" => "no",
        "swa" => "sw",
        "pes" | "prs" => "fa",
        _ => "und",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_codes_are_found() {
        assert_eq!(languages().len(), 31);
        assert!(languages().is_sorted_by_key(|row| row.label));
        for row in languages() {
            assert_eq!(
                (code(row.code), code(row.label), code(&row.label[..3])),
                (row.code, row.code, row.code)
            );
            assert!(row.word_length[0] < row.word_length[1] && row.stop_words.len() >= 8, "{row:?}");
            let shares = row.repeated.iter().chain(&row.top).chain([&row.alphabetic, &row.breaks]);
            assert!(shares.clone().all(|share| (0.0..1.0).contains(share)), "{row:?}");
        }
        let chinese = languages().iter().find(|row| row.code == "zh").unwrap();
        assert_eq!((chinese.repeated_lines, chinese.alphabetic, chinese.breaks), (0.287, 0.735, 0.178));
        assert_eq!(
            ["zho_Hans", "zh-TW", "eng_Latn", "", "xx", "nb"].map(code),
            ["zh", "zh", "en", "", "und", "no"]
        );
    }
}
