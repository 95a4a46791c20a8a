//! `crawl.common_crawl`: lists, the lock file, what is fetched and what is not, and what is said where it
//! goes wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::server::{Reply, Server};
use crate::world::{SNAPSHOT, World, crawl, ended, give, good, gzip, path_of, program, warc};

fn files(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| warc(&format!("site{number}"), 3, 500)).collect()
}

#[test]
fn what_is_fetched_once_is_never_asked_for_again() {
    let all = files(4);
    let server = good(crawl(&all));
    let world = World::new(&program(&server, "1..2"));

    // Looking opens no connection.
    world.good(&["check", "main.llmp"]);
    let plan = world.good(&["plan", "main.llmp"]).out;
    assert!(plan.contains("fetch: 2 files, about 1.7 GiB, 2m 4"), "{plan}");
    let json: serde_json::Value =
        serde_json::from_str(&world.good(&["plan", "--json", "main.llmp"]).out).unwrap();
    assert_eq!(json["stages"][0]["fetch"]["files"], 2);
    assert_eq!(json["stages"][0]["reasons"][1]["kind"], "fetches");
    assert!(server.asked().is_empty() && world.lock().is_empty());

    let fetched = world.good(&["fetch", "main.llmp"]).out;
    assert!(fetched.starts_with("fetched 2 files"), "{fetched}");
    let lock = world.lock();
    for (number, bytes) in all.iter().take(2).enumerate() {
        let digest = blake3::hash(bytes).to_hex();
        let line =
            format!("  {} {} {digest} {}{}\n", number + 1, bytes.len(), server.url("/"), path_of(number));
        assert!(lock.contains(&line), "{lock}");
        let file = world.path("downloads/files").join(digest.as_str());
        assert_eq!(fs::read(&file).unwrap(), *bytes);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o444);
    }
    assert_eq!(server.asked().len(), 3);

    assert!(!world.good(&["plan", "main.llmp"]).out.contains("fetch"));
    world.good(&["run", "main.llmp"]);
    assert_eq!(world.good(&["fetch", "main.llmp"]).out, "nothing to fetch\n");
    assert!(world.good(&["run", "main.llmp"]).out.contains("nothing to do"));
    assert_eq!(server.asked().len(), 3);

    // A larger range brings the new files only, and makes the new shards only.
    world.write(&program(&server, "1..4"));
    let plan = world.good(&["plan", "main.llmp"]).out;
    assert!(plan.contains("fetch: 2 files, about"), "{plan}");
    let run = world.good(&["run", "main.llmp"]);
    let asked: Vec<_> = server.asked().iter().skip(3).map(|asked| asked.path.clone()).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[1..].iter().all(|path| path.ends_with("2.warc.gz") || path.ends_with("3.warc.gz")),
        "{asked:?}"
    );
    assert!(run.err.contains("2 of 4 shards"), "{}", run.err);
    // A smaller one needs nothing.
    world.write(&program(&server, "2..3"));
    world.good(&["run", "main.llmp"]);
    assert_eq!(server.asked().len(), 6);

    // Results are there: an empty cache is no reason to fetch.
    let gone = world.good(&["gc", "--downloads"]).out;
    assert!(gone.starts_with("removed 4 files"), "{gone}");
    assert_eq!(world.good(&["fetch", "main.llmp"]).out, "nothing to fetch\n");
}

