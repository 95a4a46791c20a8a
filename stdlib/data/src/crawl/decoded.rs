//! Text of unknown encoding, a piece at a time.

use std::io::{BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use llmp_stage::{Error, Result};

/// Bytes by which an encoding is told.
const LOOKED_AT: u64 = 1 << 20;
/// Bytes decoded at once.
const PIECE: usize = 64 << 10;

/// A file's text: in the encoding that its mark names, else UTF-8 where its first MiB reads as that, else in
/// the encoding that it looks like, as Firefox guesses it. Line ends become line feeds; NUL goes.
pub(crate) struct Decoded {
    path: PathBuf,
    input: std::io::Chain<std::io::Cursor<Vec<u8>>, Box<dyn BufRead + Send>>,
    decoder: Decoder,
    /// Whether a carriage return is held back, in case a line feed follows.
    held: bool,
    mended: u64,
}

impl Decoded {
    pub(crate) fn new(mut input: Box<dyn BufRead + Send>, path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        match (&mut input).take(LOOKED_AT).read_to_end(&mut start) {
            // What is cut off is told where its end is read.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(Error::io("cannot read", path)(error));
            }
            _ => {}
        }
        let whole = (start.len() as u64) < LOOKED_AT;
        let decoder = encoding(&start, whole).new_decoder();
        let input = std::io::Cursor::new(start).chain(input);
        Ok(Self { path: path.to_owned(), input, decoder, held: false, mended: 0 })
    }

    /// How often something that is no character was replaced.
    pub(crate) fn mended(&self) -> u64 {
        self.mended
    }

    /// Adds a piece to `text`; `false` at the end.
    pub(crate) fn read(&mut self, text: &mut String) -> Result<bool> {
        let mut bytes = vec![0; PIECE];
        let mut length = 0;
        while length < PIECE {
            match self.input.read(&mut bytes[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let help = "the file is damaged or cut off; pack it again";
                    return Err(Error::io("cannot read", &self.path)(error).help(help));
                }
            }
        }
        let last = length == 0;
        let mut rest = &bytes[..length];
        let mut piece = String::new();
        if std::mem::take(&mut self.held) {
            piece.push('\r');
        }
        loop {
            piece.reserve(
                self.decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(PIECE).max(16),
            );
            let (result, read) = self.decoder.decode_to_string_without_replacement(rest, &mut piece, last);
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    piece.push(char::REPLACEMENT_CHARACTER);
                    self.mended += 1;
                }
            }
        }
        if !last && piece.ends_with('\r') {
            piece.pop();
            self.held = true;
        }
        if piece.contains(['\r', '\0']) {
            piece = piece.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
        }
        text.push_str(&piece);
        Ok(!last)
    }
}

/// What the first bytes are encoded in; `whole` where there are no others.
fn encoding(start: &[u8], whole: bool) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return encoding;
    }
    match std::str::from_utf8(start) {
        Ok(_) => return UTF_8,
        // A character may be cut off where the first bytes end.
        Err(error) if !whole && error.error_len().is_none() => return UTF_8,
        Err(_) => {}
    }
    // A stray byte in UTF-8 is no other encoding: few characters are malformed.
    let text = String::from_utf8_lossy(start);
    let beyond = text.chars().filter(|sign| !sign.is_ascii()).count();
    let malformed = text.chars().filter(|sign| *sign == char::REPLACEMENT_CHARACTER).count();
    if malformed * 10 <= beyond {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(start, whole);
    detector.guess(None, Utf8Detection::Allow)
}
