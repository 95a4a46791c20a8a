//! Stage `tokenize.load`: tokenizers that need no training.

use llmp_artifacts::tokenizer::{Pattern, TOKENIZER_FILE, Tokenizer, read_bounded};
use llmp_stage::{Context, Error, InputFile, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pattern: Pattern,
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let files = ctx.input("files")?;
    let is_json = |file: &&InputFile| file.name.rsplit('/').next() == Some(TOKENIZER_FILE);
    let is_ranks = |file: &&InputFile| file.name.ends_with(".tiktoken");
    let found: Vec<&InputFile> = files.files.iter().filter(|file| is_json(file) || is_ranks(file)).collect();
    let [file] = found[..] else {
        return Err(Error::new(format!(
            "`{}` holds {} tokenizer files, expected one",
            files.label,
            found.len()
        ))
        .help("name one file: `tokenizer.json`, or ranks that end in `.tiktoken`"));
    };
    let tokenizer = if is_ranks(&file) {
        Tokenizer::from_tiktoken(&read_bounded(&file.path)?, settings.pattern)?
    } else {
        Tokenizer::load_file(&file.path)?
    };
    let tokenizer = tokenizer.with_specials()?;
    ctx.count("vocabulary", u64::from(tokenizer.vocab_size()));
    tokenizer.save(ctx.output())
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::tokenizer::{CONFIG_FILE, special};
    use llmp_stage::testing::TestContext;

    #[test]
    fn ranks_and_json_give_the_same_tokenizer() {
        let folder = tempfile::tempdir().unwrap();
        let ranks = Tokenizer::cl100k().to_tiktoken().unwrap();
        let first: String = ranks.lines().take(300).map(|line| format!("{line}\n")).collect();
        let ctx = TestContext::new(&folder.path().join("a"))
            .with_files("files", &[("x.tiktoken", first.as_bytes())]);
        run(&ctx, Settings { pattern: Pattern::Gpt2 }).unwrap();
        let made = Tokenizer::load(ctx.output()).unwrap();
        assert_eq!(made.vocab_size(), 308);
        assert_eq!(made.special(special::RESULT_END), Some(307));
        assert_eq!(made.to_tiktoken().unwrap(), first);

        let again = TestContext::new(&folder.path().join("b")).with_folder("files", ctx.output());
        run(&again, Settings { pattern: Pattern::Cl100k }).unwrap();
        for name in [TOKENIZER_FILE, CONFIG_FILE] {
            assert!(
                std::fs::read(ctx.output().join(name)).unwrap()
                    == std::fs::read(again.output().join(name)).unwrap()
            );
        }
    }

    #[test]
    fn one_file_is_expected() {
        let folder = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(folder.path()).with_files("files", &[("vocab.txt", b"a")]);
        let error = run(&ctx, Settings { pattern: Pattern::Cl100k }).err().unwrap();
        assert!(error.to_string().contains("expected one"), "{error}");
    }
}