#[test]
fn a_committed_lock_gives_the_same_keys_on_another_machine() {
    let server = good(crawl(&files(2)));
    let (here, there) = (World::new(&program(&server, "1..2")), World::new(&program(&server, "1..2")));
    here.good(&["run", "main.llmp"]);
    fs::write(there.path("main.lock"), here.lock()).unwrap();
    let plan = there.good(&["plan", "main.llmp"]).out;
    assert!(plan.contains("fetch: 2 files, ") && !plan.contains("about 1.7 GiB"), "{plan}");
    there.good(&["run", "main.llmp"]);
    assert_eq!(here.lock(), there.lock());
    let keys = |world: &World| {
        let plan: serde_json::Value =
            serde_json::from_str(&world.good(&["plan", "--json", "main.llmp"]).out).unwrap();
        (plan["stages"][0]["key"].clone(), plan["stages"][1]["artifact"].clone())
    };
    assert_eq!(keys(&here), keys(&there));

    // A mirror is asked for the same files, and its base is no part of a key.
    let mirror = good(crawl(&files(2)));
    there.write(&program(&mirror, "1..2"));
    assert_eq!(keys(&here), keys(&there));
    there.good(&["gc", "--downloads"]);
    there.good(&["run", "main.llmp", "--force", "pages"]);
    assert_eq!(mirror.asked().len(), 2);
    // A damaged file of the cache is fetched again.
    let digest = blake3::hash(&files(2)[0]).to_hex();
    let file = there.path("downloads/files").join(digest.as_str());
    let length = fs::read(&file).unwrap().len();
    fs::remove_file(&file).unwrap();
    fs::write(&file, vec![0; length]).unwrap();
    there.good(&["run", "main.llmp", "--force", "pages"]);
    assert_eq!(mirror.asked().len(), 3);
    assert_eq!(fs::read(&file).unwrap(), files(2)[0]);
}

