//! The Docs artifact: documents in Parquet shards (zstd) with FineWeb's columns, and the same as JSONL.
//!
//! One shard is one file, `<shard>.parquet`. Columns, in FineWeb's order: `text`, `id`, `dump`, `url`,
//! `date`, `file_path`, `language`, `language_score`, `token_count`; the last three are null until a stage
//! fills them. Behind them stand `title`, `author`, `published`, `site` and `extra`, each only in shards in
//! which a document has it.

mod bad_rows;
mod extra;
mod foreign;
mod form;
mod jsonl;
mod loose;
mod mapping;
mod mend;
mod parquet;
mod tables;

use serde::{Deserialize, Serialize};

pub use bad_rows::BadRows;
pub use extra::Extra;
pub use foreign::{ParquetRows, json_rows, mapped_rows};
pub use form::Docs;
pub use jsonl::{JsonlRows, decompressed, undone, write_jsonl};
pub use loose::{Bad, Notes, Row};
pub use mapping::Mapping;
pub use mend::mended;
pub use parquet::{Reader, Writer};
pub use tables::CsvRows;

/// Names of columns that a message shows.
const MAX_NAMES: usize = 12;

/// One document: a row of a Docs shard.
///
/// In JSON only `text` is required; other columns that are missing are empty or null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Doc {
    /// The text, in paragraphs separated by line breaks.
    pub text: String,
    /// The id that follows a document through the pipeline: its WARC record's id, `<urn:uuid:…>`.
    #[serde(default)]
    pub id: String,
    /// The crawl it comes from, e.g. `CC-MAIN-2024-22`.
    #[serde(default)]
    pub dump: String,
    /// Where it was found.
    #[serde(default)]
    pub url: String,
    /// When it was fetched, as in the WARC record (RFC 3339).
    #[serde(default)]
    pub date: String,
    /// The file it comes from, as people call it.
    #[serde(default)]
    pub file_path: String,
    /// Its language, as an ISO 639-1 code.
    #[serde(default)]
    pub language: Option<String>,
    /// How certain the language is, from 0 to 1.
    #[serde(default)]
    pub language_score: Option<f64>,
    /// Its length in tokens.
    #[serde(default)]
    pub token_count: Option<u64>,
    /// The title of its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who wrote it, as its page says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was published, as its page writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// The name of its site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Further columns of a user's files; in JSON they stand beside the others.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Bytes of the text in shards of so many bytes, for estimates: compression rarely makes less of it than this
/// assumes.
#[must_use]
pub fn text_of(shards: u64) -> u64 {
    4 * shards
}

impl Doc {
    /// Bytes that the document takes in memory, roughly; what batches are bounded by.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
            + self.id.len()
            + self.dump.len()
            + self.url.len()
            + self.date.len()
            + self.file_path.len()
            + [&self.title, &self.author, &self.published, &self.site]
                .map(|column| column.as_ref().map_or(0, String::len))
                .iter()
                .sum::<usize>()
            + self.extra.text().len()
            + 64
    }
}

/// What to do where none of the columns `names` is called `text`.
fn name_the_text<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.take(MAX_NAMES + 1).map(|name| format!("`{name}`")).collect();
    if names.len() > MAX_NAMES {
        names[MAX_NAMES] = "…".to_owned();
    }
    format!("it has {}; write `text = \"…\"` for the one that holds the texts", names.join(", "))
}
