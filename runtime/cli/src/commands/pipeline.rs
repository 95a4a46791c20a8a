//! Opening a pipeline: find the file, compile it, print what is wrong, open its store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::compile::{Compilation, Options, compile};
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::graph::StageId;
use llmp_compiler::key::Digest;
use llmp_compiler::place::{Place, scheme};
use llmp_insight::watching::Watch;
use llmp_planning::{Folder, Past, Remembering, folder_of, store_root};
use llmp_records as records;
use llmp_store::Store;

use super::spelling::{means, short};
use super::{Failure, PipelineArguments, did_you_mean};
use crate::library::{library, standard};
use crate::render;

/// Largest params file that is read.
const MAX_PARAMS: u64 = 1 << 20;

/// How deep brackets may nest in a params file; YAML's parser takes time by the square of it.
const MAX_PARAMS_DEPTH: usize = 100;

/// Diagnostics that a terminal shows at once.
const MAX_PRINTED: usize = 50;

/// A compiled pipeline.
pub(super) struct Pipeline {
    pub(super) main: PathBuf,
    pub(super) compilation: Compilation,
    store: Option<PathBuf>,
    pub(super) profiles: Vec<String>,
    /// The files that its meaning depends on, those included that are not there.
    pub(super) asked: Vec<PathBuf>,
    /// The texts that were compiled, with their digests; `None` for one that is not there.
    pub(super) texts: Vec<(PathBuf, Option<Digest>)>,
    /// How far it goes: names of stages and bindings, sorted; none for all of it.
    pub(super) targets: Vec<String>,
}

impl PipelineArguments {
    /// The main file.
    pub(super) fn main(&self) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.file {
            if file.is_dir() {
                return only_pipeline(file);
            }
            return Ok(file.clone());
        }
        only_pipeline(Path::new("."))
    }

    /// Compiles; what is wrong is in the compilation.
    pub(super) fn compile(&self) -> Result<Pipeline, Failure> {
        let main = self.main()?;
        let folder = folder_of(&main);
        let name = main
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| Failure::new(format!("`{}` is no file name that is UTF-8", main.display())))?;
        let mut set = Vec::new();
        for pair in &self.set {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(
                    Failure::new(format!("`--set {pair}` has no `=`")).help("write `--set base.lr=3e-4`")
                );
            };
            set.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let params = self.params.as_deref().map(read_params).transpose()?.unwrap_or_default();
        let options = Options { profiles: self.profile.clone(), set, params };
        let world = Remembering::new(Folder::new(&folder));
        let mut compilation = compile(&world, library(), name, &options);
        llmp_planning::forget::obey(&mut compilation.graph, &main);
        let read = world.asked().into_iter().map(|(path, digest)| (folder.join(path), digest));
        let texts: Vec<_> = read.chain([llmp_planning::forget::text(&main)]).collect();
        let asked = texts.iter().map(|(path, _)| path.clone()).chain(self.params.clone()).collect();
        let (store, profiles) = (self.store.clone(), self.profile.clone());
        Ok(Pipeline { main, compilation, store, profiles, asked, texts, targets: vec![] })
    }

    /// Compiles; prints what is wrong, and fails on errors.
    pub(super) fn checked(&self) -> Result<Pipeline, Failure> {
        let pipeline = self.compile()?;
        pipeline.print_diagnostics();
        if pipeline.has_errors() { Err(Failure::silent(1)) } else { Ok(pipeline) }
    }

    /// The store, for commands that are about what is in it. The pipeline is read where a profile may name
    /// its store.
    pub(super) fn store(&self) -> Result<Arc<Store>, Failure> {
        if self.store.is_none() && !self.profile.is_empty() {
            return existing(&self.checked()?.store_root()?);
        }
        let (here, main) = (Path::new("."), self.file.as_deref().unwrap_or(Path::new("main.llmp")));
        existing(&root(self.store.as_deref(), &Place::default(), main, here)?)
    }
}

/// Where the store is, see [`store_root`]. An address is none.
fn root(chosen: Option<&Path>, place: &Place, main: &Path, here: &Path) -> Result<PathBuf, Failure> {
    if let Some(address) = chosen.and_then(Path::to_str).filter(|chosen| scheme(chosen).is_some()) {
        let message =
            format!("the store `{address}` is an address, and this program keeps results in folders");
        return Err(Failure::new(message).help("name a folder: `--store results`"));
    }
    Ok(store_root(chosen, place, main, here))
}

