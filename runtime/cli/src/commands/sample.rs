//! `llmp sample`: the base model goes on with a text; `--probs` shows what it weighs at each step.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use llmp_artifacts::tokenizer::{Tokenizer, whole};
use llmp_model::{Adjust, Batch, End, Job, Request, Sampler};

use super::model::{Among, Wanted, find};
use super::results::OfRun;
use super::{Failure, Outcome, PipelineArguments, at_least_one};
use crate::render::pad;

/// Bytes of caches that continuations of one prompt share.
const KEPT: usize = 64 << 20;
/// Cells of the column of tokens.
const TOKEN: usize = 16;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The text to go on with; may be empty
    #[arg(default_value = "")]
    prompt: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
    /// The stage whose model is used; of a family, `base.lr=0.02` [default: the last base model]
    #[arg(short, long, value_name = "STAGE")]
    model: Option<String>,
    /// 0 takes the likeliest token each time
    #[arg(short, long, default_value_t = 0.8)]
    temperature: f32,
    #[command(flatten)]
    among: Among,
    /// Make a token less likely by this for each time that it was written
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    frequency_penalty: f32,
    /// Make a token less likely by this once it was written
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    presence_penalty: f32,
    /// End before this text; may be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Tokens to write at most
    #[arg(short = 'n', long, default_value_t = 64, value_parser = at_least_one)]
    tokens: usize,
    /// The same seed gives the same text
    #[arg(short, long, default_value_t = 1)]
    seed: u64,
    /// How many continuations
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    count: usize,
    /// Show the N likeliest next tokens at each step
    #[arg(long, value_name = "N", default_value_t = 0)]
    probs: usize,
    /// Where the model runs
    #[arg(long, default_value = "auto")]
    device: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, prompt) = arguments.pipeline.with_first(Some(&arguments.prompt));
    let prompt = prompt.unwrap_or_default();
    if !(0.0..=100.0).contains(&arguments.temperature) {
        return Err(Failure::new("the temperature must lie in 0 to 100"));
    }
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let found = find(&pipeline, arguments.of.run.as_deref(), arguments.model.as_deref(), Wanted::Base)?;
    let tokenizer = Tokenizer::load(&found.folder)?;
    let sampler = Arc::new(Sampler::load(&found.folder, &device)?);
    let mut batch = Batch::new(Arc::clone(&sampler), KEPT);
    let adjust = Adjust {
        frequency_penalty: arguments.frequency_penalty,
        presence_penalty: arguments.presence_penalty,
        ..Adjust::default()
    };
    let end = tokenizer.special("<|endoftext|>");
    // Every document of the corpus followed an end of text: that is what the start of one looks like.
    let mut start: Vec<u32> = end.into_iter().collect();
    start.extend(tokenizer.encode(&prompt));
    let stops: Vec<&str> =
        arguments.stop.iter().map(String::as_str).filter(|stop| !stop.is_empty()).collect();
    let mut out = std::io::stdout().lock();
    for index in 0..arguments.count {
        if arguments.count > 1 {
            writeln!(out, "--- {}", index + 1)?;
        }
        let request = Request {
            prompt: start.clone(),
            max_tokens: arguments.tokens,
            temperature: arguments.temperature,
            top_k: arguments.among.top_k,
            top_p: arguments.among.top_p,
            min_p: arguments.among.min_p,
            seed: arguments.seed.wrapping_add(index as u64),
            stop: end.into_iter().collect(),
            banned: vec![],
        };
        let job = Job { request, adjust: adjust.clone(), ..Job::default() };
        let tokens = written(&mut batch, job, &|tokens| ends(&tokenizer.decode_behind(tokens), &stops))?;
        if arguments.probs > 0 {
            table(&mut out, &sampler, &tokenizer, &start, &tokens, arguments.probs)?;
        } else {
            writeln!(out, "{prompt}{}", until(&text_of(&tokenizer, &without(&tokens, end)), &stops))?;
        }
    }
    Ok(0)
}

/// What a job writes, up to where it is `over`.
fn written(batch: &mut Batch, job: Job, over: &dyn Fn(&[u32]) -> bool) -> Result<Vec<u32>, Failure> {
    let (row, _) = batch.add(job)?;
    let mut tokens = Vec::new();
    while !batch.is_empty() {
        for (_, step) in batch.step() {
            tokens.extend(step.token.map(|scored| scored.token));
            if let Some(End::Failed(why)) = step.end {
                return Err(Failure::new(why));
            }
            if over(&tokens) {
                batch.remove(row);
            }
        }
    }
    Ok(tokens)
}

/// The text of tokens; a character that the last of them only begins is left out.
fn text_of(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    let bytes = tokenizer.decode_bytes(tokens);
    String::from_utf8_lossy(&bytes[..whole(&bytes)]).into_owned()
}

fn ends(text: &str, stops: &[&str]) -> bool {
    stops.iter().any(|stop| text.contains(stop))
}

/// The text before the first of `stops`.
fn until<'a>(text: &'a str, stops: &[&str]) -> &'a str {
    let end = stops.iter().filter_map(|stop| text.find(stop)).min();
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

fn without(tokens: &[u32], end: Option<u32>) -> Vec<u32> {
    tokens.iter().copied().filter(|&token| Some(token) != end).collect()
}

fn table(
    out: &mut impl Write,
    sampler: &Sampler,
    tokenizer: &Tokenizer,
    start: &[u32],
    tokens: &[u32],
    count: usize,
) -> Result<(), Failure> {
    let mut context = start.to_vec();
    writeln!(out, "{}  likeliest next tokens", pad("token", TOKEN))?;
    for &token in tokens {
        let top = sampler.top(&context, count)?;
        let likeliest: Vec<_> = top
            .iter()
            .map(|&(token, probability)| {
                format!("{:?} {:.1}%", tokenizer.decode_behind(&[token]), probability * 100.0)
            })
            .collect();
        let token_text = format!("{:?}", tokenizer.decode_behind(&[token]));
        writeln!(out, "{}  {}", pad(&token_text, TOKEN), likeliest.join("  "))?;
        context.push(token);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_before_the_first_stop_and_with_a_whole_character() {
        assert_eq!(until("one\ntwo. three", &[".", "\n"]), "one");
        assert_eq!(until("one", &["x"]), "one");
        assert!(ends("a.b", &["."]) && !ends("ab", &["."]));
        let tokenizer = Tokenizer::cl100k();
        let ids = tokenizer.encode("九房，陽臺");
        for cut in 0..=ids.len() {
            let text = text_of(&tokenizer, &ids[..cut]);
            assert!("九房，陽臺".starts_with(&text), "{text}");
        }
    }
}
