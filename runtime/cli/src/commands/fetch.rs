//! `llmp fetch`: brings what a run would read from addresses into the download cache, and writes the lock
//! file.

mod resolve;
mod site;
mod work;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use llmp_compiler::graph::StageId;
use llmp_compiler::plan::{Blocked, Decision};
use llmp_compiler::source::Span;
use llmp_engine::Observer as _;
use llmp_net::{Client, Options, Permit};
use llmp_planning::{self as planning, Fetch, Lack, LockFile, Past, Row, damaged, lacks};
use llmp_records::text;
use llmp_store::Downloads;

use super::pipeline::Pipeline;
use super::run::{STOP, listen};
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use crate::library::standard;
use crate::progress::Screen;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Fetch what this stage needs and nothing else; may be given several times
    #[arg(long, value_name = "STAGE")]
    to: Vec<String>,
    #[command(flatten)]
    network: Network,
    /// Say nothing but results
    #[arg(short, long)]
    quiet: bool,
}

/// How servers are asked.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Network {
    /// Let addresses of this host lead to this machine or its network, and be without encryption; may be
    /// given several times
    #[arg(long, value_name = "HOST", env = "LLMP_ALLOW_HOSTS", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// Whom a server's owner can write to, an e-mail address or a page: part of what the program calls itself
    #[arg(long, value_name = "ADDRESS", env = "LLMP_CONTACT")]
    contact: Option<String>,
    /// Files that are fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    connections: usize,
}

/// Something that went wrong with what a stage asks for.
struct FetchError {
    span: Span,
    message: String,
    help: Option<String>,
}

/// What is fetched with.
struct Fetcher<'a> {
    client: Client,
    network: &'a Network,
    pipeline: &'a Pipeline,
    lock: LockFile,
    downloads: Downloads,
    screen: &'a Screen,
    stop: &'static AtomicBool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let pipeline = arguments.pipeline.checked()?.up_to(&arguments.to)?;
    let past = pipeline.open()?;
    let _in_use = past.store().in_use()?;
    let screen = Arc::new(Screen::new(false, arguments.quiet));
    listen()?;
    let rows = super::plan::rows(&pipeline, &past);
    let done = needed(&pipeline, &past, &rows, &[], &arguments.network, &screen)?;
    let mut out = crate::output::stdout();
    let lock = LockFile::path(&pipeline.main);
    match done {
        None => writeln!(out, "nothing to fetch")?,
        Some(done) => writeln!(
            out,
            "fetched {}, {} over the network; the lock file is {}",
            text::plural(done.files, "file"),
            text::bytes(done.received),
            lock.display()
        )?,
    }
    let _ = past.save();
    Ok(0)
}

/// What was fetched.
pub(super) struct Done {
    /// Files that are there now.
    files: u64,
    /// Bytes that came over the network.
    received: u64,
}

/// Fetches what the stages that will run lack; `None` where they lack nothing. The past knows of it
/// afterwards.
pub(super) fn needed(
    pipeline: &Pipeline,
    past: &Past,
    rows: &[Row],
    forced: &[StageId],
    network: &Network,
    screen: &Screen,
) -> Result<Option<Done>, Failure> {
    refuse_broken(past, rows)?;
    let graph = &pipeline.compilation.graph;
    // What is read from the cache is trusted: a damaged file is fetched anew.
    for path in damaged(graph, past, rows) {
        std::fs::remove_file(&path)?;
    }
    let options = Options {
        contact: network.contact.clone(),
        private: network.allow_host.clone(),
        ..Options::default()
    };
    let mut done = None;
    let mut rows = rows.to_vec();
    // Which of the files that are known are needed may be known only once the others are.
    for _ in 0..2 {
        let lacks = lacks(graph, past, &rows).map_err(Failure::new)?;
        if lacks.is_empty() {
            break;
        }
        if let Some(all) = rows.iter().filter_map(|row| row.fetch).reduce(Fetch::and) {
            screen.line(&format!("fetch: {all}"));
        }
        let client = Client::new(&Permit::of_a_fetching_command(), options.clone());
        let (lock, downloads) = {
            let at = past.surroundings();
            (at.lock.clone().map_err(Failure::new)?, at.downloads.clone())
        };
        let fetcher = Fetcher { client, network, pipeline, lock, downloads, screen, stop: &STOP };
        let done = done.get_or_insert(Done { files: 0, received: 0 });
        let outcome = fetcher.fetch(&lacks, done);
        past.refresh()?;
        outcome.map_err(|troubles| fetcher.say(&troubles))?;
        rows = planning::rows(graph, past, standard(), forced);
    }
    Ok(done)
}

/// Fails where a stage cannot run since the lock file cannot be read.
fn refuse_broken(past: &Past, rows: &[Row]) -> Result<(), Failure> {
    let at = past.surroundings();
    let Err(error) = &at.lock else { return Ok(()) };
    let stuck = |row: &Row| matches!(&row.decision, Decision::Blocked(Blocked::Files { message, .. }) if message == error);
    match rows.iter().any(stuck) {
        true => Err(Failure::new(error.clone())
            .help("take the file as it was committed, or fetch what the line was for anew")),
        false => Ok(()),
    }
}

impl Fetcher<'_> {
    fn fetch(&self, lacks: &[Lack], done: &mut Done) -> Result<(), Vec<FetchError>> {
        let (tasks, sites) = self.tasks(lacks)?;
        self.work(tasks, done)?;
        for site in &sites {
            self.crawl(site, done).map_err(|trouble| trouble.into_iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Prints what went wrong, each with its place.
    fn say(&self, troubles: &[FetchError]) -> Failure {
        let Some((last, others)) = troubles.split_last() else { return Failure::silent(130) };
        let place = |trouble: &FetchError| self.pipeline.compilation.sources.place(trouble.span);
        let mut err = crate::output::stderr();
        for trouble in others {
            let _ = writeln!(err, "error: {}\n   at: {}", trouble.message, place(trouble));
            if let Some(help) = &trouble.help {
                let _ = writeln!(err, "  help: {help}");
            }
        }
        let failure = Failure::new(format!("{}\n   at: {}", last.message, place(last)));
        match &last.help {
            Some(help) => failure.help(help.clone()),
            None => failure,
        }
    }
}
