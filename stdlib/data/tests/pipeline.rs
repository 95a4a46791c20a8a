//! From a WARC file to deduplicated documents, through the stages as the runtime calls them.

use std::fmt::Write;
use std::path::Path;

use llmp_artifacts::docs::Reader;
use llmp_stage::Context;
use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

mod shared;

/// Runs the stage `name` on the folder `input`, and returns what it reports; its output lies below `work`.
fn run(work: &Path, name: &str, role: &str, input: &Path, settings: Value) -> TestContext {
    let stages = llmp_data::stages();
    let stage = stages.iter().find(|stage| stage.name() == name).expect("a stage of this crate");
    let ctx = TestContext::new(&work.join(name)).with_folder(role, input);
    stage.check_settings(&settings).expect("the settings fit");
    let started = std::time::Instant::now();
    stage.run(&ctx, &settings).unwrap_or_else(|error| panic!("{name}: {error}"));
    println!(
        "{name}: {:.2} s, {:?}",
        started.elapsed().as_secs_f64(),
        ctx.counts.lock().expect("unpoisoned")
    );
    ctx
}

fn quality(rules: &[&str], min_words: u64) -> Value {
    json!({
        "preset": "fineweb", "rules": rules, "except": [], "min_words": min_words, "max_words": 100_000,
        "max_symbols": 0.1, "max_bullets": 0.9, "max_ellipses": 0.3, "min_stop_words": 2, "min_line_words": 3,
        "max_word_characters": 1000, "min_sentences": 5, "bad_words": false, "min_long_paragraphs": 0,
        "long_paragraph": 200, "short_line": 30
    })
}

/// The whole chain on the folder `files`; returns the context of the last stage.
fn chain(work: &Path, files: &Path, keep: &[&str], quality: Value) -> (TestContext, String) {
    let mut digests = String::new();
    let mut steps: Vec<(&str, &str, Value)> = vec![
        ("crawl.warc", "files", json!({"max_page": 16 << 20})),
        (
            "filter.urls",
            "pages",
            json!({
                "block": ["adult", "gambling"], "lists": [], "hosts": ["ads.example"], "hosts_file": null, "words": [],
                "soft_words": [], "soft_limit": 2, "parts": []
            }),
        ),
        (
            "extract.text",
            "pages",
            json!({
                "favour": "balanced", "format": "plain", "title": false, "comments": false, "tables": true, "dump": null,
                "max_page": 4 << 20, "time_limit": 60
            }),
        ),
    ];
    if !keep.is_empty() {
        steps.push((
            "filter.language",
            "docs",
            json!({"keep": keep, "labels": [], "min_score": 0.65, "share": 0.0, "model": null}),
        ));
    }
    steps.push((
        "filter.pii",
        "docs",
        json!({"mask": ["email", "ip", "phone", "address", "card", "iban"], "action": "replace"}),
    ));
    steps.push(("filter.quality", "docs", quality));
    let minhash =
        json!({"similarity": 0.8, "ngram": 5, "hashes": 112, "bands": null, "band_hashes": null, "seed": 1});
    steps.push(("dedup.minhash.sign", "docs", json!({"ngram": 5, "hashes": 112, "seed": 1})));
    let group = json!({"similarity": 0.8, "hashes": 112, "bands": null, "band_hashes": null});
    steps.push(("dedup.minhash.group", "docs", group));
    steps.push(("dedup.minhash", "docs", minhash));
    let mut input = files.to_owned();
    let mut last = None;
    for (name, role, settings) in steps {
        let ctx = run(work, name, role, &input, settings);
        ctx.output().clone_into(&mut input);
        if name.starts_with("dedup.minhash.") {
            continue;
        }
        writeln!(digests, "{name} {}", digest(&input)).expect("a string");
        last = Some(ctx);
    }
    (last.expect("stages"), digests)
}

