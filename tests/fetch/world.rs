//! A pipeline in a folder, with a download cache of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::{Asked, Reply, Server};

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new(program: &str) -> Self {
        let world = Self { root: tempfile::tempdir().expect("a folder") };
        world.write(program);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, program: &str) {
        fs::write(self.path("main.llmp"), program).expect("a file");
    }

    pub(crate) fn lock(&self) -> String {
        fs::read_to_string(self.path("main.lock")).unwrap_or_default()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmp"));
        command.args(arguments).current_dir(self.root.path());
        command.env("LLMP_DOWNLOADS", self.path("downloads")).env("LLMP_ALLOW_HOSTS", "127.0.0.1");
        command.env("COLUMNS", "200").env_remove("LLMP_STORE").env_remove("LLMP_CONTACT");
        command
    }

    pub(crate) fn llmp(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().expect("it starts"))
    }

    /// The same, which has to go well.
    pub(crate) fn good(&self, arguments: &[&str]) -> Ended {
        let ended = self.llmp(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.out, ended.err);
        ended
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A WARC file with one gzip member a record, as crawls have them: so many pages of about `bytes` bytes that
/// hardly shrink.
pub(crate) fn warc(name: &str, pages: usize, bytes: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut state = name.bytes().fold(7_u64, |state, byte| state.wrapping_mul(31) + u64::from(byte));
    for number in 0..pages {
        let mut words = String::new();
        while words.len() < bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            words += &format!("{:x} ", state >> 16);
        }
        let html =
            format!("<html><title>{name} {number}</title><p>The keeper of {name} walks: {words}</p></html>");
        let http = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{html}",
            html.len()
        );
        let record = format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://{name}.example/{number}\r\n\
             WARC-Date: 2026-07-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:{name}-{number}>\r\n\
             Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n{http}\r\n\r\n",
            http.len()
        );
        file.extend(gzip(record.as_bytes()));
    }
    file
}

pub(crate) const SNAPSHOT: &str = "CC-MAIN-2026-30";

/// The path of a file below the base.
pub(crate) fn path_of(number: usize) -> String {
    format!("crawl-data/{SNAPSHOT}/segments/1/warc/{number:05}.warc.gz")
}

/// The files of a crawl by the path that is asked for, its list among them.
pub(crate) fn crawl(files: &[Vec<u8>]) -> BTreeMap<String, Vec<u8>> {
    let list: String = (0..files.len()).map(|number| path_of(number) + "\n").collect();
    let mut all = BTreeMap::from([(format!("/crawl-data/{SNAPSHOT}/warc.paths.gz"), gzip(list.as_bytes()))]);
    all.extend(
        files.iter().enumerate().map(|(number, bytes)| (format!("/{}", path_of(number)), bytes.clone())),
    );
    all
}

/// A server that gives files as it should.
pub(crate) fn good(all: BTreeMap<String, Vec<u8>>) -> Server {
    Server::new(move |asked| give(asked, &all))
}

pub(crate) fn give(asked: &Asked, all: &BTreeMap<String, Vec<u8>>) -> Reply {
    match all.get(&asked.path) {
        Some(bytes) => Reply::file(asked, bytes, "\"v1\""),
        None => Reply::status(404),
    }
}

/// A pipeline over files of the crawl at a server.
pub(crate) fn program(server: &Server, files: &str) -> String {
    format!(
        "pages = crawl.common_crawl() {{ snapshot = \"{SNAPSHOT}\", files = {files}, base = \"{}\" }}\n\
         docs = extract.text(pages)\n",
        server.url("/")
    )
}
