//! `llmp graph`: the pipeline as a list, DOT, Mermaid, SVG or a page; once, or as long as it changes.

mod watch;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use llmp_compiler::graph::StageId;
use llmp_insight::drawing::{self, State};
use llmp_serve::{Scene, Source, page};
use llmp_store::write_atomically;

use super::pipeline::Pipeline;
use super::{Outcome, PipelineArguments};
use crate::render;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// A list
    #[default]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// A drawing
    Svg,
    /// A page: the drawing with states, beside the text
    Html,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The form; without it, the ending of `--out` counts
    #[arg(long, value_enum)]
    format: Option<GraphFormat>,
    /// Show what a run would do with each stage
    #[arg(long)]
    states: bool,
    /// Write to this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Follow the pipeline, its files and its store until Ctrl-C: serve a page to browsers of this machine,
    /// or keep the file of `--out` up to date. Prints the page's address, then the place of each stage that
    /// is clicked
    #[arg(long)]
    watch: bool,
    /// The port of the page; by default one that is free
    #[arg(long, requires = "watch", conflicts_with = "out", value_name = "PORT", default_value_t = 0)]
    port: u16,
}

impl Arguments {
    fn format(&self) -> GraphFormat {
        let ending = self.out.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        self.format.unwrap_or(match ending {
            Some("dot" | "gv") => GraphFormat::Dot,
            Some("mmd" | "mermaid") => GraphFormat::Mermaid,
            Some("svg") => GraphFormat::Svg,
            Some("html" | "htm") => GraphFormat::Html,
            _ => GraphFormat::Text,
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match (&arguments.out, arguments.watch) {
        (None, true) => return watch::serve(arguments),
        (Some(path), true) => return watch::write(arguments, path),
        (_, false) => {}
    }
    let pipeline = arguments.pipeline.checked()?;
    let format = arguments.format();
    let rows = match arguments.states || format == GraphFormat::Html {
        true => pipeline.watch().plan(&pipeline.compilation, &|| true)?.unwrap_or_default(),
        false => Vec::new(),
    };
    let text = if format == GraphFormat::Html {
        page(&Scene::new(title(&pipeline), &pipeline.compilation, &rows, None, render::page), Source::Nothing)
    } else {
        let name = |id| &pipeline.compilation.graph.stage(id).name;
        drawn(&pipeline, format, &|id| State::of(name(id), rows.get(id.0 as usize), None))
    };
    match &arguments.out {
        Some(path) => write_atomically(path, text.as_bytes())?,
        None => write!(crate::output::stdout(), "{text}")?,
    }
    Ok(0)
}

fn drawn(pipeline: &Pipeline, format: GraphFormat, state: &dyn Fn(StageId) -> State) -> String {
    let graph = &pipeline.compilation.graph;
    match format {
        GraphFormat::Text | GraphFormat::Html => drawing::list(graph, state),
        GraphFormat::Dot => drawing::dot(graph, state),
        GraphFormat::Mermaid => drawing::mermaid(graph, state),
        GraphFormat::Svg => drawing::svg(graph, state),
    }
}

/// `main.llmp · profile smoke`
fn title(pipeline: &Pipeline) -> String {
    let main = pipeline.main.display().to_string();
    match pipeline.profiles.as_slice() {
        [] => main,
        profiles => format!("{main} · profile {}", profiles.join(", ")),
    }
}
