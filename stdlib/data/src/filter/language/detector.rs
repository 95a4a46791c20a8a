//! The built-in language detector: the script first, then, where several languages share one, letters, pairs
//! and triples of letters with their probabilities in each language (naive Bayes, after Dunning (1994),
//! "Statistical identification of language").
//!
//! The probabilities are lingua's (Apache-2.0), as `bench/train_language.py` packs them.
//! `examples/language_report.rs` measures the detector by sentences.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Languages that are named by their script alone.
const BY_SCRIPT: [(Script, &str); 20] = [
    (Script::Armenian, "hy"),
    (Script::Bengali, "bn"),
    (Script::Ethiopic, "am"),
    (Script::Georgian, "ka"),
    (Script::Greek, "el"),
    (Script::Gujarati, "gu"),
    (Script::Gurmukhi, "pa"),
    (Script::Hangul, "ko"),
    (Script::Hebrew, "he"),
    (Script::Kannada, "kn"),
    (Script::Khmer, "km"),
    (Script::Lao, "lo"),
    (Script::Malayalam, "ml"),
    (Script::Myanmar, "my"),
    (Script::Oriya, "or"),
    (Script::Sinhala, "si"),
    (Script::Tamil, "ta"),
    (Script::Telugu, "te"),
    (Script::Thai, "th"),
    (Script::Tibetan, "bo"),
];

/// Scripts that several languages share, and those of them that are known.
const SHARED: [(Script, &str); 4] = [
    (
        Script::Latin,
        "af az ca cs cy da de en eo es et eu fi fr ga hr hu id is it la lg lt lv mi nl nn no pl pt ro sk sl sn so sq st sv sw \
         tl tn tr ts vi xh yo zu",
    ),
    (Script::Cyrillic, "be bg kk mk mn ru sr uk"),
    (Script::Arabic, "ar fa ur"),
    (Script::Devanagari, "hi mr"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    Han,
    Kana,
    Armenian,
    Bengali,
    Ethiopic,
    Georgian,
    Greek,
    Gujarati,
    Gurmukhi,
    Hangul,
    Hebrew,
    Kannada,
    Khmer,
    Lao,
    Malayalam,
    Myanmar,
    Oriya,
    Sinhala,
    Tamil,
    Telugu,
    Thai,
    Tibetan,
    Other,
}

impl Script {
    const COUNT: usize = Self::Other as usize + 1;

    fn of(character: char) -> Self {
        match u32::from(character) {
            0..0x250 | 0x1e00..0x1f00 | 0xff21..0xff5b => Self::Latin,
            0x370..0x400 | 0x1f00..0x2000 => Self::Greek,
            0x400..0x530 => Self::Cyrillic,
            0x530..0x590 => Self::Armenian,
            0x590..0x600 | 0xfb1d..0xfb50 => Self::Hebrew,
            0x600..0x700 | 0x750..0x780 | 0x8a0..0x900 | 0xfb50..0xfe00 | 0xfe70..0xff00 => Self::Arabic,
            0x900..0x980 => Self::Devanagari,
            0x980..0xa00 => Self::Bengali,
            0xa00..0xa80 => Self::Gurmukhi,
            0xa80..0xb00 => Self::Gujarati,
            0xb00..0xb80 => Self::Oriya,
            0xb80..0xc00 => Self::Tamil,
            0xc00..0xc80 => Self::Telugu,
            0xc80..0xd00 => Self::Kannada,
            0xd00..0xd80 => Self::Malayalam,
            0xd80..0xe00 => Self::Sinhala,
            0xe00..0xe80 => Self::Thai,
            0xe80..0xf00 => Self::Lao,
            0xf00..0x1000 => Self::Tibetan,
            0x1000..0x10a0 => Self::Myanmar,
            0x10a0..0x1100 | 0x1c90..0x1cc0 => Self::Georgian,
            0x1100..0x1200 | 0x3130..0x3190 | 0xac00..0xd800 => Self::Hangul,
            0x1200..0x1400 => Self::Ethiopic,
            0x1780..0x1800 => Self::Khmer,
            0x3040..0x3100 | 0x31f0..0x3200 | 0xff66..0xffa0 => Self::Kana,
            0x3400..0xa000 | 0xf900..0xfb00 | 0x20000..0x32400 => Self::Han,
            _ => Self::Other,
        }
    }
}

/// The trained numbers.
struct Model {
    languages: Vec<&'static str>,
    /// Where the weights of an n-gram lie: pairs of language and weight.
    grams: FxHashMap<u64, &'static [u8]>,
}

static MODEL: LazyLock<Model> =
    LazyLock::new(|| Model::read(include_bytes!("model.bin")).expect("the model beside this file is whole"));

impl Model {
    /// Reads the form that `bench/train_language.py` writes.
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(b"llmplang")?;
        let mut take = |count: usize| {
            let (taken, behind) = rest.split_at_checked(count)?;
            rest = behind;
            Some(taken)
        };
        let mut languages = Vec::new();
        for _ in 0..take(1)?[0] {
            let length = take(1)?[0];
            languages.push(std::str::from_utf8(take(length.into())?).ok()?);
        }
        let count = u32::from_le_bytes(take(4)?.try_into().ok()?);
        let mut grams = FxHashMap::default();
        for _ in 0..count {
            let head = take(7)?;
            let letter = |at: usize| u16::from_le_bytes([head[2 * at], head[2 * at + 1]]);
            grams.insert(
                pack([letter(0), letter(1), letter(2)].map(u32::from)),
                take(2 * usize::from(head[6]))?,
            );
        }
        Some(Self { languages, grams })
    }
}

