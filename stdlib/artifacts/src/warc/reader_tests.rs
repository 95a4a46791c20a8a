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
fn what_came_of_a_truncated_record_is_kept() {
    let file = [record("a", "1"), record("b", "hello")].concat();
    assert_eq!(read(&file[..file.len() - 6]), ["a:1", "b:hel", "!truncated"]);
    assert_eq!(read(&file[..file.len() - 4]), ["a:1", "b:hello"], "only white space is missing");
    assert_eq!(read(&record("b", "hello")[..20]), ["!truncated"], "a header alone is nothing");
    assert_eq!(read(&record("b", "")[..40]), ["!truncated"]);
    let (long, random) =
        ("abcdefgh".repeat(400), (0..1200_u32).map(|n| (n * n % 251) as u8 as char).collect::<String>());
    for body in [long, random] {
        let zipped = [gzip(&record("a", "1")), gzip(&record("b", &body))].concat();
        let found = read(&zipped[..zipped.len() - 18]);
        assert_eq!((found.len(), found[2].as_str()), (3, "!truncated"));
        let kept = found[1].trim_end_matches(char::REPLACEMENT_CHARACTER);
        assert!(format!("b:{body}").starts_with(kept) && kept.len() > 10, "{found:?}");
    }
}

#[test]
fn zstd_is_read_with_and_without_a_dictionary() {
    let records = [record("warcinfo", "a"), record("response", "two\r\n\r\nlines"), record("request", "")];
    let found = ["warcinfo:a", "response:two\r\n\r\nlines", "request:"];
    let frame = |bytes: &[u8]| zstd::encode_all(bytes, 3).expect("compressed");
    assert_eq!(read(&frame(&records.concat())), found);
    let frames: Vec<u8> = records.iter().flat_map(|record| frame(record)).collect();
    assert_eq!(read(&frames), found);
    assert_eq!(read(&frames[..frames.len() - 3])[..2], found[..2]);
    let dictionary =
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: two lines of a dictionary".repeat(4);
    for stored in [dictionary.clone(), frame(&dictionary)] {
        let mut file = [0x184d_2a5d_u32.to_le_bytes(), (stored.len() as u32).to_le_bytes()].concat();
        file.extend(stored);
        for record in &records {
            let mut encoder =
                zstd::Encoder::with_dictionary(Vec::new(), 3, &dictionary).expect("a dictionary");
            encoder.write_all(record).expect("written");
            file.extend(encoder.finish().expect("compressed"));
        }
        assert_eq!(read(&file), found);
    }
}

#[test]
fn damage_costs_one_zstd_frame() {
    let frame = |bytes: &[u8]| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("made");
        encoder.include_checksum(true).expect("a checksum");
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("compressed")
    };
    let mut frames =
        [frame(&record("a", "1")), frame(&record("b", &"hello ".repeat(99))), frame(&record("c", "3"))];
    let middle = frames[1].len() / 2;
    frames[1][middle] ^= 0x55;
    let found = read(&frames.concat());
    assert_eq!(
        (found.first().map(String::as_str), found.last().map(String::as_str)),
        (Some("a:1"), Some("c:3"))
    );
    assert!(found.contains(&"!gzip".to_owned()), "{found:?}");
}

#[test]
fn odd_headers_are_understood() {
    let bytes = b"warc/1.0\r\nwarc-type: response\r\nContent-Length:\r\n 2\r\n\r\nhi\r\n\r\n\
                  Warc/1.1\r\nWARC-Type:\r\n\trequest\r\nContent-Length: \t2 \r\n\r\nho\r\n\r\n\
                  WARC/0.17\r\nContent-Length: 0\r\n\r\n\r\n\r\n";
    assert_eq!(read(bytes), ["response:hi", "request:ho", "unknown:"]);
    let wrong = b"warc/1.0\r\nContent-Length: x\r\n\r\nhi\r\n\r\nwarc/1.0\r\nContent-Length: 2\r\n\r\nho";
    assert_eq!(read(wrong), ["!length", "unknown:ho"]);
}

#[test]
fn arc_files_are_read_as_records() {
    let file = "filedesc://x.arc.gz 0.0.0.0 20080430204825 text/plain 8\n1 0 Name\n\n\
                http://a.example/ 192.0.2.7 20080430204826 text/html 5\nhello\n\
                http://b.example/ 192.0.2.7 20080430204827 text/html 3\nhello\n\
                junk\n\
                http://c.example/ 192.0.2.7 20080430204828 text/html 6\nhe\nllo\n";
    let found = ["warcinfo:1 0 Name", "response:hello", "response:hello\n", "response:he\nllo"];
    let plain = read(file.as_bytes());
    assert_eq!(plain[..2], found[..2]);
    assert_eq!(plain.last().map(String::as_str), Some(found[3]));
    let members: Vec<u8> = file.split_inclusive("hello\n").flat_map(|part| gzip(part.as_bytes())).collect();
    assert_eq!(read(&members).last().map(String::as_str), Some(found[3]));
    assert_eq!(read(&file.as_bytes()[..file.len() - 4]).last().map(String::as_str), Some("!truncated"));
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