/// Opens a store that must be there already.
pub(super) fn existing(root: &Path) -> Result<Arc<Store>, Failure> {
    if !root.join("version").is_file() {
        return Err(Failure::new(format!("there is no store `{}`", root.display()))
            .help("run a pipeline first: `llmp run FILE`; or name its store with `--store DIR`"));
    }
    Ok(Arc::new(Store::open(root)?))
}

fn only_pipeline(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", folder.display())))?;
    let found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "llmp") && path.is_file())
        .collect();
    let mut found: Vec<_> = found.iter().map(|path| path.strip_prefix("./").unwrap_or(path)).collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Failure::new(format!("there is no .llmp file in `{}`", folder.display()))
            .help("name one, or write one with `llmp init`")),
        many => {
            let names: Vec<_> = many.iter().map(|path| format!("`{}`", path.display())).collect();
            Err(Failure::new(format!("which pipeline? there are {}", names.join(", ")))
                .help("name one of them"))
        }
    }
}

fn read_params(path: &Path) -> Result<BTreeMap<String, serde_json::Value>, Failure> {
    let size = std::fs::metadata(path).map(|meta| meta.len());
    match size {
        Err(error) => return Err(Failure::new(format!("cannot read `{}`: {error}", path.display()))),
        Ok(size) if size > MAX_PARAMS => {
            return Err(Failure::new(format!("`{}` is too large for a params file", path.display())));
        }
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))?;
    if depth(&text) > MAX_PARAMS_DEPTH {
        return Err(Failure::new(format!(
            "`{}` nests deeper than {MAX_PARAMS_DEPTH} levels",
            path.display()
        ))
        .help("a params file maps names to values: `width: 128`, `base.lr: 3e-4`"));
    }
    let refused = |message: String| {
        Failure::new(format!("`{}`: {message}", path.display()))
            .help("a params file maps names to values: `width: 128`, `base.lr: 3e-4`")
    };
    // By way of YAML's own values, which know of keys that stand twice.
    let values: serde_yaml::Value =
        serde_yaml::from_str(&text).map_err(|error| refused(error.to_string()))?;
    let entries = match values {
        serde_yaml::Value::Null => return Ok(BTreeMap::new()),
        serde_yaml::Value::Mapping(entries) => entries,
        _ => return Err(refused("there is no map of names to values".to_owned())),
    };
    let values = as_json(entries, "").map_err(refused)?;
    once(&values, "", &mut BTreeSet::new()).map_err(refused)?;
    Ok(values.into_iter().collect())
}

/// YAML's values as JSON; `name` is where they stand.
fn as_json(
    entries: serde_yaml::Mapping,
    name: &str,
) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    use serde_yaml::Value;

    fn value(given: Value, name: &str) -> Result<serde_json::Value, String> {
        match given {
            Value::Number(number) if number.as_f64().is_some_and(|number| !number.is_finite()) => {
                Err(format!("`{name}` is {number}, which is no number that can be counted with"))
            }
            Value::Sequence(items) => {
                let items = items.into_iter().map(|item| value(item, name));
                items.collect::<Result<Vec<_>, _>>().map(serde_json::Value::Array)
            }
            Value::Mapping(entries) => as_json(entries, name).map(serde_json::Value::Object),
            Value::Tagged(tagged) => {
                Err(format!("`{name}` has the tag `{}`, which has no meaning here", tagged.tag))
            }
            plain => serde_json::to_value(plain).map_err(|error| format!("`{name}`: {error}")),
        }
    }

    let mut values = serde_json::Map::new();
    for (key, given) in entries {
        let Value::String(key) = key else { return Err("names are texts: put them into quotes".to_owned()) };
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        let given = value(given, &name)?;
        if values.insert(key, given).is_some() {
            return Err(format!("`{name}` stands twice"));
        }
    }
    Ok(values)
}

/// Says whether a value stands twice: `base.lr` and `lr` below `base` are one.
fn once(
    values: &serde_json::Map<String, serde_json::Value>,
    above: &str,
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    for (key, value) in values {
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        if let serde_json::Value::Object(fields) = value {
            once(fields, &name, seen)?;
        } else if !seen.insert(name.clone()) {
            return Err(format!("`{name}` stands twice"));
        }
    }
    Ok(())
}

/// How many brackets are open at once at most, those in texts included.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

