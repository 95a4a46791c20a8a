//! The Model artifact: a folder in Hugging Face's form, with what the model has been taught.

mod abilities;
mod config;
mod folder;
pub mod weights;

use llmp_stage::{Error, Form, Input, Result};

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
}
