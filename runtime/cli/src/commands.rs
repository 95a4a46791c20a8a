//! The command line: one file a command.

mod calibrate;
mod chat;
mod check;
mod diff;
mod du;
mod explain;
mod export;
#[cfg(feature = "net")]
mod fetch;
#[cfg(not(feature = "net"))]
#[path = "commands/no_fetch.rs"]
mod fetch;
mod fmt;
mod forget;
mod gc;
mod graph;
mod guard;
mod init;
mod log;
mod look;
mod lsp;
mod model;
mod params;
mod pin;
mod pipeline;
mod plan;
mod planned;
mod report;
mod results;
mod run;
mod runs;
mod sample;
mod search;
mod serve;
mod show;
mod spelling;
mod stages;
mod tokens;
mod trace;
mod verify;
mod which_run;
mod why;
mod worker;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use llmp_compiler::names::closest;
use llmp_store::{Store, StoreError, help_for};

use crate::output::{stderr, stdout};

/// Declarative pipelines from crawled pages to an assistant that knows what it does not know.
#[derive(Debug, Parser)]
#[command(name = "llmp", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report mistakes in a pipeline, without running anything
    Check(check::Arguments),
    /// Show what a run would do, why, and at what cost
    Plan(plan::Arguments),
    /// Fetch what a run would read from other machines, and write the lock file
    Fetch(fetch::Arguments),
    /// Run what has to run
    Run(run::Arguments),
    /// Explain why a stage is cached, re-runs or cannot run
    Why(why::Arguments),
    /// Show the log of a stage, or list the runs
    Log(log::Arguments),
    /// Write the page of a run: funnel, curves, tables, timings
    Report(report::Arguments),
    /// Show what differs between two runs
    Diff(diff::Arguments),
    /// Compare runs in one table or page: settings, losses, measures, times; tag them and note things
    Runs(runs::Arguments),
    /// Draw the pipeline as a list, DOT, Mermaid, SVG or a page; `--watch` keeps it up to date
    Graph(graph::Arguments),
    /// Talk to the newest chat model
    Chat(chat::Arguments),
    /// Serve models to programs, by OpenAI's API, and to people, as a page
    Serve(serve::Arguments),
    /// Measure how quick this machine is, for the times that plans foretell
    Calibrate(calibrate::Arguments),
    /// Let a model continue a text
    Sample(sample::Arguments),
    /// Follow one document by its URL through every stage
    Trace(trace::Arguments),
    /// Print rows of a result as people read them: documents, conversations, questions, tokens, a model's
    /// facts
    Show(show::Arguments),
    /// Put a source on the list of those that are left out; tell what holds it, and prove that nothing is
    /// left
    Forget(forget::Arguments),
    /// Look at a filter: what its rules saw, what other thresholds would keep, documents on both sides
    Look(look::Arguments),
    /// Show how tokenizers cut texts
    Tokens(tokens::Arguments),
    /// Ask a search index
    Search(search::Arguments),
    /// Format pipelines
    Fmt(fmt::Arguments),
    /// List a pipeline's params with their values and where these come from
    Params(params::Arguments),
    /// List the stages, or describe one
    Stages(stages::Arguments),
    /// Explain a diagnostic's code
    Explain(explain::Arguments),
    /// Write a pipeline to start from
    Init(init::Arguments),
    /// Copy a stage's result to a folder
    Export(export::Arguments),
    /// Re-read everything in the store and report damage
    Verify(verify::Arguments),
    /// Show what takes how much of the store
    Du(du::Arguments),
    /// Keep a run's results under a name, or list such names
    Pin(pin::PinArguments),
    /// Remove a name of a run
    Unpin(pin::UnpinArguments),
    /// Remove results that no kept run needs
    Gc(gc::Arguments),
    /// Serve an editor: the language server, over standard input and output
    Lsp(lsp::Arguments),
    /// Do one action from its file, as a run on another machine would
    Worker(worker::Arguments),
    /// Kill the commands of a run that was killed
    #[command(hide = true)]
    Guard {
        /// The process that started them
        owner: u32,
    },
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// A pipeline and what is set on the command line.
#[derive(Clone, Debug, Default, Args)]
struct PipelineArguments {
    /// The pipeline; may be left out where the folder holds just one
    file: Option<PathBuf>,
    /// Apply a profile; may be given several times
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Set a param or a stage's setting, e.g. `--set base.lr=3e-4`
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Read params from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// The store; by default what the profile names, else the nearest `.llmp` at or above the pipeline's
    /// folder, else one in this folder
    #[arg(long, value_name = "DIR", env = "LLMP_STORE")]
    store: Option<PathBuf>,
}

