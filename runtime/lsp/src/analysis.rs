//! What programs mean: one compilation for every main file, made anew when a text it has read changes.
//!
//! Every open document is analysed as a main file, unless another open document imports it: then it is a part
//! of that program, and what is said about it is what `llmp check` says about the program. Where files import
//! each other, none is a part of another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gen_lsp_types::{Location, Range, Uri};
use llmp_compiler::code;
use llmp_compiler::compile::{Compilation, Options, compile};
use llmp_compiler::ide::View;
use llmp_compiler::source::{FileId, Span};
use llmp_planning::{Remembering, Toolkit};

use super::documents::{Documents, Overlay};
use super::lines::{Encoding, Lines};
use super::settings::Settings;

/// A program's meaning at one moment.
#[derive(Debug)]
pub(crate) struct Analysis {
    toolkit: Toolkit,
    /// The main file.
    pub(crate) main: PathBuf,
    /// What it means.
    pub(crate) compilation: Compilation,
    /// What was chosen besides its text.
    options: Options,
    /// Every path that was read, or would have been if it were there.
    asked: BTreeSet<PathBuf>,
    files: BTreeMap<FileId, Place>,
}

/// A file of a program.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    uri: Option<Uri>,
    /// The version of the open text; `None` where the file was read.
    version: Option<i32>,
    lines: OnceLock<Lines>,
}

impl Analysis {
    /// What the file `main` means as a main file.
    pub(crate) fn new(toolkit: Toolkit, documents: &Documents, settings: &Settings, main: &Path) -> Self {
        let folder = main.parent().unwrap_or(Path::new(""));
        let name = main.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let world = Remembering::new(Overlay::new(documents, folder));
        let options = Options { profiles: settings.profiles.clone(), ..Options::default() };
        let mut compilation = compile(&world, toolkit.library, name, &options);
        llmp_planning::forget::obey(&mut compilation.graph, main);
        let files = compilation.files.iter().map(|file| {
            let path = folder.join(&file.path);
            let uri = documents.uri(&path);
            let version = documents.get(&path).map(|document| document.version);
            (file.id, Place { path, uri, version, lines: OnceLock::new() })
        });
        let files = files.collect();
        let read = world.asked().into_keys().map(|path| folder.join(path));
        let asked = read.chain([llmp_planning::forget::list(main)]).collect();
        Self { toolkit, main: main.to_owned(), compilation, options, asked, files }
    }

    /// The file at `path`, where it takes part.
    pub(crate) fn file(&self, path: &Path) -> Option<FileId> {
        self.files.iter().find(|(_, place)| place.path == path).map(|(id, _)| *id)
    }

    /// The program as seen from one of its files.
    pub(crate) fn view(&self, file: FileId) -> Option<View<'_>> {
        View::new(&self.compilation, self.toolkit.library, file)
    }

    /// What it was read with.
    pub(crate) fn toolkit(&self) -> Toolkit {
        self.toolkit
    }

    /// Whether the file at `path` is a part of this program and no main file itself.
    fn has_part(&self, path: &Path) -> bool {
        let cyclic = self.compilation.diagnostics.iter().any(|one| one.code == code::IMPORT_CIRCLE);
        !cyclic && self.main != path && self.file(path).is_some()
    }

    /// The path of a file of the program; `None` for signatures and values from outside.
    pub(crate) fn path(&self, file: FileId) -> Option<&Path> {
        self.files.get(&file).map(|place| place.path.as_path())
    }

    /// What the client calls a file of the program.
    pub(crate) fn uri(&self, file: FileId) -> Option<&Uri> {
        self.files.get(&file)?.uri.as_ref()
    }

    /// The version of a file's text in the editor.
    pub(crate) fn version(&self, file: FileId) -> Option<i32> {
        self.files.get(&file)?.version
    }

    /// What was chosen besides the program's text.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: FileId) -> &str {
        self.compilation.sources.get(file).map_or("", |source| &source.text)
    }

    /// The lines of a file of the program.
    pub(crate) fn lines(&self, file: FileId) -> Option<&Lines> {
        let place = self.files.get(&file)?;
        Some(place.lines.get_or_init(|| Lines::new(self.text(file))))
    }

    /// A span in the protocol's units.
    pub(crate) fn range(&self, span: Span, encoding: Encoding) -> Option<Range> {
        Some(self.lines(span.file)?.range(span.start, span.end, encoding))
    }

    /// A span with its file.
    pub(crate) fn location(&self, span: Span, encoding: Encoding) -> Option<Location> {
        Some(Location { uri: self.uri(span.file)?.clone(), range: self.range(span, encoding)? })
    }
}

/// The analyses that are up to date.
#[derive(Debug)]
pub(crate) struct Analyses {
    toolkit: Toolkit,
    known: BTreeMap<PathBuf, Arc<Analysis>>,
    /// Open documents that were parts of others when last looked at; a hint what not to analyse first.
    parts: BTreeSet<PathBuf>,
}

impl Analyses {
    /// None yet.
    pub(crate) fn new(toolkit: Toolkit) -> Self {
        Self { toolkit, known: BTreeMap::new(), parts: BTreeSet::new() }
    }

    /// What a closed file means as a main file; it is not remembered.
    pub(crate) fn closed(&self, documents: &Documents, settings: &Settings, main: &Path) -> Arc<Analysis> {
        Arc::new(Analysis::new(self.toolkit, documents, settings, main))
    }

    /// Something happened to the file at `path`.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.known.retain(|_, analysis| !analysis.asked.contains(path));
    }

    /// Anything may have happened.
    pub(crate) fn forget_all(&mut self) {
        self.known.clear();
    }

    /// What the file `main` means as a main file.
    pub(crate) fn of(&mut self, documents: &Documents, settings: &Settings, main: &Path) -> Arc<Analysis> {
        if let Some(known) = self.known.get(main) {
            return Arc::clone(known);
        }
        let analysis = Arc::new(Analysis::new(self.toolkit, documents, settings, main));
        self.known.insert(main.to_owned(), Arc::clone(&analysis));
        analysis
    }

    /// The open documents that no other one imports, by path.
    pub(crate) fn roots(&mut self, documents: &Documents, settings: &Settings) -> Vec<Arc<Analysis>> {
        let mut open: Vec<&Path> = documents.iter().map(|(path, _)| path).collect();
        open.sort_by_key(|path| self.parts.contains(*path));
        let mut roots: Vec<Arc<Analysis>> = Vec::new();
        for path in &open {
            if !roots.iter().any(|root| root.has_part(path)) {
                let analysis = self.of(documents, settings, path);
                // It may import one that was looked at before it.
                roots.retain(|root| !analysis.has_part(&root.main));
                roots.push(analysis);
            }
        }
        roots.sort_by(|a, b| a.main.cmp(&b.main));
        let is_root = |path: &Path| roots.iter().any(|root| root.main == path);
        self.parts = open.iter().filter(|path| !is_root(path)).map(|path| (*path).to_owned()).collect();
        self.known.retain(|main, _| is_root(main));
        roots
    }

    /// The programs that the open document at `path` takes part in; at least one.
    pub(crate) fn around(
        &mut self,
        documents: &Documents,
        settings: &Settings,
        path: &Path,
    ) -> Vec<Arc<Analysis>> {
        let mut roots = self.roots(documents, settings);
        roots.retain(|root| root.file(path).is_some());
        if roots.is_empty() {
            // It is not open, or cannot be read.
            roots.push(self.of(documents, settings, path));
        }
        roots
    }
}
