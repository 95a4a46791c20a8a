//! Makes one typical mistake at a time in every right program of the tests, the reference, the explanations
//! and the examples, and counts what the compiler says: `cargo run --release --example mistakes [PLACES]
//! [SEED] [LIST]`. A mistake of each kind is made in at most PLACES (4) places of a program. LIST shows some
//! of them: `many` those with several messages, `one` those with one, `fixes` those whose fix does not help,
//! or the name of a kind. `benches/README.md` has the figures.

#![allow(clippy::disallowed_methods, reason = "it reads programs")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use llmp_compiler::diagnostic::{Diagnostic, Fix};
use llmp_compiler::explain::pages;
use llmp_compiler::key::recipe;
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};

#[path = "../language/fixtures.rs"]
#[allow(dead_code, unused_imports)]
mod fixtures;
#[path = "mistakes/kinds.rs"]
mod kinds;
#[path = "../language/laws.rs"]
#[allow(dead_code)]
mod laws;
#[path = "../syntax/mutate.rs"]
#[allow(dead_code)]
mod mutate;
#[path = "../language/render.rs"]
#[allow(dead_code)]
mod render;
#[path = "../language/support.rs"]
#[allow(dead_code)]
mod support;
#[path = "../../benches/workload/mod.rs"]
mod workload;

use kinds::{Edit, Mistake, mistakes};
use mutate::Random;

/// A right program.
struct Program<'l> {
    name: String,
    main: String,
    files: BTreeMap<String, String>,
    options: Options,
    library: &'l Library,
}

impl Program<'_> {
    fn compile(&self, text: &str) -> Compilation {
        let mut files: BTreeMap<String, Arc<str>> =
            self.files.iter().map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect();
        files.insert(self.main.clone(), Arc::from(text));
        compile(&MemoryWorld { files }, self.library, &self.main, &self.options)
    }
}

/// What came of the mistakes of a kind.
#[derive(Default)]
struct Row {
    made: usize,
    right: usize,
    one: usize,
    many: usize,
    fixes: usize,
    restored: usize,
    bad: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let places: usize = args.next().map_or(Ok(4), |places| places.parse())?;
    let seed: u64 = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let list = args.next().unwrap_or_default();
    let library = workload::library();
    let mut random = Random(seed);
    let mut rows: BTreeMap<&'static str, Row> = BTreeMap::new();
    for program in programs(&library)? {
        let text = &program.files[&program.main];
        let before = program.compile(text);
        for mistake in chosen(mistakes(text), places, &mut random) {
            let wrong = changed(text, &mistake.edits);
            let row = rows.entry(mistake.kind).or_default();
            judge(&program, &before, &mistake, &wrong, row, &list);
        }
    }
    println!("| mistake | made | still right | one message | several | one | fixes | as before | no help |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut all = Row::default();
    for (kind, row) in &rows {
        print(kind, row);
        for (sum, value) in [
            (&mut all.made, row.made),
            (&mut all.right, row.right),
            (&mut all.one, row.one),
            (&mut all.many, row.many),
            (&mut all.fixes, row.fixes),
            (&mut all.restored, row.restored),
            (&mut all.bad, row.bad),
        ] {
            *sum += value;
        }
    }
    print("all", &all);
    Ok(())
}

fn print(kind: &str, row: &Row) {
    let Row { made, right, one, many, fixes, restored, bad } = row;
    let share = 100.0 * *one as f64 / (one + many).max(1) as f64;
    println!("| {kind} | {made} | {right} | {one} | {many} | {share:.1}% | {fixes} | {restored} | {bad} |");
}

/// Compiles the wrong program, counts what is said, and tries every fix.
fn judge(
    program: &Program<'_>,
    before: &Compilation,
    mistake: &Mistake,
    wrong: &str,
    row: &mut Row,
    list: &str,
) {
    row.made += 1;
    let after = program.compile(wrong);
    let known: BTreeSet<(&str, &str)> =
        before.diagnostics.iter().map(|one| (one.code.as_str(), one.message.as_str())).collect();
    let said: Vec<Diagnostic> = (after.diagnostics.iter())
        .filter(|one| !known.contains(&(one.code.as_str(), one.message.as_str())))
        .cloned()
        .collect();
    match said.len() {
        0 => row.right += 1,
        1 => row.one += 1,
        _ => row.many += 1,
    }
    let mut useless = String::new();
    for one in &said {
        let Some(text) = one.fix.as_ref().and_then(|fix| fixed(program, wrong, &after, fix)) else {
            continue;
        };
        row.fixes += 1;
        let repaired = program.compile(&text);
        row.restored += usize::from(repaired.is_ok() && recipes(&repaired) == recipes(before));
        if errors(&repaired) >= errors(&after).max(1) {
            row.bad += 1;
            let _ = writeln!(useless, "=> the fix of {} gives\n{}", one.code, difference(wrong, &text));
            useless += &render::diagnostics(&repaired.diagnostics, &repaired.sources);
        }
    }
    let shown = match list {
        "many" => said.len() > 1,
        "one" => said.len() == 1,
        "fixes" => !useless.is_empty(),
        kind => kind == mistake.kind && !said.is_empty(),
    };
    if shown {
        let messages = render::diagnostics(&said, &after.sources);
        let text = &program.files[&program.main];
        println!("=== {}: {}\n{}{messages}{useless}", program.name, mistake.kind, difference(text, wrong));
    }
}

fn errors(compilation: &Compilation) -> usize {
    compilation.diagnostics.iter().filter(|one| one.is_error()).count()
}

fn recipes(compilation: &Compilation) -> Vec<String> {
    let stages = compilation.graph.stages.iter();
    stages.map(|stage| format!("{} {:?}", stage.name, recipe(stage))).collect()
}

/// The main file with a fix applied; `None` where it changes another.
fn fixed(program: &Program<'_>, text: &str, compilation: &Compilation, fix: &Fix) -> Option<String> {
    let is_main = |path: &str| path == program.main;
    let edits = fix.edits.iter().map(|edit| {
        let file = compilation.sources.get(edit.span.file)?;
        is_main(&file.path).then(|| (edit.span.start as usize..edit.span.end as usize, edit.text.clone()))
    });
    Some(changed(text, &edits.collect::<Option<Vec<Edit>>>()?))
}

fn changed(text: &str, edits: &[Edit]) -> String {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|(range, _)| (std::cmp::Reverse(range.start), std::cmp::Reverse(range.end)));
    let mut text = text.to_owned();
    for (range, new) in sorted {
        text.replace_range(range.clone(), new);
    }
    text
}