#[test]
fn two_processes_fetch_each_file_once() {
    let all = crawl(&files(6));
    let server = Server::new(move |asked| Reply {
        pieces: Some((1_000, std::time::Duration::from_millis(20))),
        ..give(asked, &all)
    });
    let world = World::new(&program(&server, "1..6"));
    let start = || {
        let mut command = world.command(&["fetch", "main.llmp"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    for child in [start(), start(), start()] {
        let ended = ended(child.wait_with_output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.err);
    }
    let mut files: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    files.retain(|path| !path.ends_with("paths.gz"));
    assert_eq!(files.len(), 6, "{files:?}");
    assert_eq!(world.lock().lines().filter(|line| line.starts_with("  ")).count(), 6);
}

/// What is said where it goes wrong; every message says where, and what to do.
#[track_caller]
fn refused(world: &World, arguments: &[&str], parts: &[&str]) {
    let ended = world.llmp(arguments);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let all = ended.out + &ended.err;
    for part in parts.iter().chain(&["main.llmp:", "help:"]) {
        assert!(all.contains(part), "`{part}` is not in: {all}");
    }
}

#[test]
fn every_mistake_has_its_message() {
    let all = files(2);
    let server = good(crawl(&all));
    let world = World::new(&program(&server, "1..2").replace(SNAPSHOT, "CC-MAIN-2031-99"));
    let missing =
        ["there is no crawl `CC-MAIN-2031-99` at http://127.0.0.1", "answers 404", "main.llmp:1:32"];
    refused(&world, &["fetch", "main.llmp"], &missing);
    refused(&world, &["run", "main.llmp"], &missing);
    world.write(&program(&server, "1..2").replace(SNAPSHOT, "../etc"));
    refused(&world, &["fetch", "main.llmp"], &["`../etc` is no name of a crawl"]);
    world.write(&program(&server, "2..3"));
    refused(
        &world,
        &["fetch", "main.llmp"],
        &["file 3 of warc is asked for", "has 2 at", "take files of 1..2"],
    );
    assert_eq!(server.asked().len(), 3, "what is final is asked for once");

    // A digest that was edited by hand.
    world.write(&program(&server, "1..2"));
    world.good(&["fetch", "main.llmp"]);
    let (lock, digest) = (world.lock(), blake3::hash(&all[1]).to_hex());
    let wrong = lock.replace(digest.as_str(), &"0".repeat(64));
    fs::write(world.path("main.lock"), &wrong).unwrap();
    refused(&world, &["run", "main.llmp"], &["is another file now", "remove its line from the lock file"]);
    fs::write(
        world.path("main.lock"),
        wrong
            .lines()
            .filter(|line| !line.contains("000000"))
            .fold(String::new(), |all, line| all + line + "\n"),
    )
    .unwrap();
    world.good(&["fetch", "main.llmp"]);
    assert_eq!(world.lock(), lock, "a line that is removed is fetched anew");
    fs::write(world.path("main.lock"), lock.replace("  2 ", "<<<<<<< HEAD\n  2 x")).unwrap();
    for command in ["fetch", "run"] {
        let ended = world.llmp(&[command, "main.llmp"]);
        assert_eq!(ended.code, 1);
        let told = "line 7 of the lock file `main.lock` is neither a heading nor a file";
        assert!(ended.err.contains(told) && ended.err.contains("help:"), "{}", ended.err);
    }
    assert_eq!(world.llmp(&["plan", "main.llmp"]).code, 1);

    // A base with another list of the same crawl.
    fs::write(world.path("main.lock"), &lock).unwrap();
    let mut other = crawl(&files(3));
    let list = [path_of(9), path_of(1), path_of(2)].join("\n");
    other.insert(format!("/crawl-data/{SNAPSHOT}/warc.paths.gz"), gzip(list.as_bytes()));
    let other = good(other);
    world.write(&program(&other, "1..3"));
    refused(&world, &["fetch", "main.llmp"], &["has another list of this crawl", "set `base` to the server"]);

    // What is no list.
    let odd = Server::new(|_| Reply { body: b"<html>welcome</html>".to_vec(), ..Reply::status(200) });
    let world = World::new(&program(&odd, "1..1"));
    refused(&world, &["fetch", "main.llmp"], &["the list `http://127.0.0.1", "it is no gzip file of lines"]);
}

#[test]
fn hosts_of_this_machine_are_the_users_to_allow() {
    let server = good(crawl(&files(1)));
    let world = World::new(&program(&server, "1..1"));
    let run = |hosts: &str| {
        ended(world.command(&["fetch", "main.llmp"]).env("LLMP_ALLOW_HOSTS", hosts).output().unwrap())
    };
    let plain = run("");
    assert!(
        plain.err.contains("would be fetched without encryption")
            && plain.err.contains("--allow-host 127.0.0.1"),
        "{}",
        plain.err
    );
    assert!(server.asked().is_empty());
    // A name that leads to this machine, behind a redirect of a host that is allowed.
    let port = server.url("/").port().unwrap();
    let leading = Server::new(move |asked| {
        Reply::status(302).with("location", format!("http://localhost:{port}{}", asked.path))
    });
    world.write(&program(&leading, "1..1"));
    let led = run("127.0.0.1");
    assert!(led.err.contains("which is this machine") && led.err.contains("allow its host"), "{}", led.err);
    assert!(server.asked().is_empty());
    assert_eq!(run("127.0.0.1,localhost").code, 0);
}

#[test]
fn what_comes_is_checked() {
    let whole = warc("site", 3, 500);
    let cut = whole[..whole.len() - 9].to_vec();
    type Answer = Box<dyn Fn() -> Reply + Send + Sync>;
    let tag = |bytes: &[u8]| Reply { body: bytes.to_vec(), ..Reply::status(200) }.with("etag", "\"a\"");
    let (short, garbage) = (tag(&cut), tag(b"<html>We are moving house, please try again on Monday</html>"));
    let cases: [(Answer, &str); 3] = [
        (Box::new(move || short.clone()), "is damaged or cut off"),
        (Box::new(move || garbage.clone()), "is no gzip file, though its name says so"),
        (Box::new(|| Reply::status(403)), "answers 403: it refuses"),
    ];
    for (answer, message) in cases {
        let list = crawl(&[vec![]]);
        let server = Server::new(move |asked| match asked.path.ends_with("paths.gz") {
            true => give(asked, &list),
            false => answer(),
        });
        let world = World::new(&program(&server, "1..1"));
        refused(&world, &["fetch", "main.llmp"], &[message]);
        assert!(world.lock().is_empty());
        assert!(fs::read_dir(world.path("downloads/files")).map_or(0, Iterator::count) == 0);
        assert_eq!(server.asked().len(), 2, "{message}");
    }
}
