//! Programs of any size to measure with, and a past in which all of their stages have run.

// Each user needs a part of it.
#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::graph::{FileSet, Graph, Stage};
use llmp_compiler::key::{Content, Digest, Key};
use llmp_compiler::plan::{Absent, Decision, History, Previous, plan};
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Library, Options, compile};

/// A way of writing many stages.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) text: fn(usize) -> String,
}

/// All shapes.
pub(crate) const SHAPES: [Shape; 6] = [
    Shape { name: "realistic", text: realistic },
    Shape { name: "chain", text: chain },
    Shape { name: "fan-out", text: fan_out },
    Shape { name: "pipes of 60", text: pipes },
    Shape { name: "sweep", text: sweep },
    Shape { name: "collected", text: collected },
];

/// Stages of one recipe of [`realistic`].
const RECIPE: usize = 17;

/// Whole recipes from crawled pages to an evaluated assistant, one after the other: four lines a stage with
/// comments, documentation and every kind of setting.
pub(crate) fn realistic(stages: usize) -> String {
    let mut text = String::from(
        "//! Many recipes side by side.\n\nparam width: Int = 192 in 64..4096 /// model width\nparam budget: Count<tokens> = 20M tokens\n",
    );
    for n in 0..stages / RECIPE {
        recipe(n, &mut text);
    }
    for n in 0..stages % RECIPE {
        let _ =
            write!(text, "\n/// Conversations of hand {n}.\nhand_{n} = chat.load(\"hand/{n}.jsonl\")\n\n");
    }
    text.push_str("\nprofile smoke { budget = 200k tokens, width = 64 }\n");
    text
}

fn recipe(n: usize, text: &mut String) {
    let _ = write!(
        text,
        r#"
// Part {n}: pages of one crawl, cleaned.
docs_{n} = crawl.warc("data/{n}/*.warc.gz")
  |> filter.urls     {{
    block = [adult, gambling]
  }}
  |> extract.text
  |> filter.language {{
    keep      = [en, zh]
    min_score = 65%
  }}
  |> filter.pii      {{
    mask = [email, phone, ip]
  }}
  |> filter.quality  {{
    rules          = [gopher, c4]
    min_words      = {words}
    min_alphabetic = 60%
  }}
  |> dedup.minhash   {{
    similarity = 80%
    seed       = {n}
  }}

vocab_{n}  = tokenize.train(docs_{n}) {{
  size = 4_096
}}
tokens_{n} = tokenize.encode(docs_{n}, vocab_{n})

/// The base model of part {n}.
base_{n} = pretrain(tokens_{n}) {{
  model = {{ layers = 6, width = width, heads = 6, context = 256 }}
  for   = budget
  batch = 16
  lr    = 1e-3
  seed  = {n}
}}

people_{n} = chat.load("people/{n}.jsonl")
chat_{n}   = sft(base_{n}, people_{n}, replay = tokens_{n}) {{
  epochs = 3
  seed   = {n}
}}

known_{n}  = knowledge.probe(chat_{n}, knowledge.load("probe/{n}.jsonl"))
honest_{n} = refusal(chat_{n}, known_{n}, conversations = people_{n}, replay = tokens_{n}) {{
  known_share = 86%
  seed        = {n}
}}
// What each of them makes up.
table_{n}  = eval.factuality([base_{n}, chat_{n}, honest_{n}], knowledge.load("eval/{n}.jsonl"))
"#,
        words = 20 + n,
    );
}

/// Every stage reads the one before.
pub(crate) fn chain(stages: usize) -> String {
    let mut text = String::from("d0 = crawl.docs(\"a\")\n");
    for n in 1..stages {
        let _ = write!(
            text,
            "d{n} = filter.quality(d{}) {{\n  min_words = {n}\n  rules = [gopher, c4]\n}}\n",
            n - 1
        );
    }
    text
}

/// All stages but one read the same one.
pub(crate) fn fan_out(stages: usize) -> String {
    let mut text = String::from("docs = crawl.docs(\"a\")\n");
    for n in 1..stages {
        let _ =
            write!(text, "d{n} = filter.quality(docs) {{\n  min_words = {n}\n  rules = [gopher, c4]\n}}\n");
    }
    text
}

