//! What has been done before and what lies on disk, for the compiler's decision function.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::graph::{FileSet, Producer, Stage};
use llmp_compiler::key::{ComponentName, Content, Digest, Hasher, Key};
use llmp_compiler::plan::{Absent, History, Previous};
use llmp_stage::{Registry, shard_of};
use llmp_store::{Entry, Ledger, Manifest, Result, Stat, Store, pipeline_id, write_cache};

use super::bundles;
use super::files::{Files, Found, Surroundings};
use super::probe::Probes;
use super::{command, folder_of};

/// The past of one pipeline in one store.
pub struct Past {
    store: Arc<Store>,
    ledger: RefCell<Ledger>,
    main: PathBuf,
    at: RefCell<Surroundings>,
    stat: RefCell<Stat>,
    files: RefCell<HashMap<FileSet, std::result::Result<Arc<Files>, Absent>>>,
    /// What keeps commands from starting.
    commands: RefCell<BTreeMap<Vec<String>, Option<String>>>,
    /// What words of commands name, where that is a file.
    words: RefCell<HashMap<String, Option<Content>>>,
    last_path: PathBuf,
    last: RefCell<BTreeMap<String, (Digest, u64)>>,
    last_changed: Cell<bool>,
    probes: Option<Probes>,
}

impl Past {
    /// Opens the past of the pipeline whose main file is `main`.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn open(store: Arc<Store>, main: &Path) -> Result<Self> {
        let ledger = Ledger::open(&store.ledger_path())?;
        let stat = Stat::open(&store.root().join("stat"));
        let last_path = store.root().join("last").join(pipeline_id(&store, main));
        let last = read_last(&last_path);
        Ok(Self {
            store,
            ledger: RefCell::new(ledger),
            main: main.to_owned(),
            at: RefCell::new(Surroundings::of(main)),
            stat: RefCell::new(stat),
            files: RefCell::default(),
            commands: RefCell::default(),
            words: RefCell::default(),
            last_path,
            last: RefCell::new(last),
            last_changed: Cell::new(false),
            probes: None,
        })
    }

    /// Lets the stages of `registry` look at the first bytes of files that they have not read yet.
    #[must_use]
    pub fn probing(self, registry: &'static Registry) -> Self {
        Self { probes: Some(Probes::new(registry)), ..self }
    }

    /// Looks again at what others may have changed: the ledger, what was settled, the user's files. What is
    /// known of unchanged files stays.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn refresh(&self) -> Result<()> {
        self.ledger().refresh()?;
        self.at.replace(Surroundings::of(&self.main));
        self.files.borrow_mut().clear();
        self.words.borrow_mut().clear();
        if !self.last_changed.get() {
            self.last.replace(read_last(&self.last_path));
        }
        Ok(())
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Where files are looked for.
    #[must_use]
    pub fn surroundings(&self) -> Ref<'_, Surroundings> {
        self.at.borrow()
    }

    /// Whether the file at `path` has this content; read only where that is not known.
    #[must_use]
    pub fn is_intact(&self, path: &Path, entry: &Entry) -> bool {
        let found = self.stat.borrow_mut().digests(&[path.to_owned()]);
        found.is_ok_and(|found| found.first().is_some_and(|found| found.as_ref() == Some(entry)))
    }

    /// The file that says under which keys this pipeline's stages were last settled.
    #[must_use]
    pub fn last_path(&self) -> &Path {
        &self.last_path
    }

    /// The ledger.
    pub fn ledger(&self) -> RefMut<'_, Ledger> {
        self.ledger.borrow_mut()
    }

    /// The user's files; looked up once.
    ///
    /// # Errors
    /// A sentence for people, or that they are fetched first.
    pub fn find(&self, set: &FileSet) -> std::result::Result<Arc<Files>, Absent> {
        if let Some(known) = self.files.borrow().get(set) {
            return known.clone();
        }
        let found = Files::find(&self.at.borrow(), set, &mut self.stat.borrow_mut()).map(Arc::new);
        self.files.borrow_mut().insert(set.clone(), found.clone());
        found
    }

    /// Whether the files behind a path or pattern that was looked up are other ones now, or a command's
    /// program came or went.
    #[must_use]
    pub fn files_changed(&self) -> bool {
        let (at, mut stat) = (Surroundings::of(&self.main), self.stat.borrow_mut());
        let mut now = |set| Files::find(&at, set, &mut stat);
        let files = self.files.borrow().iter().any(|(set, known)| match (known, now(set)) {
            (Ok(known), Ok(now)) => **known != now,
            (known, now) => known.is_ok() != now.is_ok(),
        });
        let (commands, folder) = (self.commands.borrow(), folder_of(&self.main));
        files || commands.iter().any(|(words, known)| *known != command::unstartable(words, &folder))
    }

    /// The key and run under which the stage of this name was last settled.
    #[must_use]
    pub fn last(&self, stage: &str) -> Option<(Digest, u64)> {
        self.last.borrow().get(stage).copied()
    }

    /// Notes under which key a stage was settled.
    pub fn settle(&self, stage: &str, key: Digest, run: u64) {
        let mut last = self.last.borrow_mut();
        if last.get(stage).is_none_or(|&(known, _)| known != key) {
            last.insert(stage.to_owned(), (key, run));
            self.last_changed.set(true);
        }
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn save(&self) -> Result<()> {
        self.stat.borrow_mut().save()?;
        if self.last_changed.take() {
            write_cache(&self.last_path, self.last_text().as_bytes())?;
        }
        Ok(())
    }

    /// Under which keys stages were last settled, as it is written.
    pub(super) fn last_text(&self) -> String {
        let lines: Vec<_> =
            self.last.borrow().iter().map(|(name, (key, run))| format!("{key} {run} {name}")).collect();
        lines.join("\n")
    }

    /// The sets of files that were looked up, with their digests; `None` where one could not be had.
    pub(super) fn looked_up(&self) -> Option<Vec<(FileSet, Digest)>> {
        let files = self.files.borrow();
        let mut sets = files
            .iter()
            .map(|(set, found)| Some((set.clone(), found.as_ref().ok()?.digest())))
            .collect::<Option<Vec<_>>>()?;
        sets.sort();
        Some(sets)
    }

    /// The words of commands that name no file.
    pub(super) fn no_files(&self) -> Vec<String> {
        let words = self.words.borrow();
        let mut words: Vec<_> =
            words.iter().filter(|(_, content)| content.is_none()).map(|(word, _)| word.clone()).collect();
        words.sort();
        words
    }

    /// The files of an input whose shards have no result yet, by label; `None` where the stage reads all of
    /// them at once.
    #[must_use]
    pub fn unread(&self, stage: &Stage, key: &Key, role: &str, set: &FileSet) -> Option<BTreeSet<String>> {
        if stage.per_shard.as_deref() != Some(role) {
            return None;
        }
        let files = self.find(set).ok()?;
        let ledger = self.ledger();
        let made = |shard: &ShardInput| ledger.artifact(&shard_key(key, role, shard));
        let unread = |shard: &ShardInput| made(shard).is_none_or(|it| !self.store.objects.contains(&it));
        let shards = bundles::shards(&files, stage.command.is_none()).into_iter().filter(unread);
        Some(shards.flat_map(|shard| shard.files).map(|(label, _)| label).collect())
    }

    /// The shards of a stage's sharded input: name and files, by name.
    ///
    /// # Errors
    /// Where the input's list of files is missing from the store.
    pub fn shards_of(&self, stage: &Stage, role: &str, input: &Digest) -> Result<Vec<ShardInput>> {
        let files = stage.inputs.iter().find(|input| input.role == role).map(|input| &input.from);
        if let Some(Producer::Files(set)) = files {
            // A command gets each file by itself: it may know no better.
            return Ok(bundles::shards(&self.find(set).unwrap_or_default(), stage.command.is_none()));
        }
        Ok(shards_of_manifest(&self.store.objects.manifest(input)?))
    }
}

