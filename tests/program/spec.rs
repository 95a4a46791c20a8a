//! The examples of `spec/`, compiled as its README says.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use llmp::library::{library, standard};
use llmp_compiler::compile::{Compilation, Options, compile};
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::signature::Library;
use llmp_compiler::source::{MemoryWorld, Sources};
use serde_json::Value;

use crate::world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec")
}

fn page(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("spec/{name}: {error}"))
}

/// The pages by name, without the generated one.
fn pages() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).expect("the folder of the reference");
    let names = entries.map(|entry| entry.expect("a page").file_name().into_string().expect("UTF-8"));
    let names = names.filter(|name| name.ends_with(".md") && name != "stages.md");
    names.map(|name| (name.clone(), page(&name))).collect()
}

/// What an example must do.
#[derive(Debug)]
enum Expected {
    Right,
    /// Errors of one code, or of several, one each in this order.
    Errors(Vec<String>),
    Warning(String),
}

/// A program or signature file of a page.
struct Example {
    /// `1-lexical.md:12`
    place: String,
    main: String,
    /// The main file and those beside it.
    files: BTreeMap<String, String>,
    options: Options,
    signature: bool,
    expected: Expected,
    /// `output` blocks behind it: what they say after `output`, and their text.
    outputs: Vec<(String, String)>,
}

impl Example {
    fn new(place: String, info: &str, text: String, beside: BTreeMap<String, String>) -> Self {
        let mut example = Self {
            place,
            main: "main.llmp".into(),
            files: beside,
            options: Options::default(),
            signature: false,
            expected: Expected::Right,
            outputs: Vec::new(),
        };
        for word in info.split_whitespace() {
            match word.split_once('=') {
                None if word == "signature" => example.signature = true,
                Some(("error", codes)) => {
                    example.expected = Expected::Errors(codes.split(',').map(str::to_owned).collect());
                }
                Some(("warning", code)) => example.expected = Expected::Warning(code.into()),
                Some(("main", path)) => example.main = path.into(),
                Some(("profile", name)) => example.options.profiles.push(name.into()),
                Some(("set", pair)) => {
                    let (path, value) = pair.split_once('=').expect("set=PATH=VALUE");
                    example.options.set.push((path.into(), value.replace('~', " ")));
                }
                _ => panic!("{}: `{word}` means nothing here", example.place),
            }
        }
        example.files.insert(example.main.clone(), text);
        example
    }

    /// What is wrong with it, if anything.
    fn fault(&self) -> Option<String> {
        let (diagnostics, sources) = match self.signature {
            true => self.read(),
            false => {
                let Compilation { diagnostics, sources, .. } = self.compile();
                (diagnostics, sources)
            }
        };
        let codes = |errors: bool| -> Vec<&str> {
            diagnostics.iter().filter(|one| one.is_error() == errors).map(|one| one.code.as_str()).collect()
        };
        let (errors, warnings) = (codes(true), codes(false));
        let right = match &self.expected {
            Expected::Right => errors.is_empty(),
            Expected::Errors(codes) => match codes.as_slice() {
                [code] => !errors.is_empty() && errors.iter().all(|error| error == code),
                codes => errors == codes,
            },
            Expected::Warning(code) => errors.is_empty() && warnings.contains(&code.as_str()),
        };
        if right {
            return self.outputs.iter().find_map(|(kind, text)| self.output_fault(kind, text));
        }
        let mut fault = format!("{}: expected {:?}, found", self.place, self.expected);
        for one in &diagnostics {
            fault += &format!("\n    {} {}: {}", sources.place(one.span()), one.code, one.message);
        }
        Some(fault + if diagnostics.is_empty() { " no mistake" } else { "" })
    }

    fn compile(&self) -> Compilation {
        let files = self.files.iter().map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect();
        compile(&MemoryWorld { files }, library(), &self.main, &self.options)
    }

