//! Character references (<https://html.spec.whatwg.org/multipage/named-characters.html>).

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Name and characters of each reference; some count without their semicolon, too.
const NAMED: &str = include_str!("entities.txt");

/// The longest name, with its semicolon.
const LONGEST: usize = 33;

static BY_NAME: LazyLock<FxHashMap<&'static str, String>> = LazyLock::new(|| {
    let characters = |codes: &str| {
        codes.split(' ').filter_map(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?)).collect()
    };
    NAMED
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, codes)| (name, characters(codes)))
        .collect()
});

/// Text with its references replaced. In attributes, names without a semicolon before letters are no
/// references.
pub(super) fn decode(text: &str, attribute: bool) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut next = Some(first);
    while let Some(at) = next {
        decoded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = match rest.as_bytes().first() {
            Some(b'#') => number(&rest[1..], &mut decoded).map(|length| length + 1),
            Some(byte) if byte.is_ascii_alphanumeric() => named(rest, attribute, &mut decoded),
            _ => None,
        };
        match length {
            Some(length) => rest = &rest[length..],
            None => decoded.push('&'),
        }
        next = rest.find('&');
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn named(text: &str, attribute: bool, decoded: &mut String) -> Option<usize> {
    let length = text.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
    let closed = text.as_bytes().get(length) == Some(&b';');
    if closed && let Some(characters) = BY_NAME.get(&text[..=length]) {
        decoded.push_str(characters);
        return Some(length + 1);
    }
    for length in (2..=length.min(6)).rev() {
        let Some(characters) = BY_NAME.get(&text[..length]) else { continue };
        let next = text.as_bytes().get(length);
        if attribute && next.is_some_and(|next| *next == b'=' || next.is_ascii_alphanumeric()) {
            return None;
        }
        decoded.push_str(characters);
        return Some(length);
    }
    None
}

fn number(text: &str, decoded: &mut String) -> Option<usize> {
    let (prefix, radix) = if text.starts_with(['x', 'X']) { (1, 16) } else { (0, 10) };
    let digits = text[prefix..].bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if digits == 0 {
        return None;
    }
    let end = prefix + digits;
    // What does not fit into 32 bits is no character either.
    let code = u32::from_str_radix(&text[prefix..end], radix).unwrap_or(u32::MAX);
    let character = match code {
        0x80..=0x9f => {
            // The standard reads these as windows-1252.
            let byte = [u8::try_from(code).unwrap_or(b'?')];
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte).0.chars().next()
        }
        0 => None,
        _ => char::from_u32(code),
    };
    decoded.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(end + usize::from(text.as_bytes().get(end) == Some(&b';')))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_are_read_as_browsers_do() {
        for (text, decoded) in [
            ("a &amp; b &lt;p&gt;", "a & b <p>"),
            ("&eacute;&eacute &copy2024", "éé ©2024"),
            ("&notit; &notin; &notx", "¬it; ∉ ¬x"),
            ("&#8211;&#x2014;&#150;&#0;&#xD800;&#99999999999;", "–—–\u{fffd}\u{fffd}\u{fffd}"),
            ("&nosuch; & &; &# &#x; AT&T &", "&nosuch; & &; &# &#x; AT&T &"),
            ("&CounterClockwiseContourIntegral;&NotEqualTilde;", "∳≂\u{338}"),
            ("&&amp;é&é", "&&é&é"),
        ] {
            assert_eq!(decode(text, false), decoded);
        }
        assert_eq!(decode("?a=1&copy=2&copy;&lt", true), "?a=1&copy=2©<");
    }
}
