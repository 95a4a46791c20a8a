//! A context for unit tests: inputs from memory or disk, everything recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Bar, Context, Dropped, Input, InputFile};

/// Records what a stage does. Lives below a folder that the test owns.
pub struct TestContext {
    root: PathBuf,
    output: PathBuf,
    state: PathBuf,
    inputs: BTreeMap<String, Vec<Input>>,
    cancelled: AtomicBool,
    /// Counts by name.
    pub counts: Mutex<BTreeMap<String, u64>>,
    /// Dropped documents.
    pub drops: Mutex<Vec<Dropped>>,
    /// Log lines and shown text.
    pub lines: Mutex<Vec<String>>,
    /// Points of curves.
    pub points: Mutex<Vec<(String, f64, f64)>>,
    /// Numbers that the result is judged by.
    pub measures: Mutex<BTreeMap<String, f64>>,
}

impl TestContext {
    /// A context whose output and state folders lie below `root`.
    ///
    /// # Panics
    /// Where the folders cannot be made; this is test code.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let (output, state) = (root.join("output"), root.join("state"));
        std::fs::create_dir_all(&output).expect("make the output folder");
        std::fs::create_dir_all(&state).expect("make the state folder");
        Self {
            root: root.to_owned(),
            output,
            state,
            inputs: BTreeMap::new(),
            cancelled: AtomicBool::new(false),
            counts: Mutex::default(),
            drops: Mutex::default(),
            lines: Mutex::default(),
            points: Mutex::default(),
            measures: Mutex::default(),
        }
    }

    /// Gives the parameter `role` one more artifact, made of the files below `folder`.
    ///
    /// # Panics
    /// Where the folder cannot be read.
    #[must_use]
    pub fn with_folder(mut self, role: &str, folder: &Path) -> Self {
        let mut files = Vec::new();
        collect(folder, folder, &mut files);
        files.sort_by(|a: &InputFile, b| a.name.cmp(&b.name));
        let input = Input { label: role.to_owned(), kind: None, files, folder: folder.to_owned() };
        self.inputs.entry(role.to_owned()).or_default().push(input);
        self
    }

    /// Says of which kind the artifact is that was given last for `role`.
    #[must_use]
    pub fn of_kind(mut self, role: &str, kind: &str) -> Self {
        if let Some(input) = self.inputs.get_mut(role).and_then(|inputs| inputs.last_mut()) {
            input.kind = Some(kind.to_owned());
        }
        self
    }

    /// Gives the parameter `role` one more artifact, made of the named contents.
    ///
    /// # Panics
    /// Where they cannot be written.
    #[must_use]
    pub fn with_files(self, role: &str, files: &[(&str, &[u8])]) -> Self {
        let number = self.inputs.get(role).map_or(0, Vec::len);
        let folder = self.root.join("inputs").join(format!("{role}-{number}"));
        for (name, content) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("make the input folder");
            std::fs::write(path, content).expect("write the input");
        }
        self.with_folder(role, &folder)
    }

    /// Asks the stage to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// A count, 0 where there was none.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        self.counts.lock().expect("unpoisoned").get(name).copied().unwrap_or(0)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<InputFile>) {
    for entry in std::fs::read_dir(folder).expect("read the input folder") {
        let path = entry.expect("read the entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let content = std::fs::read(&path).expect("read the input");
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
            let digest = blake3::hash(&content).to_hex().to_string();
            files.push(InputFile { label: Some(name.clone()), name, path, digest });
        }
    }
}

struct Silent;

impl Bar for Silent {
    fn add(&self, _units: u64) {}
    fn resume(&self, _units: u64) {}
    fn note(&self, _text: &str) {}
}

impl Context for TestContext {
    fn inputs(&self, role: &str) -> &[Input] {
        self.inputs.get(role).map_or(&[], Vec::as_slice)
    }
    fn output(&self) -> &Path {
        &self.output
    }
    fn state(&self) -> &Path {
        &self.state
    }
    fn device(&self) -> &str {
        "cpu"
    }
    fn threads(&self) -> usize {
        2
    }
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
    fn start_bar(&self, _total: Option<u64>, _unit: &str) -> Box<dyn Bar> {
        Box::new(Silent)
    }
    fn log(&self, line: &str) {
        self.lines.lock().expect("unpoisoned").push(line.to_owned());
    }
    fn count(&self, name: &str, add: u64) {
        *self.counts.lock().expect("unpoisoned").entry(name.to_owned()).or_default() += add;
    }
    fn point(&self, curve: &str, x: f64, y: f64) {
        self.points.lock().expect("unpoisoned").push((curve.to_owned(), x, y));
    }
    fn measure(&self, name: &str, value: f64) {
        self.measures.lock().expect("unpoisoned").insert(name.to_owned(), value);
    }
    fn resumed(&self, _seconds: f64) {}
    fn dropped(&self, dropped: Dropped) {
        self.count(&format!("dropped.{}", dropped.rule), 1);
        self.drops.lock().expect("unpoisoned").push(dropped);
    }
    fn show(&self, text: &str) {
        self.log(text);
    }
}
