//! What is told after a run: its report, differences between runs, documents' histories, reasons, and the
//! store's contents.

use std::process::Stdio;

use serde_json::Value;

use crate::world::{World, page, warc};

const PIPELINE: &str = r#"
docs = crawl.warc("web/*.warc")
  |> filter.urls     { words = ["casino"] }
  |> extract.text
  |> filter.quality  { rules = [gopher], min_words = 40, min_stop_words = 0, max_repeated_lines = 100%,
                       max_top_ngrams = [100%, 100%, 100%], max_repeated_ngrams = [100%, 100%, 100%, 100%, 100%, 100%] }
  |> dedup.minhash   { similarity = 80% }
vocab  = tokenize.train(docs) { size = 400 }
tokens = tokenize.encode(docs, vocab)
base   = pretrain(tokens) {
  model = { layers = 1, width = 16, heads = 2, context = 32 }, for = 2k tokens, batch = 2
}
"#;

/// Three sites; among their pages one that is short, one twice, one about a casino, and one with a hostile
/// URL.
fn world() -> World {
    let world = World::of_sites(PIPELINE);
    let sentences: Vec<String> = (0..14)
        .map(|i| {
            format!(
                "In the year {} the people of the valley counted {} barges on the river.",
                1700 + i,
                i * 37 % 91
            )
        })
        .collect();
    let short = vec!["A short page with a handful of words stands here alone.".to_owned()];
    let odd = [
        page("https://odd.example/long", "Barges", &sentences),
        page("https://odd.example/twice", "Barges", &sentences),
        page("https://odd.example/short", "Short", &short),
        page("https://odd.example/casino-night", "Night", &sentences[..9]),
        page("https://odd.example/\"><script>alert(1)</script>", "Script", &short),
    ];
    world.write("web/odd.warc", odd.concat());
    world
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_run_ends_with_a_page_that_needs_nothing_else() {
    let world = world();
    let run = world.ok(&["run", "main.llmp"]);
    assert!(
        run.out
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("report: ") && line.ends_with("report.html"))
    );
    let page = std::fs::read_to_string(world.path().join(".llmp/runs/1/report.html")).unwrap();
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
    for told in ["docs/filter.quality", "gopher.min_words", "loss", "Timings", "<svg"] {
        assert!(page.contains(told), "{told} is missing");
    }
    assert!(page.len() < 400_000, "{} bytes", page.len());

    let report = json(&world.ok(&["report", "--json"]).out);
    let stage = |name: &str| {
        let stages = report["stages"].as_array().unwrap();
        stages.iter().find(|stage| stage["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!((report["run"].as_u64(), report["status"].as_str()), (Some(1), Some("done")));
    assert!(report["environment"]["cores"].as_u64() > Some(0));
    let base = stage("base");
    assert!(base["curves"]["loss"].as_array().is_some_and(|points| points.len() > 2), "{base}");
    for field in ["key", "settings", "seconds", "peak_memory", "device", "host", "version", "span", "bytes"] {
        assert!(!base[field].is_null(), "{field} is missing");
    }
    assert_eq!(stage("docs/filter.urls")["counts"]["dropped.urls.word"], 1);
    assert_eq!(report["lowered"].as_array().map(Vec::len), report["stages"].as_array().map(Vec::len));

    world.ok(&["report", "1", "--out", "page.html"]);
    assert!(std::fs::read_to_string(world.path().join("page.html")).unwrap() == page);
    let unknown = world.llmp(&["report", "9"]);
    assert!(unknown.code == 1 && unknown.err.contains("there is no run 9"), "{}", unknown.err);
}

#[test]
fn two_runs_are_compared() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    world.write("main.llmp", PIPELINE.replace("min_words = 40", "min_words = 200"));
    world.write("web/gamma.warc", warc("gamma", 3));
    world.ok(&["run", "main.llmp"]);
    let diff = world.ok(&["diff", "1", "2"]).out;
    for told in ["docs/filter.quality.min_words  40 → 200", "added web/gamma.warc", "base.loss, last"] {
        assert!(diff.contains(told), "{told} is missing:\n{diff}");
    }
    assert!(diff.lines().count() < 60, "{diff}");
    assert_eq!(world.ok(&["diff"]).out, diff, "the last two are meant");
    let value = json(&world.ok(&["diff", "--json"]).out);
    assert_eq!(value["settings"][0]["name"], "min_words");
    assert!(world.ok(&["diff", "1", "1"]).out.contains("No setting, input or result differs"));
    let bad = world.llmp(&["diff", "yesterday"]);
    assert!(bad.code == 1 && bad.err.contains("`yesterday` is no run"), "{}", bad.err);
}

#[test]
fn a_document_is_followed_to_its_tokens() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    let kept = world.ok(&["trace", "https://alpha.example/page-2"]).out;
    for told in ["docs/crawl.warc", "docs/filter.urls", "kept", "words", "tokens   ", " of all", "Notes"] {
        assert!(kept.contains(told), "{told} is missing:\n{kept}");
    }
    for spelling in ["alpha.example/page-2/", "http://www.ALPHA.example/page-2#top"] {
        assert_eq!(world.ok(&["trace", spelling]).out, kept);
    }
    let one = |url: &str| json(&world.ok(&["trace", url, "--json"]).out)["documents"][0].clone();
    // The tokens that are named decode to the document.
    let document = one("alpha.example/page-2");
    let steps = document["steps"].as_array().unwrap();
    let tokens = steps.iter().find(|step| step["fate"] == "tokens").expect("it became tokens");
    let folder = world.result("tokens");
    let shard = tokens["shard"].as_str().unwrap();
    let ids = std::fs::read(folder.join(format!("{shard}.tokens.bin"))).unwrap();
    let ids: Vec<u32> = ids.as_chunks().0.iter().map(|id| u32::from(u16::from_le_bytes(*id))).collect();
    let (from, to) = (tokens["from"].as_u64().unwrap() as usize, tokens["to"].as_u64().unwrap() as usize);
    let text = llmp_artifacts::tokenizer::Tokenizer::load(&folder).unwrap().decode(&ids[from..to - 1]);
    assert!(
        text.starts_with(tokens["begins"].as_str().unwrap())
            && text.contains("of alpha") == text.contains("Notes")
    );

    let fate = |url: &str| {
        let document = one(url);
        let last = document["steps"].as_array().unwrap().last().unwrap().clone();
        format!("{} {} {}", last["stage"].as_str().unwrap(), last["rule"], last["value"])
    };
    assert_eq!(fate("odd.example/casino-night"), "docs/filter.urls \"urls.word\" \"casino\"");
    assert!(fate("odd.example/short").starts_with("docs/filter.quality \"gopher.min_words\""));
    let (long, twice) = (one("odd.example/long"), one("odd.example/twice"));
    let dropped = [&long, &twice]
        .into_iter()
        .find(|doc| doc["steps"].as_array().unwrap().last().unwrap()["fate"] == "dropped");
    let like =
        &dropped.expect("one of the two goes")["steps"].as_array().unwrap().last().unwrap()["like"]["url"];
    assert!(
        ["https://odd.example/long", "https://odd.example/twice"].contains(&like.as_str().unwrap()),
        "{like}"
    );

    let id = document["id"].as_str().unwrap();
    assert_eq!(world.ok(&["trace", id]).out, kept);
    assert!(world.ok(&["trace", "barges on the river"]).out.contains("https://odd.example/long"));
    let unknown = world.llmp(&["trace", "https://alpha.example/pag-2"]);
    assert!(
        unknown.code == 1 && unknown.err.contains("did you mean `https://alpha.example/page-2`"),
        "{}",
        unknown.err
    );
}

#[test]
fn reasons_name_the_root_cause() {
    let world = world();
    let why = |stage: &str| world.ok(&["why", stage, "main.llmp"]).out;
    assert!(why("tokens").starts_with("tokens has not run yet"), "{}", why("tokens"));
    world.ok(&["run", "main.llmp"]);
    let cached = why("tokens");
    assert!(cached.contains("tokens is cached") && cached.contains("run 1"), "{cached}");
    assert_eq!(world.ok(&["why", "main.llmp", "tokens"]).out, cached);

    // A setting, far before.
    world.write("main.llmp", PIPELINE.replace("min_words = 40", "min_words = 41"));
    let edited = why("tokens");
    assert!(edited.contains("root cause  docs/filter.quality: min_words 40 → 41  main.llmp:5:"), "{edited}");
    assert!(edited.contains("by way of   docs"), "{edited}");
    // It changes nothing: what comes behind is left out.
    world.ok(&["run", "main.llmp"]);
    assert!(why("tokens").contains("it was skipped"), "{}", why("tokens"));

    // Files: one more, one changed, one gone.
    world.write("web/delta.warc", warc("delta", 2));
    world.write("web/alpha.warc", warc("alpha", 5));
    std::fs::remove_file(world.path().join("web/beta.warc")).unwrap();
    let files = why("base");
    for told in [
        "root cause  docs/crawl.warc: ",
        "added web/delta.warc",
        "removed web/beta.warc",
        "changed web/alpha.warc",
    ] {
        assert!(files.contains(told), "{told} is missing:\n{files}");
    }
    // A failure, here and before.
    world.write("web/none.warc", "this is no WARC file at all\n".repeat(50));
    assert_eq!(world.llmp(&["run", "main.llmp"]).code, 1);
    let failed = why("docs/crawl.warc");
    assert!(
        failed.starts_with("docs/crawl.warc failed in run 3") && failed.contains("web/none.warc"),
        "{failed}"
    );
    assert!(why("docs/filter.urls").contains("which failed in run 3"), "{}", why("docs/filter.urls"));
    // Nothing to read.
    for name in ["none", "delta", "alpha", "odd"] {
        std::fs::remove_file(world.path().join(format!("web/{name}.warc"))).unwrap();
    }
    let blocked = why("base");
    assert!(
        blocked.contains("base cannot run") && blocked.contains("no file matches `web/*.warc`"),
        "{blocked}"
    );
    let near = world.llmp(&["why", "tokns", "main.llmp"]);
    assert!(near.err.contains("did you mean `tokens`?"), "{}", near.err);
}

#[test]
fn the_store_gives_back_what_no_kept_run_needs() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    world.ok(&["pin", "first"]);
    for words in ["60", "80", "200"] {
        world.write("main.llmp", PIPELINE.replace("min_words = 40", &format!("min_words = {words}")));
        world.ok(&["run", "main.llmp"]);
    }
    let du = json(&world.ok(&["du", "--json"]).out);
    assert_eq!(du["runs"].as_array().map(Vec::len), Some(4));
    let would = json(&world.ok(&["gc", "--keep-runs", "1", "--dry-run", "--json"]).out);
    assert_eq!(would["pins"]["first"], 1);
    assert_eq!(would["kept_runs"], serde_json::json!([1, 4]));
    let young =
        json(&world.ok(&["gc", "--keep-runs", "1", "--older-than", "30d", "--dry-run", "--json"]).out);
    assert_eq!(young["objects"], 0, "all are younger than 30 days");

    // While another process uses the store, nothing goes.
    let objects = || du_objects(&world);
    let before = objects();
    let using = world.path().join(".llmp/in-use.lock");
    let held = std::fs::File::open(&using).unwrap();
    held.lock_shared().unwrap();
    let refused = world.llmp(&["gc", "--keep-runs", "0"]);
    assert!(refused.code == 1 && refused.err.contains("another process uses the store"), "{}", refused.err);
    assert_eq!(objects(), before);
    drop(held);

    let freed = json(&world.ok(&["gc", "--keep-runs", "1", "--json"]).out);
    assert_eq!(freed["bytes"], would["bytes"]);
    assert_eq!(world.llmp(&["verify"]).code, 0, "what is kept is whole");
    assert!(world.planned("main.llmp").is_empty(), "the newest run is kept");
    world.write("main.llmp", PIPELINE);
    assert!(world.planned("main.llmp").is_empty(), "the pinned run is kept");

    world.ok(&["unpin", "first"]);
    world.ok(&["gc", "--keep-runs", "1"]);
    let why = world.ok(&["why", "docs/filter.quality", "main.llmp"]).out;
    assert!(why.contains("`llmp gc` removed it"), "{why}");
    world.ok(&["run", "main.llmp"]);
    assert_eq!(world.llmp(&["verify"]).code, 0);
    let unknown = world.llmp(&["unpin", "frst"]);
    assert!(unknown.code == 1 && unknown.err.contains("there is no pin"), "{}", unknown.err);
}

