//! The texts that are open in the editor, and the world that the compiler sees: open texts before files.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use gen_lsp_types::{TextDocumentContentChangeEvent, Uri};
use llmp_compiler::source::{ReadError, World};
use llmp_planning::Folder;

use super::lines::{Encoding, Lines};

/// A text that is open in the editor.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its name as the client writes it.
    pub(crate) uri: Uri,
    /// The version of the client's text.
    pub(crate) version: i32,
    /// The client's text.
    pub(crate) text: Arc<str>,
}

/// All open texts, by path.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    open: BTreeMap<PathBuf, Document>,
}

/// The path of a document. One that is no file, such as `untitled:Untitled-1`, has its URI for a path, which
/// is relative and so never a file's.
pub(crate) fn path_of(uri: &Uri) -> PathBuf {
    match uri.to_file_path() {
        Ok(path) => path,
        Err(()) => PathBuf::from(uri.as_str().replace('/', "%2F")),
    }
}

impl Documents {
    /// Opens a text, or replaces it.
    pub(crate) fn open(&mut self, uri: Uri, version: i32, text: String) -> PathBuf {
        let path = path_of(&uri);
        self.open.insert(path.clone(), Document { uri, version, text: text.into() });
        path
    }

    /// Applies changes in order. The text is the client's in any case; a version that does not grow is
    /// reported.
    pub(crate) fn change(
        &mut self,
        path: &Path,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), String> {
        let Some(document) = self.open.get_mut(path) else {
            return Err(format!("`{}` was changed and is not open", path.display()));
        };
        let known = std::mem::replace(&mut document.version, version);
        document.text = changed(&document.text, changes, encoding).into();
        match version > known {
            true => Ok(()),
            false => Err(format!(
                "version {version} of `{}` came after version {known}; its text may be wrong",
                path.display()
            )),
        }
    }

    /// Closes a text: from now on the file counts.
    pub(crate) fn close(&mut self, path: &Path) {
        self.open.remove(path);
    }

    /// The open text at `path`.
    pub(crate) fn get(&self, path: &Path) -> Option<&Document> {
        self.open.get(path)
    }

    /// All, by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &Document)> {
        self.open.iter().map(|(path, document)| (path.as_path(), document))
    }

    /// What the client calls the file at `path`; `None` for a path that is no file's.
    pub(crate) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.open.get(path) {
            Some(document) => Some(document.uri.clone()),
            None => Uri::from_file_path(path).ok(),
        }
    }
}

/// The text after all changes; each one's range refers to the text after those before it.
fn changed(text: &str, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) -> String {
    use TextDocumentContentChangeEvent::{
        TextDocumentContentChangePartial as Part, TextDocumentContentChangeWholeDocument as Whole,
    };
    let mut text = text.to_owned();
    let mut lines: Option<Lines> = None;
    // Lines before this one are still where `lines` says; clients send many changes from the last to the
    // first.
    let mut valid = u32::MAX;
    for change in changes {
        match change {
            Whole(whole) => {
                text = whole.text;
                lines = None;
            }
            Part(part) => {
                if part.range.start.line.max(part.range.end.line) >= valid {
                    lines = None;
                    valid = u32::MAX;
                }
                let known = lines.get_or_insert_with(|| Lines::new(&text));
                let (start, end) =
                    (known.offset(part.range.start, encoding), known.offset(part.range.end, encoding));
                let (start, end) = (start.min(end) as usize, start.max(end) as usize);
                text.replace_range(start..end, &part.text);
                valid = valid.min(known.position(start as u32, encoding).line);
            }
        }
    }
    text
}

/// The files below a main file's folder: open texts, then the disk.
pub(crate) struct Overlay<'a> {
    documents: &'a Documents,
    folder: &'a Path,
    disk: Folder,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(documents: &'a Documents, folder: &'a Path) -> Self {
        Self { documents, folder, disk: Folder::new(folder) }
    }
}

impl World for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Arc<str>, ReadError> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(ReadError::Outside);
        }
        let whole = self.folder.join(path);
        match self.documents.get(&whole) {
            Some(document) => Ok(Arc::clone(&document.text)),
            // Beside a text that is no file there are no files.
            None if self.folder.is_absolute() => self.disk.read(path),
            None => Err(ReadError::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::{Position, Range, TextDocumentContentChangePartial};

    use super::*;

    fn part(from: (u32, u32), to: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
        let at = |(line, character)| Position { line, character };
        let range = Range { start: at(from), end: at(to) };
        let text = text.to_owned();
        TextDocumentContentChangePartial { range, text, ..TextDocumentContentChangePartial::default() }.into()
    }

    #[test]
    fn changes_apply_in_order() {
        let text = |changes| changed("a = 1\r\nb = 😀2\n", changes, Encoding::Utf16);
        assert_eq!(text(vec![part((1, 6), (1, 7), "3")]), "a = 1\r\nb = 😀3\n");
        assert_eq!(
            text(vec![part((1, 0), (1, 0), "c\n"), part((2, 0), (2, 1), "d")]),
            "a = 1\r\nc\nd = 😀2\n"
        );
        assert_eq!(text(vec![part((1, 4), (1, 6), ""), part((0, 4), (0, 5), "5")]), "a = 5\r\nb = 2\n");
        assert_eq!(text(vec![part((9, 9), (9, 9), "z")]), "a = 1\r\nb = 😀2\nz");
        assert_eq!(text(vec![part((1, 7), (0, 0), "")]), "\n", "a range the wrong way round");
    }

    #[test]
    fn a_path_that_is_no_file_is_not_read() {
        let uri = Uri::parse("untitled:Untitled-1").expect("a URI");
        assert!(path_of(&uri).is_relative());
        let documents = Documents::default();
        let overlay = Overlay::new(&documents, Path::new(""));
        assert_eq!(overlay.read("Cargo.toml"), Err(ReadError::Missing));
    }
}
