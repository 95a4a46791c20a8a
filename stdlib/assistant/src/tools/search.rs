//! Stage `tools.search`: documents become searchable.

use llmp_artifacts::docs::Reader;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_artifacts::words;
use llmp_stage::{Context, Cost, Inputs, Result};
use serde::Deserialize;

use crate::search::{Writer, cut};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    passage: usize,
}

/// What it will need: the postings and texts of a segment lie in memory until its end. Documents are
/// compressed to a third or so.
pub(crate) fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    const BYTES_OF_COMPRESSED: u64 = 6;
    let memory = inputs.get("docs").bytes.map(|bytes| BYTES_OF_COMPRESSED * bytes);
    Cost { memory, ..Cost::default() }
}

/// How fast it is: documents.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 6e6, gives: 3.0 }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let tokenizer =
        ctx.inputs("tokenizer").first().map(|input| Tokenizer::load(input.folder())).transpose()?;
    let size = |text: &str| match &tokenizer {
        Some(tokenizer) => tokenizer.encode(text).len(),
        None => words::spans(text).count(),
    };
    let mut writer = Writer::create(ctx.output())?;
    let (mut documents, mut passages) = (0u64, 0u64);
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        for doc in reader {
            ctx.proceed()?;
            let doc = doc?;
            for passage in cut(&doc.text, settings.passage, &size) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Search;
    use llmp_artifacts::docs::{self, Doc};
    use llmp_stage::testing::TestContext;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use tantivy::Index;

    /// Runs `tools.search` over texts; the context's output is the index.
    fn index(root: &Path, texts: &[&str]) -> TestContext {
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
