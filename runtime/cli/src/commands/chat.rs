//! `llmp chat`: a conversation with the newest chat model; shows what it searches for and what it finds.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use llmp_artifacts::conversations::{Message, Role};
use llmp_assistant::assistant::{Assistant, Event, Options};

use super::model::{Wanted, find};
use super::{Failure, Outcome, PipelineArguments, at_least_one};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The stage whose model is used [default: the newest chat model]
    #[arg(short, long, value_name = "STAGE")]
    model: Option<String>,
    /// Ask one question, print the answer and end
    #[arg(long, value_name = "QUESTION")]
    once: Option<String>,
    /// 0 takes the likeliest token each time
    #[arg(short, long, default_value_t = 0.0)]
    temperature: f32,
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

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let found = find(&arguments.pipeline, arguments.model.as_deref(), Wanted::Chat)?;
    let assistant = Assistant::load(&found.folder, found.index.as_deref(), &device)?;
    let options = Options {
        temperature: arguments.temperature,
        max_tokens: arguments.tokens,
        seed: arguments.seed,
        ..Options::default()
    };
    if let Some(question) = &arguments.once {
        let mut talk = vec![Message::new(Role::User, question)];
        answer(&assistant, &mut talk, &options)?;
        return Ok(0);
    }
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        let search = if found.index.is_some() { ", which may search" } else { "" };
        println(&format!("Talking to `{}`{search}. /clear forgets, /quit or Ctrl-D ends.", found.name))?;
    }
    let mut talk = Vec::new();
    let mut lines = std::io::stdin().lock().lines();
    loop {
        if terminal {
            let mut out = std::io::stdout().lock();
            write!(out, "> ")?;
            out.flush()?;
        }
        let Some(line) = lines.next() else { break };
        let line = line.map_err(|error| Failure::new(format!("cannot read the question: {error}")))?;
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => break,
            "/clear" => talk.clear(),
            question => {
                talk.push(Message::new(Role::User, question));
                answer(&assistant, &mut talk, &options)?;
            }
        }
    }
    Ok(0)
}

fn println(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Prints the answer as it comes, and adds it to the conversation.
fn answer(assistant: &Assistant, talk: &mut Vec<Message>, options: &Options) -> Result<(), Failure> {
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
    let reply = assistant.reply(talk, options, &mut show)?;
    println("")?;
    talk.extend(reply.messages);
    Ok(())
}
