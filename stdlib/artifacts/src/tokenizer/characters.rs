//! The characters that stand for bytes in vocabulary files, as GPT-2's do: bytes that are printable in
//! Latin-1 for themselves, the others for characters from U+0100 on.

/// The character of a byte.
#[must_use]
pub fn character_of(byte: u8) -> char {
    match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        0x00..=b' ' => shifted(u32::from(byte)),
        0x7f..=0xa0 => shifted(u32::from(byte) - 0x7f + 0x21),
        0xad => shifted(0x43),
    }
}

/// The byte that a character stands for.
#[must_use]
pub fn byte_of(character: char) -> Option<u8> {
    let number = u32::from(character);
    let byte = match number {
        0x100..=0x120 => number - 0x100,
        0x121..=0x142 => number - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => number,
    };
    u8::try_from(byte).ok().filter(|byte| character_of(*byte) == character)
}

/// The bytes in the order of their characters: so GPT-2 and its successors number them.
pub(super) fn in_order() -> [u8; 256] {
    let mut bytes: [u8; 256] = std::array::from_fn(|byte| byte as u8);
    bytes.sort_unstable_by_key(|byte| character_of(*byte));
    bytes
}

fn shifted(by: u32) -> char {
    char::from_u32(0x100 + by).expect("below U+0144 all are characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_own_character() {
        for byte in 0..=u8::MAX {
            assert_eq!(byte_of(character_of(byte)), Some(byte));
        }
        assert_eq!((character_of(b' '), character_of(b'\n'), character_of(0xad)), ('Ġ', 'Ċ', 'Ń'));
        assert_eq!([' ', '\n', '猫', '\u{144}', '\u{ad}'].map(byte_of), [None; 5]);
        assert_eq!(in_order()[..2], [b'!', b'"']);
    }
}
