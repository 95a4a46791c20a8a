//! What a file is, by its first bytes and its name: so that a source can say which other one reads it.

use std::io::Read;

use llmp_artifacts::docs::undone;
use llmp_artifacts::pointer;
use llmp_artifacts::warc::looks_like_html;
use llmp_stage::Fit;

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    Empty,
    Parquet,
    EncryptedParquet,
    Warc,
    Html,
    /// An object: JSON lines, or one value over several.
    Json,
    JsonList,
    Csv,
    Tsv,
    Utf16,
    Pdf,
    /// zip, and so Office documents and books.
    Zip,
    /// bzip2, xz, 7z and the like.
    Compressed,
    /// What git leaves in the place of a large file.
    Pointer,
    /// Bytes that are no text.
    Binary,
    Text,
}

impl Looks {
    /// What it is, behind `is`.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Parquet => "a Parquet file",
            Self::EncryptedParquet => "an encrypted Parquet file",
            Self::Warc => "a WARC file",
            Self::Html => "a web page",
            Self::Json => "JSON",
            Self::JsonList => "a JSON list",
            Self::Csv => "a table in CSV",
            Self::Tsv => "a table in TSV",
            Self::Utf16 => "encoded as UTF-16",
            Self::Pdf => "a PDF file",
            Self::Zip => "a zip archive, or an Office document or book, which are such",
            Self::Pointer => "a pointer of Git LFS, which stands for the file",
            Self::Compressed => "compressed in a way that is not read",
            Self::Binary => "neither text nor of a format that is read",
            Self::Text => "plain text",
        }
    }

    /// What reads it, or what to do.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Parquet | Self::Json | Self::Csv | Self::Tsv => "read it with `crawl.docs`",
            Self::Warc => "read it with `crawl.warc`, or `crawl.wet` where it holds texts",
            Self::Html => "read it with `crawl.html`",
            Self::Text => "read it with `crawl.text`",
            Self::JsonList => {
                "put each document on a line of its own, e.g. with `jq -c '.[]'`, for `crawl.docs`"
            }
            Self::EncryptedParquet => "write it again without encryption",
            Self::Utf16 => "convert it to UTF-8, e.g. with `iconv -f UTF-16 -t UTF-8`",
            Self::Pdf => "turn it into text first, e.g. with `pdftotext`",
            Self::Zip => "unpack it, or turn it into text or HTML first",
            Self::Compressed => "unpack it; gzip and zstd are undone while reading",
            Self::Pointer => pointer::ADVICE,
            Self::Empty | Self::Binary => "leave it out",
        }
    }

    /// That a file cannot be read, and what to do.
    pub(crate) fn sentence(self, name: &str) -> String {
        format!("`{name}` is {}; {}", self.describe(), self.advice())
    }

    pub(crate) fn refuses(self, name: &str) -> Fit {
        Fit::Refuses(self.sentence(name))
    }
}

/// The name without what says how it is compressed, in small letters.
pub(crate) fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    [".gz", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name).to_owned()
}

/// Whether the name ends with one of these, as if the file were not compressed.
pub(crate) fn named(name: &str, endings: &[&str]) -> bool {
    let name = plain_name(name);
    endings.iter().any(|ending| name.ends_with(ending))
}

/// What the file called `name` looks like that begins with `start`.
pub(crate) fn looks(name: &str, start: &[u8]) -> Looks {
    let mut plain = Vec::new();
    if let Some(mut undone) = undone(start) {
        // It ends within the compressed data: what comes until then counts.
        let mut part = [0; 512];
        while plain.len() < 4096 {
            match undone.read(&mut part) {
                Ok(read @ 1..) => plain.extend_from_slice(&part[..read]),
                Ok(0) | Err(_) => break,
            }
        }
        if plain.is_empty() {
            return by_name(name);
        }
    }
    let start = if plain.is_empty() { start } else { &plain };
    match start {
        [] => return Looks::Empty,
        [b'P', b'A', b'R', b'1', ..] => return Looks::Parquet,
        [b'P', b'A', b'R', b'E', ..] => return Looks::EncryptedParquet,
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return Looks::Zip,
        [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', ..] | [b'7', b'z', 0xbc, 0xaf, ..] => {
            return Looks::Compressed;
        }
        [b'%', b'P', b'D', b'F', b'-', ..] => return Looks::Pdf,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Looks::Utf16,
        _ if pointer::is_pointer(start) => return Looks::Pointer,
        _ => {}
    }
    let unmarked = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let head = unmarked.get(..10).unwrap_or(unmarked).to_ascii_lowercase();
    if head.starts_with(b"warc/") || head.starts_with(b"filedesc:/") {
        return Looks::Warc;
    }
    if start.contains(&0) {
        return Looks::Binary;
    }
    let text = unmarked.trim_ascii_start();
    match text {
        [] if start.len() < 4096 => Looks::Empty,
        [b'{', rest @ ..] if matches!(rest.trim_ascii_start(), [] | [b'"' | b'}', ..]) => Looks::Json,
        [b'[', rest @ ..] if matches!(rest.trim_ascii_start(), [b'{' | b']', ..]) => Looks::JsonList,
        _ if looks_like_html(text) || named(name, &[".html", ".htm", ".xhtml", ".shtml"]) => Looks::Html,
        _ => by_name(name),
    }
}

fn by_name(name: &str) -> Looks {
    match () {
        () if named(name, &[".csv"]) => Looks::Csv,
        () if named(name, &[".tsv"]) => Looks::Tsv,
        () if named(name, &[".jsonl", ".ndjson", ".json"]) => Looks::Json,
        () if named(name, &[".warc", ".arc", ".wet"]) => Looks::Warc,
        () => Looks::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_beginnings() {
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
        let prose = "It was a bright cold day in April, and the clocks were striking thirteen. ".repeat(900);
        let mut cut = zstd(&prose);
        cut.truncate(4096);
        for (name, start, expected) in [
            ("a", &b"PAR1"[..], Looks::Parquet),
            ("a.jsonl", b"\xef\xbb\xbf{\"text\": 1}", Looks::Json),
            ("a.txt", b"{ curly } is how it starts", Looks::Text),
            ("a.txt", b"[1] a list of notes", Looks::Text),
            ("a", b"[\n{\"text\": 1}]", Looks::JsonList),
            ("a", b"<!DOCTYPE html><p>", Looks::Html),
            ("a.md", b"# Title\n", Looks::Text),
            ("a.csv.gz", b"id,text\n", Looks::Csv),
            ("a", b"WARC/1.0\r\n", Looks::Warc),
            ("a.txt", b"\xff\xfea\0", Looks::Utf16),
            ("a.bin", b"a\0\0", Looks::Binary),
            ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", Looks::Pointer),
            ("a.pdf", b"%PDF-1.7", Looks::Pdf),
            ("a.txt", "秦川雄帝宅".as_bytes(), Looks::Text),
            ("a.zst", &zstd("{\"text\": 1}"), Looks::Json),
            ("a.txt.zst", &cut, Looks::Text),
            ("a", b" \n", Looks::Empty),
        ] {
            assert_eq!(looks(name, start), expected, "{name}");
        }
    }
}
