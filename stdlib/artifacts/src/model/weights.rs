//! Weights in safetensors files: one file, or several with an index that says which of them holds a tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Result};
use serde::Deserialize;

use super::{Config, Folder, Parameter};
use crate::pointer;

/// Upper bound of a safetensors header and of a shard index, in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 20;
/// The single weights file.
pub const WEIGHTS: &str = "model.safetensors";
/// Where the weights lie in several files.
pub const INDEX: &str = "model.safetensors.index.json";
/// Weights in forms that are not read.
const OTHER_FORMS: [&str; 5] =
    ["pytorch_model.bin", "pytorch_model.bin.index.json", "model.ckpt", "tf_model.h5", "flax_model.msgpack"];

/// Reads the weights of a folder in the order of [`Config::parameters`].
///
/// # Errors
/// Where a file is missing or damaged, a tensor is missing, of another shape or type, or there is one that
/// `config` does not account for.
pub fn load(folder: &Folder<'_>, config: &Config) -> Result<Vec<Vec<f32>>> {
    let mut files = Files::open(folder)?;
    let parameters = config.parameters();
    files.check_names(&parameters, config.tied)?;
    let weights = parameters.iter().map(|parameter| files.read(parameter)).collect::<Result<Vec<_>>>()?;
    if config.tied && files.places.contains_key(HEAD) {
        let embedding = &parameters[0];
        let head = Parameter { name: HEAD.to_owned(), ..embedding.clone() };
        if files.read(&head)? != weights[0] {
            return Err(Error::new(format!("the files hold a `{HEAD}` that is not the table of embeddings"))
                .help("`tie_word_embeddings` in `config.json` says that they are the same"));
        }
    }
    Ok(weights)
}

/// The head of a model that does not use its embeddings for it.
const HEAD: &str = "lm_head.weight";

/// Constants that old versions of `transformers` wrote beside the weights; they follow from the config.
fn is_constant(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

/// The safetensors files of a folder.
struct Files {
    files: Vec<Weights>,
    /// Which file holds a tensor.
    places: BTreeMap<String, usize>,
}

impl Files {
    fn open(folder: &Folder<'_>) -> Result<Self> {
        let single = folder.find(WEIGHTS)?;
        match (single, folder.find(INDEX)?) {
            (Some(path), None) => {
                let file = Weights::open(&path)?;
                let places = file.tensors.keys().map(|name| (name.clone(), 0)).collect();
                Ok(Self { files: vec![file], places })
            }
            (single, Some(index)) => Self::indexed(folder, &index, single.is_some()),
            (None, None) => Err(nothing(folder)),
        }
    }

    /// The files that an index names. It alone decides which of them a tensor is taken from.
    fn indexed(folder: &Folder<'_>, index: &Path, single: bool) -> Result<Self> {
        let map = weight_map(index)?;
        let names: BTreeSet<&String> = map.values().collect();
        if let Some(name) = names.iter().find(|name| name.contains(['/', '\\']) || name.starts_with('.')) {
            return Err(Error::new(format!(
                "`{}` names a file outside the folder: `{name}`",
                index.display()
            )));
        }
        if single && !names.contains(&WEIGHTS.to_owned()) {
            return Err(Error::new(format!(
                "`{}` holds `{WEIGHTS}` and `{INDEX}`, which names other files",
                folder.display()
            ))
            .help("remove the weights that are out of date"));
        }
        let mut files = Vec::with_capacity(names.len());
        let mut numbers = BTreeMap::new();
        for (number, name) in names.into_iter().enumerate() {
            files.push(Weights::open(&folder.file(name)?)?);
            numbers.insert(name, number);
        }
        for file in &files {
            let stray = file.tensors.keys().find(|name| !map.contains_key(*name) && !is_constant(name));
            if let Some(name) = stray {
                return Err(Error::new(format!(
                    "`{}` holds `{name}`, which stands nowhere in `{INDEX}`",
                    file.path.display()
                ))
                .help("the index and the files have to be of the same model"));
            }
        }
        let places = map.iter().map(|(tensor, file)| (tensor.clone(), numbers[file])).collect();
        Ok(Self { files, places })
    }

    /// Refuses tensors that no parameter accounts for: what a model holds changes what it computes.
    fn check_names(&self, parameters: &[Parameter], tied: bool) -> Result<()> {
        let known: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let strange = |name: &&String| {
            let counted = known.contains(name.as_str()) || (tied && name.as_str() == HEAD);
            !(counted || is_constant(name))
        };
        match self.places.iter().find(|(name, _)| strange(name)) {
            None => Ok(()),
            Some((name, file)) => {
                let path = self.files[*file].path.display();
                Err(if name.ends_with(".bias") {
                    Error::new(format!("`{path}` holds a bias, `{name}`"))
                        .help("Llama and Qwen3 without biases are supported only")
                } else {
                    Error::new(format!(
                        "`{path}` holds `{name}`, which no part of the model in `config.json` is"
                    ))
                    .help("`config.json` and the weights have to be of the same model")
                })
            }
        }
    }

    fn read(&mut self, parameter: &Parameter) -> Result<Vec<f32>> {
        match self.places.get(&parameter.name) {
            Some(&place) => self.files[place].read(parameter),
            None => Err(Error::new(format!("the model's files hold no tensor `{}`", parameter.name))
                .help("`config.json`, the index and the weights have to be of the same model")),
        }
    }
}

/// What to say of a folder without weights that can be read.
fn nothing(folder: &Folder<'_>) -> Error {
    let found = OTHER_FORMS.into_iter().find(|name| matches!(folder.find(name), Ok(Some(_))));
    let message = format!("`{}` holds neither `{WEIGHTS}` nor `{INDEX}`", folder.display());
    match found {
        Some(name) => Error::new(format!("{message}, only `{name}`"))
            .help("save the model with safetensors weights: `save_pretrained` of `transformers` does"),
        None => Error::new(message).help("give a Hugging Face model folder with safetensors weights"),
    }
}

/// Which file holds which tensor, as an index says.
fn weight_map(path: &Path) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: Unique<String>,
    }
    let size = std::fs::metadata(path).map_err(Error::io("cannot read", path))?.len();
    if size > MAX_HEADER_BYTES {
        return Err(Error::new(format!("`{}` is too large for an index", path.display())));
    }
    let text = std::fs::read(path).map_err(Error::io("cannot read", path))?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|error| Error::new(format!("`{}` is no index of weights", path.display())).because(error))?;
    Ok(index.weight_map.0)
}

