//! Why a stage runs, in words.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::key::{ComponentName, Digest};
use llmp_compiler::plan::Reason;
use llmp_compiler::source::Sources;
use llmp_records::FileRecord;

/// One reason as a phrase: `lr 1e-3 → 3e-4`, `waits for base`.
#[must_use]
pub fn text(reason: &Reason) -> String {
    match reason {
        Reason::New => "never run".into(),
        Reason::Fetches => "waits for files that are fetched first".into(),
        Reason::Lost => "its result was removed or damaged".into(),
        Reason::Forced => "forced".into(),
        Reason::Waits { stage } => format!("waits for {stage}"),
        Reason::Changed { name, old, new, .. } => changed(name, old.as_deref(), new.as_deref()),
    }
}

fn changed(name: &ComponentName, old: Option<&str>, new: Option<&str>) -> String {
    let name = match name {
        ComponentName::Epoch => {
            let epochs = old.zip(new).map_or(String::new(), |(old, new)| format!(" (epoch {old} → {new})"));
            return format!("the stage's implementation changed{epochs}");
        }
        ComponentName::Input(role) => {
            return match new {
                Some(stage) if old.is_none_or(|old| old == stage) => format!("{role} changed (from {stage})"),
                Some(stage) => format!("{role} {} → {stage}", old.unwrap_or("none")),
                None => format!("{role} is no longer given"),
            };
        }
        ComponentName::Files(role) => role.as_str().into(),
        ComponentName::Kind | ComponentName::Command | ComponentName::Setting(_) => name.text(),
    };
    // A file is called by its path, and its value begins with that.
    let behind = |value: &str| value.strip_prefix(&*name)?.strip_prefix(' ').map(str::to_owned);
    match (old, new) {
        (Some(old), Some(new)) if behind(new).is_some() => {
            let then = behind(old).unwrap_or_else(|| old.to_owned());
            format!("{name} {then} → {}", behind(new).unwrap_or_default())
        }
        (None, Some(new)) if behind(new).is_some() => format!("{new} (new)"),
        (Some(old), None) if behind(old).is_some() => format!("{old} (gone)"),
        (Some(old), Some(new)) => format!("{name} {old} → {new}"),
        (None, Some(new)) => format!("{name} {new} (new)"),
        (Some(old), None) => format!("{name} {old} (gone)"),
        (None, None) => name.into_owned(),
    }
}

/// Whether a reason only follows from another stage's: an input that is made anew by the stage that made it
/// before. That another stage makes it now is a cause of its own.
#[must_use]
pub fn is_consequence(reason: &Reason) -> bool {
    match reason {
        Reason::Waits { .. } | Reason::Fetches => true,
        Reason::Changed { name: ComponentName::Input(_), old, new: Some(stage), .. } => {
            old.as_ref().is_none_or(|old| old == stage)
        }
        Reason::Changed { .. } | Reason::New | Reason::Lost | Reason::Forced => false,
    }
}

/// Where a reason's new value is written: `who-is.llmp:23:14`.
#[must_use]
pub fn place(reason: &Reason, sources: &Sources) -> Option<String> {
    match reason {
        Reason::Changed { span: Some(span), .. } => Some(sources.place(*span)),
        _ => None,
    }
}

/// How a set of files changed, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChanges<'a> {
    /// Only now.
    pub added: Vec<&'a str>,
    /// Only then.
    pub removed: Vec<&'a str>,
    /// With another content.
    pub changed: Vec<&'a str>,
}

impl FileChanges<'_> {
    /// `added a, b and 3 more`: a line for each kind of change, with so many names.
    #[must_use]
    pub fn lines(&self, most: usize) -> Vec<String> {
        let kinds = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let line = |(word, paths): (&str, &Vec<&str>)| {
            let shown: Vec<_> = paths.iter().take(most).copied().collect();
            let more = match paths.len().saturating_sub(most) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            (!paths.is_empty()).then(|| format!("{word} {}{more}", shown.join(", ")))
        };
        kinds.into_iter().filter_map(line).collect()
    }
}

/// What changed between two lists of files. A file that only moved is the same content: it counts as no
/// change.
#[must_use]
pub fn file_changes<'a>(old: &'a [FileRecord], new: &'a [FileRecord]) -> FileChanges<'a> {
    let paths = |files: &'a [FileRecord]| -> BTreeMap<&'a str, Digest> {
        files.iter().map(|file| (file.path.as_str(), file.digest)).collect()
    };
    let contents = |files: &[FileRecord]| files.iter().map(|file| file.digest).collect::<BTreeSet<_>>();
    let (then, now) = (paths(old), paths(new));
    let (had, has) = (contents(old), contents(new));
    let mut changes = FileChanges::default();
    for (path, digest) in &now {
        match then.get(path) {
            Some(before) if before != digest => changes.changed.push(path),
            None if !had.contains(digest) => changes.added.push(path),
            _ => {}
        }
    }
    let gone = then.iter().filter(|(path, digest)| !now.contains_key(*path) && !has.contains(digest));
    changes.removed.extend(gone.map(|(path, _)| *path));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consequences_are_told_from_causes() {
        let changed = |name: &str, old: &str, new: &str| {
            let (old, new) = (Some(old.to_owned()), Some(new.to_owned()));
            Reason::Changed { name: ComponentName::parse(name.into()), old, new, span: None }
        };
        assert!(is_consequence(&changed("input docs", "docs/a", "docs/a")));
        assert!(!is_consequence(&changed("input docs", "docs/a", "docs/b")));
        assert!(!is_consequence(&changed("min_words", "20", "40")));
        assert!(!is_consequence(&changed("epoch", "1", "2")));
        assert!(is_consequence(&Reason::Waits { stage: "docs/a".into() }));
        assert!(!is_consequence(&Reason::Lost));
    }

    #[test]
    fn files_that_moved_did_not_change() {
        let file = |path: &str, content: u8| FileRecord { path: path.into(), digest: Digest([content; 32]) };
        let old = [file("a", 1), file("b", 2), file("c", 3), file("d", 4)];
        let new = [file("a", 1), file("moved", 2), file("c", 9), file("e", 5)];
        let changes = file_changes(&old, &new);
        assert_eq!(changes.lines(3), ["added e", "removed d", "changed c"]);
        assert_eq!((changes.added, changes.removed, changes.changed), (vec!["e"], vec!["d"], vec!["c"]));
    }
}