/// The lines that differ.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let behind =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let mut text = String::new();
    for (sign, lines) in [('-', &old), ('+', &new)] {
        for line in &lines[same..lines.len() - behind] {
            let _ = writeln!(text, "{sign} {line}");
        }
    }
    text
}

/// At most so many of each kind.
fn chosen(mistakes: Vec<Mistake>, places: usize, random: &mut Random) -> Vec<Mistake> {
    let mut kinds: BTreeMap<&str, Vec<Mistake>> = BTreeMap::new();
    for mistake in mistakes {
        kinds.entry(mistake.kind).or_default().push(mistake);
    }
    let mut chosen = Vec::new();
    for mut mistakes in kinds.into_values() {
        while mistakes.len() > places {
            mistakes.swap_remove(random.below(mistakes.len()));
        }
        chosen.extend(mistakes);
    }
    chosen
}

// Programs.

fn programs(library: &Library) -> Result<Vec<Program<'_>>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut programs = Vec::new();
    let mut add = |name: String, main: &str, files: BTreeMap<String, String>, options, library| {
        let program = Program { name, main: main.to_owned(), files, options, library };
        if program.files.contains_key(main) && program.compile(&program.files[main]).is_ok() {
            programs.push(program);
        }
    };
    for path in files(&root.join("tests/language/right"), "llmp")? {
        add_cases(&std::fs::read_to_string(root.join("tests/language/right").join(&path))?, &path, &mut add);
    }
    for (code, page) in pages() {
        for (info, text, _) in blocks(page) {
            if info.starts_with("llmp right") {
                add_cases(
                    &format!("--- {}\n{text}", info.trim_start_matches("llmp ")),
                    code.as_str(),
                    &mut add,
                );
            }
        }
    }
    for path in files(&root.join("../spec"), "md")? {
        let page = std::fs::read_to_string(root.join("../spec").join(&path))?;
        let mut beside: BTreeMap<String, String> = BTreeMap::new();
        for (info, text, line) in blocks(&page) {
            match info.strip_prefix("llmp").map(str::trim) {
                Some(info) if info.starts_with("file=") => {
                    beside.insert(info.trim_start_matches("file=").to_owned(), text);
                }
                Some("") => {
                    let mut files = std::mem::take(&mut beside);
                    files.insert("main.llmp".to_owned(), text);
                    add(format!("spec/{path}:{line}"), "main.llmp", files, Options::default(), library);
                }
                Some(_) => beside.clear(),
                None => {}
            }
        }
    }
    for folder in ["../examples/who-is", "../examples/templates"] {
        for path in files(&root.join(folder), "llmp")? {
            let text = std::fs::read_to_string(root.join(folder).join(&path))?;
            add(path.clone(), &path, BTreeMap::from([(path.clone(), text)]), Options::default(), library);
        }
    }
    Ok(programs)
}

fn add_cases<'l>(
    text: &str,
    place: &str,
    add: &mut impl FnMut(String, &str, BTreeMap<String, String>, Options, &'l Library),
) {
    for case in fixtures::cases(text).into_iter().filter(|case| !case.signature) {
        let files = case.files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
        add(format!("{place} {}", case.name), "main.llmp", files, case.options.clone(), support::library());
    }
}

fn files(folder: &Path, extension: &str) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    Ok(names)
}

/// The fenced blocks of a page: what stands behind the fence, the text, and its line.
fn blocks(page: &str) -> Vec<(&str, String, usize)> {
    let mut blocks: Vec<(&str, String, usize)> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !inside => {
                blocks.push((info, String::new(), at + 2));
                inside = true;
            }
            Some(_) => inside = false,
            None => {
                if let Some((_, text, _)) = blocks.last_mut().filter(|_| inside) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    blocks
}

// Mistakes.
