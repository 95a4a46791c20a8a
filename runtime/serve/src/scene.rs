//! What the page shows at one moment.

use std::collections::BTreeSet;

use llmp_compiler::compile::Compilation;
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::graph::StageId;
use llmp_compiler::source::Sources;
use llmp_insight::drawing::{self, State};
use llmp_insight::following::{Going, Work};
use llmp_insight::hints;
use llmp_planning::Row;
use llmp_records::text;
use serde::Serialize;

/// Messages that are shown.
const MAX_PROBLEMS: usize = 20;

/// Writes a message about a program as the terminal shows it, without colours.
pub type Render = fn(&Diagnostic, &Sources) -> String;

/// Everything that the page shows, as its script reads it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scene {
    /// The main file, and what is chosen besides.
    pub title: String,
    /// What a run would do: `1 to re-run, about 12m 00s`.
    pub summary: String,
    /// The drawing.
    pub svg: String,
    /// Its stages.
    pub stages: Vec<Node>,
    /// The program's files, the main file first.
    pub files: Vec<Text>,
    /// What is wrong, as the terminal shows it.
    pub problems: Vec<String>,
    /// Whether the file has mistakes, so that the drawing is of the text before.
    pub old: bool,
}

/// A stage in the drawing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// The id of its element.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `cached`, `re-run`, `new`, `blocked`, `running`; nothing where it is not known.
    pub state: Option<&'static str>,
    /// The same in a line: why, and at what cost; or how far it is.
    pub hint: Option<String>,
    /// Where its text begins.
    pub place: Place,
    /// The last line of its text, from 1.
    pub end: u32,
}

/// A place in one of the program's files.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// The file, relative to the main file's folder.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// A file of the program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Text {
    /// Its path, relative to the main file's folder.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

impl Scene {
    /// The scene of a program. `rows` is empty where nothing is planned.
    #[must_use]
    pub fn new(
        title: String,
        program: &Compilation,
        rows: &[Row],
        going: Option<&Going>,
        render: Render,
    ) -> Self {
        let (graph, sources) = (&program.graph, &program.sources);
        let work = |id: StageId| going.and_then(|going| going.working.get(&graph.stage(id).name));
        let row = |id: StageId| rows.get(id.0 as usize);
        let state = |id| State::of(&graph.stage(id).name, row(id), going);
        let nodes = graph.ids().filter_map(|id| {
            let stage = graph.stage(id);
            let source = sources.get(stage.span.file)?;
            let (start, end) = (source.position(stage.span.start), source.position(stage.span.end));
            let said = || row(id).map(|row| hints::hint(row, graph));
            Some(Node {
                id: drawing::node_id(id),
                name: stage.name.clone(),
                state: state(id).word(),
                hint: work(id).map(Work::text).or_else(said),
                place: Place { file: source.path.clone(), line: start.line, column: start.column },
                end: end.line,
            })
        });
        let nodes: Vec<Node> = nodes.collect();
        let texts = program.files.iter().filter_map(|file| {
            let source = sources.get(file.id)?;
            Some(Text { path: source.path.clone(), text: source.text.to_string() })
        });
        let summary = match going {
            Some(going) => running(going),
            None if rows.is_empty() => String::new(),
            None => hints::summary(rows),
        };
        Self {
            title,
            summary,
            svg: drawing::svg(graph, &state),
            stages: nodes,
            files: texts.collect(),
            problems: problems(program, &program.diagnostics, render),
            old: false,
        }
    }

    /// Adds what is wrong, such as that a stage is too much for this machine.
    pub fn add_problems(&mut self, program: &Compilation, diagnostics: &[Diagnostic], render: Render) {
        self.problems.extend(problems(program, diagnostics, render));
        let mut seen = BTreeSet::new();
        self.problems.retain(|problem| seen.insert(problem.clone()));
    }

    /// Where the stage is written whose element has this id.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<&Place> {
        self.stages.iter().find(|stage| stage.id == id).map(|stage| &stage.place)
    }
}

/// Messages about a program, as the terminal shows them.
fn problems(program: &Compilation, diagnostics: &[Diagnostic], render: Render) -> Vec<String> {
    let shown = diagnostics.iter().take(MAX_PROBLEMS);
    let mut texts: Vec<String> =
        shown.map(|one| render(one, &program.sources).trim_end().to_owned()).collect();
    if diagnostics.len() > MAX_PROBLEMS {
        texts.push(format!("and {} more", diagnostics.len() - MAX_PROBLEMS));
    }
    texts
}

/// `run 12 is going on: 3 stages finished, 1 failed`
fn running(going: &Going) -> String {
    let mut text =
        format!("run {} is going on: {} finished", going.run, text::plural(going.finished as u64, "stage"));
    if !going.failed.is_empty() {
        text += &format!(", {} failed", going.failed.len());
    }
    text
}
