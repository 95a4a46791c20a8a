//! Random edits, requests and changes on the disk: no panic, every request answered, and one text on both
//! sides.
//!
//! `LLMP_RANDOM_EDITS=100000 cargo test --release -p llmp --test editor random` is the long form;
//! `LLMP_RANDOM_SEED` is another course of events.

use std::collections::{BTreeMap, VecDeque};
use std::fs;

use lsp_server::RequestId;
use serde_json::{Value, json};

use crate::client::Client;
use crate::sync::apply;
use crate::tokens::Known;

/// Edits without a wish for more.
const EDITS: u64 = 2_000;

/// Longest text; a longer one begins anew.
const MAX_TEXT: usize = 8_000;

/// Requests that wait for their responses at most.
const MAX_OPEN: usize = 40;

const MAIN: &str = "\
//! 从网页到助手 😀
import \"lib/clean.llmp\"
import \"common.llmp\"
param words: Int = floor in 1..100 /// fewest words 字
docs = clean(crawl.docs(\"data/*.jsonl\")) |> filter.quality { min_words = words }\r
vocab = tokenize.train(docs) { size = 4_096 }
base = pretrain(tokenize.encode(docs, vocab)) {
  model = { layers = 2, width = 64, heads = 2, context = 64 }
  for = 100k tokens
  lr = each [1e-3, 3e-4]
}
profile smoke { base.for = 10k tokens }
";

const LIBRARY: &str =
    "/// Cleans 😀.\ndef clean(docs: Docs) -> Docs { docs |> filter.pii { mask = [email, phone] } }\n";

const COMMON: &str = "param floor: Int = 50\r\n// é\rparam unused: Ratio = 50%\n";

/// What is typed.
const PIECES: [&str; 36] = [
    "a",
    "é",
    "中",
    "😀",
    "👩‍👩‍👧",
    "\n",
    "\r\n",
    "\r",
    " ",
    "  ",
    "=",
    " = ",
    "\"",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "|>",
    ".",
    ",",
    "1",
    "80%",
    "20M tokens",
    "docs",
    "floor",
    "clean",
    "filter.",
    "filter.pii",
    "each [1, 2]",
    "import \"common.llmp\"\n",
    "import \"none.llmp\"\n",
    "param x: Int = 1\n",
    "// ",
    "x = crawl.docs(\"data\")\n",
];

/// Requests about a place in a document.
const ABOUT_PLACES: [&str; 12] = [
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/signatureHelp",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/prepareRename",
    "textDocument/rename",
    "textDocument/selectionRange",
    "textDocument/rangeFormatting",
    "textDocument/codeAction",
    "textDocument/inlayHint",
];

/// Requests about a document, or about none.
const ABOUT_DOCUMENTS: [&str; 15] = [
    "textDocument/diagnostic",
    "textDocument/documentSymbol",
    "textDocument/documentLink",
    "textDocument/semanticTokens/full",
    "textDocument/semanticTokens/full/delta",
    "textDocument/foldingRange",
    "textDocument/formatting",
    "textDocument/codeLens",
    "workspace/symbol",
    "llmp/graph",
    "llmp/profiles",
    "llmp/text",
    "llmp/nothing",
    "workspace/executeCommand",
    "$/nothing",
];

/// `splitmix64`: the same course of events for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// An editor, its texts, and its folder.
struct World {
    folder: tempfile::TempDir,
    client: Client,
    chance: Chance,
    /// Open texts by name, with their versions.
    open: BTreeMap<&'static str, (String, i32)>,
    /// Their semantic tokens when last compared.
    tokens: BTreeMap<&'static str, Known>,
    waiting: VecDeque<RequestId>,
    answered: usize,
}

const FILES: [(&str, &str); 3] = [("main.llmp", MAIN), ("lib/clean.llmp", LIBRARY), ("common.llmp", COMMON)];

impl World {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["data", "lib"] {
            fs::create_dir(folder.path().join(name)).expect("make a folder");
        }
        fs::write(folder.path().join("data/a.jsonl"), "{\"text\": \"a\"}\n").expect("write a file");
        let client = Client::new(json!({"workspace": {
            "inlayHint": {"refreshSupport": true}, "codeLens": {"refreshSupport": true},
            "diagnostics": {"refreshSupport": true},
        }}));
        let (open, waiting) = (BTreeMap::new(), VecDeque::new());
        let tokens = BTreeMap::new();
        Self { folder, client, chance: Chance(seed), open, tokens, waiting, answered: 0 }
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.folder.path().join(name).display())
    }

    fn seed_text(name: &str) -> &'static str {
        FILES.iter().find(|file| file.0 == name).map_or("", |file| file.1)
    }

    fn open(&mut self, name: &'static str) {
        let text = Self::seed_text(name).to_owned();
        let document = json!({"uri": self.uri(name), "languageId": "llmp", "version": 1, "text": text});
        self.client.notify("textDocument/didOpen", json!({"textDocument": document}));
        self.open.insert(name, (text, 1));
    }

    fn close(&mut self, name: &'static str) {
        self.client.notify("textDocument/didClose", json!({"textDocument": {"uri": self.uri(name)}}));
        self.open.remove(name);
    }

    /// A place that may lie outside of the text.
    fn position(&mut self) -> Value {
        let line = if self.chance.once_in(50) { u32::MAX as usize } else { self.chance.below(20) };
        let character = if self.chance.once_in(20) { u32::MAX as usize } else { self.chance.below(60) };
        json!({"line": line, "character": character})
    }

    fn range(&mut self) -> Value {
        let start = self.position();
        let mut end = start.clone();
        if self.chance.once_in(30) {
            end = self.position();
        } else if self.chance.once_in(2) {
            let column = start["character"].as_u64().expect("a number") + self.chance.below(6) as u64;
            end["character"] = json!(column.min(u64::from(u32::MAX)));
        }
        json!({"start": start, "end": end})
    }

    fn edit(&mut self, name: &'static str) {
        let (mut text, version) = self.open.remove(name).expect("open");
        let mut changes = Vec::new();
        if text.len() > MAX_TEXT || self.chance.once_in(60) {
            text = Self::seed_text(name).to_owned();
            changes.push(json!({"text": text}));
        } else {
            for _ in 0..=self.chance.below(3) {
                let range = self.range();
                let typed = if self.chance.once_in(3) { "" } else { self.chance.of(&PIECES) };
                apply(&mut text, &range, typed);
                changes.push(json!({"range": range, "text": typed}));
            }
        }
        // Versions rise, and not always by one.
        let version = version + 1 + self.chance.below(2) as i32;
        let document = json!({"uri": self.uri(name), "version": version});
        self.client
            .notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
        self.open.insert(name, (text, version));
    }

    /// Asks something, and takes it back now and then.
    fn ask(&mut self) {
        let name = if self.chance.once_in(30) { "none.llmp" } else { self.chance.of(&FILES).0 };
        let mut params = json!({"textDocument": {"uri": self.uri(name)}});
        let method = if self.chance.once_in(2) {
            params["position"] = self.position();
            params["positions"] = json!([self.position(), self.position()]);
            params["range"] = self.range();
            params["context"] = json!({"includeDeclaration": true, "diagnostics": []});
            params["newName"] = json!(self.chance.of(&PIECES));
            self.chance.of(&ABOUT_PLACES)
        } else {
            params["previousResultId"] = json!(self.chance.below(9).to_string());
            params["query"] = json!(self.chance.of(&PIECES));
            params["command"] =
                json!(self.chance.of(&["llmp.why", "llmp.log", "llmp.run", "llmp.profile", "x"]));
            params["arguments"] = match self.chance.below(3) {
                0 => json!([self.uri(name), "docs"]),
                1 => json!(["smoke"]),
                _ => json!([]),
            };
            self.chance.of(&ABOUT_DOCUMENTS)
        };
        params["options"] = json!({"tabSize": 2, "insertSpaces": true});
        let id = self.client.send(method, params);
        if self.chance.once_in(8) {
            self.client.notify("$/cancelRequest", json!({"id": id}));
        }
        self.waiting.push_back(id);
        if self.waiting.len() > MAX_OPEN {
            self.drain();
        }
    }

    /// Every request has one answer, and answers come in order.
    fn drain(&mut self) {
        while let Some(id) = self.waiting.pop_front() {
            let _ = self.client.response(&id);
            self.answered += 1;
        }
        self.client.forget_told();
    }

    /// A file changes or goes, and the server may or may not be told.
    fn disk(&mut self) {
        let name = self.chance.of(&FILES).0;
        let path = self.folder.path().join(name);
        match self.chance.below(4) {
            0 => {
                let _ = fs::remove_file(&path);
            }
            1 => fs::write(&path, b"\xff\xfe no text").expect("write a file"),
            2 => fs::write(&path, "param floor: Int = 1\n").expect("write a file"),
            _ => fs::write(&path, Self::seed_text(name)).expect("write a file"),
        }
        match self.chance.below(3) {
            0 => {
                let change = json!({"uri": self.uri(name), "type": 1 + self.chance.below(3)});
                self.client.notify("workspace/didChangeWatchedFiles", json!({"changes": [change]}));
            }
            1 => self.client.notify("textDocument/didSave", json!({"textDocument": {"uri": self.uri(name)}})),
            _ => {}
        }
    }

    fn compare(&mut self) {
        self.drain();
        for name in self.open.keys().copied().collect::<Vec<_>>() {
            let params = json!({"textDocument": {"uri": self.uri(name)}});
            let text = self.client.ask("llmp/text", params).expect("the text");
            assert!(text == self.open[name].0, "{name}:\n{text}\n\n{}", self.open[name].0);
            let uri = self.uri(name);
            self.tokens.entry(name).or_default().ask(&mut self.client, &uri);
        }
    }

    fn step(&mut self) {
        let name = self.chance.of(&FILES).0;
        match self.open.contains_key(name) {
            false => self.open(name),
            true if self.chance.once_in(200) => self.close(name),
            true => self.edit(name),
        }
        if self.chance.once_in(2) {
            self.ask();
        }
        if self.chance.once_in(40) {
            self.disk();
        }
        if self.chance.once_in(100) {
            self.compare();
        }
        if self.chance.once_in(400) {
            let profiles: &[&str] = self.chance.of(&[&[], &["smoke"], &["none", "smoke"]]);
            let settings = json!({"settings": {"llmp": {"profiles": profiles}}});
            self.client.notify("workspace/didChangeConfiguration", settings);
        }
        if self.chance.once_in(500) {
            // A pause, so that diagnostics and plans are made.
            self.drain();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn random_edits() {
    let number = |name: &str, otherwise| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    };
    let (edits, seed) = (number("LLMP_RANDOM_EDITS", EDITS), number("LLMP_RANDOM_SEED", 1));
    let mut world = World::new(seed);
    for _ in 0..edits {
        world.step();
    }
    world.compare();
    eprintln!("{edits} steps, {} requests answered, texts equal", world.answered);
}