impl Pipeline {
    pub(super) fn has_errors(&self) -> bool {
        self.compilation.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Prints what is wrong with the program to standard error.
    pub(super) fn print_diagnostics(&self) {
        self.print(&self.compilation.diagnostics);
    }

    /// Prints diagnostics about the program to standard error.
    pub(super) fn print(&self, all: &[Diagnostic]) {
        let colour = render::use_colour();
        let mut err = crate::output::stderr();
        for diagnostic in all.iter().take(MAX_PRINTED) {
            let text = render::terminal(diagnostic, &self.compilation.sources, colour, width());
            // A closed standard error leaves the exit code to tell.
            let _ = writeln!(err, "{}", text.trim_end());
        }
        if all.len() > MAX_PRINTED {
            let more = all.len() - MAX_PRINTED;
            let _ = writeln!(err, "and {more} more; `llmp check --format json` lists them");
        }
    }

    /// The same pipeline as far as `targets`: what these need and nothing else. All of it where none are
    /// named.
    pub(super) fn up_to(mut self, targets: &[String]) -> Result<Self, Failure> {
        if targets.is_empty() {
            return Ok(self);
        }
        let found = targets.iter().map(|name| self.target(name)).collect::<Result<Vec<_>, _>>()?;
        let (names, ids): (BTreeSet<_>, Vec<_>) = found.into_iter().unzip();
        self.targets = names.into_iter().collect();
        let graph = std::mem::take(&mut self.compilation.graph);
        self.compilation.graph = graph.up_to(ids.concat());
        Ok(self)
    }

    /// What a target means: all stages of a binding, which may be a family, or one stage.
    fn target(&self, name: &str) -> Result<(String, Vec<StageId>), Failure> {
        match self.compilation.graph.bindings.get(name) {
            Some(stages) if !stages.is_empty() => Ok((name.to_owned(), stages.clone())),
            Some(_) | None => {
                let id = self.stage(name)?;
                Ok((self.compilation.graph.stage(id).name.clone(), vec![id]))
            }
        }
    }

    /// `main.llmp to base`
    pub(super) fn title(&self) -> String {
        records::title(&self.main, &self.targets)
    }

    /// The command line that runs it again: `llmp run main.llmp --to base`.
    pub(super) fn run_command(&self) -> String {
        let to: String = self.targets.iter().map(|name| format!(" --to {name}")).collect();
        format!("llmp run {}{to}", self.main.display())
    }

    /// The folder of the main file.
    pub(super) fn folder(&self) -> PathBuf {
        folder_of(&self.main)
    }

    pub(super) fn store_root(&self) -> Result<PathBuf, Failure> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        root(self.store.as_deref(), &self.compilation.place, &self.main, &here)
    }

    /// What a run would do with it, looked at again and again.
    pub(super) fn watch(&self) -> Watch {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        Watch::new(&self.main, standard(), self.store.as_deref(), &here)
    }

    /// Opens the store, making it where needed.
    pub(super) fn open(&self) -> Result<Past, Failure> {
        let store = Arc::new(Store::open(&self.store_root()?)?);
        Ok(Past::open(store, &self.main)?.probing(standard()))
    }

    /// The stage a user means: a full name, or the end of one where that is clear.
    pub(super) fn stage(&self, name: &str) -> Result<StageId, Failure> {
        let graph = &self.compilation.graph;
        let exact = graph.ids().find(|&id| graph.stage(id).name == name);
        if let Some(id) = exact {
            return Ok(id);
        }
        let family = graph.bindings.get(name).filter(|stages| !stages.is_empty());
        let fits = |id: &StageId| {
            let stage = graph.stage(*id);
            stage.kind == name || stage.name.rsplit('/').next() == Some(name) || means(name, &stage.name)
        };
        let found: Vec<_> = match family {
            Some(members) => members.clone(),
            None => graph.ids().filter(fits).collect(),
        };
        match found.as_slice() {
            [one] => Ok(*one),
            [] => {
                let names = graph.stages.iter().map(|stage| stage.name.as_str());
                let failure = Failure::new(format!("there is no stage `{name}`"));
                Err(match did_you_mean(name, names) {
                    Some(close) => failure.help(format!("did you mean `{close}`?")),
                    None => failure.help("`llmp graph` lists the stages of a pipeline"),
                })
            }
            many => {
                let names: Vec<_> = many.iter().map(|id| format!("`{}`", graph.stage(*id).name)).collect();
                let help = match short(&graph.stage(many[0]).name) {
                    Some(short) => format!("name one of them; `{short}` needs no quotes"),
                    None => "give the full name".to_owned(),
                };
                Err(Failure::new(format!("`{name}` may be {}", names.join(" or "))).help(help))
            }
        }
    }
}

/// Columns of the terminal; 100 where there is none.
pub(super) fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .or_else(|| console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns)))
        .unwrap_or(100)
        .min(120)
}
