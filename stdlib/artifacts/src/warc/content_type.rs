//! What a `Content-Type` says, read as browsers read it
//! (<https://fetch.spec.whatwg.org/#concept-header-extract-mime-type>, <https://mimesniff.spec.whatwg.org/>).

use super::record::Headers;

/// What the `Content-Type` lines of a header say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentType {
    /// The last valid media type, in lower case and without parameters; `None` where there is none, or one
    /// that says nothing (`*/*`, `application/unknown`): the content decides then.
    pub media_type: Option<String>,
    /// Its `charset`.
    pub charset: Option<String>,
}

impl ContentType {
    /// That of a header.
    pub fn of(headers: &Headers) -> Self {
        let mut found = Self::default();
        for value in headers.all("Content-Type").flat_map(list) {
            let charset = charset(value);
            match media_type(value) {
                Some(media_type) => {
                    let same = found.media_type.as_ref() == Some(&media_type);
                    found.charset = charset.or(found.charset.filter(|_| same || found.media_type.is_none()));
                    found.media_type = Some(media_type);
                }
                // What is no media type may name a charset all the same.
                None => found.charset = found.charset.or(charset),
            }
        }
        found
    }

    /// Whether it says HTML, or says nothing and `content` starts as HTML does.
    pub fn is_html(&self, content: &[u8]) -> bool {
        match self.media_type.as_deref() {
            Some(media_type) => {
                matches!(media_type, "text/html" | "application/xhtml+xml" | "application/vnd.wap.xhtml+xml")
            }
            None => looks_like_html(content),
        }
    }
}

/// The values of a list, parted by commas outside quotes.
fn list(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
}

/// The media type of a value, in lower case; `None` where it is malformed or says nothing.
fn media_type(value: &str) -> Option<String> {
    let (kind, rest) = value.trim().split_once('/')?;
    let subtype = rest.split(';').next().unwrap_or("").trim_end();
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let media_type = format!("{kind}/{subtype}").to_ascii_lowercase();
    let says_nothing = matches!(media_type.as_str(), "*/*" | "application/unknown" | "unknown/unknown");
    (token(kind) && token(subtype) && !says_nothing).then_some(media_type)
}

/// The `charset` of a value, without quotes.
fn charset(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find("charset").map(|at| from + at) {
        from = at + "charset".len();
        let alone =
            lower[..at].chars().next_back().is_none_or(|before| matches!(before, ';' | ' ' | '\t' | '"'));
        let Some(label) = value[from..].trim_start().strip_prefix('=') else { continue };
        let label = label.trim_start().trim_start_matches(['"', '\'']);
        let label = label.split(['"', '\'', ';', ' ', '\t']).next().unwrap_or("");
        if alone && !label.is_empty() {
            return Some(label.to_owned());
        }
    }
    None
}

/// Whether bytes start as an HTML page does: by the rules of the MIME sniffing standard, and where an XML
/// declaration or a comment comes first, by what follows it.
pub fn looks_like_html(content: &[u8]) -> bool {
    const TAGS: [&[u8]; 16] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<script",
        b"<iframe",
        b"<h1",
        b"<div",
        b"<font",
        b"<table",
        b"<a",
        b"<style",
        b"<title",
        b"<b",
        b"<body",
        b"<br",
        b"<p",
    ];
    let mut content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    if let Some(declaration) = content.strip_prefix(b"<?xml") {
        let end = declaration
            .iter()
            .take(1024)
            .position(|&byte| byte == b'>')
            .map_or(declaration.len(), |end| end + 1);
        content = declaration[end..].trim_ascii_start();
        // Other XML than XHTML is none.
        let start = &content[..content.len().min(1024)];
        return start.windows(5).any(|window| window.eq_ignore_ascii_case(b"<html"));
    }
    let starts = |tag: &&[u8]| {
        content.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag))
            && content
                .get(tag.len())
                .is_none_or(|next| matches!(next, b' ' | b'>' | b'\t' | b'\n' | b'\r' | b'/'))
    };
    content.starts_with(b"<!--") || TAGS.iter().any(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> (Option<String>, Option<String>) {
        let headers = values.iter().map(|value| ("content-type".to_owned(), (*value).to_owned())).collect();
        let found = ContentType::of(&Headers(headers));
        (found.media_type, found.charset)
    }

    #[test]
    fn the_last_valid_type_counts() {
        for (values, media_type, charset) in [
            (&["text/html"][..], "text/html", ""),
            (&["Text/HTML ; Charset=\"UTF-8\""], "text/html", "UTF-8"),
            (&["text/html;charset='koi8-r'"], "text/html", "koi8-r"),
            (&["text/html; charset = gbk ; x=y"], "text/html", "gbk"),
            (&["text/html; charset=\"big5"], "text/html", "big5"),
            (&["text/plain, text/html; charset=utf-8"], "text/html", "utf-8"),
            (&["text/html; x=\"a,b/c\", image"], "text/html", ""),
            (&["text/html; charset=gbk, text/html"], "text/html", "gbk"),
            (&["text/plain; charset=gbk", "text/html"], "text/html", ""),
            (&["text/html", "*/*"], "text/html", ""),
            (&["text/html", "html"], "text/html", ""),
            (&["image/png"], "image/png", ""),
            (&["text/html charset=koi8-r"], "", "koi8-r"),
            (&["\"text/html\""], "", ""),
            (&["html"], "", ""),
            (&[""], "", ""),
            (&["*/*"], "", ""),
            (&["application/unknown; charset=gbk"], "", "gbk"),
            (&[";charset=gbk"], "", "gbk"),
            (&["text/; x"], "", ""),
            (&[], "", ""),
        ] {
            let expected = [media_type, charset].map(|text| (!text.is_empty()).then(|| text.to_owned()));
            assert_eq!(<[_; 2]>::from(of(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn content_is_looked_at() {
        for html in [
            "<!DOCTYPE html>",
            " \n<HTML lang=en>",
            "\u{feff}<html>",
            "<!-- x --><html>",
            "<p>x",
            "<div class=x>",
            "<h1>x",
            "<?xml version=\"1.0\"?>\n<!DOCTYPE html><html>",
            "<script>x</script>",
            "<title>x</title>",
        ] {
            assert!(looks_like_html(html.as_bytes()), "{html}");
        }
        for other in [
            "",
            "text",
            "{}",
            "<?xml version='1.0'?><rss>",
            "<svg>",
            "<picture>",
            "%PDF-1.4",
            "<article-list>",
        ] {
            assert!(!looks_like_html(other.as_bytes()), "{other}");
        }
    }
}
