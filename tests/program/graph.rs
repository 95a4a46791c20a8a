//! `llmp graph`: pictures, and the page that follows a pipeline.

#![allow(clippy::disallowed_methods, reason = "the test plays the browser")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::world::World;

const PROGRAM: &str =
    "docs = crawl.docs(\"data/*.jsonl\")\nlong = docs |> filter.quality { min_words = 1 }\n";

fn world() -> World {
    let world = World::new();
    world.write("main.llmp", PROGRAM);
    world.write("data/1.jsonl", "{\"id\": \"1\", \"text\": \"one two three\"}\n");
    world
}

/// `llmp graph --watch` and its standard output.
struct Watching {
    child: Child,
    out: BufReader<ChildStdout>,
    url: String,
}

impl Watching {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["graph", "main.llmp", "--watch"]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start llmp graph");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut url = String::new();
        out.read_line(&mut url).expect("a first line");
        Self { child, out, url: url.trim_end().to_owned() }
    }

    /// Sends a request for a path below the page's; the connection from which the answer comes.
    fn request(&self, method: &str, path: &str) -> BufReader<TcpStream> {
        let rest = self.url.strip_prefix("http://").expect("a URL");
        let (host, base) = rest.split_once('/').expect("a path");
        assert!(host.starts_with("127.0.0.1:"), "{host} is loopback");
        let mut stream = TcpStream::connect(host).expect("connect");
        write!(stream, "{method} /{base}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("ask");
        BufReader::new(stream)
    }

    fn answer(&self, method: &str, path: &str) -> String {
        let mut text = String::new();
        self.request(method, path).read_to_string(&mut text).expect("an answer");
        text
    }

    /// The place of the next stage that is chosen.
    fn chosen(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads scenes until one is as wanted.
fn scene(events: &mut BufReader<TcpStream>, wanted: impl Fn(&Value) -> bool) -> Value {
    for line in events.lines() {
        if let Some(data) = line.expect("a line").strip_prefix("data: ") {
            let scene: Value = serde_json::from_str(data).expect("a scene");
            if wanted(&scene) {
                return scene;
            }
        }
    }
    panic!("the events end");
}

fn states(scene: &Value) -> Vec<&str> {
    let stages = scene["stages"].as_array().expect("stages").iter();
    stages.map(|stage| stage["state"].as_str().unwrap_or("unknown")).collect()
}

#[test]
fn the_page_follows_text_store_files_and_clicks() {
    let world = world();
    let mut watching = Watching::start(&world);
    let page = watching.answer("GET", "");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("Content-Security-Policy"), "{page}");

    let mut events = watching.request("GET", "events");
    let first = scene(&mut events, |_| true);
    assert_eq!(states(&first), ["new", "new"]);
    assert!(first["svg"].as_str().is_some_and(|svg| svg.contains("id=\"s1\"")));

    world.ok(&["run", "main.llmp"]);
    let done = scene(&mut events, |scene| states(scene) == ["cached", "cached"]);
    assert_eq!(done["summary"], "nothing to do");

    // Another setting.
    world.write("main.llmp", PROGRAM.replace("= 1", "= 2"));
    let edited = scene(&mut events, |scene| states(scene) == ["cached", "re-run"]);
    let hint = edited["stages"][1]["hint"].as_str().expect("a hint");
    assert!(hint.starts_with("re-run: min_words 1 → 2"), "{hint}");

    // A mistake: the drawing stays, and what is wrong is told.
    world.write("main.llmp", PROGRAM.replace("filter.quality", "filter.qualty"));
    let broken = scene(&mut events, |scene| scene["old"] == true);
    assert_eq!(states(&broken), ["cached", "re-run"]);
    assert!(broken["problems"][0].as_str().is_some_and(|text| text.contains("filter.quality")), "{broken}");

    // Mended, and another input.
    world.write("main.llmp", PROGRAM);
    scene(&mut events, |scene| scene["old"] == false && states(scene) == ["cached", "cached"]);
    world.write("data/2.jsonl", "{\"id\": \"2\", \"text\": \"four five six\"}\n");
    scene(&mut events, |scene| states(scene)[0] == "re-run");

    let jumped = watching.answer("POST", "jump/s1");
    assert!(jumped.starts_with("HTTP/1.1 204"), "{jumped}");
    let main = world.path().canonicalize().expect("the folder").join("main.llmp");
    assert_eq!(watching.chosen(), format!("{}:2:16", main.display()));
}

#[test]
fn what_cannot_be_read_is_told_as_long_as_it_is_so() {
    let world = world();
    let watching = Watching::start(&world);
    let mut events = watching.request("GET", "events");
    let said = |scene: &Value, part: &str| {
        let mut problems = scene["problems"].as_array().expect("problems").iter();
        problems.any(|text| text.as_str().is_some_and(|text| text.contains(part)))
    };
    world.write(".llmp/version", "99");
    scene(&mut events, |scene| said(scene, "has format 99"));
    std::fs::remove_dir_all(world.path().join(".llmp")).expect("remove the store");
    scene(&mut events, |scene| states(scene) == ["new", "new"] && !said(scene, ""));
    std::fs::remove_file(world.path().join("main.llmp")).expect("remove the pipeline");
    scene(&mut events, |scene| said(scene, "main.llmp") && scene["old"] == true);
    world.write("main.llmp", PROGRAM);
    scene(&mut events, |scene| scene["old"] == false && !said(scene, ""));
}

#[test]
fn the_page_is_only_for_those_who_know_its_address() {
    let world = world();
    let watching = Watching::start(&world);
    assert!(watching.answer("GET", "other").starts_with("HTTP/1.1 404"));
    assert!(watching.answer("PUT", "").starts_with("HTTP/1.1 405"));
    assert!(watching.answer("POST", "jump/s99").starts_with("HTTP/1.1 404"));
    let host = watching.url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("a host");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /events HTTP/1.1\r\n\r\n", "404"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let mut stream = TcpStream::connect(host).expect("connect");
        stream.write_all(request.as_bytes()).expect("ask");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {text}");
    }
}

#[test]
fn pictures_show_states_when_asked() {
    let world = world();
    let plain = world.ok(&["graph", "main.llmp"]).out;
    assert!(plain.starts_with("docs "), "{plain}");
    assert!(!world.path().join(".llmp").exists(), "a picture makes no store");
    world.ok(&["run", "main.llmp"]);
    world.write("main.llmp", PROGRAM.replace("= 1", "= 2"));
    let states = world.ok(&["graph", "main.llmp", "--states"]).out;
    let marks: Vec<_> = states.lines().filter_map(|line| line.chars().next()).collect();
    assert_eq!(marks, ['=', '~'], "{states}");
    for (name, start) in
        [("a.svg", "<svg"), ("a.dot", "digraph"), ("a.mmd", "flowchart"), ("a.html", "<!DOCTYPE")]
    {
        world.ok(&["graph", "main.llmp", "--states", "--out", name]);
        let text = std::fs::read_to_string(world.path().join(name)).expect("the picture");
        assert!(text.starts_with(start), "{name}: {text}");
    }
}