/// One shard of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInput {
    /// Its name, from its content.
    pub name: String,
    /// Its files with their digests.
    pub files: Vec<(String, Digest)>,
    /// Whether the names of the user's files count.
    pub names: bool,
}

impl ShardInput {
    /// What people call it: its file, or the first of the user's files and how many more there are.
    #[must_use]
    pub fn label(&self) -> String {
        match self.files.as_slice() {
            [] => String::new(),
            [(name, _), ..] if name.starts_with(&self.name) => name.clone(),
            [(name, _)] => name.clone(),
            [(name, _), more @ ..] => format!("{name} and {} more", more.len()),
        }
    }
}

fn shards_of_manifest(manifest: &Manifest) -> Vec<ShardInput> {
    let mut shards = BTreeMap::<&str, Vec<(String, Digest)>>::new();
    for (name, entry) in &manifest.files {
        shards.entry(shard_of(name)).or_default().push((name.clone(), entry.digest));
    }
    shards
        .into_iter()
        .map(|(name, files)| ShardInput { name: name.to_owned(), files, names: false })
        .collect()
}

/// The key of one shard's work: the stage's recipe, the other inputs, and this shard's name and content. What
/// is made of a shard is called as it is: of two with equal contents, as those are of which all was left out,
/// each has its own.
#[must_use]
pub fn shard_key(key: &Key, role: &str, shard: &ShardInput) -> Digest {
    let own = |name: &ComponentName| matches!(name, ComponentName::Input(of) | ComponentName::Files(of) if of == role);
    let mut hasher = Hasher::new("llmp shard 2");
    hasher.text(&shard.name);
    for component in key.components.iter().filter(|component| !own(&component.name)) {
        hasher.text(&component.name.text()).digest(&component.digest);
    }
    for (name, digest) in &shard.files {
        // The shard's name comes from content; what follows it tells its files apart. Names of the user's
        // files count only where the stage uses them.
        let unnamed = if shard.names { name.as_str() } else { "" };
        hasher.text(name.strip_prefix(&shard.name).unwrap_or(unnamed)).digest(digest);
    }
    hasher.finish()
}

