//! `filter.pii`: masks personal data, or leaves out what holds some.

mod account;
mod address;
mod email;
mod fold;
mod identity;
mod ip;
mod mac;
mod numbers;
mod phone;
mod secret;

use std::collections::BTreeMap;
use std::ops::Range;

use llmp_stage::{Context, Result, Rule};
use serde::Deserialize;

use llmp_artifacts::docs::Doc;

use self::fold::Folded;
use self::numbers::{Region, regions};
use crate::shards::{Verdict, filter_shards};

/// The settings of `filter.pii`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What to look for.
    pub mask: Vec<Kind>,
    /// What becomes of it.
    pub action: Action,
}

/// What becomes of personal data.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A value that belongs to nobody stands for it.
    Replace,
    /// The name of its kind stands for it: `<email>`.
    Mask,
    /// The document is left out.
    Drop,
}

/// A kind of personal data.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Access keys, tokens and private keys.
    Secret,
    /// E-mail addresses.
    Email,
    /// International bank account numbers.
    Iban,
    /// Numbers of identity cards and their like.
    Identity,
    /// Card numbers.
    Card,
    /// Hardware addresses.
    Mac,
    /// Public IP addresses.
    Ip,
    /// Numbers of passports.
    Passport,
    /// Telephone numbers.
    Phone,
    /// Street addresses.
    Address,
}

/// What each kind is called, why a document is dropped for it, and what stands for it, taken in turn:
/// FineWeb's two e-mail addresses; addresses reserved for documentation (RFC 5737, RFC 3849, RFC 7042);
/// numbers reserved for fiction.
const KINDS: [(Kind, Rule, &[&str]); 10] = [
    (Kind::Secret, rule("pii.secret", "it holds an access key, a token or a private key"), &["EXAMPLE-KEY"]),
    (
        Kind::Email,
        rule("pii.email", "it holds an e-mail address"),
        &["email@example.com", "firstname.lastname@example.org"],
    ),
    (Kind::Iban, rule("pii.iban", "it holds a bank account number"), &["GB00EXAM00000000000000"]),
    (
        Kind::Identity,
        rule("pii.identity", "it holds the number of an identity card or its like"),
        &["000-00-0000"],
    ),
    (Kind::Card, rule("pii.card", "it holds a card number"), &["0000 0000 0000 0000"]),
    (Kind::Mac, rule("pii.mac", "it holds a hardware address"), &["00:00:5E:00:53:01", "00:00:5E:00:53:02"]),
    (
        Kind::Ip,
        rule("pii.ip", "it holds a public IP address"),
        &["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.2", "198.51.100.2", "203.0.113.2"],
    ),
    (Kind::Passport, rule("pii.passport", "it holds the number of a passport"), &["X0000000"]),
    (Kind::Phone, rule("pii.phone", "it holds a telephone number"), &["+1 202-555-0100", "+1 202-555-0101"]),
    (Kind::Address, rule("pii.address", "it holds a street address"), &["1 Example Street"]),
];

const fn rule(name: &'static str, drops: &'static str) -> Rule {
    Rule { name, drops, setting: Some("mask"), off: Some("action = replace"), source: "this program" }
}

/// Why documents are left out where `action` is `drop`.
#[must_use]
pub fn rules() -> &'static [Rule] {
    static RULES: std::sync::LazyLock<Vec<Rule>> = std::sync::LazyLock::new(|| {
        KINDS.iter().map(|(_, known, _)| rule(known.name, known.drops)).collect()
    });
    &RULES
}

impl Kind {
    /// All kinds. Where two of them see the same characters, the earlier one has them.
    pub const ALL: [Self; 10] = {
        let (mut all, mut at) = ([Self::Secret; 10], 0);
        while at < KINDS.len() {
            all[at] = KINDS[at].0;
            at += 1;
        }
        all
    };

