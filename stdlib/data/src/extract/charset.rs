//! From the bytes of a page to text.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_KR, Encoding, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

use super::prescan::declared;

/// Decodes a page: by its byte order mark; as UTF-8 where it reads as that, whatever its labels say; by the
/// HTTP header's charset or its own declaration, where its bytes do not contradict them; or else by what its
/// bytes look like, as Firefox guesses it. `host` helps to guess.
#[must_use]
pub fn decode(html: &[u8], header: Option<&str>, host: Option<&str>) -> String {
    let marked = Encoding::for_bom(html).map(|(encoding, _)| encoding);
    let encoding = marked
        .or_else(|| wide(html))
        .or_else(|| reads_as_utf8(html).then_some(UTF_8))
        .or_else(|| label(header?, html))
        .or_else(|| label(&declared(html)?, html))
        .unwrap_or_else(|| guess(html, host));
    let (text, _, _) = encoding.decode(html);
    // NUL is no text, and HTML parsers replace or drop it.
    match text.contains('\0') {
        true => text.replace('\0', ""),
        false => text.into_owned(),
    }
}

/// What a label stands for, unless the bytes contradict it: UTF-8 and UTF-16 would have been seen before, and
/// in others, as in UTF-8, few sequences are malformed.
fn label(label: &str, html: &[u8]) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(label.trim().as_bytes())?;
    if [UTF_8, UTF_16BE, UTF_16LE, REPLACEMENT].contains(&encoding) {
        return None;
    }
    if encoding.is_single_byte() {
        return Some(encoding);
    }
    let (text, malformed) = encoding.decode_without_bom_handling(html);
    let bad = text.chars().filter(|&character| character == char::REPLACEMENT_CHARACTER).count();
    if encoding == SHIFT_JIS && half_width(&text) && guess(html, None) == EUC_KR {
        return None;
    }
    (!malformed || bad * 10 <= beyond_ascii(html)).then_some(encoding)
}

/// Whether most of what is beyond ASCII is half-width katakana: any bytes from A1 to DF are such in
/// Shift_JIS, and Korean syllables are little else.
fn half_width(text: &str) -> bool {
    let beyond = text.chars().filter(|character| !character.is_ascii()).count();
    text.chars().filter(|character| ('\u{ff61}'..='\u{ff9f}').contains(character)).count() * 2 > beyond
}

/// UTF-16 without its mark: markup is ASCII, of which every second byte is NUL.
fn wide(html: &[u8]) -> Option<&'static Encoding> {
    let start = &html[..html.len().min(4096)];
    let nul = |parity: usize| start.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nul(0), nul(1));
    // A tenth of ASCII is less than any page has, and NUL at the other place stands in no text.
    match start.len() / 20 {
        0 => None,
        few if odd > few && even * 20 < odd => Some(UTF_16LE),
        few if even > few && odd * 20 < even => Some(UTF_16BE),
        _ => None,
    }
}

fn beyond_ascii(html: &[u8]) -> usize {
    html.iter().filter(|byte| !byte.is_ascii()).count()
}

/// Whether letters beyond ASCII are there, and few bytes contradict UTF-8, as one bad character in a long
/// page does not.
fn reads_as_utf8(html: &[u8]) -> bool {
    let bad = html.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    // Half a surrogate pair, as Java and old databases write signs beyond 16 bits, is bad at each of its
    // bytes, and says UTF-8.
    let half = |part: &&[u8]| matches!(part, [0xed, 0xa0..=0xbf, 0x80..=0xbf]);
    let bad = bad.saturating_sub(3 * html.windows(3).filter(half).count());
    let beyond_ascii = beyond_ascii(html);
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
    fn labels_whose_encoding_is_malformed_are_not_believed() {
        let (korean, _, _) = encoding_rs::EUC_KR.encode("항구 끝에 있는 등대는 지역 기술자가 지었습니다.");
        let page = [b"<meta charset=euc-kr>", &korean[..]].concat();
        assert!(read(&page, Some("iso-2022-jp")).contains("등대는"));
        assert!(read(&korean, Some("shift_jis")).contains("등대는"));
        let (japanese, _, _) =
            encoding_rs::SHIFT_JIS.encode("港の端にある灯台は地元の技術者によって建てられました。");
        assert!(read(&japanese, Some("shift_jis")).contains("灯台"));
        let (katakana, _, _) = encoding_rs::SHIFT_JIS.encode("ﾌﾟﾛｸﾞﾗﾑを実行してください。ﾃﾞｰﾀは保存されます。");
        assert!(read(&katakana, Some("shift_jis")).contains("保存"));
        assert!(read(&japanese, Some("euc-jp")).contains("灯台"));
        assert!(read(&japanese, Some("iso-2022-kr")).contains("灯台"), "a label that stands for nothing");
        assert_eq!(read(b"caf\xe9", Some("utf-16le")), "café");
    }

    #[test]
    fn surrogates_are_taken_for_utf_8() {
        let html = [&b"caf\xc3\xa9 "[..], b"\xed\xa0\xbd\xed\xb8\x80"].concat();
        assert_eq!(read(&html, None).trim_end_matches('\u{fffd}'), "café ");
    }

    #[test]
    fn utf_16_is_seen_without_its_mark() {
        let html = "<html><head><title>Маяк</title></head><body><p>Маяк в конце гавани</p></body></html>";
        let little: Vec<u8> = html.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = html.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            assert_eq!(read(&bytes, Some("utf-8")), html);
        }
        assert_eq!(read(b"a\0b", None), "ab");
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
