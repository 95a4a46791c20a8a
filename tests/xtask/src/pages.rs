//! Files, and passages of them that are made anew.

use std::fs;
use std::path::Path;

/// A file's text.
///
/// # Errors
///
/// If it cannot be read.
pub fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// Writes a file.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

/// The text of a file below the root.
pub(crate) fn read(root: &Path, path: &str) -> Result<String, String> {
    text(&root.join(path))
}

/// The page with what stands between `<!-- NAME -->` and `<!-- end -->` replaced.
pub(crate) fn between(page: &str, name: &str, text: &str) -> Result<String, String> {
    within(page, &format!("<!-- {name} -->"), "<!-- end -->", &format!("\n{text}\n"))
}

/// The file with what stands between two whole lines replaced.
pub(crate) fn within(page: &str, opening: &str, closing: &str, text: &str) -> Result<String, String> {
    let missing = || format!("found no `{opening}` with `{closing}` behind it");
    let opening = format!("{opening}\n");
    let start = page.find(&opening).ok_or_else(missing)? + opening.len();
    let end = start + page[start..].find(closing).ok_or_else(missing)?;
    Ok(format!("{}{text}{}", &page[..start], &page[end..]))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn a_passage_is_replaced_and_the_rest_kept() {
        let page = "a\n<!-- x -->\n\nold\n\n<!-- end -->\nb\n";
        let made = between(page, "x", "new\n").unwrap();
        assert_eq!(made, "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n");
        assert_eq!(between(&made, "x", "new\n").unwrap(), made);
        assert!(between(page, "y", "new").is_err());
    }
}
