//! Predictions of fastText classifiers (`.bin` and `.ftz`), after Joulin et al. (2016), as
//! facebookresearch/fastText reads and computes them.
//!
//! The crate `fasttext` 0.8 is not used: it gives other labels for `lid.176.ftz` than fastText itself does.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use llmp_stage::{Error, Result};

const MAGIC: i32 = 793_712_314;
const VERSION: i32 = 12;
/// Centroids of a product quantizer.
const CENTROIDS: usize = 256;
/// The longest word of a dictionary, in bytes.
const MAX_WORD: u64 = 1 << 16;
const END_OF_LINE: &str = "</s>";
const LABEL: &str = "__label__";

/// A classifier.
pub(super) struct FastText {
    dimension: usize,
    word_ngrams: usize,
    softmax: Softmax,
    bucket: u32,
    shortest: usize,
    longest: usize,
    words: HashMap<String, u32>,
    labels: Vec<String>,
    /// Where rows of n-grams went when the model was pruned.
    pruned: Option<BTreeMap<u32, u32>>,
    input: Matrix,
    output: Matrix,
}

/// How scores of labels come about.
enum Softmax {
    /// A binary tree over the labels, from its root to its leaves; the leaves come first.
    Tree(Vec<Node>),
    Flat,
    /// One yes or no a label.
    OneVsAll,
}

#[derive(Clone)]
struct Node {
    count: i64,
    children: Option<(usize, usize)>,
}

