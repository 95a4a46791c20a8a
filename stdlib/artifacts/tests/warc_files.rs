//! Real WARC files, compared with what warcio and fastwarc find in them.

use std::collections::BTreeMap;

use llmp_artifacts::warc::{DEFAULT_MAX_BLOCK, Item, Reader, http};
use serde_json::Value;

#[path = "../../data/tests/shared/mod.rs"]
mod shared;

/// What a file holds: records by type, and the HTML pages of status 200 as URI, length and sha1 of the
/// decoded body.
struct Found {
    records: BTreeMap<String, u64>,
    skipped: Vec<String>,
    pages: Vec<(String, usize, String)>,
}

fn read(path: &std::path::Path) -> Found {
    let mut found = Found { records: BTreeMap::new(), skipped: Vec::new(), pages: Vec::new() };
    for item in Reader::open(path, DEFAULT_MAX_BLOCK).expect("opens") {
        match item.expect("no input error") {
            Item::Record(record) => {
                *found.records.entry(record.kind()).or_default() += 1;
                let Ok(response) = http::parse(&record.block, 16 << 20) else { continue };
                let content_type = response.headers.get("Content-Type").unwrap_or("");
                if record.kind() == "response" && response.status == 200 && content_type.contains("html") {
                    found.pages.push((record.uri().to_owned(), response.body.len(), sha1(&response.body)));
                }
            }
            Item::Skipped(skipped) => found.skipped.push(format!("{skipped:?}")),
        }
    }
    found
}

#[test]
fn real_files_hold_what_other_readers_find() {
    let Some(path) = shared::data("warc/expected.json") else { return };
    let expected: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    let mut pages = 0;
    for (name, expected) in &expected {
        let file = path.with_file_name(name);
        let found = read(&file);
        // Neither reader finds all records of every odd file; together they do.
        let mut records = BTreeMap::new();
        for reader in ["warcio", "fastwarc"] {
            let counts: BTreeMap<String, u64> =
                serde_json::from_value(expected[reader]["records"].clone()).expect("counts");
            for (kind, count) in counts {
                let most = records.entry(kind).or_insert(0);
                *most = count.max(*most);
            }
        }
        match name.as_str() {
            // The response goes on in a second gzip member, where warcio and fastwarc stop; here its body is
            // whole.
            "warcio-odd/example-wrong-chunks.warc.gz" => {
                assert_eq!((found.pages.len(), found.pages[0].1), (1, 1270));
                assert_eq!(found.records.get("response"), Some(&1));
                continue;
            }
            _ => assert_eq!(found.records, records, "{name}: {:?}", found.skipped),
        }
        // fastwarc does not read ARC.
        let html200 =
            if name.ends_with(".arc.gz") { 1.into() } else { expected["fastwarc"]["html200"].clone() };
        assert_eq!(html200, found.pages.len(), "{name}");
        let decoded = expected["html200_decoded"].as_array().expect("a list");
        for (page, expected) in found.pages.iter().zip(decoded) {
            assert_eq!(expected["uri"], page.0, "{name}");
            assert_eq!(
                (&expected["len"], &expected["sha1"]),
                (&page.1.into(), &page.2.clone().into()),
                "{name} {}",
                page.0
            );
            pages += 1;
        }
    }
    println!("{pages} pages agree in length and sha1");
}

/// SHA-1 as in RFC 3174, for comparison only.
fn sha1(message: &[u8]) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut bytes = message.to_vec();
    bytes.push(0x80);
    bytes.resize(bytes.len() + (120 - bytes.len() % 64) % 64, 0);
    bytes.extend((message.len() as u64 * 8).to_be_bytes());
    for block in bytes.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for at in 16..80 {
            words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.into_iter().enumerate() {
            let (mixed, constant) = match at / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = (a.rotate_left(5))
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, value) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(value);
        }
    }
    state.iter().map(|word| format!("{word:08x}")).collect()
}
