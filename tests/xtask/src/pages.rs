//! Files with passages that are made anew.

use std::fs;
use std::path::Path;

/// A file's text.
pub(crate) fn read(root: &Path, path: &str) -> Result<String, String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("cannot read `{path}`: {error}"))
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