impl FastText {
    /// Reads a model.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        Self::read(&mut BufReader::new(file)).map_err(|problem| {
            Error::new(format!("`{}` is no fastText model: {problem}", path.display())).help(
                "language models are published at https://fasttext.cc/docs/en/language-identification.html",
            )
        })
    }

    /// Its labels, in the model's order.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(String::as_str)
    }

    fn read(input: &mut impl BufRead) -> std::result::Result<Self, String> {
        if i32_of(input)? != MAGIC {
            return Err("it starts otherwise".into());
        }
        let version = i32_of(input)?;
        if version != VERSION {
            return Err(format!("its version is {version}, {VERSION} is read"));
        }
        let mut args = [0; 12];
        for arg in &mut args {
            *arg = i32_of(input)?;
        }
        bytes::<8>(input)?; // The sampling threshold of training.
        let [dimension, _, _, _, _, word_ngrams, loss, model, bucket, shortest, longest, _] = args;
        if model != 3 {
            return Err("it is no classifier".into());
        }
        let (size, _words, labels) = (count(input)?, count(input)?, count(input)?);
        bytes::<8>(input)?; // Tokens seen in training.
        let pruned = i64::from_le_bytes(bytes(input)?);
        let mut dictionary = (HashMap::new(), Vec::new(), Vec::new());
        for _ in 0..size {
            let mut word = Vec::new();
            input.take(MAX_WORD).read_until(0, &mut word).map_err(|error| error.to_string())?;
            if word.pop() != Some(0) {
                return Err("a word does not end".into());
            }
            let word = String::from_utf8_lossy(&word).into_owned();
            let count = i64::from_le_bytes(bytes(input)?);
            match bytes::<1>(input)? {
                [0] if dictionary.1.is_empty() => {
                    let id = dictionary.0.len() as u32;
                    dictionary.0.insert(word, id);
                }
                [1] => {
                    dictionary.1.push(word.strip_prefix(LABEL).map_or(word.clone(), str::to_owned));
                    dictionary.2.push(count);
                }
                _ => return Err("its dictionary is out of order".into()),
            }
        }
        let (words, names, counts) = dictionary;
        if names.len() != labels || names.is_empty() || words.len() + labels != size {
            return Err("its dictionary is incomplete".into());
        }
        let pruned = match u64::try_from(pruned) {
            Err(_) => None,
            Ok(pairs) => {
                let mut rows = BTreeMap::new();
                for _ in 0..pairs {
                    let (from, to) = (i32_of(input)?, i32_of(input)?);
                    rows.insert(from.try_into().map_err(wrong)?, to.try_into().map_err(wrong)?);
                }
                Some(rows)
            }
        };
        let quantized = bytes::<1>(input)? != [0];
        let rows = Matrix::read(input, quantized)?;
        let quantized_output = bytes::<1>(input)? != [0];
        let output = Matrix::read(input, quantized && quantized_output)?;
        let dimension = usize::try_from(dimension).map_err(wrong)?;
        let enough = output.rows >= names.len() && rows.rows >= words.len();
        if rows.columns != dimension || output.columns != dimension || !enough || dimension == 0 {
            return Err("its matrices do not fit its dictionary".into());
        }
        Ok(Self {
            dimension,
            word_ngrams: usize::try_from(word_ngrams).map_err(wrong)?.min(16),
            softmax: match loss {
                1 => Softmax::Tree(tree(&counts)),
                3 => Softmax::Flat,
                2 | 4 => Softmax::OneVsAll,
                _ => return Err("its loss is unknown".into()),
            },
            bucket: u32::try_from(bucket).map_err(wrong)?,
            shortest: usize::try_from(shortest).map_err(wrong)?,
            longest: usize::try_from(longest).map_err(wrong)?.min(64),
            words,
            labels: names,
            pruned,
            input: rows,
            output,
        })
    }

    /// The most probable label of one line, without `__label__`, and its probability; `None` where no part of
    /// the line is known.
    pub(super) fn predict(&self, line: &str) -> Option<(&str, f32)> {
        let ids = self.ids(line);
        let mut hidden = vec![0.0; self.dimension];
        let mut known = 0;
        for &id in &ids {
            if (id as usize) < self.input.rows {
                self.input.add(id as usize, &mut hidden);
                known += 1;
            }
        }
        if known == 0 {
            return None;
        }
        hidden.iter_mut().for_each(|value| *value /= known as f32);
        let (label, score) = match &self.softmax {
            Softmax::Tree(nodes) => self.descend(nodes, &hidden)?,
            Softmax::Flat => {
                let scores: Vec<f32> =
                    (0..self.labels.len()).map(|label| self.output.dot(label, &hidden)).collect();
                let (label, best) = largest(scores.iter().copied())?;
                (label, 1.0 / scores.iter().map(|score| (score - best).exp()).sum::<f32>())
            }
            Softmax::OneVsAll => {
                largest((0..self.labels.len()).map(|label| sigmoid(self.output.dot(label, &hidden))))?
            }
        };
        Some((&self.labels[label], score))
    }

    /// The rows that stand for a line: its words, their n-grams of characters, n-grams of words, and the
    /// line's end.
    fn ids(&self, line: &str) -> Vec<u32> {
        let (mut ids, mut hashes) = (Vec::new(), Vec::new());
        let space = |byte: char| matches!(byte, ' ' | '\n' | '\r' | '\t' | '\x0b' | '\x0c' | '\0');
        for word in line.split(space).filter(|word| !word.is_empty() && !word.starts_with(LABEL)) {
            if let Some(&id) = self.words.get(word) {
                ids.push(id);
            }
            if word != END_OF_LINE {
                self.character_ngrams(word, &mut ids);
            }
            hashes.push(hash(word.as_bytes()));
        }
        if ids.is_empty() {
            return ids;
        }
        ids.extend(self.words.get(END_OF_LINE));
        hashes.push(hash(END_OF_LINE.as_bytes()));
        for start in 0..hashes.len() {
            // fastText computes with signed hashes of 32 bits, extended to 64.
            let mut sum = i64::from(hashes[start] as i32) as u64;
            for next in hashes.iter().skip(start + 1).take(self.word_ngrams.saturating_sub(1)) {
                sum = sum.wrapping_mul(116_049_371).wrapping_add(i64::from(*next as i32) as u64);
                self.push(sum, &mut ids);
            }
        }
        ids
    }

    fn character_ngrams(&self, word: &str, ids: &mut Vec<u32>) {
        let word = format!("<{word}>");
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
        let letters = starts.len() - 1;
        for first in 0..letters {
            for length in 1..=self.longest.min(letters - first) {
                let marker = length == 1 && (first == 0 || first + 1 == letters);
                if length >= self.shortest && !marker {
                    self.push(u64::from(hash(&word.as_bytes()[starts[first]..starts[first + length]])), ids);
                }
            }
        }
    }

    /// Adds the row of an n-gram, unless it was pruned.
    fn push(&self, hash: u64, ids: &mut Vec<u32>) {
        if self.bucket == 0 {
            return;
        }
        let bucket = (hash % u64::from(self.bucket)) as u32;
        let row = self.pruned.as_ref().map_or(Some(bucket), |rows| rows.get(&bucket).copied());
        ids.extend(row.and_then(|row| (self.words.len() as u32).checked_add(row)));
    }

    /// The leaf of highest probability.
    fn descend(&self, nodes: &[Node], hidden: &[f32]) -> Option<(usize, f32)> {
        let leaves = self.labels.len();
        let mut best: Option<(usize, f32)> = None;
        let mut open = vec![(nodes.len().checked_sub(1)?, 0.0_f32)];
        while let Some((node, score)) = open.pop() {
            if best.is_some_and(|(_, best)| score <= best) {
                continue;
            }
            match nodes[node].children {
                None => best = Some((node, score)),
                Some((left, right)) => {
                    let right_share = sigmoid(self.output.dot(node - leaves, hidden));
                    open.push((right, score + logarithm(right_share)));
                    open.push((left, score + logarithm(1.0 - right_share)));
                }
            }
        }
        best.map(|(label, score)| (label, score.exp()))
    }
}

