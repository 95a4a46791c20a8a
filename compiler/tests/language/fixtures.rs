//! Cases in files. `--- name` begins a case, and may go on with `--profile name`, `--set path=value` and
//! `--params path=json`, or with `--as signature` for a signature file; `--needs base.memory=1` and
//! `--machine memory=1` give what a plan needs and a machine has, in bytes and tokens; `=== path` begins
//! another file of the case. A case in `right/` has no errors, one in `wrong/` has some; the snapshot beside
//! shows the graph or the messages.

use std::collections::BTreeMap;

use llmp_compiler::diagnostic::{Diagnostic, Fix};
use llmp_compiler::feasible::{Capacity, Need, feasible};
use llmp_compiler::graph::Stage;
use llmp_compiler::place::Place;
use llmp_compiler::{Compilation, Library, Options};

use crate::laws;
use crate::mutate::{Random, mutate};
use crate::render;
use crate::support::compile_files;

/// A case.
pub(crate) struct Case<'a> {
    pub(crate) name: &'a str,
    pub(crate) options: Options,
    /// Whether it is a signature file.
    pub(crate) signature: bool,
    /// What stages need and what the machine has: `base.memory`, `memory`.
    pub(crate) numbers: BTreeMap<String, u64>,
    pub(crate) files: Vec<(&'a str, String)>,
}

impl Case<'_> {
    /// Compiles it; of a signature file, there are sources and diagnostics only.
    pub(crate) fn compile(&self) -> Compilation {
        let files: Vec<(&str, &str)> = self.files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        match self.signature {
            true => {
                let (_, diagnostics, sources) = Library::new(&files);
                Compilation { sources, diagnostics, ..Compilation::default() }
            }
            false => {
                let mut compilation = compile_files(&files, &self.options);
                compilation.diagnostics.extend(self.infeasible(&compilation));
                compilation
            }
        }
    }

    /// What stands against the plan, were the needs and the machine those of the case.
    fn infeasible(&self, compilation: &Compilation) -> Vec<Diagnostic> {
        let needs: Vec<Need> = (compilation.graph.ids().zip(&compilation.graph.stages))
            .map(|(stage, Stage { name, .. })| {
                let of = |what: &str| self.numbers.get(&format!("{name}.{what}")).copied();
                Need { stage, memory: of("memory"), disk: of("disk"), data: of("data") }
            })
            .collect();
        let of = |what: &str| self.numbers.get(what).copied();
        let gpus = of("gpus").and_then(|gpus| u32::try_from(gpus).ok());
        let capacity = Capacity { device: "cpu".into(), memory: of("memory"), disk: of("disk"), gpus };
        feasible(&compilation.graph, &needs, &capacity)
    }
}

pub(crate) fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("--- ") {
            let mut parts = head.split(" --");
            let name = parts.next().unwrap_or("").trim();
            let mut options = Options::default();
            let mut signature = false;
            let mut numbers = BTreeMap::new();
            for part in parts {
                let (option, value) = part.split_once(' ').expect("an option has a value");
                let pair = || value.split_once('=').expect("path=value");
                match option {
                    "profile" => options.profiles.push(value.trim().to_owned()),
                    "set" => options.set.push((pair().0.to_owned(), pair().1.to_owned())),
                    "needs" | "machine" => {
                        numbers.insert(pair().0.to_owned(), pair().1.trim().parse().expect("a number"));
                    }
                    "as" => signature = value.trim() == "signature",
                    "params" => {
                        let json = serde_json::from_str(pair().1).expect("JSON");
                        options.params.insert(pair().0.to_owned(), json);
                    }
                    other => panic!("unknown option --{other}"),
                }
            }
            cases.push(Case { name, options, signature, numbers, files: vec![("main.llmp", String::new())] });
        } else if let Some(path) = line.strip_prefix("=== ") {
            cases.last_mut().expect("a case first").files.push((path, String::new()));
        } else if let Some((_, text)) = cases.last_mut().and_then(|case| case.files.last_mut()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    cases
}

fn run(right: bool) {
    let folder = if right { "right" } else { "wrong" };
    let path = format!("{}/tests/language/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(path).expect("the folder").map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "llmp"));
    files.sort();
    let mut failed = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a fixture");
        let mut shown = String::new();
        for case in cases(&text) {
            let compilation = case.compile();
            let messages = render::diagnostics(&compilation.diagnostics, &compilation.sources);
            if compilation.is_ok() != right && (right || messages.is_empty()) {
                failed.push(format!("{} in {}:\n{messages}", case.name, path.display()));
            }
            shown.push_str(&format!("--- {}\n{messages}", case.name));
            if right {
                shown.push_str(&render::graph(&compilation.graph, case.name == "who-is"));
                if compilation.place != Place::default() {
                    shown.push_str(&render::place(&compilation.place));
                }
            }
        }
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            omit_expression => true,
            snapshot_path => folder,
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn right() {
    run(true);
}

#[test]
fn wrong() {
    run(false);
}

/// The case with a fix applied; `None` where it changes something that is no file of the case, such as
/// `--set`.
fn repaired<'a>(case: &Case<'a>, compilation: &Compilation, fix: &Fix) -> Option<Case<'a>> {
    let mut files = case.files.clone();
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    for edit in edits {
        let path = &compilation.sources.get(edit.span.file)?.path;
        let (_, text) = files.iter_mut().find(|(known, _)| known == path)?;
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
    }
    Some(Case { files, options: case.options.clone(), numbers: case.numbers.clone(), ..*case })
}

/// A fix is offered where it is certain: applied, its message is gone, and there are no more errors than
/// before.
#[test]
fn fixes_fix() {
    let folder = format!("{}/tests/language/wrong", env!("CARGO_MANIFEST_DIR"));
    let mut failed = Vec::new();
    let mut fixes = 0;
    for file in std::fs::read_dir(folder).expect("the folder") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "llmp") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a fixture");
        for case in cases(&text) {
            let before = case.compile();
            for diagnostic in &before.diagnostics {
                let Some(after) = diagnostic.fix.as_ref().and_then(|fix| repaired(&case, &before, fix))
                else {
                    continue;
                };
                fixes += 1;
                let after = after.compile();
                // What was hidden behind the mistake may be one itself.
                let alike = |compilation: &Compilation| {
                    compilation.diagnostics.iter().filter(|one| one.message == diagnostic.message).count()
                };
                let errors = |compilation: &Compilation| {
                    compilation.diagnostics.iter().filter(|one| one.is_error()).count()
                };
                if alike(&after) >= alike(&before) || errors(&after) > errors(&before) {
                    let messages = render::diagnostics(&after.diagnostics, &after.sources);
                    failed.push(format!(
                        "{} in {}, {}:\n{messages}",
                        case.name,
                        path.display(),
                        diagnostic.code
                    ));
                }
            }
        }
    }
    assert!(fixes > 40, "only {fixes} fixes");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The short form of the fuzz target `check`: the same damage at every run.
#[test]
fn damaged_programs_keep_the_laws() {
    let folder = format!("{}/tests/language/right", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path());
    let mut paths: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "llmp")).collect();
    paths.sort();
    let mut random = Random(1);
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a fixture");
        for case in cases(&text).iter().filter(|case| !case.signature) {
            let main = &case.files[0].1;
            laws::check(main);
            for _ in 0..20 {
                laws::check(&mutate(main, &mut random));
            }
        }
    }
}
