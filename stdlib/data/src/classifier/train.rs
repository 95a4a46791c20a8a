//! `quality.train`: a classifier of documents from good and poor ones.

use std::fs::File;
use std::io::{BufWriter, Write};

use llmp_artifacts::classifier::MODEL_FILE;
use llmp_artifacts::docs::Reader;
use llmp_stage::{Context, Error, Result};
use serde::Deserialize;

use super::dictionary::{Counter, Dictionary};
use super::model::{Arguments, Example, Model};
use super::words::words;
use crate::docs::chance::place;

/// What a classifier tells apart, and the inputs that show it.
pub(crate) const LABELS: [&str; 2] = ["good", "poor"];

/// The settings of `quality.train`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the signature documents each")]
pub struct Settings {
    pub dimension: usize,
    pub learning_rate: f32,
    pub epochs: u32,
    pub word_ngrams: usize,
    pub min_count: u32,
    pub buckets: u32,
    pub held_out: f64,
    pub seed: u64,
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read, one side has none, or the model cannot be written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let learned =
        |text: &str| place("llmp quality.train held_out 1", settings.seed, text) >= settings.held_out;
    let mut counter = Counter::default();
    let mut texts = [0; 2];
    for (label, role) in LABELS.iter().enumerate() {
        each(ctx, role, |text| {
            if learned(text) {
                counter.add(words(text));
                texts[label] += 1;
            }
            Ok(())
        })?;
        if texts[label] == 0 {
            return Err(Error::new(format!("`{role}` holds no document to learn from"))
                .help("give documents of both kinds, and a smaller `held_out` where there are few"));
        }
    }
    let dictionary = counter.finish(settings.min_count.into());
    ctx.count("words", dictionary.counts.len() as u64);
    let (examples, held_out) = encode(ctx, &dictionary, learned, settings.seed)?;

    let arguments = Arguments {
        dimension: settings.dimension,
        learning_rate: settings.learning_rate,
        epochs: settings.epochs,
        word_ngrams: settings.word_ngrams,
        min_count: settings.min_count,
        // As fastText does: no sequences, no vectors for them.
        buckets: if settings.word_ngrams > 1 { settings.buckets } else { 0 },
        seed: settings.seed,
    };
    let mut model = Model::new(arguments, dictionary.counts.len(), LABELS.len());
    model.train(ctx, &examples)?;
    ctx.count("documents", examples.len() as u64);
    ctx.count("held_out", held_out.len() as u64);
    if !held_out.is_empty() {
        let right = held_out.iter().filter(|example| {
            let scores = model.predict(example);
            scores
                .iter()
                .enumerate()
                .all(|(label, score)| label == example.label || *score < scores[example.label])
        });
        ctx.measure("held_out_accuracy", right.count() as f64 / held_out.len() as f64);
    }
    let path = ctx.output().join(MODEL_FILE);
    let failed = Error::io("cannot write", &path);
    let labels = [(LABELS[0], texts[0]), (LABELS[1], texts[1])];
    let write = || {
        let mut file = BufWriter::new(File::create(&path)?);
        model.write(&mut file, &dictionary, &labels)?;
        file.flush()
    };
    write().map_err(failed)
}

/// The documents to learn from, shuffled by the hash of their text, and those to try the model on.
fn encode(
    ctx: &dyn Context,
    dictionary: &Dictionary,
    learned: impl Fn(&str) -> bool,
    seed: u64,
) -> Result<(Vec<Example>, Vec<Example>)> {
    let (mut examples, mut held_out) = (Vec::new(), Vec::new());
    for (label, role) in LABELS.iter().enumerate() {
        each(ctx, role, |text| {
            let (ids, hashes) = dictionary.encode(words(text));
            let example = Example { ids, hashes, label };
            match learned(text) {
                true => examples.push((place("llmp quality.train order 1", seed, text), example)),
                false => held_out.push(example),
            }
            Ok(())
        })?;
    }
    examples.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    Ok((examples.into_iter().map(|(_, example)| example).collect(), held_out))
}

/// Calls `work` with the text of each document of an input.
fn each(ctx: &dyn Context, role: &str, mut work: impl FnMut(&str) -> Result<()>) -> Result<()> {
    for file in ctx.input(role)?.with_suffix(".parquet") {
        for doc in Reader::open(&file.path)? {
            ctx.proceed()?;
            work(&doc?.text)?;
        }
    }
    Ok(())
}
