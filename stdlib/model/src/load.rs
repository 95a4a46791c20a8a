//! Stage `model.load`: a model from elsewhere becomes an artifact.

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
    let input = ctx.input("files")?;
    let is_config = |name: &str| name == "config.json" || name.ends_with("/config.json");
    let mut configs = input.files.iter().filter(|file| is_config(&file.name));
    let (Some(config), None) = (configs.next(), configs.next()) else {
        return Err(Error::new(format!("`{}` does not hold exactly one `config.json`", input.label))
            .help("give the folder of one Hugging Face model"));
    };
    let folder = match config.name.strip_suffix("config.json") {
        Some(parent) => input.folder().join(parent),
        None => input.folder().to_owned(),
    };
    let (config, weights) = hub::load(&folder)?;
    ctx.count("parameters", config.parameter_count());
    hub::save(ctx.output(), &config, &weights)?;
    hub::copy_tokenizer(&folder, ctx.output())
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::testing::tiny;

    #[test]
    fn takes_over_a_folder() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = from.path().join("some/model");
        std::fs::create_dir_all(&folder).unwrap();
        hub::save(&folder, &tiny(), &hub::initial(&tiny(), 4)).unwrap();
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            std::fs::write(folder.join(name), "{}").unwrap();
        }
        let ctx = TestContext::new(to.path()).with_folder("files", from.path());
        run(&ctx, Settings { _license: None }).unwrap();
        assert_eq!(hub::load(ctx.output()).unwrap(), hub::load(&folder).unwrap());
        let nothing = TestContext::new(to.path()).with_files("files", &[("a.txt", b"")]);
        assert!(
            run(&nothing, Settings { _license: None })
                .unwrap_err()
                .to_string()
                .contains("exactly one `config.json`")
        );
    }
}