impl PipelineArguments {
    /// The arguments and the word before them, whichever came first: `llmp why FILE STAGE` is as clear as
    /// `llmp why STAGE FILE`.
    fn with_first(&self, word: Option<&str>) -> (Self, Option<String>) {
        let mut arguments = self.clone();
        let word = word.map(str::to_owned);
        match word {
            Some(file) if file.ends_with(".llmp") => {
                let other = arguments.file.replace(file.into());
                (arguments, other.map(|other| other.to_string_lossy().into_owned()))
            }
            word => (arguments, word),
        }
    }
}

/// What a user may have meant by an unknown name: a near one, or one whose last part is near.
fn did_you_mean<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let near = closest(name, names.clone()).map(str::to_owned);
    near.or_else(|| {
        let last = |name: &'a str| name.rsplit(['/', '.']).next().unwrap_or(name);
        let meant = closest(name, names.clone().map(last)).unwrap_or(name);
        names.clone().find(|name| last(name) == meant).map(str::to_owned)
    })
}

/// The store, for commands about what is in it.
#[derive(Clone, Debug, Args)]
struct StoreArguments {
    /// The store; by default the nearest `.llmp` at or above this folder
    #[arg(long, value_name = "DIR", env = "LLMP_STORE")]
    store: Option<PathBuf>,
    /// Take the store that this profile of the folder's pipeline names; may be given several times
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
}

impl StoreArguments {
    /// Opens it; it must be there already.
    fn open(&self) -> Result<Arc<Store>, Failure> {
        let (store, profile) = (self.store.clone(), self.profile.clone());
        PipelineArguments { file: None, profile, set: vec![], params: None, store }.store()
    }
}

/// Reads a number of things of which there has to be one.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it has to be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it is no whole number".to_owned()),
    }
}

/// Reads a share: a number above 0 and at most 1.
fn share(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        Ok(_) => Err("it has to lie above 0 and at most at 1".to_owned()),
        Err(_) => Err("it is no number".to_owned()),
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs; the form is described in spec/
    Json,
}

/// A command's failure: what to print, and the exit code.
#[derive(Debug)]
struct Failure {
    message: String,
    help: Option<String>,
    code: u8,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: 1 }
    }

    /// Everything has been printed already.
    fn silent(code: u8) -> Self {
        Self { message: String::new(), help: None, code }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let help = error.help().map(str::to_owned);
        Self { message: error.to_string(), help, code: 1 }
    }
}

impl From<llmp_stage::Error> for Failure {
    fn from(error: llmp_stage::Error) -> Self {
        let help = llmp_engine::help_of(&error).map(str::to_owned);
        Self { message: error.to_string(), help, code: 1 }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // The reader of our output has seen enough.
            return Self::silent(0);
        }
        let help = help_for(error.kind()).map(str::to_owned);
        Self { message: error.to_string(), help, code: 1 }
    }
}

type Outcome = Result<u8, Failure>;

/// Runs the program. Exit codes: 0 done, 1 error, 2 wrong usage (for `plan --detailed-exitcode`: work to do),
/// 130 stopped by Ctrl-C.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Log(arguments) => log::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Chat(arguments) => chat::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Forget(arguments) => forget::run(&arguments),
        Command::Look(arguments) => look::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Tokens(arguments) => tokens::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Params(arguments) => params::run(&arguments),
        Command::Stages(arguments) => stages::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Du(arguments) => du::run(&arguments),
        Command::Pin(arguments) => pin::pin(&arguments),
        Command::Unpin(arguments) => pin::unpin(&arguments),
        Command::Gc(arguments) => gc::run(&arguments),
        Command::Lsp(arguments) => lsp::run(&arguments),
        Command::Worker(arguments) => worker::run(&arguments),
        Command::Guard { owner } => guard::run(owner),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "llmp", &mut text);
            stdout().write_all(&text).map(|()| 0).map_err(Failure::from)
        }
    };
    // What is buffered may find the disk full.
    let outcome = outcome.and_then(|code| Ok(stdout().flush().map(|()| code)?));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if !failure.message.is_empty() {
                let mut err = stderr();
                let _ = writeln!(err, "error: {}", failure.message);
                if let Some(help) = &failure.help {
                    let _ = writeln!(err, "  help: {help}");
                }
            }
            ExitCode::from(failure.code)
        }
    }
}
