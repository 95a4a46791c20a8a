//! The Tokenizer artifact: BPE vocabularies in Hugging Face's form.

mod bpe;
mod byte_level;
mod characters;
mod encoder;
mod layout;
mod packed;
mod pattern;
pub mod special;
mod table;
mod vocabulary;

use llmp_stage::{Fact, Form, Input, Result, Tone, View, Views};

pub use bpe::{CONFIG_FILE, TOKENIZER_FILE, Tokenizer, read_bounded, whole};
pub use characters::{byte_of, character_of};
pub use packed::pack;
pub use pattern::Pattern;
pub use vocabulary::Vocabulary;

/// What Tokenizer artifacts are on disk.
pub struct TokenizerForm;

impl Form for TokenizerForm {
    fn kind(&self) -> &'static str {
        "Tokenizer"
    }

    fn expected(&self) -> &'static str {
        "`tokenizer.json` of a byte-level BPE, or of one that falls back to bytes"
    }

    fn check(&self, written: &Input) -> Result<()> {
        Tokenizer::load(written.folder()).map(drop)
    }

    /// A row is a token.
    fn views(&self, artifact: &Input) -> Result<Views> {
        let tokenizer = Tokenizer::open(artifact)?;
        Ok(Box::new((0..tokenizer.vocab_size()).map(move |id| {
            let bytes = tokenizer.token_bytes(id).unwrap_or_default();
            let name = tokenizer.specials().iter().find(|(_, special)| **special == id).map(|(name, _)| name);
            let (text, tone) = match name {
                Some(name) => (name.clone(), Tone::Special),
                None => (format!("{:?}", String::from_utf8_lossy(bytes)), Tone::Plain),
            };
            let json = serde_json::json!({"id": id, "text": text, "bytes": bytes});
            Ok(View::new(id.to_string(), json).piece(text, tone))
        })))
    }

    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let tokenizer = Tokenizer::open(artifact)?;
        let special: Vec<&str> = tokenizer.specials().keys().map(String::as_str).collect();
        Ok(vec![
            ("vocabulary".to_owned(), tokenizer.vocab_size().to_string()),
            ("special tokens".to_owned(), special.join(" ")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::{Tokenizer, whole};

    #[test]
    fn a_character_stands_with_its_last_token() {
        let tokenizer = Tokenizer::cl100k();
        let text = "秦川雄帝宅 😀!";
        let ids = tokenizer.encode(text);
        assert!(ids.len() > text.chars().count(), "some characters are several tokens");
        let pieces = tokenizer.pieces(&ids);
        assert_eq!((pieces.concat(), pieces.len()), (text.to_owned(), ids.len()));
        let cut = (1..ids.len()).find(|&end| tokenizer.decode(&ids[..end]).ends_with('\u{fffd}')).unwrap();
        assert!(tokenizer.pieces(&ids[..cut]).concat().ends_with('\u{fffd}'));
        let bytes = tokenizer.decode_bytes(&ids[..cut]);
        let kept = std::str::from_utf8(&bytes[..whole(&bytes)]).unwrap();
        assert!(whole(&bytes) < bytes.len() && text.starts_with(kept));
    }

    #[test]
    fn only_a_beginning_at_the_end_is_no_whole_character() {
        let smile = "😀".as_bytes();
        for cut in 1..4 {
            assert_eq!(whole(&[b"ab", &smile[..cut]].concat()), 2);
        }
        assert_eq!(whole(smile), 4);
        assert_eq!((whole(b""), whole(b"abc"), whole(&[0xff]), whole(&[b'a', 0x80, 0x80])), (0, 3, 1, 3));
    }
}
