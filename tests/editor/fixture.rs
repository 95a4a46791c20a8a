//! Programs with a marked place: `$0` is the cursor, `=== path` begins another file.

use serde_json::{Value, json};

use crate::client::uri;

/// Files, and the place of the cursor.
pub(crate) struct Fixture {
    /// Path and text; the first is the main file.
    pub(crate) files: Vec<(String, String)>,
    /// The file with the cursor and the byte before which it stands.
    cursor: Option<(usize, usize)>,
}

impl Fixture {
    pub(crate) fn new(text: &str) -> Self {
        let mut files = vec![("main.llmp".to_owned(), String::new())];
        for line in text.split_inclusive('\n') {
            match line.strip_prefix("=== ") {
                Some(path) => files.push((path.trim().to_owned(), String::new())),
                None => files.last_mut().expect("the main file").1.push_str(line),
            }
        }
        let mut cursor = None;
        for (at, (_, text)) in files.iter_mut().enumerate() {
            if let Some(place) = text.find("$0") {
                text.replace_range(place..place + 2, "");
                cursor = Some((at, place));
            }
        }
        Self { files, cursor }
    }

    /// `textDocument` and `position` of the cursor, in UTF-16 code units.
    pub(crate) fn at(&self) -> Value {
        let (file, place) = self.cursor.expect("a fixture with `$0`");
        let (path, text) = &self.files[file];
        let before = &text[..place];
        let line = before.matches('\n').count();
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].encode_utf16().count();
        json!({"textDocument": {"uri": uri(path)}, "position": {"line": line, "character": column}})
    }
}
