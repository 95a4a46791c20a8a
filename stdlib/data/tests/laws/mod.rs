//! What must hold for any input. The fuzz targets (`fuzz/`) and a short test ask it.

use std::io::Cursor;

use llmp_artifacts::warc::{Item, Reader, http};
use llmp_data::extract::decode;
use llmp_data::extract::text::{Favour, Format, Settings, main_text};
use llmp_data::filter::pii::{Kind, find};

/// The largest block that is read here.
const LIMIT: u64 = 64 << 10;

/// A reader ends, keeps its limits and goes forward.
pub(crate) fn warc(bytes: &[u8]) {
    let reader = Reader::new(Cursor::new(bytes), LIMIT).expect("memory can be read");
    let mut last = 0;
    for item in reader {
        match item {
            Ok(Item::Record(record)) => {
                assert!(record.block.len() as u64 <= LIMIT, "a block above the limit");
                if let Ok(response) = http::parse(&record.block, LIMIT as usize) {
                    assert!(response.body.len() as u64 <= LIMIT, "a body above the limit");
                }
            }
            Ok(Item::Skipped(skipped)) => {
                assert!(skipped.offset >= last, "it went back from {last} to {}", skipped.offset);
                last = skipped.offset;
            }
            Err(_) => return,
        }
    }
}

/// An HTTP message is read within its limit.
pub(crate) fn http(block: &[u8]) {
    if let Ok(response) = http::parse(block, LIMIT as usize) {
        assert!(response.body.len() as u64 <= LIMIT, "a body above the limit");
    }
}

/// A page of any bytes becomes text without NUL, whatever its header says.
pub(crate) fn charset(bytes: &[u8]) {
    let (label, page) = match bytes.split_first() {
        Some((first, page)) => {
            (["utf-8", "gbk", "shift_jis", "utf-16le", "x"][usize::from(*first) % 5], page)
        }
        None => ("", bytes),
    };
    for header in [None, Some(label)] {
        assert!(!decode(page, header, Some("a.example")).contains('\0'));
    }
}

/// Extraction ends, and its text has whole lines and none of the characters that are for use inside.
pub(crate) fn html(page: &str) {
    let settings = Settings {
        favour: Favour::Balanced,
        format: Format::Plain,
        title: true,
        comments: true,
        tables: true,
        dump: None,
        max_page: LIMIT,
        time_limit: 60.0,
    };
    for format in [Format::Plain, Format::Markdown] {
        let settings = Settings { format, ..settings.clone() };
        if let Some(text) = main_text(page.as_bytes(), Some("utf-8"), "https://a.example/x", &settings) {
            assert!(
                !text.is_empty() && text.trim_end_matches('\n') == text,
                "blank lines at the end: {text:?}"
            );
            assert!(!text.contains('\0') && !text.contains('\r'), "a character that is no text: {text:?}");
        }
    }
}

/// Personal data is found in order, without overlaps, at the borders of characters.
pub(crate) fn pii(text: &str) {
    let mut last = 0;
    for (_, range) in find(text, &Kind::ALL) {
        assert!(range.start >= last && range.start < range.end, "{range:?} behind {last}");
        assert!(text.get(range.clone()).is_some(), "{range:?} cuts a character");
        last = range.end;
    }
}
