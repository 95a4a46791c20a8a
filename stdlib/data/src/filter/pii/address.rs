//! Street addresses in the forms of some thirty countries: a number and a name with a kind of street (`12 rue
//! X`, `Xstraße 12`, `Via X 12`, `中山路12号`), and what follows of flat, town, state and code.
//!
//! Every address holds a number, so that only what stands around numbers is looked at. Kinds of streets are
//! public words of the languages; no list of streets or towns is used.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::joins;

/// So far back from a number a name of a street may start, in bytes.
const BACK: usize = 96;
/// So far on from a number an address may go, in bytes.
const AHEAD: usize = 240;

/// Number first, as in English and French.
static NUMBER_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    anchored(
        r"
        [0-9]{1,6} (?: [A-Za-z] | -[0-9]{1,4} | /[0-9]{1,4} )? (?:
          (?: ,? \  | \  [0-9]{1,5} [A-Za-z]? \  )
          (?: (?: N|S|E|W|NE|NW|SE|SW|North|South|East|West ) \.? \  )?
          (?: (?: \p{Lu}[\p{L}0-9'’.\-]* | [0-9]{1,3}(?:st|nd|rd|th) | of | the | and ) \  ){1,4}
          (?: Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Way|Terrace|Ter
            | Parkway|Pkwy|Circle|Cir|Highway|Hwy|Close|Crescent|Cres|Gardens|Grove|Mews|Row|Trail|Turnpike|Pike|Loop|Alley
            | Walk|Quay|Esplanade )
          (?-u:\b) \.?
          (?: \  (?: N|S|E|W|NE|NW|SE|SW ) (?-u:\b) \.? )?
        | (?: \ ? (?: bis|ter|quater ) )? (?: ,? \  | \  [0-9]{1,5} \  )
          (?i: rue|avenue|boulevard|bd|chemin|all[ée]e|impasse|quai|cours|ruelle|place|passage|sentier|faubourg|venelle|rond-point
            | calle|avenida|rua|via )
          \.? (?: \  (?: (?: de|du|des|la|le|les|l['’]|d['’]|et|en|sur|aux?|del?|do|da ) \ ? )* \p{Lu}[\p{L}'’.\-]* ){1,5}
        )",
    )
});

/// Name first, up to the number: as in most languages. A kind of street ends a word, stands before the name
/// or behind it.
static NAME_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    const WORD: &str = r"\p{L}[\p{L}'’.\-]*";
    const NAME: &str = r"(?:\p{Lu}[\p{L}'’.\-]*|[0-9]{1,2}\.)";
    const SMALL: &str = r"(?:d[eiu]|del|della|delle|dell[’']|dei|degli|dos?|das?|la|las?|los|el|les?|des|du|l[’']|d[’']|y|e|et|van|von|der|den|ter|zu[mr]?|am|im|an|af|na|u|św\.|gen\.|ks\.|dr\.|prof\.)";
    end(&format!(
        r"
        (?: [0-9]{{1,6}} ,? \  )?
        (?:
          # Xstraße, X-Straße, Am X-Platz
            (?: {NAME} \  ){{0,3}} (?: {WORD} (?: stra(?:ß|ss)e | str\. | gasse | platz | allee | damm | chaussee | weg | ufer | steig | graben | promenade
              | vej | gade | vænget | stræde | torv | parken | gatan | vägen | gata | gränd | stigen | backen | veien | vegen | vn\. | veg | ntie | katu | kuja | polku
              | straat | laan | plein | gracht | kade | dreef | singel | útja | utca | mäe )
            | \p{{Lu}}{WORD} [\ -] (?: Stra(?:ß|ss)e | Str\. | Gasse | Platz | Allee | Damm | Weg | Ufer | Chaussee | Steig
              | utca | útja? | tér | tere | körút | u\. | krt\. | tee | mnt | tn | puiestee | ulica | ulice | trg | cesta | náměstí | nám\. | třída | sokak | caddesi | cad\. | sok\.
              | улица | ул\. | проспект | переулок | шоссе | набережная | бульвар ) )
          # Rua X, Via X, ul. X
          | (?: [Rr]ua | [Rr]\. | Avenida | Avda\.? | Av\. | Avenue | Travessa | Praça | Estrada | Alameda | Rodovia | [Cc]alle | [Cc]/ | Paseo | Plaza | Camino | Carrer | Carretera
              | Ronda | Rambla | Via | Viale | V\.le | Piazza | Piazzetta | Piazzale | P\.za | Corso | C\.so | Vicolo | Strada | Contrada | Largo | [Rr]ue | [Bb]oulevard | Chemin
              | Impasse | Quai | ul\. | ulica | ulice | al\. | aleja | aleje | pl\. | plac | os\. | Strada | Str\. | Bulevardul | Bd\. | Calea | [Уу]л\. | [Уу]лица | [Пп]роспект
              | [Пп]р-т | [Пп]росп\. | [Пп]ер\. | [Пп]ереулок | [Шш]оссе | [Нн]аб\. | [Бб]ульвар | Πλατεία | [Οο]δός | Λεωφόρος | Jalan | Jl\. | Đường | Phố )
            (?: \ ? {SMALL} )* \ ? {NAME} (?: \  (?: {SMALL} \ ? ){{0,2}} {NAME} ){{0,6}}
        ) ,? \  (?: n[°ºr]\.? \ ? | [Nn]o\. \  | Nr\. \  | nº\ ? | д\. \ ? | č\.p\. \  )? $"
    ))
});

/// Han, kana and Hangul, up to the number: a road, with province, city and district before it.
static ASIAN: LazyLock<Regex> = LazyLock::new(|| {
    end(r"
        (?: [0-9]{6} \ ? )?
        (?: [\p{Han}]{1,8} (?: 省|自治区|特别行政区 ) \ ? )? (?: [\p{Han}]{1,6} (?: 市|州|盟 ) \ ? )? (?: [\p{Han}]{1,6} (?: 区|區|县|縣|旗|市 ) \ ? )?
        (?: [\p{Han}]{1,8} (?: 街道|镇|鎮|乡|村 ) \ ? )? [\p{Han}A-Za-z]{2,8} (?: 路|街|大道|大街|巷|胡同|弄|道|里|小区|新村|苑|花园|段 )
        (?: [东西南北中] [路街段] | [一二三四五六七八九十] 段 )? \ ? $
        | 〒? \ ? (?: [0-9]{3}-[0-9]{4} \  )? [\p{Han}\p{Hiragana}\p{Katakana}ヶー]{1,6} (?: 都|道|府|県|市 ) [\p{Han}\p{Hiragana}\p{Katakana}ヶー]{1,24} $
        | (?: [\p{Hangul}]{1,8} (?: 시|도 ) \  )? (?: [\p{Hangul}]{1,6} (?: 시|군|구 ) \  )? (?: [\p{Hangul}]{1,6} (?: 구|읍|면 ) \  )?
          [\p{Hangul}0-9]{1,12} (?: 로|길|대로 ) \ ? $
        ")
});

/// What follows the number of an Asian address. It must be there: a number behind a road alone may count
/// something.
static ASIAN_END: LazyLock<Regex> = LazyLock::new(|| {
    anchored(
        r"
          [0-9]{1,5} (?: - [0-9]{1,4} )? \ ? [号號弄] (?: \ ? (?: 院|附? ) \ ? [\p{Han}]{0,8} [A-Za-z0-9一二三四五六七八九十]{1,5} \ ? (?: 号楼|號樓|栋|棟|幢|座|楼|樓|单元|單元|层|層|室|房|号|號|户 ) )* (?: 之 [0-9]{1,3} )?
        | [0-9]{1,4} (?: 丁目 \ ? [0-9]{1,4} )? (?: 番地? \ ? [0-9]{0,4} | - [0-9]{1,4} ) (?: 号 | - [0-9]{1,4} ){0,2}
        | [0-9]{1,5} (?: -[0-9]{1,4} | 번길 \  [0-9]{1,4} )? (?: , \  [0-9]{1,4} (?: 동|호|층 ) ){0,2}",
    )
});

/// What makes a Korean road one: a city or a district before it.
const KOREAN: [char; 3] = ['시', '구', '군'];

/// Boxes and posts of armies, up to the number.
static BOX: LazyLock<Regex> = LazyLock::new(|| {
    end(r"
        (?i: p\.?\ ?o\.?\ ?box | post(?:fach|box|boks|bus) | postbus | apartado(?:\ de\ correos)? | caixa\ postal | casilla | boîte\ postale
          | (?: psc|unit|cmr ) \  [0-9]{1,5} ,? \  box
          | (?: (?: psc|unit|cmr ) \  [0-9]{1,5} ,? \  box \  [0-9]{1,5} | us(?:ns|nv|s|cgc) \  [\p{L}'\-]+ ) ,? [\ \n] {1,2} (?: apo|fpo|dpo ) ,? \  a[aep] )
        (?: \  (?: Nr\.|no\.|n[°º] ) )? \  $ | 邮政信箱 $ | 信箱 $")
});

/// A flat, up to its number, with what stands before: `5850 Jana Nerudy 894 Apt. 12` is an address in any
/// language.
static FLAT: LazyLock<Regex> = LazyLock::new(|| {
    end(r"
        [0-9]{1,6} ,? \  (?: [\p{L}][\p{L}'’.\-]* \  ){1,6} (?: [0-9]{1,5} [A-Za-z]? (?: [.,] )? )?
        (?: (?: \  \p{Lu}[\p{L}'’.\-]* ){0,3} )
        [,]? [\ \n]{1,6} (?i: apt|apartment|suite|flat ) \.? \  \#? $")
});

/// Words before an address in any language: a name and a number, or a number and a name.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    end(r"
        (?i: (?-u:\b) (?: (?: his|her|my|our|their|billing|shipping|postal|mailing|home|street|new|your|'s|’s ) \  address(?:es)? (?: \  is | , \  here \  (?: it \  is | they \  are ) )?
              | address \ ? : | (?: lives? | living | resid(?: e|es|ing ) ) \  (?: on | at ) | (?: office | restaurant | shop | house | store ) \  is \  at
              | drops \  (?: you | me | us | them ) \  off \  at | (?: taxi | cab ) \  to | meet \  (?: me | you | us ) \  at
              | anschrift | adresse | wohnhaft \  in | wohnt \  in \  der | direcci[oó]n | endereço | indirizzo | adres | адрес ) )
        [\ :\n]{1,3} (?: [0-9]{1,6} ,? \  )? (?P<name> \p{Lu}[\p{L}'’\-]+ (?: \  (?: de|del|di|do|da|of|van|u\. | \p{Lu}[\p{L}'’.\-]* ) ){0,4} ) \  $
        ")
});

/// How the last words of these end or start.
const BOXES: [&str; 14] = [
    "box", "fach", "boks", "bus", "apartado", "correos", "postal", "casilla", "aa", "ae", "ap", "nr.", "no.",
    "信箱",
];
const FLATS: [&str; 4] = ["apt", "apartment", "suite", "flat"];

/// Flat, floor, building behind a street's number or name.
const PART: &str = r"(?: ,? [\ \n]{1,6} (?i: Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Bldg|Wohnung|Whg|Appt?|piso|app|кв|оф ) \.? \ ? \#? \ ? (?-u:[0-9A-Za-z]){1,6} (?-u:\b) | ,? \  \# \ ? (?-u:[0-9A-Za-z]){1,6} )";

/// What belongs to an address behind number and street: a flat; code and town; town, state and code.
static TAIL: LazyLock<Regex> = LazyLock::new(|| {
    // Places are written large; short words of theirs are not.
    const PLACE: &str = r"\p{Lu}[\p{L}.'’()\-]* (?: \  (?: (?: de|di|du|la|le|am|an|der|upon|of|nad|u|pri|und|i|y|el )\  ){0,2} \p{Lu}[\p{L}.'’()\-]* ){0,4}";
    let street = r"(?: \  \p{Lu}[\p{L}'’\-]+ ){0,2} (?: \  (?: Streets?|St|Squares|Islands|Cliffs|Hill|Crossroad )(?-u:\b)\.? )?";
    let town = format!(
        r"(?: ,? [\ \n]{{1,6}} (?: [A-Z]{{1,2}}- )? [0-9]{{4,5}} (?: \  [A-Z]{{2}} )? \  {PLACE} (?: ,? \  {PLACE} )?
          | (?: ,? [\ \n]{{1,6}} {PLACE} ){{1,3}} (?: [\ \n]{{0,3}} , \  (?: [A-Z]{{1,4}} | nan ) (?-u:\b) )? (?: ,? [\ \n]{{1,6}} {PLACE} )?
            ,? [\ \n]{{1,6}} (?: [A-Z]{{2,4}} [\ \n]{{1,4}} )? (?: [0-9]{{5,6}} (?: -[0-9]{{4}} )? | [0-9]{{2}}-[0-9]{{3}} | [0-9]{{3}}\ [0-9]{{2}} | [A-Z]{{1,2}}[0-9][A-Z0-9]? \ ? [0-9][A-Z]{{2}} | [A-Z][0-9][A-Z]\ ?[0-9][A-Z][0-9] ) (?-u:\b) )"
    );
    anchored(&format!("(?: {PART} )? (?: {street} {PART} )? (?: {town} )?"))
});

fn anchored(expression: &str) -> Regex {
    Regex::new(&format!("(?x)^(?:{expression})")).expect("the expression is valid")
}

/// An expression for what ends where a number starts.
fn end(expression: &str) -> Regex {
    Regex::new(&format!("(?x)(?:{expression})")).expect("the expression is valid")
}

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + digit;
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        at = start + length;
        let end = found.last().map_or(0, |range| range.end);
        if start < end || length > 6 {
            continue;
        }
        if let Some(range) = address(text, end, start, at) {
            at = at.max(range.end);
            found.push(range);
        }
    }
    found
}

/// The address that the number from `start` to `end` belongs to, if any; none starts before `from`.
fn address(text: &str, from: usize, start: usize, end: usize) -> Option<Range<usize>> {
    let back = text.ceil_char_boundary(start.saturating_sub(BACK).max(from));
    let window = &text[back..start];
    let last = window.chars().next_back();
    let ahead = &text[start..text.floor_char_boundary(start + AHEAD)];
    let core = match last {
        Some(' ' | '\n') => {
            let word = window.trim_end().rsplit([' ', '\n']).next().unwrap_or("").to_lowercase();
            let house = last == Some(' ') && is_house(text, start, end);
            let line = window.rfind('\n').map_or(0, |at| at + 1);
            // The last word says which expressions can fit, so that most numbers cost little.
            let name = house.then(|| ends(&NAME_FIRST, &window[line..]).map(|at| line + at)).flatten();
            let boxed =
                || BOXES.iter().any(|sign| word.ends_with(sign)).then(|| ends(&BOX, window)).flatten();
            let flat =
                || FLATS.iter().any(|sign| word.starts_with(sign)).then(|| ends(&FLAT, window)).flatten();
            let called = || house.then(|| Some(CALLED.captures(window)?.name("name")?.start())).flatten();
            let begin = name.or_else(boxed).or_else(flat).or_else(called);
            begin.map(|at| (back + at, house_end(text, end)))
        }
        _ => None,
    };
    let core = core
        .or_else(|| asian(window, ahead).map(|(road, number)| (back + road, start + number)))
        .or_else(|| {
            let begins = !joins(last) && !matches!(last, Some('.' | '-' | '/' | ','))
                || matches!(last, Some(','))
                    && !text[..start - 1].ends_with(|digit: char| digit.is_ascii_digit());
            let first = NUMBER_FIRST.find(ahead).filter(|first| begins && !is_court(first.as_str()))?;
            Some((start, start + first.end()))
        })?;
    let rest = &text[core.1..text.floor_char_boundary(core.1 + AHEAD)];
    let tail = TAIL.find(rest).map_or(0, |tail| tail.end());
    Some(core.0..core.1 + tail)
}

/// The road before a number in East Asia, if any, and where what belongs to the number ends.
fn asian(window: &str, ahead: &str) -> Option<(usize, usize)> {
    let last = window.trim_end_matches(' ').chars().next_back().filter(|last| *last >= '\u{3040}')?;
    let korean = matches!(last, '로' | '길');
    if !korean && (matches!(last, '\u{ac00}'..='\u{d7ff}') || last > '\u{ff00}') {
        return None;
    }
    let number = ASIAN_END.find(ahead)?;
    let road = ASIAN.find(window)?;
    (!korean || road.as_str().contains(KOREAN)).then_some((road.start(), number.end()))
}

/// `1994 U.S. Supreme Court`, `In 2001, Alabama Supreme Court`.
fn is_court(first: &str) -> bool {
    ["Supreme Court", "District Court", "Circuit Court", "High Court", "County Court", "Crown Court"]
        .iter()
        .any(|court| first.ends_with(court))
}

/// Where an expression that ends the window begins, at the border of a word.
fn ends(expression: &Regex, window: &str) -> Option<usize> {
    let found = expression.find(window)?;
    let before = window[..found.start()].chars().next_back();
    (!before.is_some_and(char::is_alphanumeric)).then_some(found.start())
}

/// Whether a number can be a house's: of one to four digits, no year, no part of a date, an amount or a
/// share.
fn is_house(text: &str, start: usize, end: usize) -> bool {
    let number = &text[start..end];
    let year = number.len() == 4 && (number.starts_with("19") || number.starts_with("20"));
    let rest = &text[end..];
    let mut ahead = rest.chars();
    let (next, later) = (ahead.next(), ahead.next());
    let goes_on = match next {
        Some('.' | ',' | ':') => later.is_some_and(|later| later.is_ascii_digit()),
        Some('%' | '€' | '$' | '°') => true,
        // `24/7`.
        Some('/') => number == "24" && later == Some('7'),
        Some(letter) if letter.is_alphabetic() => later.is_some_and(char::is_alphanumeric),
        _ => false,
    };
    number.len() <= 4 && !year && !goes_on
}

/// Behind a house's number: `12a`, `12-14`, `12/3`, `12.` before an end of line.
fn house_end(text: &str, end: usize) -> usize {
    static MORE: LazyLock<Regex> =
        LazyLock::new(|| anchored(r"(?: \ ? [a-zA-Z] (?-u:\b) )? (?: [-/] [0-9]{1,4} [a-zA-Z]? )? (?-u:\b)"));
    end + MORE.find(&text[end..text.floor_char_boundary(end + 16)]).map_or(0, |more| more.end())
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn addresses_are_found_with_what_belongs_to_them() {
        for address in [
            "221B Baker Street",
            "1600 Pennsylvania Avenue NW, Washington, DC 20500",
            "350 5th Ave",
            "742 N. Evergreen Ter., Apt 3",
            "10 Downing Street, London SW1A 2AA",
            "P.O. Box 1234",
            "Unit 7349 Box 6067\nDPO AE 99081",
            "Hauptstraße 5, 10115 Berlin",
            "Schillerstr. 12a, 80336 München",
            "Berliner Allee 7",
            "1987 74 Diakou Street",
            "12 rue de la Paix, 75002 Paris",
            "5 bis, avenue Victor Hugo",
            "Calle Mayor 12",
            "Via Roma 131",
            "Rua João Pessoa 1636",
            "ul. Chrzanowska 61",
            "Mellemvej 32",
            "Populierenstraat 374",
            "Magasinsgatan 7",
            "5850 Jana Nerudy 894 Apt. 12",
        ] {
            assert_eq!(found(&format!("Write to {address} now")), [address]);
        }
        assert_eq!(found("地址：北京市海淀区中关村大街27号，电话"), ["北京市海淀区中关村大街27号"]);
        assert_eq!(found("住在上海市浦东新区张江路88号3号楼502室。").len(), 1);
        assert_eq!(found("東京都千代田区丸の内1丁目9番1号です").len(), 1);
        assert_eq!(found("서울특별시 강남구 테헤란로 152, 3층").len(), 1);
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "In 1999 the road was long",
            "5 Ways to Court Success",
            "10 people on the street",
            "2 Drive",
            "Am Alexanderplatz 1989 standen viele",
            "Engineering 101 and Spring 2019",
            "auf dem Weg 3,5 Kilometer",
            "Katie 12, Supermarkt 24",
            "第12号文件，公路12号",
            "Via Email 24/7",
            "Route 66, Suite 5",
            "In 1954, the U.S. Supreme Court ruled, in 2001, Alabama Supreme Court",
            "Hill 355 and Hill 317",
            "길 12",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
