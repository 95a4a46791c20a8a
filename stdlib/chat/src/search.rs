//! Stage `tools.search`, and finding passages in the index that it makes.

mod analyzer;
mod frozen;
mod passages;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use llmp_data::docs::Reader;
use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::directory::MmapDirectory;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::document::Value as _;
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexReader, IndexSettings, ReloadPolicy, TantivyDocument, TantivyError, Term};

use analyzer::{ANALYZER, analyzer};
use frozen::Frozen;

/// Bytes of postings that tantivy can hold while it builds a segment; a little below its limit of 4 GiB.
const MAX_POSTINGS: usize = 3 << 30;
/// Words of a query that are looked up.
const MAX_QUERY_WORDS: usize = 64;
/// What a word in the title, or in the first sentence of a paragraph, counts against one in the passage itself.
const ABOUT_BOOST: f32 = 0.5;
/// The one segment's id, in place of a random one.
const SEGMENT: &str = "00000000000000000000000000000001";
const SEGMENT_IN_META: &str = "00000000-0000-0000-0000-000000000001";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    passage: usize,
}

/// What it will need: the postings and texts of a segment lie in memory until its end. Documents are compressed to a third
/// or so.
pub(crate) fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    const BYTES_OF_COMPRESSED: u64 = 6;
    Cost { memory: BYTES_OF_COMPRESSED * inputs.get("docs").bytes, ..Cost::default() }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut writer = Writer::create(ctx.output())?;
    let (mut documents, mut passages) = (0u64, 0u64);
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        for doc in reader {
            ctx.proceed()?;
            let doc = doc?;
            for passage in passages::cut(&doc.text, settings.passage) {
                writer.add(&passage, &doc.url)?;
                passages += 1;
            }
            documents += 1;
            bar.add(1);
        }
    }
    writer.finish()?;
    ctx.count("documents", documents);
    ctx.count("passages", passages);
    ctx.show(&format!("{passages} passages of {documents} documents"));
    Ok(())
}

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

    /// The best `n` passages for `query`, best first; ties in the order of the documents. Every word counts alone, and
    /// nothing in the query is syntax.
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
struct Writer<'a> {
    folder: &'a Path,
    fields: Fields,
    segment: tantivy::SingleSegmentIndexWriter,
}

impl<'a> Writer<'a> {
    fn create(folder: &'a Path) -> Result<Self> {
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

    fn add(&mut self, passage: &passages::Passage, url: &str) -> Result<()> {
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
    fn finish(self) -> Result<()> {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use llmp_data::docs::{self, Doc};
    use llmp_stage::testing::TestContext;
    use std::collections::BTreeMap;

    /// Runs `tools.search` over texts; the context's output is the index.
    pub(crate) fn index(root: &Path, texts: &[&str]) -> TestContext {
        let docs = root.join("docs");
        fs::create_dir_all(&docs).unwrap();
        let mut writer = docs::Writer::create(&docs.join("0.parquet")).unwrap();
        for (number, text) in texts.iter().enumerate() {
            let url = format!("https://example.org/{number}");
            writer.write(Doc { text: (*text).to_owned(), url, ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
        let ctx = TestContext::new(root).with_folder("docs", &docs);
        run(&ctx, Settings { passage: 12 }).unwrap();
        ctx
    }

    const TEXTS: [&str; 4] = [
        "Lae lies in Papua. It has 76 thousand people. The weather there is warm and it rains a lot.",
        "Sifra lies in Oman. Sifra is small.",
        "Cities of the coast\nSão Miguel is one.\nSan José is another.",
        "莱城位于巴布亚。它有七万人。",
    ];

    fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
            .collect()
    }

    #[test]
    fn passages_are_found_by_word_title_and_first_sentence() {
        let root = tempfile::tempdir().unwrap();
        let ctx = index(root.path(), &TEXTS);
        let search = Search::open(ctx.output()).unwrap();
        let texts = |query: &str| -> Vec<String> {
            search.find(query, 5).unwrap().into_iter().map(|hit| hit.text).collect()
        };
        let found = texts("lae");
        assert_eq!(found[0], "Lae lies in Papua. It has 76 thousand people.");
        assert_eq!(found[1], "The weather there is warm and it rains a lot.");
        assert_eq!(texts("san jose")[0], "San José is another.");
        assert_eq!(texts("莱城")[0], "莱城位于巴布亚。它有七万人。");
        assert_eq!(search.find("Oman", 1).unwrap()[0].url, "https://example.org/1");
        assert!(texts("nowhere").is_empty() && texts("").is_empty() && texts("\" +( :*").is_empty());
        assert_eq!(ctx.counted("passages"), 6);
    }

    #[test]
    fn equal_documents_give_equal_bytes() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (a, b) = (index(a.path(), &TEXTS), index(b.path(), &TEXTS));
        let built = bytes(a.output());
        assert_eq!(built, bytes(b.output()));
        assert!(built.keys().all(|name| !name.ends_with(".lock")), "{:?}", built.keys());
        Search::open(a.output()).unwrap().find("lae", 1).unwrap();
        assert_eq!(bytes(a.output()), built, "reading changes nothing");
        // tantivy itself finds the index whole.
        assert!(Index::open_in_dir(a.output()).unwrap().validate_checksum().unwrap().is_empty());
    }

    /// What `tools.search` writes may only change together with its `epoch`.
    #[test]
    fn the_index_is_what_it_was() {
        let root = tempfile::tempdir().unwrap();
        let ctx = index(root.path(), &TEXTS);
        let mut hasher = blake3::Hasher::new();
        for (name, content) in bytes(ctx.output()) {
            hasher.update(name.as_bytes()).update(&content);
        }
        assert_eq!(hasher.finalize().to_hex()[..16], *"923afc8fc06c1fe8");
    }

    #[test]
    fn no_documents_make_an_empty_index() {
        let root = tempfile::tempdir().unwrap();
        let ctx = index(root.path(), &[]);
        assert!(Search::open(ctx.output()).unwrap().find("lae", 3).unwrap().is_empty());
        assert!(Search::open(&root.path().join("nothing")).is_err());
    }
}
