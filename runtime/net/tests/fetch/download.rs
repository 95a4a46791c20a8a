//! Files: cuts, ranges, other versions, what stays on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use llmp_net::{Error, Limits, Observer};
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::{LIMITS, TestClock, client};

fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(|number| number.to_le_bytes()).collect()
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.warc.gz");
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn cuts_cost_no_byte_twice() {
    let server = Server::new(|asked| {
        let reply = Reply::file(asked, &content(), "\"one\"");
        if asked.number < 9 { reply.cut_at(100_000) } else { reply }
    });
    let (folder, to) = place();
    let clock = TestClock::default();
    let done = client(&clock).download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!(fs::read(&to).unwrap(), content());
    assert_eq!(done.bytes, 1_200_000);
    assert_eq!((done.received, server.sent()), (1_200_000, 1_200_000));
    assert_eq!(done.version.as_deref(), Some("\"one\""));
    assert_eq!(names(folder.path()), ["a.warc.gz"]);
    // Each cut brought something, so that the pauses do not grow.
    assert_eq!(clock.passed().as_secs(), 9);
}

/// Stops when so many bytes are there, as a run that is ended.
struct Until(u64, u64);

impl Observer for Until {
    fn received(&mut self, bytes: u64, _: Option<u64>) {
        self.1 = bytes;
    }

    fn stopped(&self) -> bool {
        self.1 >= self.0
    }
}

#[test]
fn the_next_run_goes_on() {
    let server = Server::new(|asked| Reply::file(asked, &content(), "\"one\""));
    let (folder, to) = place();
    let ask = client(&TestClock::default());
    let error = ask.download(&server.url("/a"), &to, LIMITS, &mut Until(500_000, 0)).unwrap_err();
    assert!(matches!(error, Error::Stopped));
    assert_eq!(names(folder.path()), ["a.warc.gz.part", "a.warc.gz.part.version"]);
    let before = fs::metadata(folder.path().join("a.warc.gz.part")).unwrap().len();
    let done = ask.download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!(done.received, 1_200_000 - before);
    assert_eq!(fs::read(&to).unwrap(), content());
    assert_eq!(names(folder.path()), ["a.warc.gz"]);
}

#[test]
fn another_version_or_address_begins_anew() {
    let other = || content().into_iter().rev().collect::<Vec<u8>>();
    let server = Server::new(move |asked| match asked.number {
        0 => Reply::file(asked, &content(), "\"one\"").cut_at(100_000),
        _ => Reply::file(asked, &other(), "\"two\""),
    });
    let (_folder, to) = place();
    let ask = client(&TestClock::default());
    let done = ask.download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!(fs::read(&to).unwrap(), other());
    assert_eq!(done.version.as_deref(), Some("\"two\""));

    let (_folder, to) = place();
    ask.download(&server.url("/b"), &to, LIMITS, &mut Until(1, 0)).unwrap_err();
    ask.download(&server.url("/c"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!(server.asked().last().unwrap().from(), 0);
}

#[test]
fn servers_without_versions_or_ranges_give_the_whole_again() {
    let server = Server::new(|asked| {
        let reply = Reply { body: content(), ..Reply::status(200) };
        if asked.number == 0 { reply.cut_at(100_000) } else { reply }
    });
    let (_folder, to) = place();
    let done = client(&TestClock::default()).download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!(fs::read(&to).unwrap(), content());
    assert_eq!(done.received, 1_300_000);
}

#[test]
fn wrong_lengths_and_ranges_never_make_a_file() {
    type Answer = fn(&crate::server::Asked) -> Reply;
    let cases: [Answer; 3] = [
        // Fewer bytes than are said.
        |_| {
            let whole = Reply { body: content(), ..Reply::status(200) };
            whole.with("etag", "\"one\"").with("content-length", 9_999_999).cut_at(usize::MAX)
        },
        // Another range than was asked for.
        |asked| match asked.from() {
            0 => Reply::file(asked, &content(), "\"one\"").cut_at(70_000),
            _ => Reply { body: vec![0; 10], ..Reply::status(206) }.with("content-range", "bytes 0-9/1200000"),
        },
        // The file has become shorter, under the same tag.
        |asked| match asked.from() {
            0 => Reply::file(asked, &content(), "\"one\"").cut_at(70_000),
            _ => Reply::status(416).with("content-range", "bytes */10"),
        },
    ];
    for case in cases {
        let server = Server::new(case);
        let (_folder, to) = place();
        let limits = Limits { time: std::time::Duration::from_secs(300), ..LIMITS };
        let error =
            client(&TestClock::default()).download(&server.url("/a"), &to, limits, &mut ()).unwrap_err();
        assert!(matches!(error, Error::GaveUp { .. } | Error::TooLong { .. }), "{error}");
        assert!(!to.exists());
    }
}

#[test]
fn a_length_that_was_wrong_costs_no_byte_twice() {
    let server = Server::new(|asked| {
        let reply = Reply::file(asked, &content(), "\"one\"");
        if asked.number == 0 { reply.with("content-length", 9_999_999).cut_at(usize::MAX) } else { reply }
    });
    let (_folder, to) = place();
    let done = client(&TestClock::default()).download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap();
    assert_eq!((done.bytes, done.received, server.sent()), (1_200_000, 1_200_000, 1_200_000));
    assert_eq!(fs::read(&to).unwrap(), content());
}

#[test]
fn a_file_that_is_too_large_leaves_nothing() {
    let server = Server::new(|asked| Reply {
        open_end: asked.number > 0,
        ..Reply::file(asked, &content(), "\"one\"")
    });
    let limits = Limits { bytes: 1_000_000, ..LIMITS };
    for _ in 0..2 {
        let (folder, to) = place();
        let error =
            client(&TestClock::default()).download(&server.url("/a"), &to, limits, &mut ()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1_000_000, .. }), "{error}");
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn two_fetches_of_one_file_do_not_mix() {
    let server = Server::new(|asked| Reply::file(asked, &content(), "\"one\""));
    let (_folder, to) = place();
    let held = fs::File::create(to.with_extension("gz.part")).unwrap();
    held.lock().unwrap();
    let error = client(&TestClock::default()).download(&server.url("/a"), &to, LIMITS, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
}
