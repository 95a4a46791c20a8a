//! Cases and how they are compiled.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use llmp_compiler::ide::{TextEdit, View};
use llmp_compiler::source::{FileId, MemoryWorld, Span};
use llmp_compiler::{Compilation, Library, Options, compile};

/// The library of the language's tests.
pub(crate) fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| Library::new(&[("stdlib.llmp", include_str!("../language/stdlib.llmp"))]).0)
}

/// A compiled case.
pub(crate) struct Case {
    pub(crate) name: String,
    /// What stands behind ` -- ` in the first line.
    pub(crate) argument: String,
    pub(crate) compilation: Compilation,
    /// The file with the cursor; the main file where there is none.
    pub(crate) file: FileId,
    /// The cursor, or the start of the selection.
    pub(crate) start: u32,
    /// The end of the selection.
    pub(crate) end: u32,
}

impl Case {
    fn new(name: &str, files: &[(String, String)]) -> Self {
        let (name, argument) = name.split_once(" -- ").unwrap_or((name, ""));
        let mut clean = BTreeMap::new();
        let mut cursor = ("main.llmp".to_owned(), 0, 0);
        for (path, text) in files {
            let start = text.find("$0");
            let text = text.replace("$0", "");
            let end = text.find("$1");
            let text = text.replace("$1", "");
            if let Some(start) = start {
                cursor = (path.clone(), start as u32, end.unwrap_or(start) as u32);
            }
            clean.insert(path.clone(), Arc::from(text));
        }
        let compilation = compile(&MemoryWorld { files: clean }, library(), "main.llmp", &Options::default());
        let file =
            compilation.files.iter().find(|file| file.path == cursor.0).expect("a file that is read").id;
        let (start, end) = (cursor.1, cursor.2);
        Self { name: name.to_owned(), argument: argument.to_owned(), compilation, file, start, end }
    }

    /// The program as seen from the cursor's file.
    pub(crate) fn view(&self) -> View<'_> {
        View::new(&self.compilation, library(), self.file).expect("a file of the program")
    }

    /// `main.llmp:1:2 text`; lines of the library are left out, since they move.
    pub(crate) fn place(&self, span: Span) -> String {
        let text = self.compilation.sources.text(span).lines().next().unwrap_or_default();
        match self.compilation.files.iter().any(|file| file.id == span.file) {
            true => format!("{} `{text}`", self.compilation.sources.place(span)),
            false => format!("library `{text}`"),
        }
    }

    /// A file's text after edits.
    pub(crate) fn edited(&self, file: FileId, edits: &[TextEdit]) -> String {
        let mut text = self.compilation.sources.get(file).expect("a file").text.to_string();
        let mut edits: Vec<_> = edits.iter().collect();
        edits.sort();
        for pair in edits.windows(2) {
            assert!(pair[0].end <= pair[1].start, "edits overlap in {}: {pair:?}", self.name);
        }
        for edit in edits.iter().rev() {
            text.replace_range(edit.start as usize..edit.end as usize, &edit.text);
        }
        text
    }
}

/// The cases of a text.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("--- ") {
            cases.push((name.trim_end(), vec![("main.llmp".to_owned(), String::new())]));
            continue;
        }
        let files = &mut cases.last_mut().expect("a case first").1;
        match line.strip_prefix("=== ") {
            Some(path) => files.push((path.trim_end().to_owned(), String::new())),
            None => files.last_mut().expect("the main file").1.push_str(line),
        }
    }
    cases.into_iter().map(|(name, files)| Case::new(name, &files)).collect()
}

/// Compares what `show` makes of every case with the snapshot of this name.
pub(crate) fn check(name: &str, text: &str, show: impl Fn(&Case) -> String) {
    let mut shown = String::new();
    for case in cases(text) {
        let answer = show(&case);
        shown += &format!("--- {}\n{}\n", case.name, answer.trim_end());
    }
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
        snapshot_path => "snapshots",
    }, {
        insta::assert_snapshot!(name, shown);
    });
}
