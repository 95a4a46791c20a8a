//! Names: which files take part, what each name means, and in which order things can be worked out.
//!
//! All items of a pipeline share one space of names. A file sees its own and those of the files it imports,
//! directly or not. What a name in a setting means (a param, or a word such as `adult`) depends on the
//! setting's type and is left to `check`; unknown names are reported there.

pub(crate) mod errors;
mod files;
pub(crate) mod order;
mod uses;

use std::collections::BTreeMap;

pub use files::{File, load};
pub(crate) use uses::{graph_names, value_names};

use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::names::closest;
use crate::signature::Library;
use crate::source::Span;

/// The language that this compiler reads, as files state it. It is raised when a right program would mean
/// something else.
pub const EDITION: &str = "2026";

/// An item of the top level.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a, T> {
    /// Its name and where that stands.
    pub name: &'a ast::Name,
    /// As it was read.
    pub ast: &'a T,
    /// The file it stands in, by position in [`Program::files`].
    pub file: usize,
    /// Whether its definition goes in a circle, which has been reported: it has no value then.
    pub cyclic: bool,
}

/// What a name of the top level means; positions in the vectors of [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A param.
    Param(usize),
    /// A binding.
    Binding(usize),
    /// A function.
    Def(usize),
}

/// What is found when a name is looked up from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This.
    Here(Meaning, Span),
    /// It exists in a file that is not imported; the file by position.
    Elsewhere(usize, Span),
    /// Nothing.
    Nowhere,
}

/// A program with its names resolved.
#[derive(Debug)]
pub struct Program<'a> {
    /// Its files, the main file first.
    pub files: &'a [File],
    /// Params, each behind those that its default uses.
    pub params: Vec<Item<'a, ast::Param>>,
    /// Bindings, each behind those it is made from; otherwise in order of text.
    pub bindings: Vec<Item<'a, ast::Binding>>,
    /// Functions, each behind those it calls.
    pub defs: Vec<Item<'a, ast::Def>>,
    /// The user's own stages.
    pub stages: Vec<Item<'a, ast::Stage>>,
    /// Profiles, in order of text.
    pub profiles: Vec<Item<'a, ast::Profile>>,
    /// What is expected of reports, in order of text, each with its file by position.
    pub expectations: Vec<(usize, &'a ast::Expect)>,
    names: BTreeMap<&'a str, (Meaning, usize, Span)>,
    visible: Vec<Vec<bool>>,
    /// By file: whether an item or import of it could not be read.
    lost: Vec<bool>,
}

impl Program<'_> {
    /// What `name` means in the file at position `file`.
    #[must_use]
    pub fn find(&self, file: usize, name: &str) -> Found {
        match self.names.get(name) {
            None => Found::Nowhere,
            Some(&(meaning, home, span)) if self.sees(file, home) => Found::Here(meaning, span),
            Some(&(_, home, span)) => Found::Elsewhere(home, span),
        }
    }

    /// Whether names of the file `home` are visible in `file`.
    #[must_use]
    pub fn sees(&self, file: usize, home: usize) -> bool {
        self.visible.get(file).and_then(|seen| seen.get(home)).copied().unwrap_or(false)
    }

    /// Whether the item at `span` in the file at position `file` could not be read as a whole: what it says
    /// is a guess.
    #[must_use]
    pub fn is_broken(&self, file: usize, span: Span) -> bool {
        self.files.get(file).is_some_and(|file| file.ast.broken.contains(&span))
    }

    /// Whether a name that the file at position `file` does not know may be defined all the same: an item or
    /// import that it sees could not be read.
    #[must_use]
    pub fn may_miss(&self, file: usize) -> bool {
        self.lost.iter().enumerate().any(|(home, &lost)| lost && self.sees(file, home))
    }

    /// All names visible in `file` that `wanted` accepts.
    pub fn visible_names(&self, file: usize, wanted: impl Fn(Meaning) -> bool) -> impl Iterator<Item = &str> {
        self.names
            .iter()
            .filter(move |&(_, &(meaning, home, _))| wanted(meaning) && self.sees(file, home))
            .map(|(name, _)| *name)
    }

    /// The error for a name of file `home` that `file` does not see.
    pub(crate) fn not_imported(
        &self,
        file: usize,
        home: usize,
        name: &str,
        span: Span,
        defined: Span,
    ) -> Diagnostic {
        // A file that imports this one cannot be imported back.
        let path = (!self.sees(home, file)).then(|| self.import_path(file, home));
        errors::not_imported(name, span, defined, path.as_deref())
    }

    /// The path of file `to` as an import in `from` would write it.
    fn import_path(&self, from: usize, to: usize) -> String {
        let path = |file: usize| self.files.get(file).map_or("", |file| file.path.as_str());
        let folder =
            |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let (from, to) = (folder(path(from)), path(to));
        match to.strip_prefix(&from) {
            Some(below) => below.to_owned(),
            None => "../".repeat(from.matches('/').count()) + to,
        }
    }
}

