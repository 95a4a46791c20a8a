//! Stage `eval.samples`: what models write, and what they weigh.

use llmp_model::{Request, memory};
use llmp_stage::shown::{Better, Cell, Column, Example, Row, Shown, Table, Unit};
use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::written;

/// How to read the table.
const LEGEND: &str =
    "probability: of the token as the next one, at temperature 1. Tokens are in quotes, with escapes.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    prompts: Vec<String>,
    prefixes: Vec<String>,
    samples: usize,
    max_tokens: usize,
    temperature: f32,
    top: usize,
    seed: u64,
}

/// A continuation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Sample {
    model: String,
    prompt: String,
    text: String,
}

/// What it will need.
pub(crate) fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    let configs: Option<Vec<_>> = inputs.all("models").iter().map(memory::config_of).collect();
    let memory = configs.and_then(|configs| {
        configs.iter().map(|config| memory::of_sampling(config, 32, config.context as u64)).max()
    });
    Cost { memory, ..Cost::default() }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let models = ctx.inputs("models");
    let bar = ctx.bar((models.len() * settings.prompts.len() * settings.samples) as u64, "samples");
    let (mut rows, mut samples) = (Vec::new(), Vec::new());
    for number in 0..models.len() {
        let subject = Subject::load(ctx, models, number)?;
        bar.note(&subject.name);
        for prefix in &settings.prefixes {
            ctx.proceed()?;
            rows.extend(next(&subject, prefix, settings.top)?);
        }
        samples.extend(write(&subject, &settings, &|done| bar.add(done))?);
    }
    let example = |sample: &Sample| Example {
        of: format!("samples of {}", sample.model),
        fields: vec![
            ("prompt".to_owned(), sample.prompt.clone()),
            ("goes on".to_owned(), sample.text.clone()),
        ],
    };
    let shown = Shown {
        title: "samples".into(),
        tables: vec![Table { columns: columns(), rows }],
        examples: samples.iter().map(example).collect(),
        ..Shown::default()
    };
    written::write(ctx, "samples", &shown, &samples, LEGEND)
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("model"),
        Column::text("prefix"),
        Column::text("token"),
        Column::measure("probability", Unit::Share, Better::Neither),
    ]
}

/// The likeliest tokens behind a text, as rows of [`columns`].
fn next(subject: &Subject, prefix: &str, top: usize) -> Result<Vec<Row>> {
    let row = |(token, probability): (u32, f32)| Row {
        cells: vec![
            subject.name.as_str().into(),
            prefix.into(),
            Cell::Text(format!("{:?}", subject.tokenizer.decode_behind(&[token]))),
            Cell::Number(f64::from(probability)),
        ],
        total: false,
    };
    let prompt = prompt(subject, prefix)?;
    Ok(subject.sampler.top(&prompt, top)?.into_iter().map(row).collect())
}

/// A text behind the token that starts one.
fn prompt(subject: &Subject, text: &str) -> Result<Vec<u32>> {
    let mut prompt = vec![subject.start()?];
    prompt.extend(subject.tokenizer.encode(text));
    match prompt.len() < subject.context() {
        true => Ok(prompt),
        false => Err(Error::new(format!(
            "a text has {} tokens, the context of `{}` {}: {text}",
            prompt.len(),
            subject.name,
            subject.context()
        ))),
    }
}

/// All samples of a model, prompt by prompt. Each has a seed of its own, which follows from the number of the
/// sample alone.
fn write(subject: &Subject, settings: &Settings, done: &(dyn Fn(u64) + Sync)) -> Result<Vec<Sample>> {
    let start = subject.start()?;
    let (mut requests, mut texts) = (Vec::new(), Vec::new());
    for text in &settings.prompts {
        let prompt = prompt(subject, text)?;
        for number in 0..settings.samples {
            texts.push(text);
            requests.push(Request {
                prompt: prompt.clone(),
                max_tokens: settings.max_tokens,
                temperature: settings.temperature,
                top_k: None,
                top_p: None,
                min_p: None,
                seed: settings.seed + number as u64,
                stop: subject.ends(),
                banned: vec![],
            });
        }
    }
    let written = subject.sampler.generate(&requests, &|rows| done(rows as u64), None)?;
    let sample = |(text, completion): (&String, llmp_model::Completion)| {
        let ends = subject.ends();
        let tokens: Vec<u32> =
            completion.tokens.into_iter().filter(|token| !ends.contains(token) && *token != start).collect();
        Sample {
            model: subject.name.clone(),
            prompt: text.clone(),
            text: subject.tokenizer.decode_behind(&tokens),
        }
    };
    Ok(texts.into_iter().zip(written).map(sample).collect())
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::testing::{END, TOKENS, bigrams};

    #[test]
    fn probabilities_and_greedy_samples_are_those_of_the_model() {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("model");
        let pairs = [('a' as u32, 'b' as u32, 90.0), ('b' as u32, 'c' as u32, 50.0), ('c' as u32, END, 70.0)];
        bigrams(&model, &pairs);
        let ctx = TestContext::new(root.path()).with_folder("models", &model);
        let settings = Settings {
            prompts: vec!["xa".into(), "c".into()],
            prefixes: vec!["a".into()],
            samples: 2,
            max_tokens: 8,
            temperature: 0.0,
            top: 2,
            seed: 1,
        };
        run(&ctx, settings).unwrap();
        let text = std::fs::read_to_string(ctx.output().join("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shown = Shown::of(&report).unwrap();
        let found = shown.value("probability", &["models", "a", "\"b\""]).unwrap();
        assert!((found - 90.0 / (TOKENS as f64 - 1.0 + 90.0)).abs() < 1e-5, "{found}");
        assert_eq!(shown.tables[0].rows.len(), 2);
        let texts: Vec<&str> =
            report["answers"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["bc", "bc", "", ""], "the end of the text is no part of it");
        assert_eq!(shown.examples.len(), 4);
    }
}
