//! From the bytes of a page to text.

use std::sync::LazyLock;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};
use regex::bytes::Regex;

use super::whitespace::MARKS;

/// How far into a page its own declaration is looked for; browsers look at 1024 bytes.
const DECLARATION: usize = 4096;

/// A `charset` in a `meta` element, or an XML declaration's `encoding`.
static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)<meta[^>]{0,512}?charset\s*=\s*["']?\s*([a-z0-9_:.-]+)|^\s*<\?xml[^>]{0,256}?encoding\s*=\s*["']([a-z0-9_:.-]+)"#)
        .expect("the expression is valid")
});

/// Decodes a page: by its byte order mark; as UTF-8 where it reads as that, whatever its labels say; by the HTTP header's
/// charset or its own declaration; or else by what its bytes look like, as Firefox guesses it. `host` helps to guess.
pub(super) fn decode(html: &[u8], header: Option<&str>, host: Option<&str>) -> String {
    let marked = Encoding::for_bom(html).map(|(encoding, _)| encoding);
    let encoding = marked
        .or_else(|| reads_as_utf8(html).then_some(UTF_8))
        .or_else(|| label(header?))
        .or_else(|| declared(html))
        .unwrap_or_else(|| guess(html, host));
    let (text, _, _) = encoding.decode(html);
    // NUL is no text, and HTML parsers replace or drop it.
    text.replace(|character| character == '\0' || MARKS.contains(&character), "")
}

/// What a label stands for. UTF-8 is none here: the bytes have contradicted it.
fn label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes()).filter(|encoding| *encoding != UTF_8)
}

fn declared(html: &[u8]) -> Option<&'static Encoding> {
    let start = &html[..html.len().min(DECLARATION)];
    let captures = DECLARED.captures(start)?;
    let name = captures.get(1).or_else(|| captures.get(2))?;
    // A declaration that could be read byte by byte is not written in UTF-16.
    label(std::str::from_utf8(name.as_bytes()).ok()?)
        .filter(|encoding| encoding.is_ascii_compatible() || *encoding == encoding_rs::ISO_2022_JP)
}

/// Whether letters beyond ASCII are there, and few bytes contradict UTF-8, as one bad character in a long page does not.
fn reads_as_utf8(html: &[u8]) -> bool {
    let bad = html.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    let beyond_ascii = html.iter().filter(|byte| !byte.is_ascii()).count();
    beyond_ascii > 0 && bad * 10 <= beyond_ascii
}

fn guess(html: &[u8], host: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(html, true);
    let top = host.and_then(|host| host.rsplit('.').next()).map(str::to_ascii_lowercase);
    let top = top.filter(|top| {
        !top.is_empty() && top.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    detector.guess(top.as_deref().map(str::as_bytes), Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &[u8], header: Option<&str>) -> String {
        decode(html, header, None)
    }

    #[test]
    fn encodings_are_found_where_they_are_named() {
        let latin = b"caf\xe9";
        assert_eq!(read(latin, None), "café");
        assert_eq!(read("café".as_bytes(), None), "café");
        assert_eq!(read(b"\xef\xbb\xbfx", Some("latin1")), "x");
        assert_eq!(read(b"\xff\xfeA\0", None), "A");
        assert_eq!(read(b"\xd6\xd0\xce\xc4", Some("gb2312")), "中文");
        assert_eq!(read(b"<meta charset='gbk'>\xd6\xd0", None), "<meta charset='gbk'>中");
        let http_equiv =
            b"<META http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1251\">\xcf";
        assert!(read(http_equiv, None).ends_with('П'));
        assert!(read(b"<?xml version=\"1.0\" encoding=\"iso-8859-2\"?>\xb1", None).ends_with('ą'));
        assert_eq!(read(b"<meta charset=iso-2022-jp>\x1b$B4A\x1b(B", None), "<meta charset=iso-2022-jp>漢");
    }

    #[test]
    fn labels_that_the_bytes_contradict_are_not_believed() {
        assert_eq!(read(b"caf\xe9", Some("utf-8")), "café");
        assert_eq!(read("café".as_bytes(), Some("iso-8859-1")), "café");
        assert_eq!(read("<meta charset=utf-16>é".as_bytes(), None), "<meta charset=utf-16>é");
        assert_eq!(read(b"caf\xe9", Some("no-such-charset")), "café");
        let gbk = b"<meta charset=gbk>\xd6\xd0\xce\xc4";
        assert_eq!(read(gbk, Some("utf-8")), "<meta charset=gbk>中文", "the other label counts then");
    }

    #[test]
    fn what_has_no_label_is_guessed() {
        for (encoding, text) in [
            (encoding_rs::SHIFT_JIS, "港の端にある灯台は地元の技術者によって建てられました。"),
            (encoding_rs::EUC_KR, "항구 끝에 있는 등대는 지역 기술자가 지었습니다."),
            (encoding_rs::GBK, "港口尽头的灯塔由一位当地的工程师建造。"),
            (encoding_rs::WINDOWS_1251, "Маяк в конце гавани построил местный инженер."),
        ] {
            let (bytes, _, _) = encoding.encode(text);
            assert_eq!(read(&bytes, None), text);
        }
    }

    #[test]
    fn one_bad_byte_does_not_spoil_a_page() {
        let page = [&"größe ".repeat(20).into_bytes()[..], b"\xff"].concat();
        assert!(read(&page, None).starts_with("größe"));
    }
}
