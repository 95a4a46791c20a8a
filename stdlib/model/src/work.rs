//! How much a model has to compute, in floating-point operations: times are foretold from it.
//!
//! Rows differ in length, and nobody has read them when a plan is made; what stands here for their length
//! follows from bytes of JSON and was compared with measured times (`tests/bench/estimates.py`). A time that
//! was measured once takes these errors out again: what counts then is the ratio of two works.

use llmp_artifacts::model::Config;
use llmp_stage::Known;

/// Bytes of a row of conversations that are notation: `{"messages": [{"role": "user", "content": …`.
const NOTATION: f64 = 75.0;
/// The share of a row of questions that is question and answer; the rest is ids, values and tags.
const OF_QUESTION: f64 = 0.4;
/// The share that is the question alone.
const OF_PROMPT: f64 = 0.12;
/// Special tokens around question and answer.
const MARKS: f64 = 8.0;
/// The longest row of a batch, which all others are padded to, against the mean.
const PADDED: f64 = 1.15;
/// Tokens of an answer that ends by itself.
const ANSWER: f64 = 16.0;

/// Training on `tokens` tokens, padding included.
#[must_use]
pub fn of_training(config: &Config, tokens: f64) -> f64 {
    config.training_flops_per_token() * tokens
}

/// Writing `sequences` answers of at most `most` tokens, each after a prompt of `prompt` tokens. A large
/// batch of them computes as fast as training does.
#[must_use]
pub fn of_writing(config: &Config, sequences: f64, prompt: f64, most: usize) -> f64 {
    // Training computes thrice what reading does: forwards, and backwards for inputs and weights. What it
    // keeps for the way back, and its optimiser, take as long as a third of that.
    let token = config.training_flops_per_token() / 4.0;
    sequences * token * (prompt + ANSWER.min(most as f64))
}

/// Reading texts of so many bytes, without writing or learning.
#[must_use]
pub fn of_reading(config: &Config, bytes: f64) -> f64 {
    config.training_flops_per_token() / 3.0 * bytes / bytes_of_token(config)
}

/// Tokens of a padded row of conversations; `None` where nothing is known of them.
#[must_use]
pub fn row_of_conversations(known: &Known, config: &Config) -> Option<f64> {
    padded((bytes_of_item(known)? - NOTATION).max(NOTATION / 5.0), config)
}

/// Tokens of a padded row that a question and its answer make; `None` where nothing is known of them.
#[must_use]
pub fn row_of_questions(known: &Known, config: &Config) -> Option<f64> {
    padded(OF_QUESTION * bytes_of_item(known)?, config)
}

/// Tokens of the prompt that a question makes; `None` where nothing is known of them.
#[must_use]
pub fn prompt_of_questions(known: &Known, config: &Config) -> Option<f64> {
    let tokens = OF_PROMPT * bytes_of_item(known)? / bytes_of_token(config) + MARKS;
    Some(tokens.min(config.context as f64))
}

fn padded(bytes: f64, config: &Config) -> Option<f64> {
    Some((PADDED * (bytes / bytes_of_token(config) + MARKS)).min(config.context as f64))
}

fn bytes_of_item(known: &Known) -> Option<f64> {
    let (items, bytes) = (known.items.filter(|items| *items > 0)?, known.bytes.filter(|bytes| *bytes > 0)?);
    Some(bytes as f64 / items as f64)
}

/// Bytes of text in a token of a vocabulary: 2.7 of a thousand, 3.7 of a hundred thousand.
fn bytes_of_token(config: &Config) -> f64 {
    1.2 + 0.5 * (config.vocabulary.max(10) as f64).log10()
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::testing::tiny;

    use super::*;

    #[test]
    fn work_grows_with_what_there_is_to_do() {
        let config = tiny();
        assert_eq!(of_training(&config, 200.0), 2.0 * of_training(&config, 100.0));
        assert!(of_writing(&config, 10.0, 20.0, 8) < of_writing(&config, 10.0, 20.0, 16));
        assert_eq!(
            of_writing(&config, 10.0, 20.0, 16),
            of_writing(&config, 10.0, 20.0, 4_000),
            "answers end"
        );
        assert_eq!(of_writing(&config, 20.0, 5.0, 8), 2.0 * of_writing(&config, 10.0, 5.0, 8));
    }

    #[test]
    fn rows_are_as_long_as_their_bytes_say_and_never_beyond_the_context() {
        let config = Config { vocabulary: 1_000, context: 96, ..tiny() };
        // 1,128 conversations of `examples/who-is`.
        let people = Known { items: Some(1_128), bytes: Some(185_315), ..Known::default() };
        let row = row_of_conversations(&people, &config).unwrap();
        assert!((40.0..60.0).contains(&row), "{row}");
        let long = Known { items: Some(1), bytes: Some(100_000), ..Known::default() };
        assert_eq!(row_of_conversations(&long, &config), Some(96.0));
        assert_eq!(row_of_questions(&long, &config), Some(96.0));
        assert_eq!(prompt_of_questions(&long, &config), Some(96.0));
        assert_eq!(row_of_conversations(&Known::default(), &config), None, "unknown is not short");
    }
}
