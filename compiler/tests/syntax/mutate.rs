//! Random damage to texts.

/// A small deterministic generator (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}

/// What is put into texts: all signs and words of the language, and some that are none.
const PIECES: [&str; 60] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    "=",
    "==",
    ":",
    ":=",
    ",",
    ".",
    "..",
    "|",
    "|>",
    "->",
    "?",
    "+",
    "-",
    "*",
    "/",
    "//",
    "///",
    "//!",
    "#",
    "\"",
    "'",
    "\\",
    "\n",
    "\n\n",
    " ",
    "\r\n",
    "\t",
    "import ",
    "param ",
    "profile ",
    "def ",
    "stage ",
    "per shard ",
    "runtime ",
    "each ",
    "if ",
    "then ",
    "else ",
    "in ",
    "not ",
    "and ",
    "let ",
    "x",
    "12",
    "3.5e-2k tokens",
    "80%",
    "\"text\"",
    "é",
    "\u{feff}",
    "“",
    "$",
    ";",
];

/// Changes a text in one to eight places.
pub(crate) fn mutate(text: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(8) {
        let mut place = || {
            let at = random.below(text.len() + 1);
            (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
        };
        let (from, to) = (place(), place());
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 40));
        let to = (to..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(from);
        match random.below(5) {
            0 => text.replace_range(from..to, ""),
            1 => {
                let copy = text[from..to].to_owned();
                text.insert_str(from, &copy);
            }
            _ => text.insert_str(from, PIECES[random.below(PIECES.len())]),
        }
    }
    text
}
