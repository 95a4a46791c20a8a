//! Where results are kept: one rule for every command, the editor and the live page.

use std::path::{Path, PathBuf};

use llmp_compiler::place::Place;
use llmp_store::Store;

use super::folder_of;

/// The store of the pipeline whose main file is `main`: the one that the user has `chosen`; else the one that
/// the chosen profiles name, relative to the main file's folder; else the nearest `.llmp` at or above that
/// folder; else one in `here`.
#[must_use]
pub fn store_root(chosen: Option<&Path>, place: &Place, main: &Path, here: &Path) -> PathBuf {
    let folder = folder_of(main);
    match (chosen, &place.store) {
        (Some(chosen), _) => chosen.to_owned(),
        (None, Some((named, _))) if folder == Path::new(".") => PathBuf::from(named),
        (None, Some((named, _))) => folder.join(named),
        (None, None) => Store::find(&folder, here),
    }
}

#[cfg(test)]
mod tests {
    use llmp_compiler::source::Span;

    use super::*;

    #[test]
    fn what_is_chosen_goes_before_what_a_profile_names_and_that_before_what_is_found() {
        let root = tempfile::tempdir().unwrap();
        let main = root.path().join("project/main.llmp");
        let here = Path::new("/somewhere/else");
        let named = Place { store: Some(("results".into(), Span::default())), ..Place::default() };
        let chosen = Path::new("mine");
        assert_eq!(store_root(Some(chosen), &named, &main, here), chosen);
        assert_eq!(store_root(None, &named, &main, here), root.path().join("project/results"));
        assert_eq!(store_root(None, &named, Path::new("main.llmp"), here), Path::new("results"));
        assert_eq!(store_root(None, &Place::default(), &main, here), here.join(".llmp"));
        let found = std::fs::canonicalize(root.path()).unwrap().join(".llmp");
        Store::open(&found).unwrap();
        std::fs::create_dir(root.path().join("project")).unwrap();
        assert_eq!(store_root(None, &Place::default(), &main, here), found);
    }
}