/// A chain in which one binding holds up to 60 stages.
pub(crate) fn pipes(stages: usize) -> String {
    let mut text = String::from("d0 = crawl.docs(\"a\")");
    for n in 1..stages {
        match n % 60 {
            0 => {
                let _ = write!(text, "\nd{} = d{}", n / 60, n / 60 - 1);
            }
            _ => text.push_str("\n "),
        }
        let _ = write!(text, " |> filter.quality {{ min_words = {n}, rules = [gopher, c4] }}");
    }
    text.push('\n');
    text
}

/// A family of pairs of stages.
pub(crate) fn sweep(stages: usize) -> String {
    let members: Vec<String> = (1..=(stages - 1) / 2).map(|n| n.to_string()).collect();
    format!(
        "docs = crawl.docs(\"a\")\nclean = docs |> filter.quality {{ min_words = each [{}] }} |> filter.pii\n",
        members.join(", ")
    )
}

/// As many models as there are stages, all in one table.
pub(crate) fn collected(stages: usize) -> String {
    let seeds: Vec<String> = (1..=stages.saturating_sub(4)).map(|n| n.to_string()).collect();
    format!(
        "base = model.load(\"base\")\nchat = sft(base, chat.load(\"people.jsonl\")) {{ seed = each [{}] }}\n\
         table = eval.factuality(chat, knowledge.load(\"eval.jsonl\"))\n",
        seeds.join(", ")
    )
}

/// The standard library, read from its signature files.
pub(crate) fn library() -> Library {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stdlib");
    let mut paths = Vec::new();
    signature_files(&root, &mut paths);
    paths.sort();
    let texts: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a signature file");
            (path.to_string_lossy().into_owned(), text)
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (library, diagnostics, _) = Library::new(&texts);
    assert!(diagnostics.is_empty(), "the signatures are right");
    library
}

fn signature_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the standard library lies beside the compiler") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            signature_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "llmp") {
            found.push(path);
        }
    }
}

/// A world of one file.
pub(crate) fn world(text: &str) -> MemoryWorld {
    MemoryWorld { files: BTreeMap::from([("main.llmp".to_owned(), Arc::from(text))]) }
}

/// Compiles the file of [`world`].
pub(crate) fn compiled(world: &MemoryWorld, library: &Library) -> Compilation {
    compile(world, library, "main.llmp", &Options::default())
}

/// A past in memory. Every file exists; what has run is in the maps.
#[derive(Default)]
pub(crate) struct Memory {
    artifacts: HashMap<Digest, Digest>,
    stages: HashMap<String, Previous>,
}

impl Memory {
    /// The past in which every stage of `graph` has run.
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut memory = Self::default();
        for (stage, decision) in graph.stages.iter().zip(plan(graph, &Ran, &|_| false)) {
            if let Decision::Cached { key, artifact } = decision {
                memory.artifacts.insert(key.digest, artifact);
                memory
                    .stages
                    .insert(stage.name.clone(), Previous { run: 1, components: key.components.clone() });
            }
        }
        memory
    }
}

impl History for Memory {
    fn artifact(&self, key: &Digest) -> Option<Digest> {
        self.artifacts.get(key).copied()
    }

    fn lost(&self, _: &Digest) -> bool {
        false
    }

    fn previous(&self, stage: &Stage) -> Option<Previous> {
        self.stages.get(&stage.name).cloned()
    }

    fn files(&self, files: &FileSet) -> Result<Content, Absent> {
        Ok(content_of(&files.to_string()))
    }

    fn file(&self, _: &str) -> Option<Content> {
        None
    }
}

/// The past in which everything has run.
struct Ran;

impl History for Ran {
    fn artifact(&self, key: &Digest) -> Option<Digest> {
        Some(Digest::of(&key.0))
    }

    fn lost(&self, _: &Digest) -> bool {
        false
    }

    fn previous(&self, _: &Stage) -> Option<Previous> {
        None
    }

    fn files(&self, files: &FileSet) -> Result<Content, Absent> {
        Ok(content_of(&files.to_string()))
    }

    fn file(&self, _: &str) -> Option<Content> {
        None
    }

    fn shards(&self, _: &Stage, _: &Key, _: &Digest) -> Option<(usize, usize)> {
        None
    }
}

fn content_of(pattern: &str) -> Content {
    Content {
        role: String::new(),
        files: true,
        label: "1 file".into(),
        digest: Digest::of(pattern.as_bytes()),
    }
}
