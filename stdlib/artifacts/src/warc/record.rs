//! WARC records and header blocks.

/// A header block: names and values in order. Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// Parses the lines of a header block, without its first line. Lines that start with white space continue
    /// the one before; lines without a colon are passed over; bytes that are not UTF-8 are replaced.
    pub(super) fn parse(lines: &[u8]) -> Self {
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines.split(|&byte| byte == b'\n') {
            let text = String::from_utf8_lossy(line.trim_ascii());
            if line.first().is_some_and(|&byte| byte == b' ' || byte == b'\t') {
                if let Some((_, value)) = headers.last_mut() {
                    if !value.is_empty() && !text.is_empty() {
                        value.push(' ');
                    }
                    value.push_str(&text);
                }
            } else if let Some((name, value)) = text.split_once(':') {
                headers.push((name.trim_end().to_owned(), value.trim_start().to_owned()));
            }
        }
        Self(headers)
    }

    /// The first value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of `name`, in order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The lines of the block as they stand in a file, each with CR LF.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(name, value)| format!("{name}: {value}\r\n").into_bytes()).collect()
    }
}

/// One WARC record: its header and its block, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `WARC-Type` and the others.
    pub headers: Headers,
    /// The block: for a `response`, the HTTP message.
    pub block: Vec<u8>,
}

impl Record {
    /// `WARC-Type` in lower case, `unknown` where there is none.
    #[must_use]
    pub fn kind(&self) -> String {
        self.headers.get("WARC-Type").unwrap_or("unknown").to_ascii_lowercase()
    }

    /// `WARC-Target-URI`, empty where there is none; without the angle brackets that wget writes, and with
    /// its spaces.
    #[must_use]
    pub fn uri(&self) -> &str {
        let uri = self.headers.get("WARC-Target-URI").unwrap_or("");
        uri.strip_prefix('<').and_then(|uri| uri.strip_suffix('>')).unwrap_or(uri)
    }

    /// `WARC-Record-ID` with its angle brackets, empty where there is none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.headers.get("WARC-Record-ID").unwrap_or("")
    }

    /// `WARC-Date`, empty where there is none.
    #[must_use]
    pub fn date(&self) -> &str {
        self.headers.get("WARC-Date").unwrap_or("")
    }

    /// The media type of the block, in lower case and without parameters.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.headers.get("Content-Type").unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }
}