fn read_last(path: &Path) -> BTreeMap<String, (Digest, u64)> {
    std::fs::read_to_string(path).unwrap_or_default().lines().filter_map(last_line).collect()
}

fn last_line(line: &str) -> Option<(String, (Digest, u64))> {
    let mut parts = line.splitn(3, ' ');
    let key = Digest::from_hex(parts.next()?)?;
    let run = parts.next()?.parse().ok()?;
    Some((parts.next()?.to_owned(), (key, run)))
}

impl History for Past {
    fn artifact(&self, key: &Digest) -> Option<Digest> {
        let artifact = self.ledger().artifact(key)?;
        self.store.objects.contains(&artifact).then_some(artifact)
    }

    fn lost(&self, key: &Digest) -> bool {
        let ledger = self.ledger();
        ledger.forgotten(key) || ledger.artifact(key).is_some()
    }

    fn previous(&self, stage: &Stage) -> Option<Previous> {
        let (key, run) = self.last(&stage.name)?;
        let record = self.ledger().record(&key).ok()??;
        Some(Previous { run, components: record.components })
    }

    fn files(&self, set: &FileSet) -> std::result::Result<Content, Absent> {
        let files = self.find(set)?;
        Ok(Content { role: String::new(), files: true, label: files.label(), digest: files.digest() })
    }

    fn refused(&self, stage: &Stage, key: &Key, role: &str, set: &FileSet) -> Option<String> {
        let probes = self.probes.as_ref()?;
        let files = self.find(set).ok()?;
        // What was read once is read again.
        let unread = self.unread(stage, key, role, set);
        let is_new = |file: &&Found| unread.as_ref().is_none_or(|unread| unread.contains(&file.label));
        let new: Vec<&Found> = files.found.iter().filter(is_new).collect();
        let others = new.len() < files.found.len();
        probes.refused(&stage.kind, new.into_iter(), others)
    }

    fn file(&self, word: &str) -> Option<Content> {
        if let Some(known) = self.words.borrow().get(word) {
            return known.clone();
        }
        let is_file = self.at.borrow().folder.join(word).is_file();
        let content = is_file.then(|| self.files(&FileSet::of([word])).ok()).flatten();
        self.words.borrow_mut().insert(word.to_owned(), content.clone());
        content
    }

    fn unstartable(&self, command: &[String]) -> Option<String> {
        let found = command::unstartable(command, &folder_of(&self.main));
        self.commands.borrow_mut().insert(command.to_owned(), found.clone());
        found
    }

    fn shards(&self, stage: &Stage, key: &Key, input: &Digest) -> Option<(usize, usize)> {
        let role = stage.per_shard.as_ref()?;
        let shards = self.shards_of(stage, role, input).ok()?;
        let ledger = self.ledger();
        let missing =
            shards.iter().filter(|shard| ledger.artifact(&shard_key(key, role, shard)).is_none()).count();
        Some((missing, shards.len()))
    }
}
