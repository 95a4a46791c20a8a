//! `llmp chat`: a conversation with a chat model; shows what it searches for and what it finds.

mod input;
mod talk;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::Ability;
use llmp_assistant::assistant::{Assistant, Event, Options};

use super::model::{Among, Found, Wanted, find};
use super::results::OfRun;
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use input::{Input, Line};
use talk::{Command, Talk, command};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
    /// The stage whose model is used; of a family, `chat.lr=0.02` [default: the last chat model]
    #[arg(short, long, value_name = "STAGE")]
    model: Option<String>,
    /// Ask one question, print the answer and end
    #[arg(long, value_name = "QUESTION")]
    once: Option<String>,
    /// What stands above the conversation
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// 0 takes the likeliest token each time
    #[arg(short, long, default_value_t = 0.0)]
    temperature: f32,
    #[command(flatten)]
    among: Among,
    /// Tokens of an answer at most
    #[arg(short = 'n', long, default_value_t = 256, value_parser = at_least_one)]
    tokens: usize,
    /// The same seed gives the same answers
    #[arg(short, long, default_value_t = 1)]
    seed: u64,
    /// Where the model runs
    #[arg(long, default_value = "auto")]
    device: String,
}

const HELP: &str = "\
/help           this
/system TEXT    what stands above the conversation; without TEXT, none
/retry          another answer to the last question
/edit TEXT      ask this in place of the last question
/model STAGE    go on with another model
/clear          forget the conversation
/save FILE      write the conversation as a line of JSON, as `chat.load` reads it
/load FILE      go on with one that was saved
/exit, /quit    end; so does Ctrl-D
\\ at the end    the next line belongs to this one
Ctrl-C          stop an answer; at the prompt, end";

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let run = arguments.of.run.as_deref();
    let find = |name: Option<&str>| -> Result<(Found, Assistant), Failure> {
        let found = find(&arguments.pipeline, run, name, Wanted::Chat)?;
        let assistant = Assistant::load(&found.folder, found.index.as_deref(), &device)?;
        Ok((found, assistant))
    };
    let (mut found, mut assistant) = find(arguments.model.as_deref())?;
    let halt = Arc::new(AtomicBool::new(false));
    let options = Options {
        temperature: arguments.temperature,
        top_k: arguments.among.top_k,
        top_p: arguments.among.top_p,
        min_p: arguments.among.min_p,
        max_tokens: arguments.tokens,
        seed: arguments.seed,
        halt: Some(Arc::clone(&halt)),
        ..Options::default()
    };
    let mut talk = Talk::new(arguments.system.as_deref());
    if let Some(question) = &arguments.once {
        talk.ask(question);
        answer(&assistant, &mut talk, &options)?;
        return Ok(0);
    }
    let mut input = Input::open()?;
    if input.is_terminal() {
        stop_answers(&halt)?;
        let search = if found.index.is_some() { ", which may search" } else { "" };
        println(&format!("Talking to `{}`{search}. /help lists what else there is.", found.name))?;
    }
    let mut tries = 0;
    loop {
        let line = match input.next()? {
            Line::Text(line) => line,
            Line::Unreadable(why) => {
                println(&format!("[{why}]"))?;
                continue;
            }
            Line::End => return Ok(0),
        };
        halt.store(false, Ordering::Relaxed);
        match command(&line) {
            Command::Nothing => {}
            Command::Exit => return Ok(0),
            Command::Help => println(HELP)?,
            Command::Clear => talk.clear(),
            Command::System(text) => talk.set_system(text),
            Command::Save(file) => told(talk.save(Path::new(file)))?,
            Command::Load(file) => told(talk.load(Path::new(file)))?,
            Command::Retry if talk.unanswer() => {
                tries += 1;
                let seed = options.seed.wrapping_add(tries);
                // At temperature 0 an answer would be the same each time.
                let temperature = if options.temperature > 0.0 { options.temperature } else { 0.8 };
                heard(&assistant, &mut talk, &Options { seed, temperature, ..options.clone() })?;
            }
            Command::Retry => println("[nothing was asked yet]")?,
            Command::Edit(question) => {
                talk.take_back();
                talk.ask(question);
                heard(&assistant, &mut talk, &options)?;
            }
            Command::Model(name) => match find(Some(name)) {
                Ok((_, other)) if !other.abilities().has(Ability::Chat) => {
                    println(&format!("[`{name}` is a base model, which holds no conversations]"))?;
                }
                Ok(other) => {
                    (found, assistant) = other;
                    println(&format!("[going on with `{}`]", found.name))?;
                }
                Err(failure) => println(&format!("[{}]", failure.message))?,
            },
            Command::Missing(what) => println(&format!("[{what}]"))?,
            Command::Unknown(name) => {
                println(&format!(
                    "[there is no command `{name}`; /help lists them, and ` {name}` says it to the model]"
                ))?;
            }
            Command::Say(question) => {
                talk.ask(question);
                heard(&assistant, &mut talk, &options)?;
            }
        }
    }
}

/// The first Ctrl-C ends the answer, and one that finds no answer to end ends the program.
fn stop_answers(halt: &Arc<AtomicBool>) -> Result<(), Failure> {
    let halt = Arc::clone(halt);
    let handler = move || {
        if halt.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))
}

fn println(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// What came of a command on files; a failure is told and ends nothing.
fn told(outcome: Result<String, String>) -> Result<(), Failure> {
    println(&format!("[{}]", outcome.unwrap_or_else(|fault| fault)))
}

/// Answers; where that fails, the question is taken back and the conversation goes on at a terminal.
fn heard(assistant: &Assistant, talk: &mut Talk, options: &Options) -> Result<(), Failure> {
    let failure = match answer(assistant, talk, options) {
        Ok(()) => return Ok(()),
        Err(failure) => failure,
    };
    if !std::io::stdin().is_terminal() {
        return Err(failure);
    }
    talk.take_back();
    let help = failure.help.map_or(String::new(), |help| format!("; {help}"));
    println(&format!("[{}{help}]", failure.message))
}

/// Prints the answer as it comes, and adds it to the conversation.
fn answer(assistant: &Assistant, talk: &mut Talk, options: &Options) -> Result<(), Failure> {
    let mut show = |event: Event<'_>| {
        let mut out = std::io::stdout().lock();
        // A reader that has gone must not stop the answer from being taken in.
        let _ = match event {
            Event::Text(text) => write!(out, "{text}").and_then(|()| out.flush()),
            Event::Forgot(count) => writeln!(out, "[the oldest {count} messages no longer fit]"),
            Event::Search(query) => writeln!(out, "[search: {}]", query.trim()),
            Event::Results([]) => writeln!(out, "[nothing found]"),
            Event::Results(hits) => {
                hits.iter().try_for_each(|hit| writeln!(out, "[found: {} <{}>]", hit.text, hit.url))
            }
        };
    };
    let reply = assistant.reply(talk.messages(), options, &mut show)?;
    let halted = options.halt.as_ref().is_some_and(|halt| halt.load(Ordering::Relaxed));
    println(match (halted, reply.text.trim().is_empty()) {
        (true, _) => " [stopped]",
        (false, true) => "[the answer is empty]",
        (false, false) => "",
    })?;
    let empty = reply.messages.is_empty().then(|| Message::new(Role::Assistant, ""));
    talk.answered(reply.messages.into_iter().chain(empty));
    Ok(())
}
