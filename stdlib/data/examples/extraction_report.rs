//! What `bench/extraction.py` and `bench/train_extractor.py` ask of `extract.text`.
//!
//! `extraction_report texts LIST [markdown]` prints the main text of each page, `extraction_report rows LIST`
//! what is measured of its units. LIST names a page a line: a file, a tab and its address. A line of JSON is
//! printed for each, and at the end the CPU seconds of the extraction go to standard error.

use std::error::Error;
use std::io::Write;

use llmp_data::extract::decode;
use llmp_data::extract::page::measure;
use llmp_data::extract::text::{Favour, Format, Settings, main_text};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, list, format @ ..] = arguments.as_slice() else {
        return Err("usage: extraction_report texts|rows LIST [markdown]".into());
    };
    let settings = Settings {
        favour: Favour::Balanced,
        format: if format.is_empty() { Format::Plain } else { Format::Markdown },
        title: false,
        comments: false,
        tables: true,
        dump: None,
        max_page: 64 << 20,
        time_limit: 60.0,
    };
    let mut seconds = 0.0;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let pages: Vec<(String, String)> = std::fs::read_to_string(list)?
        .lines()
        .map(|line| line.split_once('\t').unwrap_or((line, "")))
        .map(|(file, url)| (file.to_owned(), url.to_owned()))
        .collect();
    for (file, url) in pages {
        let html = std::fs::read(&file)?;
        let started = cpu_seconds();
        let line = if mode == "rows" {
            let units = measure(&decode(&html, None, None), Some(&url)).unwrap_or_default();
            let rows: Vec<_> =
                units.iter().map(|unit| json!([unit.text, unit.open, unit.blocks, unit.features])).collect();
            json!([file, rows])
        } else {
            let text = main_text(&html, None, &url, &settings).unwrap_or_default();
            seconds += cpu_seconds() - started;
            json!([file, text])
        };
        writeln!(output, "{line}")?;
    }
    output.flush()?;
    eprintln!("{seconds:.2}");
    Ok(())
}

/// CPU time of this thread so far, from `/proc`; 0 where there is none.
fn cpu_seconds() -> f64 {
    // Nanoseconds on the processor come first.
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
