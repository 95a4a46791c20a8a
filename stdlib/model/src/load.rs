//! Stage `model.load`: a model from elsewhere becomes an artifact.

use llmp_artifacts::model::{Config, Folder};
use llmp_artifacts::tokenizer::{TOKENIZER_FILE, Tokenizer};
use llmp_stage::{Context, Error, Result};
use serde::Deserialize;

use crate::hub;

/// The settings of `load.llmp`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    let folder = Folder::among(ctx.input("files")?)?;
    let (config, weights) = hub::load_from(&folder)?;
    check_tokenizer(&folder, &config)?;
    check_numbers(&config, &weights)?;
    ctx.count("parameters", config.parameter_count());
    hub::save(ctx.output(), &config, &weights)?;
    hub::copy_tokenizer(&folder, ctx.output())
}

/// Refuses a tokenizer that llmp cannot use, or that has ids which the model has no embeddings for: at once,
/// and not in the middle of a long run.
fn check_tokenizer(folder: &Folder<'_>, config: &Config) -> Result<()> {
    let path = folder.file(TOKENIZER_FILE)?;
    let ids = Tokenizer::load_file(&path)?.vocab_size() as usize;
    if ids > config.vocabulary {
        let message = format!(
            "the tokenizer `{}` has {ids} ids, the model embeddings for {}",
            path.display(),
            config.vocabulary
        );
        return Err(Error::new(message).help(
            "the tokenizer and the model have to be of the same vocabulary; were tokens added to one only?",
        ));
    }
    Ok(())
}

/// Refuses weights that are no numbers, which a training that broke down leaves: everything that such a model
/// says is noise, and nothing else would tell.
fn check_numbers(config: &Config, weights: &[Vec<f32>]) -> Result<()> {
    let bad = |values: &[f32]| values.iter().filter(|value| !value.is_finite()).count();
    let parameters = config.parameters();
    let mut found = parameters.iter().zip(weights).map(|(parameter, values)| (parameter, bad(values)));
    match found.find(|(_, bad)| *bad > 0) {
        None => Ok(()),
        Some((parameter, bad)) => Err(Error::new(format!(
            "{bad} of {} values of the tensor `{}` are not finite (NaN or infinite)",
            parameter.len(),
            parameter.name
        ))
        .help("the file is damaged, or its training broke down: take an earlier checkpoint")),
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::testing::tiny;

    /// A model of 300 embeddings with a tokenizer of as many ids.
    fn model(folder: &std::path::Path) {
        let config = Config { vocabulary: 300, ..tiny() };
        std::fs::create_dir_all(folder).unwrap();
        hub::save(folder, &config, &hub::initial(&config, 4)).unwrap();
        let ranks = Tokenizer::cl100k().to_tiktoken().unwrap();
        let ranks: String = ranks.lines().take(292).map(|line| format!("{line}\n")).collect();
        let tokenizer = Tokenizer::from_tiktoken(&ranks, llmp_artifacts::tokenizer::Pattern::Gpt2).unwrap();
        assert_eq!(tokenizer.vocab_size(), 300);
        tokenizer.save(folder).unwrap();
    }

    fn load(to: &std::path::Path, from: &std::path::Path) -> (TestContext, Result<()>) {
        let ctx = TestContext::new(to).with_folder("files", from);
        let result = run(&ctx, Settings { _license: None });
        (ctx, result)
    }

    #[test]
    fn takes_over_a_folder_with_others_below() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = from.path().join("some/model");
        model(&folder);
        // Another model's checkpoint, and a copy of the config that comes first in the order of names.
        model(&folder.join("checkpoint-1"));
        let copy = folder.join("a");
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(folder.join("config.json"), copy.join("config.json")).unwrap();
        let (ctx, result) = load(to.path(), from.path());
        result.unwrap();
        assert_eq!(hub::load(ctx.output()).unwrap(), hub::load(&folder).unwrap());

        // What was taken over is a folder like any other.
        let again = tempfile::tempdir().unwrap();
        let (second, result) = load(again.path(), ctx.output());
        result.unwrap();
        assert_eq!(hub::load(second.output()).unwrap(), hub::load(&folder).unwrap());
    }

    #[test]
    fn files_of_equal_content_count_once_and_are_found() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        model(from.path());
        model(&from.path().join("a"));
        let ctx = TestContext::new(to.path()).with_folder("files", from.path());
        // As the runtime does it: the first of equal files stands for all.
        let mut input = ctx.input("files").unwrap().clone();
        let mut seen = std::collections::BTreeSet::new();
        input.files.retain(|file| seen.insert(file.digest.clone()));
        assert!(Folder::among(&input).is_ok());
    }

    #[test]
    fn a_folder_that_is_no_model_is_refused() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(from.path().join("a.txt"), "").unwrap();
        let message = |result: Result<()>| result.unwrap_err().to_string();
        assert!(message(load(to.path(), from.path()).1).contains("holds no `config.json`"));
        for name in ["one", "two"] {
            model(&from.path().join(name));
        }
        assert!(message(load(to.path(), from.path()).1).contains("holds several models"));
        let some = TestContext::new(to.path()).with_folder("files", &from.path().join("one"));
        let mut input = some.input("files").unwrap().clone();
        input.files.retain(|file| file.name != "model.safetensors");
        let folder = Folder::among(&input).unwrap();
        assert!(hub::load_from(&folder).unwrap_err().to_string().contains("does not cover"));
    }

    #[test]
    fn weights_that_are_no_numbers_are_refused() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        model(from.path());
        let config = Config { vocabulary: 300, ..tiny() };
        let mut weights = hub::initial(&config, 4);
        weights[1][2] = f32::NAN;
        weights[1][5] = f32::NEG_INFINITY;
        hub::save(from.path(), &config, &weights).unwrap();
        let error = load(to.path(), from.path()).1.unwrap_err().to_string();
        let (name, count) = (&config.parameters()[1].name, config.parameters()[1].len());
        assert!(error.starts_with(&format!("2 of {count} values of the tensor `{name}`")), "{error}");
    }

    #[test]
    fn a_tokenizer_with_more_ids_than_embeddings_is_refused() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        model(from.path());
        let config = Config { vocabulary: 299, ..tiny() };
        hub::save(from.path(), &config, &hub::initial(&config, 4)).unwrap();
        let error = load(to.path(), from.path()).1.unwrap_err().to_string();
        assert!(error.ends_with("has 300 ids, the model embeddings for 299"), "{error}");
    }
}
