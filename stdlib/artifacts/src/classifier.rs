//! The Classifier artifact: a supervised fastText model, `model.bin`, as fastText's own program writes and
//! reads it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use llmp_stage::{Error, Fact, Form, Input, Result};

/// The file of a Classifier artifact.
pub const MODEL_FILE: &str = "model.bin";

/// What stands before a label in the dictionary.
pub const LABEL_PREFIX: &str = "__label__";

const MAGIC: i32 = 793_712_314;
const VERSION: i32 = 12;
/// The number of the kind of model that tells labels.
const SUPERVISED: i32 = 3;
/// The longest word of a dictionary, in bytes.
const MAX_WORD: u64 = 1 << 16;

/// What the head of a model says of it: all but its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Values of a word's vector.
    pub dimension: u32,
    /// The longest sequence of words that has a vector of its own.
    pub word_ngrams: u32,
    /// Words that it knows.
    pub words: u64,
    /// What it tells, each with how many texts of its training were so; the most frequent first.
    pub labels: Vec<(String, u64)>,
}

/// Reads the head of the classifier at `path`.
///
/// # Errors
/// Where it cannot be read, or is none.
pub fn head(path: &Path) -> Result<Head> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    read(&mut BufReader::new(file))
        .map_err(|problem| Error::new(format!("`{name}` is no fastText classifier: {problem}")))
}

/// Reads the head of a Classifier artifact.
///
/// # Errors
/// Where it cannot be read.
pub fn read_head(input: &Input) -> Result<Head> {
    head(&input.file(MODEL_FILE)?.path)
}

fn read(input: &mut impl BufRead) -> std::result::Result<Head, String> {
    if number(input)? != MAGIC {
        return Err("it starts otherwise".into());
    }
    let version = number(input)?;
    if version != VERSION {
        return Err(format!("its version is {version}, {VERSION} is read"));
    }
    let mut args = [0; 12];
    for arg in &mut args {
        *arg = number(input)?;
    }
    let [dimension, _, _, _, _, word_ngrams, _, model, ..] = args;
    if model != SUPERVISED {
        return Err("it tells no labels".into());
    }
    bytes::<8>(input)?; // The sampling threshold of training.
    let mut count = || u64::try_from(number(input)?).map_err(|_| "a number is negative".to_owned());
    let (size, words, labels) = (count()?, count()?, count()?);
    bytes::<16>(input)?; // Tokens seen in training, and how many rows are left of a pruned model.
    if words.checked_add(labels) != Some(size) {
        return Err("its dictionary is incomplete".into());
    }
    let mut found = Vec::new();
    for entry in 0..size {
        let mut word = Vec::new();
        input.take(MAX_WORD).read_until(0, &mut word).map_err(|error| error.to_string())?;
        if word.pop() != Some(0) {
            return Err("a word does not end".into());
        }
        let seen = i64::from_le_bytes(bytes(input)?);
        let is_label = bytes::<1>(input)? == [1];
        // Words come first.
        if is_label != (entry >= words) {
            return Err("its dictionary is out of order".into());
        }
        if is_label {
            let word = String::from_utf8_lossy(&word);
            let label = word.strip_prefix(LABEL_PREFIX).unwrap_or(&word).to_owned();
            found.push((label, u64::try_from(seen).map_err(|_| "a number is negative")?));
        }
    }
    if found.len() < 2 {
        return Err("it tells fewer than two labels apart".into());
    }
    // The matrices follow, which are read where it is used.
    bytes::<1>(input)?;
    let positive = |number: i32, what: &str| u32::try_from(number).map_err(|_| format!("{what} is negative"));
    Ok(Head {
        dimension: positive(dimension, "its dimension")?,
        word_ngrams: positive(word_ngrams, "its length of n-grams")?,
        words,
        labels: found,
    })
}

fn bytes<const N: usize>(input: &mut impl Read) -> std::result::Result<[u8; N], String> {
    let mut bytes = [0; N];
    match input.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err("it ends too early".into()),
    }
}

fn number(input: &mut impl Read) -> std::result::Result<i32, String> {
    bytes(input).map(i32::from_le_bytes)
}

/// What Classifiers are on disk.
pub struct Classifier;

impl Form for Classifier {
    fn kind(&self) -> &'static str {
        "Classifier"
    }

    fn expected(&self) -> &'static str {
        "`model.bin`, a supervised fastText model"
    }

    fn check(&self, written: &Input) -> Result<()> {
        read_head(written).map(drop)
    }

    fn unit(&self) -> Option<&'static str> {
        Some("labels")
    }

    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let Head { dimension, word_ngrams, words, labels } = read_head(artifact)?;
        let all = [("words", words.to_string()), ("word vectors", format!("{dimension} values"))];
        let sequences = (word_ngrams > 1).then(|| ("sequences", format!("of up to {word_ngrams} words")));
        let facts = all.into_iter().chain(sequences).map(|(name, value)| (name.to_owned(), value));
        let labels =
            labels.into_iter().map(|(label, texts)| (format!("tells {label}"), format!("{texts} texts")));
        Ok(facts.chain(labels).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a model with these words and labels, and a byte of its matrices.
    fn model(words: &[&str], labels: &[(&str, i64)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (all, known, told) = (words.len() + labels.len(), words.len(), labels.len());
        let numbers = [MAGIC, VERSION, 16, 5, 5, 1, 5, 2, 3, SUPERVISED, 0, 0, 0, 100];
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(1e-4_f64.to_le_bytes());
        [all, known, told].iter().for_each(|&number| bytes.extend((number as i32).to_le_bytes()));
        [7_i64, -1].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        let entries =
            words.iter().map(|word| (*word, 1, 0)).chain(labels.iter().map(|(word, n)| (*word, *n, 1)));
        for (word, seen, kind) in entries {
            bytes.extend(word.as_bytes());
            bytes.push(0);
            bytes.extend(i64::to_le_bytes(seen));
            bytes.push(kind);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_head_says_what_it_tells_apart() {
        let whole = model(&["</s>", "good", "坏"], &[("__label__good", 30), ("__label__poor", 12)]);
        let head = read(&mut whole.as_slice()).unwrap();
        assert_eq!((head.dimension, head.word_ngrams, head.words), (16, 2, 3));
        assert_eq!(head.labels, [("good".to_owned(), 30), ("poor".to_owned(), 12)]);
        for end in 0..whole.len() {
            assert!(read(&mut &whole[..end]).is_err(), "cut at byte {end}");
        }
    }

    #[test]
    fn what_is_no_classifier_says_why() {
        let fault = |bytes: Vec<u8>| read(&mut bytes.as_slice()).unwrap_err();
        let good = || model(&["a"], &[("__label__x", 1), ("__label__y", 1)]);
        let with = |at: usize, number: i32| {
            let mut bytes = good();
            bytes[4 * at..4 * at + 4].copy_from_slice(&number.to_le_bytes());
            bytes
        };
        assert_eq!(fault(with(0, 1)), "it starts otherwise");
        assert_eq!(fault(with(1, 11)), "its version is 11, 12 is read");
        assert_eq!(fault(with(9, 1)), "it tells no labels");
        assert_eq!(fault(with(16, i32::MAX)), "its dictionary is incomplete");
        assert_eq!(fault(model(&["a"], &[("__label__x", 1)])), "it tells fewer than two labels apart");
    }
}
