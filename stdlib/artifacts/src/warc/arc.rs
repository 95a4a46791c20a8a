//! ARC, the format before WARC: a line and a block a record. Its lines are read as headers of WARC records.
//!
//! The line of version 1 is `URL IP-address date media-type length`; version 2 sets `result-code checksum
//! location offset filename` before the length (<https://archive.org/web/researcher/ArcFileFormat.php>). The
//! first record, `filedesc:`, describes the file.

use super::record::Headers;

/// What a file starts with.
pub(super) const MAGIC: &[u8] = b"filedesc://";

/// The longest line of a record.
pub(super) const MAX_LINE: usize = 16 << 10;

/// The line at the start of `window`, without its line feed.
pub(super) fn line(window: &[u8]) -> Option<&[u8]> {
    let window = &window[..window.len().min(MAX_LINE)];
    window.iter().position(|&byte| byte == b'\n').map(|end| &window[..end])
}

/// The headers that `line` stands for; `None` where it starts no record.
pub(super) fn headers(line: &[u8]) -> Option<Headers> {
    // Most lines of a block are none, and are told by their last letter.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.last()?.is_ascii_digit() {
        return None;
    }
    let line = std::str::from_utf8(line).ok()?;
    let fields: Vec<&str> = line.split(' ').collect();
    // URLs of careless writers hold blanks: the date tells where the other fields begin.
    let date = fields.iter().rposition(|field| is_date(field))?;
    let behind = fields.len() - date - 1;
    let url = fields.get(..date.checked_sub(1)?)?.join(" ");
    let length: u64 = fields.last()?.parse().ok()?;
    if !(2..=7).contains(&behind) || !url.contains(':') {
        return None;
    }
    let media_type = fields[date + 1];
    let scheme = url.split(':').next().unwrap_or("").to_ascii_lowercase();
    let (kind, content_type) = match scheme.as_str() {
        "filedesc" => ("warcinfo", "text/plain"),
        "http" | "https" => ("response", "application/http; msgtype=response"),
        _ => ("resource", media_type),
    };
    let mut headers = vec![
        ("WARC-Type", kind.to_owned()),
        ("WARC-Target-URI", if kind == "warcinfo" { String::new() } else { url.clone() }),
        ("WARC-Date", rfc_3339(fields[date])),
        ("WARC-IP-Address", fields[date - 1].to_owned()),
        ("Content-Type", content_type.to_owned()),
        ("Content-Length", length.to_string()),
    ];
    if kind == "warcinfo" {
        headers.push(("WARC-Filename", url["filedesc://".len().min(url.len())..].to_owned()));
    }
    Some(Headers(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// Whether a field is a date: `YYYYMMDDhhmmss`, of which old files leave out the end.
fn is_date(field: &str) -> bool {
    (8..=14).contains(&field.len())
        && field.bytes().all(|byte| byte.is_ascii_digit())
        && (field.starts_with("19") || field.starts_with("20"))
}

fn rfc_3339(date: &str) -> String {
    let part = |from: usize, to: usize, otherwise: &str| date.get(from..to).unwrap_or(otherwise).to_owned();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4, "1970"),
        part(4, 6, "01"),
        part(6, 8, "01"),
        part(8, 10, "00"),
        part(10, 12, "00"),
        part(12, 14, "00")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str, name: &str) -> Option<String> {
        headers(line.as_bytes()).and_then(|headers| headers.get(name).map(str::to_owned))
    }

    #[test]
    fn lines_of_both_versions_are_headers() {
        let first = "http://a.example/x 192.0.2.7 20080430204825 text/html 1234";
        let second = "http://a.example/x 192.0.2.7 20080430204825 text/html 200 - - 9 a.arc.gz 1234\r";
        for line in [first, second] {
            assert_eq!(value(line, "WARC-Target-URI").as_deref(), Some("http://a.example/x"));
            assert_eq!(value(line, "WARC-Date").as_deref(), Some("2008-04-30T20:48:25Z"));
            assert_eq!(value(line, "WARC-Type").as_deref(), Some("response"));
            assert_eq!(value(line, "Content-Length").as_deref(), Some("1234"));
        }
        let spaced = "http://a.example/x y 192.0.2.7 20080430204825 text/html 1";
        assert_eq!(value(spaced, "WARC-Target-URI").as_deref(), Some("http://a.example/x y"));
        assert_eq!(
            value("dns:a.example 0 20080430204825 text/dns 5", "WARC-Type").as_deref(),
            Some("resource")
        );
        assert_eq!(
            value("filedesc://a.arc 0.0.0.0 20080430 text/plain 7", "WARC-Type").as_deref(),
            Some("warcinfo")
        );
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "1 0 InternetArchive",
            "seen 3 times in 20080430204825 and 20080430204826",
            "<p>20080430 x 5",
        ] {
            assert!(headers(line.as_bytes()).is_none(), "{line}");
        }
    }
}
