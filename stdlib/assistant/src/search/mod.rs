//! The Index artifact: passages that can be searched, and finding them.

mod analyzer;
mod frozen;
mod passages;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use llmp_stage::{Error, Form, Input, Result};
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::directory::MmapDirectory;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::document::Value as _;
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, TantivyDocument, TantivyError, Term};

use analyzer::{ANALYZER, analyzer};
use frozen::Frozen;
pub(crate) use passages::{Passage, cut};

/// Bytes of postings that tantivy can hold while it builds a segment; a little below its limit of 4 GiB.
const MAX_POSTINGS: usize = 3 << 30;
/// Words of a query that are looked up.
const MAX_QUERY_WORDS: usize = 64;
/// What a word in the title, or in the first sentence of a paragraph, counts against one in the passage
/// itself.
const ABOUT_BOOST: f32 = 0.5;
/// The one segment's id, in place of a random one.
const SEGMENT: &str = "00000000000000000000000000000001";
const SEGMENT_IN_META: &str = "00000000-0000-0000-0000-000000000001";

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The passage.
    pub text: String,
    /// The page it stands on.
    pub url: String,
    /// BM25; higher is better. Comparable within one query only.
    pub score: f32,
}

/// Hits as the model is shown them.
#[must_use]
pub fn shown(hits: &[Hit]) -> String {
    let texts: Vec<&str> = hits.iter().map(|hit| hit.text.as_str()).collect();
    texts.join("\n")
}

/// An opened Index artifact. Threads may share one.
pub struct Search {
    index: Index,
    reader: IndexReader,
    fields: Fields,
}

impl Search {
    /// Opens the index in `folder`, which is not written to.
    ///
    /// # Errors
    /// Where it is no index that `tools.search` made, or is damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        let failed = |error: TantivyError| {
            Error::new(format!("`{}` is no search index that can be read", folder.display())).because(error)
        };
        let directory = Frozen::open(folder).map_err(|error| failed(error.into()))?;
        let index = Index::open(directory).map_err(failed)?;
        index.tokenizers().register(ANALYZER, analyzer());
        let fields = Fields::of(&index.schema()).map_err(failed)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        Ok(Self { index, reader, fields })
    }

    /// The best `n` passages for `query`, best first; ties in the order of the documents. Every word counts
    /// alone, and nothing in the query is syntax.
    ///
    /// # Errors
    /// Where the index is damaged.
    pub fn find(&self, query: &str, n: usize) -> Result<Vec<Hit>> {
        let clauses = self.clauses(query);
        if n == 0 || clauses.is_empty() {
            return Ok(Vec::new());
        }
        let searcher = self.reader.searcher();
        let best = TopDocs::with_limit(n).order_by_score();
        let hit = |(score, address)| {
            let passage: TantivyDocument = searcher.doc(address)?;
            let text = |field| passage.get_first(field).and_then(|value| value.as_str().map(str::to_owned));
            let (text, url) = (text(self.fields.text), text(self.fields.url));
            Ok(Hit { text: text.unwrap_or_default(), url: url.unwrap_or_default(), score })
        };
        searcher
            .search(&BooleanQuery::new(clauses), &best)
            .and_then(|found| found.into_iter().map(hit).collect())
            .map_err(|error| Error::new(format!("the search for `{query}` failed")).because(error))
    }

    fn clauses(&self, query: &str) -> Vec<(Occur, Box<dyn Query>)> {
        let mut analyzer = self.index.tokenizers().get(ANALYZER).unwrap_or_else(analyzer);
        let mut words = BTreeSet::new();
        analyzer.token_stream(query).process(&mut |token| {
            if words.len() < MAX_QUERY_WORDS {
                words.insert(token.text.clone());
            }
        });
        let term = |field, word: &str| -> Box<dyn Query> {
            Box::new(TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::WithFreqs))
        };
        words
            .iter()
            .flat_map(|word| {
                let about = BoostQuery::new(term(self.fields.about, word), ABOUT_BOOST);
                [
                    (Occur::Should, term(self.fields.text, word)),
                    (Occur::Should, Box::new(about) as Box<dyn Query>),
                ]
            })
            .collect()
    }
}

#[derive(Clone, Copy)]
struct Fields {
    text: Field,
    about: Field,
    url: Field,
}

impl Fields {
    fn schema() -> Schema {
        let words = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_index_option(IndexRecordOption::WithFreqs);
        let indexed = TextOptions::default().set_indexing_options(words);
        let mut schema = Schema::builder();
        schema.add_text_field("text", indexed.clone().set_stored());
        schema.add_text_field("about", indexed);
        schema.add_text_field("url", STORED);
        schema.build()
    }