/// The Huffman tree over the labels, which stand in order of falling counts.
fn tree(counts: &[i64]) -> Vec<Node> {
    let mut nodes: Vec<Node> = counts.iter().map(|&count| Node { count, children: None }).collect();
    let (mut leaf, mut inner) = (counts.len(), counts.len());
    for _ in 1..counts.len() {
        let mut least = || {
            let leaf_count = leaf.checked_sub(1).map(|last| nodes[last].count);
            let inner_count = nodes.get(inner).map_or(1_000_000_000_000_000, |node| node.count);
            match leaf_count {
                Some(count) if count < inner_count || inner >= nodes.len() => {
                    leaf -= 1;
                    leaf
                }
                _ => {
                    inner += 1;
                    inner - 1
                }
            }
        };
        let (left, right) = (least(), least());
        let count = nodes[left].count.saturating_add(nodes[right].count);
        nodes.push(Node { count, children: Some((left, right)) });
    }
    nodes
}

/// A matrix, plain or product-quantized.
struct Matrix {
    rows: usize,
    columns: usize,
    values: Values,
}

enum Values {
    Plain(Vec<f32>),
    Quantized { codes: Vec<u8>, quantizer: Quantizer, norms: Option<(Vec<u8>, Quantizer)> },
}

impl Matrix {
    fn read(input: &mut impl Read, quantized: bool) -> std::result::Result<Self, String> {
        let with_norms = quantized && bytes::<1>(input)? != [0];
        let rows = usize::try_from(i64::from_le_bytes(bytes(input)?)).map_err(wrong)?;
        let columns = usize::try_from(i64::from_le_bytes(bytes(input)?)).map_err(wrong)?;
        if !quantized {
            let values = floats(input, rows.checked_mul(columns).ok_or_else(|| wrong(()))?)?;
            return Ok(Self { rows, columns, values: Values::Plain(values) });
        }
        let codes = count(input)?;
        let codes = exactly(input, codes)?;
        let quantizer = Quantizer::read(input)?;
        if quantizer.dimension != columns || Some(codes.len()) != rows.checked_mul(quantizer.parts) {
            return Err("a matrix contradicts itself".into());
        }
        let norms = match with_norms {
            true => {
                let codes = exactly(input, rows)?;
                let quantizer = Quantizer::read(input)?;
                Some((codes, quantizer)).filter(|(_, quantizer)| quantizer.dimension == 1)
            }
            false => None,
        };
        Ok(Self { rows, columns, values: Values::Quantized { codes, quantizer, norms } })
    }

    /// Calls `each` with column and value of a row.
    fn row(&self, row: usize, mut each: impl FnMut(usize, f32)) {
        match &self.values {
            Values::Plain(values) => {
                let row = &values[row * self.columns..][..self.columns];
                row.iter().enumerate().for_each(|(column, value)| each(column, *value));
            }
            Values::Quantized { codes, quantizer, norms } => {
                let norm = norms.as_ref().map_or(1.0, |(codes, quantizer)| quantizer.part(0, codes[row])[0]);
                for part in 0..quantizer.parts {
                    let values = quantizer.part(part, codes[row * quantizer.parts + part]);
                    let first = part * quantizer.width;
                    values.iter().enumerate().for_each(|(at, value)| each(first + at, norm * value));
                }
            }
        }
    }

    fn add(&self, row: usize, sum: &mut [f32]) {
        self.row(row, |column, value| sum[column] += value);
    }

    fn dot(&self, row: usize, vector: &[f32]) -> f32 {
        let mut sum = 0.0;
        self.row(row, |column, value| sum += value * vector[column]);
        sum
    }
}

/// A product quantizer: vectors cut into parts, each part the nearest of 256 centroids.
struct Quantizer {
    dimension: usize,
    parts: usize,
    width: usize,
    last_width: usize,
    centroids: Vec<f32>,
}