/// Resolves the names of `files`.
pub fn resolve<'a>(files: &'a [File], library: &Library, diagnostics: &mut Diagnostics) -> Program<'a> {
    let mut program = Program {
        files,
        params: Vec::new(),
        bindings: Vec::new(),
        defs: Vec::new(),
        stages: Vec::new(),
        profiles: Vec::new(),
        expectations: Vec::new(),
        names: BTreeMap::new(),
        visible: files::visible(files),
        lost: files.iter().map(files::is_lost).collect(),
    };
    collect(&mut program, library, diagnostics);
    sort_params(&mut program, diagnostics);
    sort_bindings(&mut program, diagnostics);
    sort_defs(&mut program, diagnostics);
    program.names.clear();
    let params =
        program.params.iter().enumerate().map(|(at, item)| (item.name, Meaning::Param(at), item.file));
    let bindings =
        program.bindings.iter().enumerate().map(|(at, item)| (item.name, Meaning::Binding(at), item.file));
    let defs = program.defs.iter().enumerate().map(|(at, item)| (item.name, Meaning::Def(at), item.file));
    program.names = params
        .chain(bindings)
        .chain(defs)
        .map(|(name, what, file)| (name.text.as_str(), (what, file, name.span)))
        .collect();
    program
}

/// Gathers all items; of two with one name the first counts.
fn collect<'a>(program: &mut Program<'a>, library: &Library, diagnostics: &mut Diagnostics) {
    let mut stages: BTreeMap<String, Span> = BTreeMap::new();
    let mut profiles: BTreeMap<&str, Span> = BTreeMap::new();
    let files = program.files;
    for (file, ast) in files.iter().enumerate().map(|(at, file)| (at, &file.ast)) {
        let mut edition = None;
        for item in &ast.items {
            match item {
                ast::Item::Import(_) | ast::Item::Error(_) => {}
                ast::Item::Edition(ast) => {
                    let Some(number) = &ast.number else { continue };
                    match edition {
                        Some(first) => diagnostics.push(errors::edition_twice(ast.span, first)),
                        None if number.text != EDITION => {
                            diagnostics.push(errors::unknown_edition(&number.text, number.span));
                        }
                        None => {}
                    }
                    edition = edition.or(Some(ast.span));
                }
                ast::Item::Expect(ast) => program.expectations.push((file, ast)),
                ast::Item::Param(ast) => {
                    let Some(name) = &ast.name else { continue };
                    if define(program, name, Meaning::Param(program.params.len()), file, diagnostics) {
                        program.params.push(Item { name, ast, file, cyclic: false });
                    }
                }
                ast::Item::Binding(ast) => {
                    let name = &ast.name;
                    if define(program, name, Meaning::Binding(program.bindings.len()), file, diagnostics) {
                        program.bindings.push(Item { name, ast, file, cyclic: false });
                    }
                }
                ast::Item::Def(ast) => {
                    let Some(name) = &ast.name else { continue };
                    if library.stage(&name.text).is_some() {
                        diagnostics.push(errors::hides_stage(&name.text, name.span));
                    } else if define(program, name, Meaning::Def(program.defs.len()), file, diagnostics) {
                        program.defs.push(Item { name, ast, file, cyclic: false });
                    }
                }
                ast::Item::Profile(ast) => {
                    let Some(name) = &ast.name else { continue };
                    if let Some(&first) = profiles.get(name.text.as_str()) {
                        diagnostics.push(errors::twice("the profile", &name.text, name.span, first));
                        continue;
                    }
                    profiles.insert(&name.text, name.span);
                    program.profiles.push(Item { name, ast, file, cyclic: false });
                }
                ast::Item::Stage(ast) => {
                    let Some(path) = &ast.name else { continue };
                    let Some(name) = path.names.last() else { continue };
                    let text = path.text();
                    if library.stage(&text).is_some() {
                        diagnostics.push(errors::hides_stage(&text, path.span));
                    } else if let Some(&first) = stages.get(&text) {
                        diagnostics.push(errors::twice("the stage", &text, path.span, first));
                    } else {
                        stages.insert(text, path.span);
                        program.stages.push(Item { name, ast, file, cyclic: false });
                    }
                }
            }
        }
    }
}

fn define<'a>(
    program: &mut Program<'a>,
    name: &'a ast::Name,
    meaning: Meaning,
    file: usize,
    diagnostics: &mut Diagnostics,
) -> bool {
    // Reported by the parser.
    if RESERVED.contains(&name.text.as_str()) {
        return false;
    }
    match program.names.get(name.text.as_str()) {
        Some(&(_, _, first)) => diagnostics.push(errors::twice("the name", &name.text, name.span, first)),
        None => {
            program.names.insert(&name.text, (meaning, file, name.span));
            return true;
        }
    }
    false
}

/// Words that are values.
pub(crate) const RESERVED: [&str; 3] = ["true", "false", "none"];

