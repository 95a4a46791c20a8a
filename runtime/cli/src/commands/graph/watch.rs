//! `llmp graph --watch`: the picture follows the pipeline, its files, its store, and a run that is going on.

use std::io::Write;
use std::path::{Path, PathBuf};

use llmp_compiler::feasible::feasible;
use llmp_compiler::graph::StageId;
use llmp_insight::drawing::State;
use llmp_insight::following::Going;
use llmp_insight::watching::{LOOK, Watch};
use llmp_planning::{Row, capacity, needs};
use llmp_serve::{Scene, Server, Source, page};
use llmp_store::{Stamp, write_atomically};

use super::super::pipeline::Pipeline;
use super::super::{Failure, Outcome, PipelineArguments};
use super::{Arguments, GraphFormat, drawn, title};
use crate::library::toolkit;
use crate::render;

/// Serves the page until the process is ended.
pub(super) fn serve(arguments: &Arguments) -> Outcome {
    if arguments.format.is_some_and(|format| format != GraphFormat::Html) {
        return Err(Failure::new("what `--watch` serves is a page").help(
            "leave out `--format`, or name a file that is kept up to date: `--watch --out graph.svg`",
        ));
    }
    let mut followed = Followed::new(&arguments.pipeline)?;
    let folder = followed.shown.folder();
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    let server = Server::start(arguments.port, followed.scene(), move |place| {
        let path = folder.join(&place.file);
        // Whoever started us may have stopped to listen.
        let _ = writeln!(crate::output::stdout(), "{}:{}:{}", path.display(), place.line, place.column);
    });
    let server = server.map_err(|error| {
        let failure = Failure::new(format!("cannot serve a page: {error}"));
        if arguments.port == 0 {
            failure
        } else {
            failure.help("leave out `--port`: any port that is free will do")
        }
    })?;
    writeln!(crate::output::stdout(), "{}", server.url())?;
    let main = followed.shown.main.display().to_string();
    followed.forever(&format!("the page follows `{main}`"), |followed| {
        server.show(followed.scene());
        Ok(())
    })
}

/// Keeps the file at `path` up to date until the process is ended.
pub(super) fn write(arguments: &Arguments, path: &Path) -> Outcome {
    let format = arguments.format();
    let picture = |followed: &Followed<'_>| match format {
        GraphFormat::Html => page(&followed.scene(), Source::File),
        _ => drawn(&followed.shown, format, &|id| followed.state(id)),
    };
    let mut followed = Followed::new(&arguments.pipeline)?;
    let mut written = picture(&followed);
    write_atomically(path, written.as_bytes())?;
    let main = followed.shown.main.display().to_string();
    followed.forever(&format!("`{}` follows `{main}`", path.display()), |followed| {
        let now = picture(followed);
        if now != written {
            write_atomically(path, now.as_bytes())?;
            written = now;
        }
        Ok(())
    })
}

/// A pipeline as it is now.
struct Followed<'a> {
    arguments: &'a PipelineArguments,
    /// What the picture shows: the newest text without mistakes, if there was one.
    shown: Pipeline,
    /// The newest text, where it has mistakes and an older one is shown.
    broken: Option<Pipeline>,
    /// The files that the newest text's meaning depends on.
    files: Vec<(PathBuf, Option<Stamp>)>,
    watch: Watch,
    rows: Vec<Row>,
    going: Option<Going>,
    /// Why it cannot be compiled at all, and why not planned.
    not_read: Option<String>,
    not_planned: Option<String>,
}

impl<'a> Followed<'a> {
    fn new(arguments: &'a PipelineArguments) -> Result<Self, Failure> {
        let main = arguments.main()?;
        let before = vec![(main.clone(), Stamp::at(&main))];
        let shown = arguments.compile()?;
        let (files, watch) = (stamps(&shown, &before), shown.watch());
        let mut followed = Self {
            arguments,
            shown,
            broken: None,
            files,
            watch,
            rows: Vec::new(),
            going: None,
            not_read: None,
            not_planned: None,
        };
        followed.plan();
        followed.look();
        Ok(followed)
    }

    /// Calls `show` each time something is new, until the process is ended or `show` fails.
    fn forever(&mut self, what: &str, mut show: impl FnMut(&Self) -> Result<(), Failure>) -> Outcome {
        // Standard output is for programs: where its reader is gone, the picture goes on.
        let _ = writeln!(crate::output::stderr(), "{what}; Ctrl-C ends");
        loop {
            std::thread::sleep(LOOK / 2);
            if self.look() {
                show(self)?;
            }
        }
    }

    /// Looks at everything again; whether something is new.
    fn look(&mut self) -> bool {
        let read = self.files.iter().any(|(path, stamp)| Stamp::at(path) != *stamp);
        if read {
            self.read();
        }
        let plan = read || self.watch.is_stale();
        if plan {
            self.plan();
        }
        match self.watch.look() {
            Some(going) => self.going = going.cloned(),
            None => return plan,
        }
        true
    }

    fn read(&mut self) {
        for (path, stamp) in &mut self.files {
            *stamp = Stamp::at(path);
        }
        match self.arguments.compile() {
            Ok(newest) => {
                self.not_read = None;
                self.files = stamps(&newest, &self.files);
                self.broken = None;
                if newest.has_errors() && !self.shown.has_errors() {
                    self.broken = Some(newest);
                } else {
                    self.shown = newest;
                }
            }
            Err(failure) => self.not_read = Some(failure.message),
        }
    }

    fn plan(&mut self) {
        let planned = self.watch.plan(&self.shown.compilation, &|| true);
        self.not_planned = planned.as_ref().err().map(ToString::to_string);
        self.rows = planned.ok().flatten().unwrap_or_default();
    }

    fn state(&self, id: StageId) -> State {
        let name = &self.shown.compilation.graph.stage(id).name;
        State::of(name, self.rows.get(id.0 as usize), self.going.as_ref())
    }

    fn scene(&self) -> Scene {
        let shown = &self.shown.compilation;
        let mut scene = Scene::new(title(&self.shown), shown, &self.rows, self.going.as_ref(), render::page);
        let capacity = capacity(toolkit().device, &self.watch.root());
        scene.add_problems(shown, &feasible(&shown.graph, &needs(&self.rows), &capacity), render::page);
        if let Some(broken) = &self.broken {
            scene.problems.clear();
            scene.add_problems(&broken.compilation, &broken.compilation.diagnostics, render::page);
            scene.old = true;
        }
        scene.problems.extend(self.not_read.iter().chain(&self.not_planned).cloned());
        scene
    }
}

/// The files that a text's meaning depends on. Stamps from `before` it was read are kept: a file that changed
/// meanwhile is read again.
fn stamps(pipeline: &Pipeline, before: &[(PathBuf, Option<Stamp>)]) -> Vec<(PathBuf, Option<Stamp>)> {
    let known = |path: &PathBuf| before.iter().find(|(known, _)| known == path).map(|(_, stamp)| *stamp);
    let stamp = |path: &PathBuf| known(path).unwrap_or_else(|| Stamp::at(path));
    pipeline.asked.iter().map(|path| (path.clone(), stamp(path))).collect()
}
