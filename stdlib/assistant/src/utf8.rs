//! Text from bytes that come in pieces.

/// Tokens may end inside a character; only whole characters are handed on.
#[derive(Default)]
pub(crate) struct Utf8Stream {
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// Adds bytes, and hands on the text that is complete. Bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&str)) {
        self.pending.extend_from_slice(bytes);
        loop {
            let error = match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    if !text.is_empty() {
                        emit(text);
                    }
                    self.pending.clear();
                    return;
                }
                Err(error) => error,
            };
            let (valid, rest) = self.pending.split_at(error.valid_up_to());
            if let Some(text) = std::str::from_utf8(valid).ok().filter(|text| !text.is_empty()) {
                emit(text);
            }
            let Some(invalid) = error.error_len() else {
                self.pending = rest.to_vec();
                return;
            };
            emit("\u{fffd}");
            self.pending = rest[invalid..].to_vec();
        }
    }

    /// Hands on what is left: U+FFFD where a character was cut off.
    pub(crate) fn finish(&mut self, emit: &mut dyn FnMut(&str)) {
        if !std::mem::take(&mut self.pending).is_empty() {
            emit("\u{fffd}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pieces: &[&[u8]]) -> Vec<String> {
        let mut texts = Vec::new();
        let mut stream = Utf8Stream::default();
        let mut emit = |text: &str| texts.push(text.to_owned());
        pieces.iter().for_each(|piece| stream.push(piece, &mut emit));
        stream.finish(&mut emit);
        texts
    }

    #[test]
    fn characters_come_whole() {
        let smile = "😀".as_bytes();
        assert_eq!(stream(&[b"a", &smile[..2], &smile[2..], b"b"]), ["a", "😀", "b"]);
        assert_eq!(stream(&[&[b'a', 0xff, b'b'], &smile[..3]]), ["a", "\u{fffd}", "b", "\u{fffd}"]);
        assert!(stream(&[b""]).is_empty());
    }
}
