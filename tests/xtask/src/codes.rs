//! The tables of codes in `spec/7-diagnostics.md`, made from the titles of the pages that `llmp explain`
//! shows.

use llmp_compiler::explain::pages;

use crate::pages::between;

/// The passages of the page, and what its codes begin with.
const PARTS: [(&str, &[&str]); 6] = [
    ("codes: syntax", &["E00"]),
    ("codes: names", &["E01"]),
    ("codes: values", &["E02"]),
    ("codes: pipeline", &["E03", "W00", "W01"]),
    ("codes: machine", &["E04", "W04"]),
    ("codes: results", &["E05"]),
];

/// The page with its tables made anew.
///
/// # Errors
///
/// If a marker or a title is missing, or a code belongs to no table.
pub fn tables(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    let mut listed = 0;
    for (name, starts) in PARTS {
        let mut table = String::from("| code | is raised where |\n|---|---|\n");
        for start in starts {
            for (code, text) in pages() {
                let code = code.to_string();
                if code.starts_with(start) {
                    table += &format!("| `{code}` | {} |\n", title(&code, text)?.replace('|', "\\|"));
                    listed += 1;
                }
            }
        }
        page = between(&page, name, &table)?;
    }
    match pages().count() {
        all if all == listed => Ok(page),
        all => Err(format!("{} codes belong to no table of `spec/7-diagnostics.md`", all - listed)),
    }
}

fn title<'a>(code: &str, text: &'a str) -> Result<&'a str, String> {
    let line = text.lines().next().unwrap_or_default();
    let title = line.strip_prefix("# ").and_then(|line| line.strip_prefix(code)?.strip_prefix(": "));
    title.ok_or_else(|| format!("the page of {code} does not begin with `# {code}: `"))
}
