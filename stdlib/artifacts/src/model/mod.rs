//! The Model artifact: a folder in Hugging Face's form, with what the model has been taught.

mod abilities;
mod config;
mod folder;
pub mod weights;

use llmp_stage::{Error, Fact, Form, Input, Result};

pub use abilities::{ABILITIES_FILE, Abilities, Ability};
pub use config::{Config, Parameter, Role, RopeScaling};
pub use folder::{CONFIG_FILE, Folder};

use crate::tokenizer::Tokenizer;

/// What Model artifacts are on disk.
pub struct Model;

impl Form for Model {
    fn kind(&self) -> &'static str {
        "Model"
    }

    fn expected(&self) -> &'static str {
        "`config.json`, `model.safetensors` and the tokenizer's files"
    }

    fn check(&self, written: &Input) -> Result<()> {
        let folder = written.folder();
        Config::load(folder)?;
        Tokenizer::load(folder)?;
        Abilities::load(folder)?;
        let weights = ["model.safetensors", "model.safetensors.index.json"];
        if weights.iter().any(|name| folder.join(name).is_file()) {
            return Ok(());
        }
        Err(Error::new("it holds no `model.safetensors`"))
    }

    fn unit(&self) -> Option<&'static str> {
        Some("steps")
    }

    fn items(&self) -> Option<&'static str> {
        None
    }

    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let config = Config::load(artifact.folder())?;
        let abilities = Abilities::load(artifact.folder())?;
        let named = |ability: &Ability| match ability {
            Ability::Chat => "chat",
            Ability::Refuses => "refuses",
            Ability::Searches => "searches",
        };
        let can: Vec<&str> = abilities.abilities.iter().map(named).collect();
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("parameters", config.parameter_count().to_string()),
            fact("layers", config.layers.to_string()),
            fact("width", config.width.to_string()),
            fact(
                "heads",
                format!("{} of width {}, {} for keys", config.heads, config.head_width, config.kv_heads),
            ),
            fact("MLP width", config.mlp_width.to_string()),
            fact("context", format!("{} tokens", config.context)),
            fact("vocabulary", config.vocabulary.to_string()),
            fact(
                "embedding",
                if config.tied { "tied to the head" } else { "apart from the head" }.to_owned(),
            ),
            fact(
                "can",
                if can.is_empty() { "go on with a text (a base model)".to_owned() } else { can.join(", ") },
            ),
        ];
        facts.extend(abilities.refusal.map(|refusal| fact("refusal", refusal)));
        facts.extend(abilities.results.map(|results| fact("search results shown", results.to_string())));
        Ok(facts)
    }
}
