//! `llmp init [TEMPLATE]`: a pipeline to start from, with data to run it on.

mod demo;
mod facts;
mod files;
mod templates;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, Outcome, did_you_mean};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    made: Option<Made>,
    /// Which template
    #[arg(default_value = "assistant")]
    template: String,
    /// The file to write [default: the template's name]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// List the templates
    #[arg(long)]
    list: bool,
}

/// What is made of something, rather than copied.
#[derive(Debug, Subcommand)]
enum Made {
    /// The whole road on a small world of its own: pages, conversations, questions and the pipeline of
    /// `examples/who-is`
    Demo(demo::Arguments),
    /// From a table of facts to an assistant that knows some of them, says so where it does not, and looks
    /// them up
    Facts(facts::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.made {
        Some(Made::Demo(arguments)) => return demo::run(arguments),
        Some(Made::Facts(arguments)) => return facts::run(arguments),
        None => {}
    }
    if arguments.list {
        let mut out = crate::output::stdout();
        for (name, summary) in templates::list().chain(MADE) {
            writeln!(out, "{name:<10} {summary}")?;
        }
        return Ok(0);
    }
    let Some(template) = templates::named(&arguments.template) else {
        let names = templates::list().chain(MADE).map(|(name, _)| name);
        let meant = did_you_mean(&arguments.template, names);
        let help = meant.map_or_else(
            || "`llmp init --list` lists them".to_owned(),
            |meant| format!("did you mean `{meant}`? `llmp init --list` lists all"),
        );
        return Err(Failure::new(format!("there is no template `{}`", arguments.template)).help(help));
    };
    template.write(arguments.out.as_deref())
}

/// The subcommands in the list.
const MADE: [(&str, &str); 2] = [
    ("demo", "from crawled pages to an assistant, with all data: `llmp init demo && llmp run`"),
    ("facts", "from a table of facts to an assistant: `llmp init facts TABLE.csv`"),
];
