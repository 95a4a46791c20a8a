//! Addresses wherever files are due.

use std::collections::BTreeMap;

use crate::world::{World, good, gzip, warc};

#[test]
fn an_address_is_an_input_like_a_file() {
    let lines = "{\"text\": \"the keeper walks\"}\n{\"text\": \"the river rises\"}\n";
    let files = BTreeMap::from([
        ("/a.jsonl.gz".to_owned(), gzip(lines.as_bytes())),
        ("/b.warc.gz".to_owned(), warc("b", 2, 500)),
        ("/datasets/o/n/resolve/v1/c.jsonl".to_owned(), lines.replace("keeper", "miller").into_bytes()),
    ]);
    let server = good(files);
    let world = World::new(&format!(
        "docs = crawl.docs([\"{0}\", \"here.jsonl\", \"hf://datasets/o/n/c.jsonl@v1\"])\npages = crawl.warc(\"{1}\") |> extract.text\n",
        server.url("/a.jsonl.gz"),
        server.url("/b.warc.gz")
    ));
    std::fs::write(world.path("here.jsonl"), "{\"text\": \"here\"}\n").unwrap();
    let plan = world.good(&["plan", "main.llmp"]).out;
    assert!(
        plan.contains("fetch: 2 files of unknown size") && plan.contains("Fetch: 3 files of unknown size."),
        "{plan}"
    );
    assert!(server.asked().is_empty());
    let mut run = world.command(&["run", "main.llmp"]);
    let run = run.env("HF_ENDPOINT", server.url("/").as_str()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(server.asked().len(), 3);
    let shown = world.good(&["show", "docs"]).out;
    assert!(["keeper", "miller", "here"].iter().all(|word| shown.contains(word)), "{shown}");
    let lock = world.lock();
    let addresses: Vec<_> =
        lock.lines().filter_map(|line| line.strip_prefix("  ")?.rsplit(' ').next()).collect();
    assert_eq!(addresses.len(), 3);
    assert!(addresses.is_sorted(), "{lock}");
    world.good(&["run", "main.llmp"]);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn other_addresses_are_refused_when_checked() {
    let world = World::new("docs = crawl.docs(\"s3://bucket/a.jsonl\")\n");
    let check = world.llmp(&["check", "main.llmp"]);
    assert!(
        check.code == 1
            && (check.out.clone() + &check.err).contains("is an address that files are not read from"),
        "{}",
        check.err
    );
    world.write("docs = crawl.docs(\"hf://datasets/x\")\n");
    let fetch = world.llmp(&["fetch", "main.llmp"]);
    assert!(
        fetch.err.contains("names no file of Hugging Face's hub") && fetch.err.contains("main.llmp:1:"),
        "{}",
        fetch.err
    );
}

#[test]
fn nobody_is_there() {
    let port = good(BTreeMap::new()).url("/").port().unwrap();
    let world = World::new(&format!("docs = crawl.docs(\"http://127.0.0.1:{port}/a.jsonl\")\n"));
    let mut command = world.command(&["run", "main.llmp"]);
    let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    // It waits and asks again, and stops when it is told to.
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
}
