//! What the stages of this crate will need, from what is known of the model and of what it learns from.

use llmp_model::Config;
use llmp_stage::{Cost, Inputs, Known};

use crate::{factuality, probe, refusal, sft, tool_use};

/// Bytes of a conversation or question for each token, at least.
const BYTES_OF_TOKEN: u64 = 3;
/// The longest of a batch against the mean.
const LONGEST: u64 = 2;
/// Bytes that a row of JSON takes once it is read.
const READ: u64 = 3;

pub(crate) fn sft(settings: &sft::Settings, inputs: &Inputs) -> Cost {
    tune(settings.batch, inputs, &["conversations"])
}

pub(crate) fn refusal(settings: &refusal::Settings, inputs: &Inputs) -> Cost {
    tune(settings.batch, inputs, &["probe", "conversations"])
}

pub(crate) fn tool_use(settings: &tool_use::Settings, inputs: &Inputs) -> Cost {
    // Results of a search fill the context.
    let mut cost = tune(settings.batch, inputs, &[]);
    if cost.memory > 0 {
        cost.memory += READ * inputs.get("probe").bytes + inputs.get("index").bytes;
    }
    cost
}

pub(crate) fn probe(settings: &probe::Settings, inputs: &Inputs) -> Cost {
    let questions = inputs.get("questions");
    let memory = config(inputs.get("model")).map_or(0, |config| {
        let samples = questions.bytes * settings.samples as u64;
        config.sampling_memory(settings.batch as u64, length(questions, &config)) + READ * samples
    });
    Cost { memory, ..Cost::default() }
}

pub(crate) fn factuality(settings: &factuality::Settings, inputs: &Inputs) -> Cost {
    let (questions, models) = (inputs.get("questions"), inputs.all("models"));
    let configs: Option<Vec<Config>> = models.iter().map(config).collect();
    // A search's results are read behind the question.
    let prompt = |config: &Config| match inputs.get("index").bytes {
        0 => length(questions, config),
        _ => config.context as u64,
    };
    let largest = configs.into_iter().flatten();
    let largest = largest.map(|config| config.sampling_memory(settings.batch as u64, prompt(&config))).max();
    let answers = READ * questions.bytes * models.len() as u64;
    let memory = largest.map_or(0, |largest| largest + answers + inputs.get("index").bytes);
    Cost { memory, ..Cost::default() }
}

/// Fine-tuning on rows of what these inputs hold, `batch` in a step; on full rows where none are named. A step of replay has
/// a quarter as many rows, which are full.
fn tune(batch: usize, inputs: &Inputs, from: &[&str]) -> Cost {
    let Some(config) = config(inputs.get("model")) else { return Cost::default() };
    let context = config.context as u64;
    let row = from.iter().map(|role| inputs.get(role)).filter(|known| **known != Known::default());
    let row = row.map(|known| length(known, &config)).max().unwrap_or(context);
    let batch = batch as u64;
    let read: u64 = ["conversations", "probe"].iter().map(|role| READ * inputs.get(role).bytes).sum();
    let memory = config.training_memory((batch * row).max(batch.div_ceil(4) * context)) + read;
    Cost { memory, parameters: config.parameter_count(), ..Cost::default() }
}

/// Tokens of the longest rows of an artifact.
fn length(known: &Known, config: &Config) -> u64 {
    let context = config.context as u64;
    match known.bytes.checked_div(known.items) {
        Some(bytes) => (LONGEST * bytes / BYTES_OF_TOKEN).clamp(1, context),
        None => context,
    }
}

fn config(model: &Known) -> Option<Config> {
    Config::from_json(model.model.as_ref()?).ok()
}
