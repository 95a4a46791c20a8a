//! `llmp tokens TEXT…`: how tokenizers cut texts, piece by piece.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use llmp_artifacts::tokenizer::{TOKENIZER_FILE, Tokenizer, read_bounded};
use llmp_compiler::artifact::ArtifactKind;
use serde_json::json;

use super::results::{OfRun, Results, must_make};
use super::{Failure, Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The texts; a name of a file that is there means what the file holds
    #[arg(required = true, value_name = "TEXT|FILE")]
    texts: Vec<String>,
    /// The tokenizer: cl100k (GPT-4), o200k (GPT-4o), gpt2, a tokenizer.json or its folder, or a stage of the
    /// pipeline; several are shown one below another
    #[arg(long = "with", value_name = "TOKENIZER", default_value = "cl100k")]
    tokenizers: Vec<String>,
    /// Take names of special tokens such as <|im_start|> for these tokens; else they are text like any other
    #[arg(long)]
    special: bool,
    /// The pipeline of which a stage is meant
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    #[command(flatten)]
    of: OfRun,
    /// Print one JSON object a text and tokenizer
    #[arg(long)]
    json: bool,
}

/// Texts that are read from files are no larger.
const MAX_TEXT: usize = 64 << 20;

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let tokenizers = arguments
        .tokenizers
        .iter()
        .map(|name| Ok((name.as_str(), tokenizer(name, arguments)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut out = crate::output::stdout();
    let colour = console::colors_enabled();
    for text in &arguments.texts {
        let (name, text) = content(text)?;
        for (tokenizer_name, tokenizer) in &tokenizers {
            let ids = match arguments.special {
                true => tokenizer.encode_with_specials(&text)?,
                false => tokenizer.encode(&text),
            };
            let characters = text.chars().count();
            if arguments.json {
                let pieces: Vec<_> = ids
                    .iter()
                    .map(|id| {
                        let bytes = tokenizer.token_bytes(*id).unwrap_or_default();
                        // Null where the bytes are no whole characters.
                        json!({"id": id, "text": std::str::from_utf8(bytes).ok(), "bytes": bytes})
                    })
                    .collect();
                let line = json!({
                    "tokenizer": tokenizer_name, "file": name, "tokens": ids.len(), "characters": characters,
                    "bytes": text.len(), "pieces": pieces,
                });
                writeln!(out, "{line}")?;
                continue;
            }
            let per_token = text.len() as f64 / ids.len().max(1) as f64;
            writeln!(
                out,
                "{tokenizer_name}: {} tokens, {characters} characters, {} bytes, {per_token:.2} bytes a token",
                ids.len(),
                text.len()
            )?;
            writeln!(out, "{}", shown(tokenizer, &ids, colour))?;
            let numbers: Vec<String> = ids.iter().map(u32::to_string).collect();
            writeln!(out, "{}\n", numbers.join(" "))?;
        }
    }
    Ok(0)
}

/// The pieces one after another: on backgrounds that take turns, or, without colour, apart by `|`. Bytes of a
/// character that is cut stand as `<e4>`.
fn shown(tokenizer: &Tokenizer, ids: &[u32], colour: bool) -> String {
    const BACKGROUNDS: [u8; 5] = [103, 102, 106, 105, 104];
    let mut shown = String::new();
    for (number, id) in ids.iter().enumerate() {
        let mut text = String::new();
        for chunk in tokenizer.token_bytes(*id).unwrap_or_default().utf8_chunks() {
            text += &chunk.valid().replace('\t', "⇥").replace('\r', "␍");
            for byte in chunk.invalid() {
                // Writing to a string never fails.
                let _ = write!(text, "<{byte:02x}>");
            }
        }
        if !colour {
            let apart = if number == 0 { "" } else { "|" };
            shown += apart;
            shown += &text;
            continue;
        }
        let style = match tokenizer.is_special(*id) {
            true => "30;41".to_owned(),
            false => format!("30;{}", BACKGROUNDS[number % BACKGROUNDS.len()]),
        };
        for (line, part) in text.split('\n').enumerate() {
            if line > 0 {
                let _ = writeln!(shown, "\u{1b}[{style}m⏎\u{1b}[0m");
            }
            if !part.is_empty() {
                let _ = write!(shown, "\u{1b}[{style}m{part}\u{1b}[0m");
            }
        }
    }
    shown
}

/// A text that is given, or what the file of that name holds, and that name.
fn content(given: &str) -> Result<(Option<&str>, String), Failure> {
    let path = Path::new(given);
    if !path.is_file() {
        return Ok((None, given.to_owned()));
    }
    let text = read_bounded(path)?;
    if text.len() > MAX_TEXT {
        return Err(Failure::new(format!("`{given}` has {} bytes, too many to look at", text.len()))
            .help("encode it with the stage `tokenize.encode`, and look at rows with `llmp show`"));
    }
    Ok((Some(given), text))
}

/// The tokenizer of that name.
fn tokenizer(name: &str, arguments: &Arguments) -> Result<Tokenizer, Failure> {
    match name {
        "cl100k" => return Ok(Tokenizer::cl100k()),
        "o200k" => return Ok(Tokenizer::o200k()),
        "gpt2" => return Ok(Tokenizer::gpt2()),
        _ => {}
    }
    let path = Path::new(name);
    if path.is_dir() && path.join(TOKENIZER_FILE).is_file() {
        return Ok(Tokenizer::load(path)?);
    }
    if path.is_file() {
        return Ok(Tokenizer::load_file(path)?);
    }
    let pipeline = PipelineArguments { file: arguments.pipeline.clone(), ..PipelineArguments::default() };
    let results = Results::of(&pipeline, arguments.of.run.as_deref()).map_err(|failure| {
        failure.help(format!(
            "`{name}` is no tokenizer that is built in (cl100k, o200k, gpt2), and no file; as the name of a stage it needs a \
             pipeline that has run"
        ))
    })?;
    let one = results.named(name, &|stage| stage.makes(ArtifactKind::Tokenizer))?;
    must_make(one.stage, ArtifactKind::Tokenizer, one.run)?;
    Ok(Tokenizer::open(&results.input(&one)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_tokens_are_found_where_they_are_asked_for() {
        let tokenizer = Tokenizer::cl100k();
        let ids = tokenizer.encode_with_specials("<|im_start|>user<|im_sep|>hi<|im_end|>").unwrap();
        assert_eq!(ids, [100_264, 882, 100_266, 6151, 100_265]);
        assert!(!tokenizer.encode("<|im_start|>").contains(&100_264));
    }

    #[test]
    fn bytes_of_a_cut_character_are_shown() {
        let tokenizer = Tokenizer::cl100k();
        let ids = tokenizer.encode("a 韬\n");
        let shown = shown(&tokenizer, &ids, false);
        assert_eq!(shown, "a| <e9>|<9f>|<ac>|\n");
    }
}