fn du_objects(world: &World) -> Value {
    json(&world.ok(&["du", "--json"]).out)["objects"].clone()
}

#[test]
fn what_a_killed_process_had_not_finished_goes_with_gc() {
    let world = world();
    world.ok(&["run", "main.llmp", "--to", "docs"]);
    let object = world.path().join(".llmp/objects/ab");
    std::fs::create_dir_all(&object).unwrap();
    let leftover = object.join("cdef.4711-3.tmp");
    std::fs::write(&leftover, vec![0; 5_000]).unwrap();
    let would = json(&world.ok(&["gc", "--dry-run", "--json"]).out);
    assert_eq!((would["work"].as_u64(), would["bytes"].as_u64()), (Some(5_000), Some(5_000)));
    assert!(leftover.exists());
    let freed = world.ok(&["gc"]).out;
    assert!(freed.contains("unfinished work") && !leftover.exists(), "{freed}");
    world.ok(&["verify"]);
    assert!(json(&world.ok(&["gc", "--dry-run", "--json"]).out)["bytes"] == 0);
}

#[test]
fn gc_between_runs_that_go_on_harms_none() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    world.write("main.llmp", PIPELINE.replace("min_words = 40", "min_words = 60"));
    let mut run = world
        .command(&["run", "main.llmp", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut refused = 0;
    while run.try_wait().unwrap().is_none() {
        let gc = world.llmp(&["gc", "--keep-runs", "0"]);
        refused += usize::from(gc.code == 1);
    }
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(refused > 0, "it never met the run");
    assert_eq!(world.llmp(&["verify"]).code, 0);
    assert!(world.planned("main.llmp").is_empty() || world.llmp(&["run", "main.llmp"]).code == 0);
}
