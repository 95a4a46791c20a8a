//! CPU time of reading documents and encoding text, the strict way, which knows llmp's own files, beside the
//! one that takes other people's files: `cargo run --release -p llmp-artifacts --example inputs_bench
//! [DOCUMENTS [TURNS]]`.
//!
//! The ways take turns; the least time of each counts.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use llmp_artifacts::docs::{Doc, JsonlRows, ParquetRows, Reader, Row, Writer, write_jsonl};
use llmp_artifacts::random::Random;
use llmp_artifacts::tokenizer::Tokenizer;
use tokenizers_release::Tokenizer as Released;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let documents: u64 = arguments.next().map_or(Ok(20_000), |number| number.parse())?;
    let turns: u32 = arguments.next().map_or(Ok(5), |number| number.parse())?;
    let folder = tempfile::tempdir()?;
    let (lines, columns) = (folder.path().join("a.jsonl"), folder.path().join("a.parquet"));
    let docs: Vec<Doc> = (0..documents).map(doc).collect();
    let mut file = std::io::BufWriter::new(std::fs::File::create(&lines)?);
    let mut writer = Writer::create(&columns)?;
    for doc in &docs {
        write_jsonl(&mut file, doc)?;
        writer.write(doc.clone())?;
    }
    file.flush()?;
    writer.finish()?;
    let tokenizer = Tokenizer::cl100k();
    tokenizer.save(folder.path())?;
    let mut library =
        Released::from_file(folder.path().join("tokenizer.json")).map_err(|error| error.to_string())?;
    library.set_encode_special_tokens(true);
    let encode = || {
        let mut tokens = 0;
        for doc in &docs {
            let encoded = library.encode_fast(doc.text.as_str(), false).map_err(|error| error.to_string())?;
            tokens += encoded.get_ids().len();
        }
        Ok(tokens)
    };
    type Way<'a> = (&'a str, &'a str, &'a dyn Fn() -> Result<usize, Box<dyn Error>>);
    let ways: [Way<'_>; 6] = [
        ("JSON lines", "strict", &|| strict_lines(&lines)),
        ("JSON lines", "any", &|| Ok(JsonlRows::open(&lines)?.filter(is_doc).count())),
        ("Parquet", "strict", &|| Ok(Reader::open(&columns)?.filter(Result::is_ok).count())),
        ("Parquet", "any", &|| Ok(ParquetRows::open(&columns)?.filter(is_doc).count())),
        ("encoding", "the library", &encode),
        ("encoding", "any", &|| Ok(docs.iter().map(|doc| tokenizer.encode(&doc.text).len()).sum())),
    ];
    let mut least = [f64::INFINITY; 6];
    for _ in 0..turns {
        for (least, (_, _, way)) in least.iter_mut().zip(&ways) {
            let started = cpu_seconds();
            assert!(way()? >= docs.len());
            *least = least.min(cpu_seconds() - started);
        }
    }
    for (seconds, (what, way, _)) in least.iter().zip(&ways) {
        println!("{what:<12}{way:<12}{seconds:.2} s");
    }
    Ok(())
}

fn is_doc(row: &llmp_stage::Result<Row>) -> bool {
    matches!(row, Ok(Row::Doc(_)))
}

fn strict_lines(path: &Path) -> Result<usize, Box<dyn Error>> {
    let mut input = BufReader::new(std::fs::File::open(path)?);
    let (mut line, mut count) = (Vec::new(), 0);
    while input.read_until(b'\n', &mut line)? > 0 {
        serde_json::from_slice::<Doc>(&line)?;
        line.clear();
        count += 1;
    }
    Ok(count)
}

/// A document of some 3 kB.
fn doc(number: u64) -> Doc {
    const WORDS: [&str; 12] = [
        "the",
        "harbour",
        "light",
        "of",
        "a",
        "naïve \"town\"",
        "at",
        "2024",
        "sea\n",
        "Приве́т",
        "你好",
        "and",
    ];
    let mut random = Random::new(7, number);
    let text: Vec<&str> = (0..500).map(|_| WORDS[random.below(WORDS.len())]).collect();
    Doc {
        text: text.join(" "),
        id: format!("<urn:uuid:{number}>"),
        url: format!("https://example.com/{number}"),
        date: "2024-05-01T10:00:00Z".into(),
        language: Some("en".into()),
        language_score: Some(0.9),
        ..Doc::default()
    }
}

/// CPU time of this process so far, from `/proc`; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
