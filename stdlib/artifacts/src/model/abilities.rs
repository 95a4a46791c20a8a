//! What a model has been taught, kept beside its weights in `llmp.json`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use llmp_stage::{Error, Result};
use serde::{Deserialize, Serialize};

/// The file in a model folder. A folder without it holds a base model.
pub const ABILITIES_FILE: &str = "llmp.json";
/// The largest such file that is read.
const MAX_BYTES: u64 = 1 << 20;
const VERSION: u32 = 1;

/// Something that a model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Answers in the chat format.
    Chat,
    /// Says so when it does not know.
    Refuses,
    /// Looks things up.
    Searches,
}

/// What a model has been taught.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abilities {
    version: u32,
    /// What it can do; nothing for a base model.
    pub abilities: BTreeSet<Ability>,
    /// What it says when it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// How many passages a search gives it, as in its training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<usize>,
}

impl Abilities {
    /// Reads `llmp.json` in a model folder.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub fn load(model: &Path) -> Result<Self> {
        let path = model.join(ABILITIES_FILE);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("cannot read", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(Error::io("cannot read", &path))?;
        let abilities: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(format!("`{}` is malformed", path.display())).because(error))?;
        if abilities.version != VERSION {
            return Err(Error::new(format!(
                "`{}` has version {}, expected {VERSION}",
                path.display(),
                abilities.version
            ))
            .help("the model was made by another version of llmp: use that one, or run the stage again"));
        }
        Ok(abilities)
    }

    /// Whether the model has `ability`.
    #[must_use]
    pub fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    /// Writes `llmp.json` to a model folder, with one ability more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save_with(mut self, ability: Ability, model: &Path) -> Result<()> {
        self.version = VERSION;
        self.abilities.insert(ability);
        let path = model.join(ABILITIES_FILE);
        let text = serde_json::to_string_pretty(&self)
            .map_err(|error| Error::new("cannot describe the model").because(error))?;
        fs::write(&path, text + "\n").map_err(Error::io("cannot write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_add_up() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Abilities::load(folder.path()).unwrap(), Abilities::default());
        Abilities::default().save_with(Ability::Chat, folder.path()).unwrap();
        let mut abilities = Abilities::load(folder.path()).unwrap();
        abilities.refusal = Some("No.".into());
        abilities.save_with(Ability::Refuses, folder.path()).unwrap();
        let loaded = Abilities::load(folder.path()).unwrap();
        assert!(loaded.has(Ability::Chat) && loaded.has(Ability::Refuses) && !loaded.has(Ability::Searches));
        assert_eq!(loaded.refusal.as_deref(), Some("No."));
        fs::write(folder.path().join(ABILITIES_FILE), "{\"version\": 9, \"abilities\": []}").unwrap();
        assert!(Abilities::load(folder.path()).unwrap_err().to_string().contains("version 9"));
    }
}
