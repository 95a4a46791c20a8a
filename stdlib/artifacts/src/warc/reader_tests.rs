//! The reader on small files made here; `tests/warc_files.rs` compares real ones.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

fn record(kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}\r\n\r\n").into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("compressed")
}

/// What a reader with a limit of 4 kB finds: `type:block` for records, `!reason` for what it skips.
fn read(bytes: &[u8]) -> Vec<String> {
    let reader = Reader::new(Cursor::new(bytes), 4096).expect("readable");
    reader
        .map(|item| match item.expect("no input error") {
            Item::Record(record) => format!("{}:{}", record.kind(), String::from_utf8_lossy(&record.block)),
            Item::Skipped(skipped) => format!("!{}", skipped.reason),
        })
        .collect()
}

#[test]
fn plain_and_both_kinds_of_gzip_are_read() {
    let records = [record("warcinfo", "a"), record("response", "two\r\n\r\nlines"), record("request", "")];
    let found = ["warcinfo:a", "response:two\r\n\r\nlines", "request:"];
    assert_eq!(read(&records.concat()), found);
    assert_eq!(read(&gzip(&records.concat())), found);
    assert_eq!(read(&records.map(|record| gzip(&record)).concat()), found);
}

#[test]
fn records_are_taken_with_sloppy_line_ends() {
    let bytes =
        b"\n\nWARC/1.1\nWarc-Type: response\nContent-Length:2\n\nhiWARC/1.0\r\ncontent-length: 2\r\n\r\nho";
    assert_eq!(read(bytes), ["response:hi", "unknown:ho"]);
}

#[test]
fn a_wrong_length_costs_one_record() {
    for wrong in ["90", "x", "-1", "99999999999", "99999999999999999999999"] {
        let bad = format!("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {wrong}\r\n\r\nhello\r\n\r\n");
        let files = [
            [record("a", "1"), bad.clone().into_bytes(), record("b", "2")].concat(),
            [record("a", "1"), bad.clone().into_bytes(), record("b", "2")]
                .map(|record| gzip(&record))
                .concat(),
        ];
        for file in files {
            assert_eq!(read(&file), ["a:1", "!length", "b:2"], "length {wrong}");
        }
    }
    let short =
        [b"WARC/1.0\r\nWARC-Type: a\r\nContent-Length: 2\r\n\r\nhello\r\n\r\n".to_vec(), record("b", "2")];
    assert_eq!(read(&short.concat()), ["a:hello", "b:2"], "a length that is too short is repaired");
    let missing = [b"WARC/1.0\r\nWARC-Type: a\r\n\r\n".to_vec(), record("b", "2")].concat();
    assert_eq!(read(&missing), ["!length", "b:2"]);
}

#[test]
fn large_blocks_are_passed_over() {
    let records =
        [record("a", &"x".repeat(5000)), record("b", &"WARC/1.0\r\n".repeat(500)), record("c", "3")];
    assert_eq!(read(&records.concat()), ["!too_large", "!too_large", "c:3"]);
    assert_eq!(read(&records.map(|record| gzip(&record)).concat()), ["!too_large", "!too_large", "c:3"]);
}

#[test]
fn a_truncated_file_ends_with_a_remark() {
    let file = [record("a", "1"), record("b", "hello")].concat();
    assert_eq!(read(&file[..file.len() - 6]), ["a:1", "!truncated"]);
    assert_eq!(read(&file[..file.len() - 4]), ["a:1", "b:hello"], "only white space is missing");
    let zipped = [gzip(&record("a", "1")), gzip(&record("b", "hello"))].concat();
    assert_eq!(read(&zipped[..zipped.len() - 20]), ["a:1", "!truncated"]);
    assert_eq!(read(&record("b", "hello")[..20]), ["!truncated"]);
}

#[test]
fn damage_costs_one_gzip_member() {
    let members =
        [gzip(&record("a", "1")), gzip(&record("b", &"hello ".repeat(99))), gzip(&record("c", "3"))];
    for at in [0, 3, 15, 30, members[1].len() - 6] {
        let mut file = members.clone();
        file[1][at] ^= 0x55;
        let found = read(&file.concat());
        assert_eq!(found.first().map(String::as_str), Some("a:1"), "byte {at}");
        assert_eq!(found.last().map(String::as_str), Some("c:3"), "byte {at}");
        assert!(at == 0 || found.contains(&"!gzip".to_owned()), "byte {at}: {found:?}");
        assert!(!found.iter().any(|item| item.starts_with("b:")), "byte {at}: {found:?}");
    }
}

#[test]
fn junk_between_records_is_passed_over() {
    let file = [b"hello\nWARC\nWARC/x\n".to_vec(), record("a", "1"), b"junk\r\n".to_vec(), record("b", "2")]
        .concat();
    assert_eq!(read(&file), ["!junk", "a:1", "!junk", "b:2"]);
    assert_eq!(read(b"no records at all"), ["!junk"]);
    assert!(read(b"").is_empty());
}

#[test]
fn endless_headers_are_bounded() {
    let mut file = b"WARC/1.0\r\n".to_vec();
    file.extend(b"X: y\r\n".repeat(20_000));
    file.extend(record("a", "1"));
    assert_eq!(read(&file), ["!header", "a:1"]);
}

#[test]
fn an_arc_file_is_recognised() {
    let mut reader =
        Reader::new(Cursor::new(gzip(b"filedesc://x 0 0 text/plain 7\n")), 4096).expect("readable");
    assert!(reader.is_arc().expect("readable"));
}

proptest! {
    /// Whatever bytes are changed: no panic, an end, and records far from the change are found.
    #[test]
    fn hostile_bytes_never_stop_it(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
                                   zip in any::<bool>()) {
        let records: Vec<Vec<u8>> = (0..6).map(|n| record("response", &format!("body {n}").repeat(9))).collect();
        let mut file: Vec<u8> =
            if zip { records.iter().flat_map(|record| gzip(record)).collect() } else { records.concat() };
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        prop_assert!(read(&file).len() < 60);
    }
}
