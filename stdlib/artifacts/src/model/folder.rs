//! A model folder: where its files lie, whether the store holds them or a person does.

use std::path::{Path, PathBuf};

use llmp_stage::{Error, Input, Result};

/// The files that stand beside a `config.json`.
pub struct Folder<'a> {
    path: PathBuf,
    /// The files that a pipeline names, where not all that lies there is one of the stage's inputs.
    given: Option<&'a Input>,
}

impl<'a> Folder<'a> {
    /// A folder that is a model as a whole.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), given: None }
    }

    /// The model among files that people name: the outermost folder with a `config.json`. What lies deeper,
    /// such as checkpoints of a training, does not count.
    ///
    /// # Errors
    /// Where there is none, or several lie equally deep.
    pub fn among(input: &'a Input) -> Result<Self> {
        // Files of equal content are one input, under the name that comes first: so that a second copy of the
        // model's `config.json` does not hide it, the folders are looked into.
        let mut folders: Vec<&Path> = input.files.iter().filter_map(|file| file.path.parent()).collect();
        folders.sort_unstable();
        folders.dedup();
        let mut models = Vec::new();
        for path in folders {
            let folder = Self { path: path.to_owned(), given: Some(input) };
            if folder.find(CONFIG_FILE)?.is_some() {
                models.push(folder);
            }
        }
        let depth = |folder: &Self| folder.path.components().count();
        let outermost = models.iter().map(depth).min();
        models.retain(|folder| Some(depth(folder)) == outermost);
        match models.len() {
            1 => Ok(models.remove(0)),
            0 => Err(Error::new(format!("`{}` holds no `{CONFIG_FILE}`", input.label))
                .help("give the folder of a Hugging Face model")),
            _ => Err(Error::new(format!(
                "`{}` holds several models: `{}` and `{}`",
                input.label,
                models[0].display(),
                models[1].display()
            ))
            .help("give the folder of one of them")),
        }
    }

    /// The folder as messages show it.
    #[must_use]
    pub fn display(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// Where the file `name` lies; `None` where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, or the pipeline does not name it, so that a change of it would go unseen.
    pub fn find(&self, name: &str) -> Result<Option<PathBuf>> {
        let path = self.path.join(name);
        let Some(input) = self.given else { return Ok(Some(path).filter(|path| path.exists())) };
        if input.files.iter().any(|file| file.path == path) {
            return Ok(Some(path));
        }
        if !path.is_file() {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        let file = std::fs::File::open(&path).map_err(Error::io("cannot read", &path))?;
        hasher.update_reader(file).map_err(Error::io("cannot read", &path))?;
        let digest = hasher.finalize().to_hex();
        match input.files.iter().any(|file| file.digest == digest.as_str()) {
            true => Ok(Some(path)),
            false => Err(Error::new(format!("`{}` does not cover `{}`", input.label, path.display()))
                .help("give the whole folder of the model")),
        }
    }

    /// As [`Folder::find`], for a file that has to be there.
    ///
    /// # Errors
    /// As there, and where it is missing.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        self.find(name)?.ok_or_else(|| {
            Error::new(format!("`{}` holds no `{name}`", self.display()))
                .help("the folder of a model has to be whole")
        })
    }
}

/// The file that makes a folder a model's.
pub const CONFIG_FILE: &str = "config.json";