impl Quantizer {
    fn read(input: &mut impl Read) -> std::result::Result<Self, String> {
        let (dimension, parts, width, last_width) =
            (count(input)?, count(input)?, count(input)?, count(input)?);
        let fits = parts > 0 && last_width > 0 && last_width <= width;
        if !fits
            || (parts - 1).checked_mul(width).and_then(|sum| sum.checked_add(last_width)) != Some(dimension)
        {
            return Err("a quantizer contradicts itself".into());
        }
        let centroids = floats(input, dimension.checked_mul(CENTROIDS).ok_or_else(|| wrong(()))?)?;
        Ok(Self { dimension, parts, width, last_width, centroids })
    }

    fn part(&self, part: usize, code: u8) -> &[f32] {
        let width = if part + 1 == self.parts { self.last_width } else { self.width };
        &self.centroids[part * CENTROIDS * self.width + usize::from(code) * width..][..width]
    }
}

/// fastText's variant of FNV-1a: bytes are signed.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, &byte| (hash ^ (byte as i8) as u32).wrapping_mul(16_777_619))
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

fn logarithm(value: f32) -> f32 {
    (value + 1e-5).ln()
}

fn largest(scores: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    scores.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

fn wrong<E>(_: E) -> String {
    "a number in it is out of range".into()
}

fn bytes<const N: usize>(input: &mut impl Read) -> std::result::Result<[u8; N], String> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(|_| "it ends too early".to_owned())?;
    Ok(bytes)
}

fn i32_of(input: &mut impl Read) -> std::result::Result<i32, String> {
    bytes(input).map(i32::from_le_bytes)
}

fn count(input: &mut impl Read) -> std::result::Result<usize, String> {
    i32_of(input)?.try_into().map_err(wrong)
}

/// Reads so many bytes. Memory grows with what is there, not with what a hostile file announces.
fn exactly(input: &mut impl Read, count: usize) -> std::result::Result<Vec<u8>, String> {
    let mut read = Vec::new();
    input.take(count as u64).read_to_end(&mut read).map_err(|error| error.to_string())?;
    if read.len() == count { Ok(read) } else { Err("it ends too early".into()) }
}

fn floats(input: &mut impl Read, count: usize) -> std::result::Result<Vec<f32>, String> {
    let bytes = exactly(input, count.checked_mul(4).ok_or_else(|| wrong(()))?)?;
    Ok(bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of two labels and one word, with softmax: `good` counts for the first label.
    fn model() -> Vec<u8> {
        let mut bytes = Vec::new();
        let int = |bytes: &mut Vec<u8>, value: i32| bytes.extend(value.to_le_bytes());
        for value in [MAGIC, VERSION, 2, 5, 5, 1, 5, 1, 3, 3, 0, 0, 0, 100] {
            int(&mut bytes, value);
        }
        bytes.extend(1e-4_f64.to_le_bytes());
        for value in [3, 1, 2] {
            int(&mut bytes, value);
        }
        bytes.extend(9_i64.to_le_bytes());
        bytes.extend((-1_i64).to_le_bytes());
        for (word, kind) in [("good", 0), ("__label__yes", 1), ("__label__no", 1)] {
            bytes.extend(word.as_bytes());
            bytes.push(0);
            bytes.extend(3_i64.to_le_bytes());
            bytes.push(kind);
        }
        for (rows, values) in [(1_i64, &[1.0_f32, 0.0][..]), (2, &[2.0, 0.0, -2.0, 0.0])] {
            bytes.push(0);
            bytes.extend(rows.to_le_bytes());
            bytes.extend(2_i64.to_le_bytes());
            values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        }
        bytes
    }

    #[test]
    fn a_small_model_predicts() {
        let model = FastText::read(&mut &model()[..]).expect("a model");
        let (label, score) = model.predict("good").expect("known");
        assert_eq!(label, "yes");
        assert!((score - 1.0 / (1.0 + (-4.0_f32).exp())).abs() < 1e-5);
        assert_eq!(model.predict("unknown"), None);
        assert_eq!(model.predict(""), None);
    }

    #[test]
    fn damaged_models_are_errors() {
        let model = model();
        for cut in 0..model.len() {
            assert!(FastText::read(&mut &model[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..model.len() {
            let mut model = model.clone();
            model[at] ^= 0xff;
            // Some bytes may be anything; none may bring it down.
            if let Ok(model) = FastText::read(&mut &model[..]) {
                model.predict("good day");
            }
        }
    }

    #[test]
    fn hashes_are_fasttexts() {
        assert_eq!(hash(b""), 2_166_136_261);
        assert_eq!(hash(b"a"), 0xe40c_292c);
    }
}