/// A JSON object in which no name stands twice.
struct Unique<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> serde::de::Visitor<'de> for Entries<V> {
            type Value = Unique<V>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if entries.contains_key(&name) {
                        return Err(serde::de::Error::custom(format!("`{name}` stands there twice")));
                    }
                    entries.insert(name, value);
                }
                Ok(Unique(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

/// One tensor's entry in a header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// One safetensors file.
struct Weights {
    path: PathBuf,
    file: File,
    /// Where the data starts, and how long it is.
    data: (u64, u64),
    tensors: BTreeMap<String, Entry>,
}

/// The first bytes of the file at `path`.
fn start(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io("cannot open", path))?;
    file.take(64).read_to_end(&mut start).map_err(Error::io("cannot read", path))?;
    Ok(start)
}

impl Weights {
    fn open(path: &Path) -> Result<Self> {
        let damaged = |what: &str| Error::new(format!("`{}` is no safetensors file: {what}", path.display()));
        let mut file = File::open(path).map_err(Error::io("cannot open", path))?;
        let size = file.metadata().map_err(Error::io("cannot read", path))?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| damaged("it ends before its header"))?;
        let length = u64::from_le_bytes(length);
        let rest = size.saturating_sub(8);
        if pointer::is_pointer(&start(path)?) {
            let message = format!("`{}` is a pointer of Git LFS, not the weights", path.display());
            return Err(Error::new(message).help(pointer::ADVICE));
        }
        if length > MAX_HEADER_BYTES || length > rest {
            return Err(damaged(&format!("its header is said to have {length} bytes")));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(Error::io("cannot read", path))?;
        let Unique(mut entries): Unique<serde_json::Value> = serde_json::from_slice(&header)
            .map_err(|error| damaged("its header is not a JSON object of tensors").because(error))?;
        entries.remove("__metadata__");
        let tensor = |(name, value)| match Entry::deserialize(&value) {
            Ok(entry) => Ok((name, entry)),
            Err(error) => Err(damaged(&format!("the entry of `{name}` is wrong")).because(error)),
        };
        let tensors = entries.into_iter().map(tensor).collect::<Result<_>>()?;
        Ok(Self { path: path.to_owned(), file, data: (8 + length, rest - length), tensors })
    }

    fn read(&mut self, parameter: &Parameter) -> Result<Vec<f32>> {
        let Some(entry) = self.tensors.get(&parameter.name) else {
            return Err(Error::new(format!("`{}` holds no `{}`", self.path.display(), parameter.name))
                .help("the index and the files have to be of the same model"));
        };
        let wrong =
            |what: String| Error::new(format!("`{}` in `{}` {what}", parameter.name, self.path.display()));
        let expected: Vec<u64> = parameter.disk_shape().iter().map(|&n| n as u64).collect();
        if entry.shape != expected {
            let message = format!("has shape {:?}, expected {expected:?} by `config.json`", entry.shape);
            return Err(wrong(message));
        }
        let width = match entry.dtype.as_str() {
            "F32" => 4,
            "F16" | "BF16" => 2,
            other => return Err(wrong(format!("is of type `{other}`, expected F32, F16 or BF16"))),
        };
        let [start, end] = entry.data_offsets;
        let bytes = parameter.len() as u64 * width;
        if end > self.data.1 || start.checked_add(bytes) != Some(end) {
            return Err(wrong(format!("lies at {start} to {end}, which does not fit its shape or the file")));
        }
        self.file.seek(SeekFrom::Start(self.data.0 + start)).map_err(Error::io("cannot read", &self.path))?;
        let mut raw = vec![0; bytes as usize];
        self.file.read_exact(&mut raw).map_err(Error::io("cannot read", &self.path))?;
        Ok(match entry.dtype.as_str() {
            "F32" => raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            "F16" => raw.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
            _ => raw.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        })
    }
}

#[cfg(test)]
mod tests;