/// An n-gram as a number.
fn pack([first, second, third]: [u32; 3]) -> u64 {
    u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third)
}

/// What a language of the model is called: both written forms of Norwegian are Norwegian.
fn named(code: &'static str) -> &'static str {
    if code == "nn" { "no" } else { code }
}

/// Codes of all languages that the detector names, in order.
pub(super) fn known() -> Vec<&'static str> {
    let shared = SHARED.iter().flat_map(|(_, codes)| codes.split_whitespace());
    let mut codes: Vec<&str> =
        shared.map(named).chain(BY_SCRIPT.iter().map(|(_, code)| *code)).chain(["zh", "ja"]).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Longer texts are looked at in so many places of so many letters.
const PLACES: (usize, usize) = (8, 500);

/// Natural logarithms in a weight (`SCALE` in `bench/train_language.py`), and how much of it counts: a letter
/// is in four n-grams.
const WEIGHT: f64 = 1.0 / 25.0 / 3.0;

/// The language of a text and how certain it is, from 0 to 1; `None` where the text has no letters that say
/// something.
pub(super) fn detect(text: &str) -> Option<(&'static str, f64)> {
    let letters = sample(text);
    let mut counts = [0_u32; Script::COUNT];
    letters
        .iter()
        .filter(|letter| **letter != ' ')
        .for_each(|letter| counts[Script::of(*letter) as usize] += 1);
    let all: u32 = counts.iter().sum();
    // A character of Chinese says as much as three letters.
    let han = counts[Script::Han as usize] + counts[Script::Kana as usize];
    let (script, most) = (SHARED.iter().map(|(script, _)| *script))
        .chain(BY_SCRIPT.iter().map(|(script, _)| *script))
        .map(|script| (script, counts[script as usize]))
        .max_by_key(|(script, count)| (*count, std::cmp::Reverse(*script)))?;
    if han > 0 && 3 * han >= most {
        let kana = counts[Script::Kana as usize];
        // Japanese without kana is a heading; Chinese with kana is a name.
        let language = if 20 * kana >= han { "ja" } else { "zh" };
        return Some((language, f64::from(han) / f64::from(all.max(1)).min(f64::from(han + most))));
    }
    if most == 0 {
        return None;
    }
    let share = f64::from(most) / f64::from(all);
    if let Some((_, language)) = BY_SCRIPT.iter().find(|(known, _)| *known == script) {
        return Some((language, share));
    }
    let (_, codes) = SHARED.iter().find(|(known, _)| *known == script)?;
    let (language, certain) = by_letters(&letters, script, codes)?;
    Some((language, share * certain))
}

/// The letters of a text in lower case, its words parted by blanks; of long texts those in several places.
fn sample(text: &str) -> Vec<char> {
    let (places, length) = PLACES;
    // A character has four bytes at most, and most have one.
    let parts: Vec<&str> = if text.len() <= 2 * places * length {
        vec![text]
    } else {
        let step = text.len() / places;
        (0..places)
            .map(|place| {
                let start = text.ceil_char_boundary(place * step);
                &text[start..text.floor_char_boundary(start + (2 * length).min(step))]
            })
            .collect()
    };
    let mut letters = Vec::new();
    for part in parts {
        for character in part.chars().flat_map(char::to_lowercase) {
            if is_letter(character) {
                letters.push(character);
            } else if letters.last().is_some_and(|last| *last != ' ') {
                letters.push(' ');
            }
        }
        letters.push(' ');
    }
    letters
}

/// Letters without signs that are set around them: so the n-grams were counted.
fn is_letter(character: char) -> bool {
    character.is_alphabetic()
        && !matches!(character, '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{951}'..='\u{957}' | '\u{962}' | '\u{963}')
}

/// The most likely of the languages that share a script.
fn by_letters(letters: &[char], script: Script, codes: &str) -> Option<(&'static str, f64)> {
    let model = &*MODEL;
    let mut scores = vec![0_u32; model.languages.len()];
    let mut triples = vec![0_u32; model.languages.len()];
    let mut whole = 0_u32;
    for word in letters
        .split(|letter| *letter == ' ')
        .filter(|word| word.iter().any(|letter| Script::of(*letter) == script))
    {
        for start in 0..word.len() {
            for length in 1..=3.min(word.len() - start) {
                let letter = |at: usize| if at < length { u32::from(word[start + at]) } else { 0 };
                whole += u32::from(length == 3);
                for pair in model
                    .grams
                    .get(&pack([letter(0), letter(1), letter(2)]))
                    .into_iter()
                    .flat_map(|all| all.chunks_exact(2))
                {
                    let language = usize::from(pair[0]);
                    scores[language] += u32::from(pair[1]);
                    triples[language] += u32::from(length == 3);
                }
            }
        }
    }
    let candidates = model
        .languages
        .iter()
        .enumerate()
        .filter(|(_, code)| codes.split_whitespace().any(|known| known == **code));
    let best = candidates.clone().max_by_key(|(at, _)| (scores[*at], std::cmp::Reverse(*at)))?.0;
    if scores[best] == 0 {
        return None;
    }
    let language = named(model.languages[best]);
    let others = candidates.filter(|(at, code)| *at == best || named(code) != language);
    let sum: f64 = others.map(|(at, _)| (-f64::from(scores[best] - scores[at]) * WEIGHT).exp()).sum();
    // Of a language's own text four in five triples are among those that are kept; of codes and names fewer.
    let known = f64::from(triples[best]) / f64::from(whole.max(1));
    Some((language, (1.0 / sum) * ((known - 0.2) / 0.4).clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_a_shared_script_is_in_the_model() {
        for (_, codes) in SHARED {
            for code in codes.split_whitespace() {
                assert!(MODEL.languages.contains(&code), "{code}");
            }
        }
        let known = known();
        assert!(known.len() >= 75 && known.is_sorted() && known.windows(2).all(|two| two[0] != two[1]));
    }

    #[test]
    fn sentences_are_told_apart() {
        for (language, sentence) in [
            ("en", "The children were playing in the garden until it was dark."),
            ("de", "Die Kinder spielten im Garten, bis es dunkel wurde."),
            ("nl", "De kinderen speelden in de tuin totdat het donker was."),
            ("da", "Børnene legede i haven, indtil det blev mørkt."),
            ("sv", "Barnen lekte i trädgården tills det blev mörkt."),
            ("fr", "Les enfants jouaient dans le jardin jusqu'à la tombée de la nuit."),
            ("es", "Los niños jugaban en el jardín hasta que oscureció."),
            ("pt", "As crianças brincavam no jardim até escurecer."),
            ("it", "I bambini giocavano in giardino finché non fece buio."),
            ("pl", "Dzieci bawiły się w ogrodzie, aż zrobiło się ciemno."),
            ("cs", "Děti si hrály na zahradě, dokud se nesetmělo."),
            ("ru", "Дети весь вечер играли в саду, пока не стало совсем темно."),
            ("uk", "Діти гралися в саду, поки не стемніло."),
            ("bg", "Децата играеха в градината, докато се стъмни."),
            ("zh", "孩子们在花园里玩耍，直到天黑。"),
            ("ja", "子供たちは暗くなるまで庭で遊んでいた。"),
            ("ko", "아이들은 어두워질 때까지 정원에서 놀았다."),
            ("ar", "كان الأطفال يلعبون في الحديقة حتى حل الظلام."),
            ("fa", "بچه‌ها تا تاریکی هوا در باغ بازی می‌کردند."),
            ("tr", "Çocuklar hava kararana kadar bahçede oynadılar."),
            ("fi", "Lapset leikkivät puutarhassa, kunnes tuli pimeä."),
            ("hu", "A gyerekek sötétedésig játszottak a kertben."),
            ("vi", "Bọn trẻ chơi trong vườn cho đến khi trời tối."),
            ("el", "Τα παιδιά έπαιζαν στον κήπο μέχρι να νυχτώσει."),
        ] {
            let (found, score) = detect(sentence).expect("letters");
            assert_eq!(found, language, "{sentence}");
            assert!(score > 0.65, "{language} {score}");
        }
        assert_eq!(detect("12 34 !"), None);
        let (_, score) = detect("x7Kq9 zzkwq vvbxn qqwrt jkxzv pqzxw kjhxv").expect("letters");
        assert!(score < 0.65, "{score}");
    }
}