    fn of(schema: &Schema) -> tantivy::Result<Self> {
        Ok(Self {
            text: schema.get_field("text")?,
            about: schema.get_field("about")?,
            url: schema.get_field("url")?,
        })
    }
}

/// Builds an index on the calling thread, in one segment: equal passages give equal bytes.
pub(crate) struct Writer<'a> {
    folder: &'a Path,
    fields: Fields,
    segment: tantivy::SingleSegmentIndexWriter,
}

impl<'a> Writer<'a> {
    pub(crate) fn create(folder: &'a Path) -> Result<Self> {
        let schema = Fields::schema();
        let settings =
            IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let tokenizers = tantivy::tokenizer::TokenizerManager::default();
        tokenizers.register(ANALYZER, analyzer());
        let fields = Fields::of(&schema).map_err(failed)?;
        let directory = MmapDirectory::open(folder).map_err(|error| failed(error.into()))?;
        let segment = Index::builder()
            .schema(schema)
            .settings(settings)
            .tokenizers(tokenizers)
            .single_segment_index_writer(directory, MAX_POSTINGS)
            .map_err(failed)?;
        Ok(Self { folder, fields, segment })
    }

    pub(crate) fn add(&mut self, passage: &Passage, url: &str) -> Result<()> {
        if self.segment.mem_usage() > MAX_POSTINGS {
            return Err(Error::new("the documents are too many for one index")
                .help("index fewer documents, e.g. after `filter.quality` and `dedup.minhash`"));
        }
        let mut document = TantivyDocument::new();
        document.add_text(self.fields.text, &passage.text);
        document.add_text(self.fields.about, &passage.about);
        document.add_text(self.fields.url, url);
        self.segment.add_document(document).map_err(failed)
    }

    /// Ends the index, and gives its files names that do not differ from one build to the next.
    pub(crate) fn finish(self) -> Result<()> {
        let segments =
            self.segment.finalize().and_then(|index| index.searchable_segment_ids()).map_err(failed)?;
        let random: Vec<String> = segments.iter().map(|segment| segment.uuid_string()).collect();
        let [random] = random.as_slice() else {
            return Err(Error::new(format!("the index has {} segments, expected one", random.len())));
        };
        let mut managed = Vec::new();
        for entry in fs::read_dir(self.folder).map_err(Error::io("cannot read", self.folder))? {
            let path = entry.map_err(Error::io("cannot read", self.folder))?.path();
            let Some(name) = path.file_name().and_then(std::ffi::OsStr::to_str) else { continue };
            if let Some(rest) = name.strip_prefix(random.as_str()) {
                let fixed = format!("{SEGMENT}{rest}");
                fs::rename(&path, self.folder.join(&fixed)).map_err(Error::io("cannot rename", &path))?;
                managed.push(fixed);
            } else if name.ends_with(".lock") {
                fs::remove_file(&path).map_err(Error::io("cannot remove", &path))?;
            } else if name == "meta.json" {
                managed.push(name.to_owned());
                let meta = fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
                let meta = meta.replace(&hyphenated(random), SEGMENT_IN_META);
                fs::write(&path, meta).map_err(Error::io("cannot write", &path))?;
            }
        }
        managed.sort();
        let path = self.folder.join(".managed.json");
        let list = serde_json::to_string(&managed)
            .map_err(|error| Error::new("cannot list files").because(error))?;
        fs::write(&path, list + "\n").map_err(Error::io("cannot write", &path))
    }
}

/// `8-4-4-4-12` hexadecimal digits, as UUIDs stand in `meta.json`.
fn hyphenated(uuid: &str) -> String {
    let mut text = uuid.to_owned();
    [20, 16, 12, 8].into_iter().for_each(|at| text.insert(at, '-'));
    text
}

fn failed(error: TantivyError) -> Error {
    Error::new("the search index cannot be made").because(error)
}

/// What Index artifacts are on disk.
pub struct IndexForm;

impl Form for IndexForm {
    fn kind(&self) -> &'static str {
        "Index"
    }

    fn expected(&self) -> &'static str {
        "a tantivy index as `tools.search` makes it"
    }

    fn check(&self, written: &Input) -> Result<()> {
        Search::open(written.folder()).map(drop)
    }

    fn unit(&self) -> Option<&'static str> {
        Some("passages")
    }
}
