//! Pages: HTML in WARC records, as the Pages artifact holds them and as crawls come.

use llmp_artifacts::warc::{ContentType, Headers, Record, http};

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

/// The cleaned `response` record of an HTML page of status 200: chunks joined and compression undone, with
/// the HTTP headers that no longer hold renamed as Common Crawl does, `X-Crawl-Content-Encoding`.
pub(crate) fn from_response(record: &Record, max_page: usize) -> Result<Record, NoPage> {
    if !record.block.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/")) {
        // Some crawlers store what they got by other means without an HTTP header; DNS answers are so, too.
        match record.media_type().as_str() {
            "application/http" | "" => {}
            _ => return from_resource(record, max_page),
        }
    }
    let bad = |bad: http::BadHttp| {
        let rule = match bad {
            http::BadHttp::NoStatus => "warc.http_status",
            http::BadHttp::TooLarge => "warc.too_large",
            http::BadHttp::Encoding => "warc.http_encoding",
        };
        NoPage::Dropped { rule, value: bad.describe().into() }
    };
    let (status, headers, _) = http::parse_head(&record.block).map_err(bad)?;
    let content_type = ContentType::of(&headers);
    // What names another type is not decoded first, as most records of a crawl do.
    if content_type.media_type.is_some() && !content_type.is_html(&[]) {
        return Err(NoPage::NotHtml);
    }
    let response = match http::parse(&record.block, max_page) {
        Ok(response) if content_type.is_html(&response.body) => response,
        Ok(_) => return Err(NoPage::NotHtml),
        Err(_) if content_type.media_type.is_none() => return Err(NoPage::NotHtml),
        Err(_) if status != 200 => {
            return Err(NoPage::Dropped { rule: "warc.status", value: status.to_string() });
        }
        Err(error) => return Err(bad(error)),
    };
    if status != 200 {
        return Err(NoPage::Dropped { rule: "warc.status", value: status.to_string() });
    }
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
    match ContentType::of(&record.headers) {
        content_type if !content_type.is_html(&record.block) => Err(NoPage::NotHtml),
        _ if record.block.len() > max_page => {
            Err(NoPage::Dropped { rule: "warc.too_large", value: format!("{} bytes", record.block.len()) })
        }
        _ => Ok(with_block(record, record.block.clone())),
    }
}

fn with_block(record: &Record, block: Vec<u8>) -> Record {
    let mut headers = vec![("WARC-Record-ID".to_owned(), id(record))];
    for name in KEPT {
        let value = if name == "WARC-Target-URI" { Some(record.uri()) } else { record.headers.get(name) };
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    Record { headers: Headers(headers), block }
}

/// The id of a record, made of its content where it has none, as in ARC files.
pub(crate) fn id(record: &Record) -> String {
    match record.id() {
        "" => urn(&[record.uri().as_bytes(), &record.block]),
        id => id.to_owned(),
    }
}

/// A record with its id.
pub(crate) fn identified(mut record: Record) -> Record {
    if record.id().is_empty() {
        let id = id(&record);
        record.headers.0.push(("WARC-Record-ID".to_owned(), id));
    }
    record
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
    match record.kind().as_str() {
        "response" if record.block.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"HTTP/")) => {
            let response = http::parse(&record.block, max_page)?;
            let charset = ContentType::of(&response.headers).charset;
            Ok(Some(Page { html: response.body.into(), charset }))
        }
        "response" | "resource" if record.block.len() > max_page => Err(http::BadHttp::TooLarge),
        "response" | "resource" => {
            let charset = ContentType::of(&record.headers).charset;
            Ok(Some(Page { html: record.block.as_slice().into(), charset }))
        }
        _ => Ok(None),
    }
}

/// What the `warcinfo` records of a file say about the pages behind them.
pub(crate) struct Crawl {
    given: bool,
    /// The crawl's name.
    pub(crate) dump: String,
    /// The name of the file that a crawler wrote.
    pub(crate) file_path: String,
}

impl Crawl {
    /// Before any record is read: `dump` is what the user calls the crawl, `name` the file.
    pub(crate) fn new(dump: Option<&str>, name: &str) -> Self {
        Self { given: dump.is_some(), dump: dump.unwrap_or("").to_owned(), file_path: name.to_owned() }
    }

    /// Takes in a `warcinfo` record.
    pub(crate) fn read(&mut self, warcinfo: &Record) {
        if let Some(name) = warcinfo.headers.get("WARC-Filename") {
            self.file_path = name.to_owned();
        }
        let fields = String::from_utf8_lossy(&warcinfo.block);
        let part_of = fields.lines().find_map(|line| line.strip_prefix("isPartOf:"));
        if let Some(part_of) = part_of.filter(|_| !self.given) {
            self.dump = part_of.trim().to_owned();
        }
    }
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
