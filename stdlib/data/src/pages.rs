//! Pages: HTML in WARC records, as the Pages artifact holds them and as crawls come.

use llmp_artifacts::warc::{Headers, Record, http};

/// The date of pages that have none; WARC asks for one.
pub(crate) const NO_DATE: &str = "1970-01-01T00:00:00Z";

/// Why a record holds no page to keep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPage {
    /// Something else than HTML, as most records of a crawl.
    NotHtml,
    /// HTML that is left out.
    Dropped {
        /// The rule that dropped it.
        rule: &'static str,
        /// What the rule saw.
        value: String,
    },
}

/// Headers of a record that stay when its block is cleaned; digests would no longer be true.
const KEPT: [&str; 6] =
    ["WARC-Type", "WARC-Target-URI", "WARC-Date", "WARC-IP-Address", "WARC-Truncated", "Content-Type"];

/// The cleaned `response` record of an HTML page of status 200: chunks joined and compression undone, with the HTTP
/// headers that no longer hold renamed as Common Crawl does, `X-Crawl-Content-Encoding`.
pub(crate) fn from_response(record: &Record, max_page: usize) -> Result<Record, NoPage> {
    // DNS answers and the like.
    if !matches!(record.media_type().as_str(), "application/http" | "") {
        return Err(NoPage::NotHtml);
    }
    let bad = |bad: http::BadHttp| {
        let rule = match bad {
            http::BadHttp::NoStatus => "warc.http_status",
            http::BadHttp::TooLarge => "warc.too_large",
            http::BadHttp::Encoding => "warc.http_encoding",
        };
        NoPage::Dropped { rule, value: bad.describe().into() }
    };
    let (status, headers, start) = http::parse_head(&record.block).map_err(bad)?;
    let html = match headers.get("Content-Type") {
        Some(content_type) => llmp_artifacts::warc::is_html(&llmp_artifacts::warc::media_type(content_type)),
        None => looks_like_html(&record.block[start..]),
    };
    if !html {
        return Err(NoPage::NotHtml);
    }
    if status != 200 {
        return Err(NoPage::Dropped { rule: "warc.status", value: status.to_string() });
    }
    let response = http::parse(&record.block, max_page).map_err(bad)?;
    let line_end = record.block.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let mut block = record.block[..line_end].trim_ascii_end().to_vec();
    block.extend_from_slice(b"\r\n");
    let mut kept = Vec::new();
    for (name, value) in response.headers.0 {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {}
            "content-encoding" | "transfer-encoding" => kept.push((format!("X-Crawl-{name}"), value)),
            _ => kept.push((name, value)),
        }
    }
    kept.push(("Content-Length".into(), response.body.len().to_string()));
    block.extend(Headers(kept).to_bytes());
    block.extend_from_slice(b"\r\n");
    block.extend(response.body);
    Ok(with_block(record, block))
}

/// The cleaned `resource` record of an HTML page.
pub(crate) fn from_resource(record: &Record, max_page: usize) -> Result<Record, NoPage> {
    match record.media_type().as_str() {
        media_type if !llmp_artifacts::warc::is_html(media_type) => Err(NoPage::NotHtml),
        _ if record.block.len() > max_page => {
            Err(NoPage::Dropped { rule: "warc.too_large", value: format!("{} bytes", record.block.len()) })
        }
        _ => Ok(with_block(record, record.block.clone())),
    }
}

fn with_block(record: &Record, block: Vec<u8>) -> Record {
    let id = match record.id() {
        "" => urn(&[record.uri().as_bytes(), &record.block]),
        id => id.to_owned(),
    };
    let mut headers = vec![("WARC-Record-ID".to_owned(), id)];
    for name in KEPT {
        let value = if name == "WARC-Target-URI" { Some(record.uri()) } else { record.headers.get(name) };
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    Record { headers: Headers(headers), block }
}

/// A page in the Pages artifact.
pub(crate) struct Page<'a> {
    /// Its HTML, in its own encoding.
    pub(crate) html: std::borrow::Cow<'a, [u8]>,
    /// The `charset` of its `Content-Type`.
    pub(crate) charset: Option<String>,
}

/// The page in a record; `None` where it holds none.
pub(crate) fn page(record: &Record, max_page: usize) -> Result<Option<Page<'_>>, http::BadHttp> {
    let (html, content_type) = match record.kind().as_str() {
        "response" => {
            let response = http::parse(&record.block, max_page)?;
            let content_type = response.headers.get("Content-Type").map(str::to_owned);
            (response.body.into(), content_type)
        }
        "resource" if record.block.len() > max_page => return Err(http::BadHttp::TooLarge),
        "resource" => (record.block.as_slice().into(), record.headers.get("Content-Type").map(str::to_owned)),
        _ => return Ok(None),
    };
    let charset = content_type.and_then(|content_type| {
        content_type.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']);
            name.trim().eq_ignore_ascii_case("charset").then(|| value.to_owned())
        })
    });
    Ok(Some(Page { html, charset }))
}

/// Whether bytes start as an HTML page does.
pub(crate) fn looks_like_html(content: &[u8]) -> bool {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let starts =
        |start: &[u8]| content.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<title"].into_iter().any(starts)
}

/// A record id made of content: a UUID of version 8 from its blake3 hash.
pub(crate) fn urn(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
    format!("<urn:uuid:{}-{}-{}-{}-{}>", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
