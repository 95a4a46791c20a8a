//! Rows of JSON that are no Unicode, or no JSON for a reason that is known, are mended.

/// What stands for that which is no character: U+FFFD.
const REPLACEMENT: &str = "\u{fffd}";

/// The row with every byte that is no UTF-8 and every half of a surrogate pair replaced by U+FFFD, and
/// Python's `NaN`, `Infinity` and `-Infinity` by null; `None` where it holds none of these.
#[must_use]
pub fn mended(row: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(row);
    let mut changed = matches!(text, std::borrow::Cow::Owned(_));
    let (text, mut mended) = (text.as_bytes(), Vec::with_capacity(row.len() + 16));
    let (mut at, mut quoted) = (0, false);
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                let length = match surrogate(rest) {
                    // A whole pair stays as it is.
                    Some(Half::High) if surrogate(&rest[6..]) == Some(Half::Low) => 12,
                    Some(_) => {
                        changed = true;
                        mended.extend_from_slice(REPLACEMENT.as_bytes());
                        at += 6;
                        continue;
                    }
                    None => 2.min(rest.len()),
                };
                mended.extend_from_slice(&rest[..length]);
                at += length;
                continue;
            }
            b'N' | b'I' | b'-' if !quoted => {
                let names: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
                if let Some(name) = names.into_iter().find(|name| rest.starts_with(name)) {
                    changed = true;
                    mended.extend_from_slice(b"null");
                    at += name.len();
                    continue;
                }
            }
            _ => {}
        }
        mended.push(byte);
        at += 1;
    }
    changed.then_some(mended)
}

#[derive(PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// The half of a pair that `\uD83D` at the beginning of `text` stands for.
fn surrogate(text: &[u8]) -> Option<Half> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    match code {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_are_not() {
        for (row, expected) in [
            (&br#""a \ud83d b""#[..], Some("\"a \u{fffd} b\"")),
            (br#""\ud83d\ude00""#, None),
            (br#""\uDE00\uD83D\uDE00\ud83d""#, Some("\"\u{fffd}\\uD83D\\uDE00\u{fffd}\"")),
            (br#""\ud83d\ud83d\ude00""#, Some("\"\u{fffd}\\ud83d\\ude00\"")),
            (br#""\\ud83d \u00e9""#, None),
            (b"\"a\xffb\xc3\"", Some("\"a\u{fffd}b\u{fffd}\"")),
            (
                br#"{"a": NaN, "b": [-Infinity, Infinity], "NaN": "NaN"}"#,
                Some(r#"{"a": null, "b": [null, null], "NaN": "NaN"}"#),
            ),
            (br#"{"a": -1}"#, None),
            (br#""\"#, None),
            (br#""\ud8"#, None),
        ] {
            let found = mended(row).map(|row| String::from_utf8(row).unwrap());
            assert_eq!(found.as_deref(), expected, "{}", String::from_utf8_lossy(row));
        }
    }
}