    fn read(&self) -> (Vec<Diagnostic>, Sources) {
        let own = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        let signatures = standard().signatures().map(|signature| (signature.path, signature.text));
        let all: Vec<_> = signatures.chain(own).collect();
        let (_, diagnostics, sources) = Library::new(&all);
        (diagnostics, sources)
    }

    /// The components of the last stage, which has no inputs, and its key.
    fn key(&self) -> String {
        let stages = self.compile().graph.stages;
        let key = llmp_compiler::key::key(stages.last().expect("a stage"), &[]);
        let rows = key.components.iter().map(|row| (row.name.text(), row.digest));
        rows.chain([("key".into(), key.digest)]).map(|(name, digest)| format!("{name} {digest}\n")).collect()
    }

    /// Compares an `output` block with what the program prints; space does not count.
    fn output_fault(&self, kind: &str, expected: &str) -> Option<String> {
        let words = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        let world = World::new();
        for (path, text) in &self.files {
            world.write(path, text);
        }
        let run = |command: &[&str]| {
            let mut arguments = command.to_vec();
            arguments.push(&self.main);
            let set: Vec<_> =
                self.options.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
            arguments.extend(self.options.profiles.iter().flat_map(|name| ["--profile", name]));
            arguments.extend(set.iter().flat_map(|pair| ["--set", pair]));
            world.ok(&arguments).out
        };
        let whole = match kind {
            "graph" => Some(run(&["graph"])),
            "key" => Some(self.key()),
            _ => None,
        };
        if let Some(whole) = whole {
            return (words(&whole) != words(expected))
                .then(|| format!("{}: the {kind} is\n{whole}and not\n{expected}", self.place));
        }
        let lowered: Value = serde_json::from_str(&run(&["plan", "--lowered"])).expect("JSON");
        let stages = lowered["stages"].as_array().cloned().unwrap_or_default();
        expected.lines().find_map(|line| {
            let excerpt: Value =
                serde_json::from_str(line).unwrap_or_else(|_| panic!("{}: no JSON: {line}", self.place));
            let found = stages.iter().find(|stage| stage["name"] == excerpt["name"]);
            let fits = found.is_some_and(|found| holds(found, &excerpt));
            (!fits).then(|| match found {
                Some(found) => format!("{}: expected {excerpt}, found {found}", self.place),
                None => format!("{}: there is no stage {}", self.place, excerpt["name"]),
            })
        })
    }
}

/// Whether `whole` has all that `excerpt` says; fields of objects may be left out.
fn holds(whole: &Value, excerpt: &Value) -> bool {
    match (whole, excerpt) {
        (Value::Object(whole), Value::Object(excerpt)) => {
            excerpt.iter().all(|(name, value)| whole.get(name).is_some_and(|found| holds(found, value)))
        }
        (whole, excerpt) => whole == excerpt,
    }
}

/// The examples of a page, in order.
fn examples(page: &str, text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut beside = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
        let text: String = block.flat_map(|line| [line, "\n"]).collect();
        let place = format!("spec/{page}:{}", at + 1);
        let (language, info) = info.split_once(' ').unwrap_or((info, ""));
        match (language, info.strip_prefix("file=")) {
            ("llmp", Some(path)) => {
                beside.insert(path.to_owned(), text);
            }
            ("llmp", None) if info == "fragment" => {}
            ("llmp", None) => examples.push(Example::new(place, info, text, std::mem::take(&mut beside))),
            ("output", _) => {
                let example = examples.last_mut().unwrap_or_else(|| panic!("{place}: the output of nothing"));
                example.outputs.push((info.to_owned(), text));
            }
            _ => {}
        }
    }
    examples
}

#[test]
fn examples_are_what_they_say() {
    let examples: Vec<Example> = pages().iter().flat_map(|(name, text)| examples(name, text)).collect();
    let faults: Vec<String> = examples.iter().filter_map(Example::fault).collect();
    assert!(examples.len() > 100, "only {} examples were found", examples.len());
    assert!(
        faults.is_empty(),
        "{} of {} examples are wrong\n\n{}",
        faults.len(),
        examples.len(),
        faults.join("\n")
    );
}