    /// The word for it in settings and counts.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.rule().trim_start_matches("pii.")
    }

    /// The rule by which it drops documents.
    fn rule(self) -> &'static str {
        KINDS[self as usize].1.name
    }

    /// Where it stands in a folded text, in bytes.
    fn find(self, text: &str, regions: &[Region]) -> Vec<Range<usize>> {
        match self {
            Self::Secret => secret::find(text),
            Self::Email => email::find(text),
            Self::Iban => account::find_ibans(text),
            Self::Identity => identity::find(text, regions),
            Self::Card => account::find_cards(text, regions),
            Self::Mac => mac::find(text),
            Self::Ip => ip::find(text),
            Self::Passport => identity::find_passports(text, regions),
            Self::Phone => phone::find(text, regions),
            Self::Address => address::find(text),
        }
    }

    fn replacements(self, original: &str) -> &'static [&'static str] {
        match self {
            Self::Ip if original.contains(':') => &["2001:db8::1", "2001:db8::2", "2001:db8::3"],
            kind => KINDS[kind as usize].2,
        }
    }
}
/// How fast it is: documents.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 18e6, gives: 1.0 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let found = find(&doc.text, &settings.mask);
        let mut counts = BTreeMap::<Kind, u64>::new();
        for (kind, _) in &found {
            *counts.entry(*kind).or_default() += 1;
        }
        if settings.action == Action::Drop {
            // What was found is not told: the list of dropped documents is kept, too.
            return Ok(match counts.first_key_value() {
                None => Verdict::Keep(doc),
                Some((kind, count)) => Verdict::Drop { rule: kind.rule(), value: count.to_string() },
            });
        }
        for (kind, count) in counts {
            ctx.count(&format!("masked.{}", kind.name()), count);
        }
        Ok(Verdict::Keep(Doc { text: replace(&doc.text, &found, settings.action), ..doc }))
    })
}

/// Where personal data of the given kinds stands in `text`: in order, without overlaps.
#[must_use]
pub fn find(text: &str, kinds: &[Kind]) -> Vec<(Kind, Range<usize>)> {
    let mut found: BTreeMap<usize, (Kind, Range<usize>)> = BTreeMap::new();
    let folded = Folded::new(text);
    let regions = regions(&folded.text);
    for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        for range in kind.find(&folded.text, &regions) {
            let range = folded.original(&range);
            let before = found.range(..range.end).next_back();
            if before.is_none_or(|(_, (_, before))| before.end <= range.start) {
                found.insert(range.start, (kind, range));
            }
        }
    }
    found.into_values().collect()
}

fn replace(text: &str, found: &[(Kind, Range<usize>)], action: Action) -> String {
    let (mut masked, mut from) = (String::with_capacity(text.len()), 0);
    let mut seen = BTreeMap::<Kind, usize>::new();
    for (kind, range) in found {
        let turn = seen.entry(*kind).or_default();
        masked.push_str(&text[from..range.start]);
        if action == Action::Mask {
            masked.extend(["<", kind.name(), ">"]);
        } else {
            let replacements = kind.replacements(&text[range.clone()]);
            masked.push_str(replacements[*turn % replacements.len()]);
        }
        from = range.end;
        *turn += 1;
    }
    masked.push_str(&text[from..]);
    masked
}

/// Whether `character` could belong to a longer word or number. Scripts that set no blank there
/// (`请拨打010-62781234`, `010-1234-5678로`) do not join.
fn joins(character: Option<char>) -> bool {
    let sets_blanks = |character| {
        !matches!(character,
            '\u{e00}'..='\u{eff}'        // Thai, Lao
            | '\u{1000}'..='\u{109f}'    // Myanmar
            | '\u{1100}'..='\u{11ff}'    // Hangul
            | '\u{1780}'..='\u{17ff}'    // Khmer
            | '\u{3040}'..='\u{318f}'    // kana, Hangul
            | '\u{3400}'..='\u{9fff}'    // Han
            | '\u{ac00}'..='\u{d7ff}'    // Hangul
            | '\u{f900}'..='\u{faff}'    // Han
            | '\u{20000}'..='\u{323af}') // Han
    };
    character
        .is_some_and(|character| character.is_alphanumeric() && sets_blanks(character) || character == '_')
}

