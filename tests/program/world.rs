//! A folder with a pipeline, WARC files and a store, and the binary run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of its own for a test.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// One with a pipeline `main.llmp` and two sites, `web/alpha.warc` and `web/beta.warc`.
    pub(crate) fn of_sites(pipeline: &str) -> Self {
        let world = Self::new();
        world.write("main.llmp", pipeline);
        for site in ["alpha", "beta"] {
            world.write(&format!("web/{site}.warc"), warc(site, 6));
        }
        world
    }

    /// Writes so many short conversations, `talk.jsonl`.
    pub(crate) fn write_talks(&self, count: usize) {
        let talk = |i| {
            format!(
                "{{\"messages\":[{{\"role\":\"user\",\"content\":\"What is {i}?\"}},{{\"role\":\"assistant\",\"content\":\"A number, {i}.\"}}]}}\n"
            )
        };
        self.write("talk.jsonl", (0..count).map(talk).collect::<String>());
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("make the folder");
        fs::write(path, content).expect("write the file");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmp"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            // Runs keep there how quick the machine is.
            .env("XDG_CACHE_HOME", std::env::temp_dir().join("llmp-tests-cache"))
            .env_remove("LLMP_STORE");
        command
    }

    pub(crate) fn llmp(&self, arguments: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("start llmp");
        Said {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Said {
        let said = self.llmp(arguments);
        assert_eq!(said.code, 0, "llmp {arguments:?}\n{}\n{}", said.out, said.err);
        said
    }

    /// The stages a plan would run, as `name` or `name done/all` for shards.
    pub(crate) fn planned(&self, file: &str) -> Vec<String> {
        let said = self.llmp(&["plan", file, "--json"]);
        let plan: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no plan: {}", said.err));
        let stages =
            plan["stages"].as_array().expect("stages").iter().filter(|stage| stage["action"] != "cached");
        stages.map(|stage| stage["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The stages that the last run ran, with shards where these were not all.
    pub(crate) fn ran(&self, said: &Said) -> Vec<String> {
        let mut ran = Vec::new();
        for line in said.out.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no event: {line}"));
            if event["event"] == "stage_finished" {
                let name = event["stage"].as_str().expect("a name");
                let shards = &event["shards"];
                match (shards["ran"].as_u64(), shards["all"].as_u64()) {
                    (Some(some), Some(all)) if some < all => ran.push(format!("{name} {some}/{all}")),
                    _ => ran.push(name.to_owned()),
                }
            }
        }
        ran
    }

    /// The newest result of a binding.
    pub(crate) fn result(&self, binding: &str) -> PathBuf {
        let out = self.path().join(".llmp/out");
        let pipeline = fs::read_dir(out).expect("results").next().expect("one pipeline").expect("readable");
        pipeline.path().join(binding)
    }
}

/// A page of a WARC file.
pub(crate) fn page(url: &str, title: &str, sentences: &[String]) -> String {
    let paragraphs: String =
        sentences.chunks(3).map(|chunk| format!("<p>{}</p>\n", chunk.join(" "))).collect();
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\
         <nav><a href=\"/\">Home</a> <a href=\"/about\">About</a></nav>\
         <article><h1>{title}</h1>\n{paragraphs}</article><footer>All rights reserved.</footer></body></html>"
    );
    let http = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{html}",
        html.len()
    );
    format!(
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-01T00:00:00Z\r\n\
         WARC-Record-ID: <urn:uuid:{:032x}>\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n{http}\r\n\r\n",
        url.bytes()
            .fold(7_u128, |sum, byte| sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(u128::from(byte))),
        http.len()
    )
}

/// A WARC file with `count` pages of plain, different English text.
pub(crate) fn warc(site: &str, count: usize) -> String {
    const SUBJECTS: [&str; 8] = [
        "The river",
        "A small harbour",
        "The old bridge",
        "Every spring the market",
        "The railway",
        "Our library",
        "The northern road",
        "A wide valley",
    ];
    const VERBS: [&str; 8] = [
        "lies near",
        "was built beside",
        "leads past",
        "has always fed",
        "connects",
        "looks over",
        "was named after",
        "gave work to",
    ];
    const OBJECTS: [&str; 8] = [
        "the green hills of the county",
        "a quiet village with two mills",
        "the people who came from the coast",
        "fields where barley and oats were grown",
        "the last houses before the forest",
        "a school that stands to this day",
        "the workshops along the canal",
        "those that had settled there before",
    ];
    let pages = (0..count).map(|index| {
        let sentences: Vec<String> = (0..12_usize)
            .map(|line| {
                let pick = |salt: usize| {
                    let seed = site.bytes().fold(index * 31 + line * 7 + salt, |sum, byte| {
                        sum.wrapping_mul(131).wrapping_add(usize::from(byte))
                    });
                    (seed >> 3) % 8
                };
                format!(
                    "{} {} {} in the year {}.",
                    SUBJECTS[pick(1)],
                    VERBS[pick(2)],
                    OBJECTS[pick(3)],
                    1800 + (index * 12 + line) % 200
                )
            })
            .collect();
        page(&format!("https://{site}.example/page-{index}"), &format!("Notes {index} of {site}"), &sentences)
    });
    pages.collect()
}
