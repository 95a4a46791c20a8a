//! From the bytes of a page to text.

use std::sync::LazyLock;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use regex::bytes::Regex;

/// How far into a page its own declaration is looked for; browsers look at 1024 bytes.
const DECLARATION: usize = 4096;

/// A `charset` in a `meta` element, or an XML declaration's `encoding`.
static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)<meta[^>]{0,512}?charset\s*=\s*["']?\s*([a-z0-9_:.-]+)|^\s*<\?xml[^>]{0,256}?encoding\s*=\s*["']([a-z0-9_:.-]+)"#)
        .expect("the expression is valid")
});

/// Decodes a page: by its byte order mark, the HTTP header's charset, its own declaration, or else as UTF-8 where it is
/// valid and as windows-1252 where it is not. A label that the bytes contradict by not being valid UTF-8 is not believed.
pub(super) fn decode(html: &[u8], header: Option<&str>) -> String {
    let marked = Encoding::for_bom(html).map(|(encoding, _)| encoding);
    let encoding =
        marked.or_else(|| header.and_then(label)).or_else(|| declared(html)).unwrap_or_else(|| guess(html));
    let encoding = if encoding == UTF_8 { guess(html) } else { encoding };
    let (text, _, _) = encoding.decode(html);
    // NUL is no text, and HTML parsers replace or drop it.
    text.replace('\0', "")
}

fn label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes())
}

fn declared(html: &[u8]) -> Option<&'static Encoding> {
    let start = &html[..html.len().min(DECLARATION)];
    let captures = DECLARED.captures(start)?;
    let name = captures.get(1).or_else(|| captures.get(2))?;
    let encoding = Encoding::for_label(name.as_bytes())?;
    // A declaration that could be read byte by byte is not written in UTF-16.
    Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}

/// UTF-8 if few bytes contradict it, as one bad character in a long page does not; windows-1252 otherwise.
fn guess(html: &[u8]) -> &'static Encoding {
    let bad = html.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    let beyond_ascii = html.iter().filter(|byte| !byte.is_ascii()).count();
    if bad * 10 <= beyond_ascii { UTF_8 } else { WINDOWS_1252 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_found_where_they_are_named() {
        let latin = b"caf\xe9";
        assert_eq!(decode(latin, None), "café");
        assert_eq!(decode("café".as_bytes(), None), "café");
        assert_eq!(decode(b"\xef\xbb\xbfx", Some("latin1")), "x");
        assert_eq!(decode(b"\xff\xfeA\0", None), "A");
        assert_eq!(decode(b"\xd6\xd0\xce\xc4", Some("gb2312")), "中文");
        assert_eq!(decode(b"<meta charset='gbk'>\xd6\xd0", None), "<meta charset='gbk'>中");
        let http_equiv =
            b"<META http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1251\">\xcf";
        assert!(decode(http_equiv, None).ends_with('П'));
        assert!(decode(b"<?xml version=\"1.0\" encoding=\"iso-8859-2\"?>\xb1", None).ends_with('ą'));
        assert_eq!(decode(latin, Some("utf-8")), "café", "a wrong label is not believed");
        assert_eq!(decode("<meta charset=utf-16>é".as_bytes(), None), "<meta charset=utf-16>é");
        assert_eq!(decode(latin, Some("no-such-charset")), "café");
    }

    #[test]
    fn one_bad_byte_does_not_spoil_a_page() {
        let page = [&"größe ".repeat(20).into_bytes()[..], b"\xff"].concat();
        assert!(decode(&page, None).starts_with("größe"));
    }
}