/// A digest of what a stage made: of documents, not of how Parquet and gzip pack them.
fn digest(folder: &Path) -> String {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher.update(path.file_name().expect("a name").as_encoded_bytes());
        if path.extension().is_some_and(|extension| extension == "parquet") {
            for doc in Reader::open(&path).expect("opens") {
                let line = serde_json::to_vec(&doc.expect("read")).expect("JSON");
                hasher.update(&line);
            }
        } else {
            for item in llmp_artifacts::warc::Reader::open(&path, 1 << 30).expect("opens") {
                hasher.update(format!("{:?}", item.expect("read")).as_bytes());
            }
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn page(url: &str, subject: &str) -> String {
    let paragraphs = [
        format!("The {subject} stands where the old road crosses the river, and it has stood there for three centuries."),
        format!("People who come to see the {subject} usually stay for an hour, because the view is wide and quiet."),
        "In winter the snow covers the fields, so that only the tops of the fences can be seen from the hill.".into(),
        format!("Write to keeper@{subject}.org or call 212-664-7665 if you want to visit with more than ten friends."),
        "Nobody has to pay, although a box for gifts hangs beside the door and is emptied every second Friday.".into(),
        format!("We hope that the {subject} will be open again in spring, with better chairs and a new roof."),
    ];
    let paragraphs: String = paragraphs.iter().map(|text| format!("<p>{text}</p>\n")).collect();
    let html = format!(
        "<html><head><title>{subject}</title></head><body><nav><a href=/>Home</a></nav><article>{paragraphs}</article>\
         <footer>Imprint</footer></body></html>"
    );
    let http = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}");
    format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{url}>\r\nWARC-Target-URI: {url}\r\n\
         WARC-Date: 2024-05-18T01:58:10Z\r\nContent-Length: {}\r\n\r\n{http}\r\n\r\n",
        http.len()
    )
}

/// Golden digests: where one changes, the stage's output has changed, and its `epoch` must be raised.
#[test]
fn outputs_change_only_with_the_epoch() {
    let work = tempfile::tempdir().expect("a folder");
    let files = work.path().join("files");
    std::fs::create_dir(&files).expect("made");
    let pages = [
        page("https://a.example/mill", "windmill"),
        page("https://b.example/mill", "windmill"),
        page("https://a.example/lighthouse", "lighthouse"),
        page("https://ads.example/lighthouse", "barn"),
        page("https://a.example/casino", "barn"),
    ];
    std::fs::write(files.join("pages.warc"), pages.concat()).expect("written");
    let (last, digests) = chain(work.path(), &files, &["en"], quality(&["gopher", "c4", "fineweb"], 50));
    assert_eq!(last.counted("documents"), 2, "one windmill and one lighthouse");
    assert_eq!(digests, GOLDEN);
}

const GOLDEN: &str = "\
crawl.warc 6b39907f9fcbf247
filter.urls f7b9d03ef99046cc
extract.text 7cbf2a5772cbaac2
filter.language 07d084ec4c7bd6bc
filter.pii 35cb74ee6413f9af
filter.quality 35cb74ee6413f9af
dedup.minhash 214c6457246b865f
";

/// How much is left of real pages, and how long it takes: `cargo test --release --test pipeline --
/// --nocapture`.
#[test]
fn real_pages_become_documents() {
    let Some(folder) = shared::data("warc") else { return };
    let work = tempfile::tempdir().expect("a folder");
    let files = work.path().join("files");
    std::fs::create_dir(&files).expect("made");
    for name in
        ["aut/IAH-20080430204825-blackbook.warc.gz", "resiliparse/warcfile.warc.gz", "jwarc/cc.warc.gz"]
    {
        let target = files.join(name.replace('/', "-"));
        std::fs::copy(folder.join(name), target).expect("copied");
    }
    let (last, _) = chain(work.path(), &files, &[], quality(&["gopher"], 20));
    assert!(last.counted("documents") > 10);
}
