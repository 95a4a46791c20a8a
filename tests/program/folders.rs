//! Folders as people have them: links, hidden entries, the store beside the data, names of any bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::world::World;

/// A file of one document.
fn document(text: &str) -> String {
    format!("{{\"id\": \"{text}\", \"text\": \"the document {text}\"}}\n")
}

#[test]
fn links_are_read_as_what_they_lead_to() {
    let world = World::new();
    world.write("blobs/0", document("zero"));
    world.write("blobs/1", document("one"));
    world.write("snapshot/own.jsonl", document("own"));
    for (link, to) in [("first.jsonl", "../blobs/0"), ("second.jsonl", "../blobs/1")] {
        symlink(to, world.path().join("snapshot").join(link)).unwrap();
    }
    for (name, input, count) in
        [("all", "snapshot", 3), ("like", "snapshot/*.jsonl", 3), ("deep", "**/*.jsonl", 3)]
    {
        world.write(&format!("{name}.llmp"), format!("docs = crawl.docs(\"{input}\")\n"));
        let plan = world.llmp(&["plan", &format!("{name}.llmp")]);
        let said = world.ok(&["run", &format!("{name}.llmp"), "--force", "docs"]);
        assert!(said.err.contains(&format!("{count} documents")), "{name}: {}{}", plan.out, said.err);
    }
    symlink("nowhere", world.path().join("snapshot/gone.jsonl")).unwrap();
    let said = world.llmp(&["run", "all.llmp"]);
    let told = "`snapshot/gone.jsonl` is a link to `nowhere`, which is not there";
    assert!(said.code == 1 && said.err.contains(told), "{}", said.err);
    std::fs::remove_file(world.path().join("snapshot/gone.jsonl")).unwrap();
    symlink("..", world.path().join("snapshot/up")).unwrap();
    let said = world.llmp(&["run", "all.llmp"]);
    let told = "`snapshot/up` is a link to a folder that it lies in";
    assert!(said.code == 1 && said.err.contains(told), "{}", said.err);
}

#[test]
fn neither_the_store_nor_hidden_entries_are_input() {
    for store in [".llmp", "results"] {
        let world = World::new();
        let paragraph = "This page says enough about one thing to be taken for the text of it. ".repeat(4);
        world.write("a.html", format!("<html><body><article><p>{paragraph}</p></article></body></html>"));
        world.write(".git/index.html", "<html><body><p>hidden</p></body></html>");
        world.write(".DS_Store", b"\0\0\0\x01Bud1");
        world.write("main.llmp", "docs = crawl.html(\".\") |> extract.text\n");
        world.ok(&["run", "main.llmp", "--store", store]);
        assert_eq!(
            world.llmp(&["plan", "main.llmp", "--detailed-exitcode", "--store", store]).code,
            0,
            "{store}"
        );
        let again = world.ok(&["run", "main.llmp", "--store", store]);
        assert!(again.out.contains("nothing to do"), "{}", again.out);
        world.write("own.llmp", format!("docs = crawl.docs(\"{store}/out\")\n"));
        let said = world.llmp(&["run", "own.llmp", "--store", store]);
        assert!(said.code == 1 && said.err.contains("lies in a store of llmp"), "{}", said.err);
    }
}

#[test]
fn names_of_any_bytes_are_read_and_break_nothing() {
    let world = World::new();
    let at = |name: &[u8]| world.path().join(OsStr::from_bytes(name));
    std::fs::write(at(b"caf\xe9.jsonl"), document("odd")).unwrap();
    std::fs::write(at(b"\xff.txt"), "no document").unwrap();
    world.write("even.jsonl", document("even"));
    world.write("main.llmp", "docs = crawl.docs(\"*.jsonl\")\n");
    let said = world.ok(&["run", "main.llmp"]);
    assert!(said.err.contains("2 documents"), "{}", said.err);
    for command in ["plan", "why", "report", "diff", "check", "graph"] {
        let said = world.llmp(&[command]);
        assert!(!said.err.contains("panicked"), "{command}: {}", said.err);
    }

    // A pipeline in such a folder.
    std::fs::create_dir(at(b"sub\xe9")).unwrap();
    std::fs::write(at(b"sub\xe9/main.llmp"), "docs = crawl.docs(\"*.jsonl\")\n").unwrap();
    std::fs::write(at(b"sub\xe9/a.jsonl"), document("inner")).unwrap();
    for (command, code) in [("plan", 2), ("run", 0), ("plan", 0), ("why", 0), ("check", 0), ("graph", 0)] {
        let mut started = world.command(&[command]);
        match command {
            "why" => drop(started.arg("docs")),
            "plan" => drop(started.arg("--detailed-exitcode")),
            _ => {}
        }
        let said = started.arg(at(b"sub\xe9/main.llmp")).output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(code), "{command}: {err}");
    }
    let mut started = world.command(&["run", "--format", "json", "--force", "docs"]);
    let said = started.arg(at(b"sub\xe9/main.llmp")).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("sub\\\\xE9/main.llmp"), "{said:?}");
    let runs = world.ok(&["log"]);
    assert!(runs.out.contains("sub\\xE9/main.llmp"), "{}", runs.out);
}
