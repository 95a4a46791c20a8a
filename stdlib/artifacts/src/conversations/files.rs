//! Files of conversations as people have them: JSON lines, JSON lists, Parquet and transcripts, plain or
//! compressed.

use std::io::Read;
use std::path::Path;

use llmp_stage::{Error, InputFile, Result};
use serde_json::Value;

use super::{Message, talks};
use crate::docs::{decompressed, json_rows};
use crate::lines::BYTE_ORDER_MARK;
use crate::{json, pointer};

/// How names of such files end, perhaps with `.gz` or `.zst` behind.
pub const ENDINGS: [&str; 5] = [".jsonl", ".ndjson", ".json", ".parquet", ".txt"];

/// What stands in a row.
pub(super) enum Content {
    Row(Value),
    Talk(Vec<Message>),
}

/// Calls `each` with the place of every row (`people.jsonl:12`, `people.json, row 3`) and what stands there,
/// or what is wrong with it. Returns in how many rows something that is no Unicode was replaced.
///
/// # Errors
/// Where the file cannot be read or is of no kind that is read, or `each` fails.
pub(super) fn read(
    file: &InputFile,
    mut each: impl FnMut(&str, std::result::Result<Content, String>) -> Result<()>,
) -> Result<u64> {
    let name = file.label.as_deref().unwrap_or(&file.name);
    let lower = file.name.to_ascii_lowercase();
    let mut start = Vec::new();
    // What is damaged is told where it is read.
    let _ = decompressed(&file.path)?.take(64).read_to_end(&mut start);
    if pointer::is_pointer(&start) {
        return Err(
            Error::new(format!("`{name}` is a pointer of Git LFS, not the file")).help(pointer::ADVICE)
        );
    }
    if matches!(start.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(Error::new(format!("`{name}` is encoded as UTF-16"))
            .help("convert it to UTF-8, e.g. with `iconv -f UTF-16 -t UTF-8`"));
    }
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    match Path::new(plain).extension().and_then(std::ffi::OsStr::to_str) {
        Some("jsonl" | "ndjson" | "json") => {
            let is_talk = |rows: &[Value]| rows.iter().all(is_message);
            json::read(&file.path, name, is_talk, |place, row| each(place, row.map(Content::Row)))
        }
        Some("parquet") => {
            for (number, row) in (1..).zip(json_rows(&file.path)?) {
                each(&format!("{name}, row {number}"), Ok(Content::Row(row?)))?;
            }
            Ok(0)
        }
        Some("txt") => {
            let bytes = json::whole(decompressed(&file.path)?, &file.path, name)?;
            let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
            let text = String::from_utf8_lossy(bytes);
            for talk in talks(&text) {
                match talk {
                    Ok((line, talk)) => each(&format!("{name}:{line}"), Ok(Content::Talk(talk)))?,
                    Err((line, fault)) => each(&format!("{name}:{line}"), Err(fault))?,
                }
            }
            Ok(u64::from(matches!(text, std::borrow::Cow::Owned(_))))
        }
        _ => Err(Error::new(format!("`{name}` is no file of conversations by its name"))
            .help("`.jsonl`, `.json`, `.parquet` and `.txt` are read, also with `.gz` or `.zst` behind it")),
    }
}

fn is_message(value: &Value) -> bool {
    ["role", "from"].iter().any(|name| value.get(name).is_some())
}