/// Whether a number that starts at `at` goes on one before it. A sign alone before it (`(`, `=`, `/`) does
/// not join, nor does the dash or dot behind a word.
fn goes_on(text: &str, at: usize) -> bool {
    let mut back = text[..at].chars().rev();
    match back.next() {
        Some('-' | '/' | '.' | '+' | '_' | ',') => {
            back.next().is_some_and(|character| character.is_ascii_digit())
        }
        last => joins(last),
    }
}

/// The words before `at` in lower case, as far as `bytes` back: what a number is called.
fn before(text: &str, at: usize, bytes: usize) -> String {
    let mut start = at.saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..at].to_lowercase()
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::docs::{Reader, Writer};

    fn masked(text: &str, kinds: &[Kind]) -> String {
        replace(text, &find(text, kinds), Action::Replace)
    }

    #[test]
    fn replacements_come_in_turn_and_kinds_do_not_overlap() {
        assert_eq!(
            masked("Ask ann@mail.org, bob@mail.org or 8.8.8.8.", &Kind::ALL),
            "Ask email@example.com, firstname.lastname@example.org or 192.0.2.1."
        );
        assert_eq!(masked("x@[8.8.8.8]", &[Kind::Ip]), "x@[192.0.2.1]");
        assert_eq!(masked("x@[8.8.8.8]", &[]), "x@[8.8.8.8]");
    }

    #[test]
    fn masking_twice_changes_nothing_more() {
        let text = "Mail a@b.org, call +44 20 7946 0958 or (212) 664-7665, 8.8.8.8, 4111 1111 1111 1111, \
                    GB82 WEST 1234 5698 7654 32, 221 Baker Street.";
        let once = masked(text, &Kind::ALL);
        for part in ["a@b", "7946", "664", "8.8", "4111", "WEST", "Baker"] {
            assert!(!once.contains(part), "{once}");
        }
        assert_eq!(masked(&once, &[Kind::Ip, Kind::Card, Kind::Iban]), once);
    }

    #[test]
    fn the_name_of_a_kind_may_stand_for_it() {
        let found = find("Ask ann@mail.org, 8.8.8.8.", &Kind::ALL);
        assert_eq!(replace("Ask ann@mail.org, 8.8.8.8.", &found, Action::Mask), "Ask <email>, <ip>.");
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, kind.rule()), (at, format!("pii.{}", kind.name()).as_str()));
        }
    }

    #[test]
    fn documents_are_left_out_without_telling_what_they_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = folder.path().join("shard");
        let mut writer = Writer::create(&shard).expect("made");
        for text in ["a@b.org c@d.org 1.1.1.1", "nothing"] {
            writer.write(Doc { text: text.into(), ..Doc::default() }).expect("written");
        }
        writer.finish().expect("written");
        let bytes = std::fs::read(&shard).expect("read");
        let ctx = TestContext::new(folder.path()).with_files("docs", &[("s.parquet", &bytes)]);
        run(&ctx, Settings { mask: Kind::ALL.to_vec(), action: Action::Drop }).expect("it runs");
        let drops = ctx.drops.lock().expect("unpoisoned");
        assert_eq!((drops.len(), drops[0].rule.as_str(), drops[0].value.as_str()), (1, "pii.email", "2"));
        assert_eq!((ctx.counted("documents"), ctx.counted("masked.email")), (1, 0));
    }

    #[test]
    fn kinds_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = folder.path().join("shard");
        let mut writer = Writer::create(&shard).expect("made");
        writer.write(Doc { text: "a@b.org c@d.org 1.1.1.1".into(), ..Doc::default() }).expect("written");
        writer.finish().expect("written");
        let bytes = std::fs::read(&shard).expect("read");
        let ctx = TestContext::new(folder.path()).with_files("docs", &[("s.parquet", &bytes)]);
        run(&ctx, Settings { mask: vec![Kind::Email], action: Action::Replace }).expect("it runs");
        let doc =
            Reader::open(&ctx.output().join("s.parquet")).expect("opens").next().expect("one").expect("read");
        assert_eq!(doc.text, "email@example.com firstname.lastname@example.org 1.1.1.1");
        assert_eq!(
            (ctx.counted("masked.email"), ctx.counted("masked.ip"), ctx.counted("documents")),
            (2, 0, 1)
        );
    }
}