/// Brings `items` into the order of their dependencies and marks circles, which `report` describes.
fn sort<'a, T>(
    items: &mut Vec<Item<'a, T>>,
    edges: &[Vec<(usize, Span)>],
    report: impl Fn(&[(String, Span)]) -> Diagnostic,
    diagnostics: &mut Diagnostics,
) {
    let targets: Vec<Vec<usize>> =
        edges.iter().map(|edges| edges.iter().map(|&(to, _)| to).collect()).collect();
    let found = order::order(&targets);
    for chain in &found.cycles {
        let named: Vec<(String, Span)> = chain
            .iter()
            .enumerate()
            .map(|(at, &node)| {
                let next = chain.get(at + 1).or(chain.first()).copied();
                let place = edges[node].iter().find(|&&(to, _)| Some(to) == next);
                (items[node].name.text.clone(), place.map_or(items[node].name.span, |&(_, span)| span))
            })
            .collect();
        diagnostics.push(report(&named));
    }
    for (item, cyclic) in items.iter_mut().zip(&found.cyclic) {
        item.cyclic = *cyclic;
    }
    let sorted = found.nodes.iter().map(|&node| Item { ..items[node] });
    *items = sorted.collect();
}

fn sort_params(program: &mut Program<'_>, diagnostics: &mut Diagnostics) {
    let edges: Vec<Vec<(usize, Span)>> = program
        .params
        .iter()
        .map(|item| {
            let ends = item.ast.range.iter().flat_map(|range| [range.low.as_deref(), range.high.as_deref()]);
            let expressions = [item.ast.default.as_ref()].into_iter().chain(ends).flatten();
            // A word of the param's own type is no use of a param with that name.
            let words: &[ast::Name] = match item.ast.ty.as_ref().map(|ty| &ty.kind) {
                Some(ast::TypeKind::OneOf(words)) => words,
                Some(ast::TypeKind::Named(word, _)) => std::slice::from_ref(word),
                _ => &[],
            };
            let names = expressions.flat_map(uses::value_names);
            let names = names.filter(|name| words.iter().all(|word| word.text != name.text));
            let params = names.filter_map(|name| match program.find(item.file, &name.text) {
                Found::Here(Meaning::Param(to), _) => Some((to, name.span)),
                _ => None,
            });
            params.collect()
        })
        .collect();
    sort(&mut program.params, &edges, errors::cycle, diagnostics);
}

fn sort_bindings(program: &mut Program<'_>, diagnostics: &mut Diagnostics) {
    let edges: Vec<Vec<(usize, Span)>> = program
        .bindings
        .iter()
        .map(|item| {
            let names = item.ast.value.iter().flat_map(uses::graph_names);
            let bindings = names.filter_map(|name| match program.find(item.file, &name.text) {
                Found::Here(Meaning::Binding(to), _) => Some((to, name.span)),
                _ => None,
            });
            bindings.collect()
        })
        .collect();
    sort(&mut program.bindings, &edges, errors::cycle, diagnostics);
}

fn sort_defs(program: &mut Program<'_>, diagnostics: &mut Diagnostics) {
    let edges: Vec<Vec<(usize, Span)>> = program
        .defs
        .iter()
        .map(|item| {
            let expressions =
                item.ast.bindings.iter().filter_map(|local| local.value.as_ref()).chain(&item.ast.body);
            let calls =
                expressions.flat_map(uses::callees).filter_map(|callee| match callee.names.as_slice() {
                    [name] => match program.find(item.file, &name.text) {
                        Found::Here(Meaning::Def(to), _) => Some((to, name.span)),
                        _ => None,
                    },
                    _ => None,
                });
            calls.collect()
        })
        .collect();
    sort(&mut program.defs, &edges, errors::recursion, diagnostics);
}

/// Brings the bindings of a function into the order of their dependencies.
pub(crate) fn sort_locals<'a>(
    bindings: &'a [ast::Binding],
    parameters: &[&str],
    diagnostics: &mut Diagnostics,
) -> Vec<Item<'a, ast::Binding>> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut items: Vec<Item<'a, ast::Binding>> = Vec::new();
    for ast in bindings {
        match names.get(ast.name.text.as_str()) {
            Some(&first) => {
                let first: &Item<'_, _> = &items[first];
                diagnostics.push(errors::twice("the name", &ast.name.text, ast.name.span, first.name.span));
            }
            None => {
                names.insert(&ast.name.text, items.len());
                items.push(Item { name: &ast.name, ast, file: 0, cyclic: false });
            }
        }
    }
    let edges: Vec<Vec<(usize, Span)>> = items
        .iter()
        .map(|item| {
            let used = item.ast.value.iter().flat_map(uses::graph_names);
            let used = used.filter(|name| !parameters.contains(&name.text.as_str()));
            used.filter_map(|name| Some((*names.get(name.text.as_str())?, name.span))).collect()
        })
        .collect();
    sort(&mut items, &edges, errors::cycle, diagnostics);
    items
}

/// The error for a name that means nothing in `file`.
pub(crate) fn unknown_name<'n>(
    program: &Program<'_>,
    file: usize,
    name: &ast::Name,
    known: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    match program.find(file, &name.text) {
        Found::Elsewhere(home, span) => program.not_imported(file, home, &name.text, name.span, span),
        _ => errors::unknown(&name.text, name.span, closest(&name.text, known)),
    }
}
