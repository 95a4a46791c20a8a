//! Reads the main file and everything it imports.

use std::collections::BTreeMap;

use super::errors;
use crate::ast;
use crate::diagnostic::Diagnostics;
use crate::source::{FileId, ReadError, Sources, Span, World};
use crate::syntax;

/// Files that one pipeline may consist of.
const MAX_FILES: usize = 256;

/// Bytes of all files together.
const MAX_BYTES: usize = 8 << 20;

/// A parsed file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its id in the sources.
    pub id: FileId,
    /// Its path, relative to the main file's folder.
    pub path: String,
    /// Every byte of it.
    pub tree: syntax::Tree,
    /// The same, typed; what is broken is left out.
    pub ast: ast::File,
    /// The files it imports, with the place of the path.
    pub imports: Vec<(usize, Span)>,
}

/// The main file first, then imports as they were met.
pub fn load(
    world: &dyn World,
    main: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    let mut known: BTreeMap<String, Option<usize>> = BTreeMap::new();
    match world.read(main) {
        Ok(text) => {
            files.push(parse(main, &text, sources, diagnostics));
            known.insert(main.to_owned(), Some(0));
        }
        Err(error) => {
            let id = sources.add(main, "");
            diagnostics.push(match error {
                ReadError::TooLarge { .. } => syntax::too_large(Span::new(id, 0, 0)),
                ReadError::Missing => errors::no_such_program(main, Span::new(id, 0, 0)),
                error => errors::unreadable(main, &error, Span::new(id, 0, 0)),
            });
        }
    }
    let mut next = 0;
    let mut bytes: usize = 0;
    let mut full = false;
    while next < files.len() {
        let wanted: Vec<ast::Name> = imports(&files[next].ast);
        for name in wanted {
            let Some(path) = join(&files[next].path, &name.text) else {
                diagnostics.push(errors::outside(&name.text, name.span));
                continue;
            };
            let index = match known.get(&path) {
                Some(&index) => index,
                None if files.len() >= MAX_FILES || bytes > MAX_BYTES => {
                    if !full {
                        diagnostics.push(errors::too_many_files(MAX_FILES, MAX_BYTES, name.span));
                    }
                    full = true;
                    continue;
                }
                None => {
                    let index = match world.read(&path) {
                        Ok(text) => {
                            bytes += text.len();
                            files.push(parse(&path, &text, sources, diagnostics));
                            Some(files.len() - 1)
                        }
                        Err(error) => {
                            diagnostics.push(match error {
                                ReadError::Outside => errors::outside(&name.text, name.span),
                                ReadError::TooLarge { .. } => syntax::too_large(name.span),
                                error => errors::unreadable(&name.text, &error, name.span),
                            });
                            None
                        }
                    };
                    known.insert(path, index);
                    index
                }
            };
            if let Some(index) = index {
                files[next].imports.push((index, name.span));
            }
        }
        next += 1;
    }
    cycles(&files, diagnostics);
    files
}

fn parse(path: &str, text: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> File {
    let id = sources.add(path, text);
    let parse = syntax::parse(id, text);
    diagnostics.extend(parse.diagnostics);
    File { id, path: path.to_owned(), tree: parse.tree, ast: parse.file, imports: Vec::new() }
}

fn imports(file: &ast::File) -> Vec<ast::Name> {
    let paths = file.items.iter().filter_map(|item| match item {
        ast::Item::Import(import) => import.path.clone(),
        _ => None,
    });
    paths.collect()
}

/// `path` as seen from the file `from`, normalised; `None` where it leaves the main file's folder.
fn join(from: &str, path: &str) -> Option<String> {
    if path.is_empty() || path.starts_with('/') || path.contains(['\\', '\0', ':']) {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().filter(|part| *part != "..")?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Reports every circle of imports once, with its whole chain.
fn cycles(files: &[File], diagnostics: &mut Diagnostics) {
    let edges: Vec<Vec<usize>> =
        files.iter().map(|file| file.imports.iter().map(|&(to, _)| to).collect()).collect();
    for chain in super::order::order(&edges).cycles {
        let named: Vec<(String, Span)> = chain
            .iter()
            .enumerate()
            .map(|(at, &file)| {
                let next = chain.get(at + 1).or(chain.first()).copied();
                let place = files[file].imports.iter().find(|&&(to, _)| Some(to) == next);
                (files[file].path.clone(), place.map(|&(_, span)| span).unwrap_or_default())
            })
            .collect();
        diagnostics.push(errors::import_cycle(&named));
    }
}

/// For every file, the files whose names it sees: itself and all that it imports, directly or not.
pub(super) fn visible(files: &[File]) -> Vec<Vec<bool>> {
    let reach = |start: usize| {
        let mut seen = vec![false; files.len()];
        let mut open = vec![start];
        while let Some(file) = open.pop() {
            if !std::mem::replace(&mut seen[file], true) {
                open.extend(files[file].imports.iter().map(|&(to, _)| to));
            }
        }
        seen
    };
    (0..files.len()).map(reach).collect()
}

/// Whether some item of a file, or an import, could not be read, so that names may be missing.
pub(super) fn is_lost(file: &File) -> bool {
    use ast::Item;
    let imports = file.ast.items.iter().filter(|item| matches!(item, Item::Import(_))).count();
    let is_nameless = |item: &Item| match item {
        Item::Error(_) => true,
        Item::Import(_) | Item::Edition(_) | Item::Expect(_) => false,
        Item::Param(param) => param.name.is_none(),
        Item::Profile(profile) => profile.name.is_none(),
        Item::Def(def) => def.name.is_none(),
        Item::Stage(stage) => stage.name.is_none(),
        Item::Binding(binding) => binding.name.text.is_empty(),
    };
    !file.ast.broken.is_empty() || imports > file.imports.len() || file.ast.items.iter().any(is_nameless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_main_file() {
        assert_eq!(join("main.llmp", "a/b.llmp").as_deref(), Some("a/b.llmp"));
        assert_eq!(join("a/b.llmp", "../c.llmp").as_deref(), Some("c.llmp"));
        assert_eq!(join("a/b.llmp", "./c.llmp").as_deref(), Some("a/c.llmp"));
        for path in ["", "/etc/passwd", "..", "../x", "a/../../x", "c:\\x", "http://x"] {
            assert_eq!(join("main.llmp", path), None, "{path}");
        }
    }
}
