//! `llmp sample`: the base model goes on with a text; `--probs` shows what it weighs at each step.

use std::io::Write;

use clap::Args;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_model::{Request, Sampler};

use super::model::{Wanted, find};
use super::{Failure, Outcome, PipelineArguments, at_least_one};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The text to go on with; may be empty
    #[arg(default_value = "")]
    prompt: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The stage whose model is used [default: the newest base model]
    #[arg(short, long, value_name = "STAGE")]
    model: Option<String>,
    /// 0 takes the likeliest token each time
    #[arg(short, long, default_value_t = 0.8)]
    temperature: f32,
    /// Choose among the N likeliest tokens only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    top_k: Option<usize>,
    /// Choose among the likeliest tokens that sum up to P
    #[arg(long, value_name = "P")]
    top_p: Option<f32>,
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
    let found = find(&pipeline, arguments.model.as_deref(), Wanted::Base)?;
    let tokenizer = Tokenizer::load(&found.folder)?;
    let sampler = Sampler::load(&found.folder, &device)?;
    let end = tokenizer.special("<|endoftext|>");
    // Every document of the corpus followed an end of text: that is what the start of one looks like.
    let mut start: Vec<u32> = end.into_iter().collect();
    start.extend(tokenizer.encode(&prompt));
    let mut out = std::io::stdout().lock();
    for index in 0..arguments.count {
        if arguments.count > 1 {
            writeln!(out, "--- {}", index + 1)?;
        }
        let request = Request {
            prompt: start.clone(),
            max_tokens: arguments.tokens,
            temperature: arguments.temperature,
            top_k: arguments.top_k,
            top_p: arguments.top_p,
            seed: arguments.seed.wrapping_add(index as u64),
            stop: end.into_iter().collect(),
            banned: vec![],
        };
        let completions = sampler.generate(&[request], &|_| {}, None)?;
        let tokens = completions.into_iter().next().map(|completion| completion.tokens).unwrap_or_default();
        if arguments.probs > 0 {
            table(&mut out, &sampler, &tokenizer, &start, &tokens, arguments.probs)?;
        } else {
            writeln!(out, "{prompt}{}", tokenizer.decode_behind(&without(&tokens, end)))?;
        }
    }
    Ok(0)
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
    writeln!(out, "{:<16}  likeliest next tokens", "token")?;
    for &token in tokens {
        let top = sampler.top(&context, count)?;
        let likeliest: Vec<_> = top
            .iter()
            .map(|&(token, probability)| {
                format!("{:?} {:.1}%", tokenizer.decode_behind(&[token]), probability * 100.0)
            })
            .collect();
        writeln!(
            out,
            "{:<16}  {}",
            format!("{:?}", tokenizer.decode_behind(&[token])),
            likeliest.join("  ")
        )?;
        context.push(token);
    }
    Ok(())
}
