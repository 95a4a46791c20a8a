//! Pages and passages that are made from the code, so that nobody keeps two places in step.

use std::fs;
use std::path::Path;

use crate::metadata::Crates;
use crate::{codes, crates, kinds, stages};

/// A generated file: its path below the root, and what it should hold.
pub struct Made {
    /// Below the root.
    pub path: &'static str,
    /// The whole text.
    pub text: String,
}

/// All of them, as they should be.
///
/// # Errors
///
/// If something that they are made from cannot be read, or a page lacks its markers.
pub fn all(root: &Path) -> Result<Vec<Made>, String> {
    let (spec, map) = ("spec/7-diagnostics.md", "ARCHITECTURE.md");
    let mut made = vec![
        Made { path: "spec/stages.md", text: stages::page(root)? },
        Made { path: spec, text: codes::tables(&read(root, spec)?)? },
        Made {
            path: map,
            text: between(&read(root, map)?, "crates", &crates::drawing(&Crates::read(root)?)?)?,
        },
        Made { path: kinds::TYPES, text: kinds::table(&read(root, kinds::TYPES)?)? },
    ];
    for path in kinds::QUERIES {
        made.push(Made { path, text: kinds::query(&read(root, path)?)? });
    }
    Ok(made)
}

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
