//! What to write where the rules keep hardly anything: settings that were tried on a sample of the documents
//! while they were judged, so that it is known what they would have kept.

use llmp_stage::remark::{dropped, few_kept, grouped};
use llmp_stage::{Context, Counts, Remark};

use super::limits::Judge;
use super::{Group, Settings};
use llmp_artifacts::docs::Doc;

/// One document in so many is tried.
const SAMPLED: u64 = 4;
/// The share of the sample that advice is to keep.
const ENOUGH: f64 = 0.9;

/// Settings that are tried: what a user writes, and the settings that this makes of those at hand.
type Try = (&'static str, fn(&Settings) -> Settings);

/// The strictest first.
const TRIES: [Try; 5] = [
    ("rules = [gopher, c4]", |s| Settings { rules: Some(vec![Group::Gopher, Group::C4]), ..s.clone() }),
    ("rules = [gopher]", |s| Settings { rules: Some(vec![Group::Gopher]), ..s.clone() }),
    ("rules = [gopher], min_words = 20", |s| Settings {
        rules: Some(vec![Group::Gopher]),
        min_words: 20.min(s.min_words),
        ..s.clone()
    }),
    ("rules = [gopher], min_words = 12", |s| Settings {
        rules: Some(vec![Group::Gopher]),
        min_words: 12.min(s.min_words),
        ..s.clone()
    }),
    ("rules = [gopher], min_words = 8, min_alphabetic = 60%, min_stop_words = 0", |s| Settings {
        rules: Some(vec![Group::Gopher]),
        min_words: 8.min(s.min_words),
        min_alphabetic: Some(s.min_alphabetic.unwrap_or(0.6).min(0.6)),
        min_stop_words: 0,
        ..s.clone()
    }),
];

/// Whether a document is in the sample: its text decides, so that neither order nor threads do.
pub(super) fn is_sampled(doc: &Doc) -> bool {
    // FNV-1a over the first bytes.
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in doc.text.bytes().take(256) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 32).is_multiple_of(SAMPLED)
}

/// The settings that are tried, with their thresholds worked out.
pub(super) struct Tries(Vec<Judge>);

impl Tries {
    pub(super) fn new(settings: &Settings) -> Self {
        Self(TRIES.iter().map(|(_, change)| Judge::new(&change(settings))).collect())
    }

    /// Counts which of them would keep a document of the sample.
    pub(super) fn try_out(&self, ctx: &dyn Context, doc: &Doc, kept: bool) {
        ctx.count("advice.sampled", 1);
        for (number, judge) in self.0.iter().enumerate() {
            if kept || judge.judge(doc.clone()).is_ok() {
                ctx.count(&format!("advice.{number}"), 1);
            }
        }
    }
}

/// The setting that a rule belongs to; `None` for rules without one.
fn setting(rule: &str) -> Option<&str> {
    let (group, name) = rule.split_once('.')?;
    Some(match name {
        "hash_signs" | "ellipses" => "max_symbols",
        "lorem_ipsum" | "curly_bracket" | "empty" => return None,
        name if name.starts_with("top_") => "max_top_ngrams",
        name if name.starts_with("repeated_") && name.ends_with("_grams") => "max_repeated_ngrams",
        "repeated_lines" => "max_repeated_lines",
        "repeated_paragraphs" => "max_repeated_paragraphs",
        "repeated_line_characters" => "max_repeated_line_characters",
        "repeated_paragraph_characters" => "max_repeated_paragraph_characters",
        name if matches!(group, "gopher" | "c4" | "fineweb") => name,
        _ => return None,
    })
}

/// That the rules keep hardly anything: which do it, which settings they have, and what would keep most
/// documents.
pub(crate) fn remarks(_: &Settings, counts: &Counts) -> Vec<Remark> {
    let Some(remark) = few_kept("documents", counts) else { return vec![] };
    let settings: Vec<String> = dropped(counts)
        .iter()
        .take(2)
        .filter_map(|(rule, _)| Some(format!("`{rule}` is set by `{}`", setting(rule)?)))
        .collect();
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let sampled = count("advice.sampled");
    let kept = |number: usize| count(&format!("advice.{number}"));
    let enough = (0..TRIES.len()).find(|&number| kept(number) as f64 >= ENOUGH * sampled as f64);
    let best = enough.or_else(|| (0..TRIES.len()).rev().max_by_key(|&number| kept(number)));
    let tried = best.filter(|&number| sampled > 0 && kept(number) > 0).map(|number| {
        format!(
            "with `{}` {} of {} tried documents would be kept",
            TRIES[number].0,
            grouped(kept(number)),
            grouped(sampled)
        )
    });
    let help: Vec<String> = settings.into_iter().chain(tried).collect();
    vec![match help.is_empty() {
        true => remark.help("look at what was dropped, in the report and with `llmp trace`"),
        false => remark.help(help.join("; ")),
    }]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use llmp_stage::Concern;
    use llmp_stage::testing::TestContext;

    use super::super::tests::settings;
    use super::*;

    /// Poems in four or eight lines of five or seven signs, as regulated verse has them, of words in an order
    /// that numbers decide.
    fn poems() -> Vec<Doc> {
        const SIGNS: &str = "山水月風花雪雲江天夜春秋日雨鳥松竹石路舟橋城門樓鐘酒琴書劍馬人客君心情夢思愁歸去來行坐望聞見照落飛流深寒清明空遠高長孤白青黃紅紫";
        let signs: Vec<char> = SIGNS.chars().collect();
        let mut state = 7u64;
        let mut sign = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            signs[(state >> 33) as usize % signs.len()]
        };
        let mut half = move |length: usize| (0..length).map(|_| sign()).collect::<String>();
        let mut poem = |number: usize| {
            let (length, lines) = (5 + 2 * (number % 2), 2 + 2 * (number / 2 % 2));
            let line = |_| format!("{}，{}。", half(length), half(length));
            let text = (0..lines).map(line).collect::<Vec<_>>().join("\n");
            Doc { id: number.to_string(), text, language: Some("zh".into()), ..Doc::default() }
        };
        (0..400).map(&mut poem).collect()
    }

    /// What pages hold besides text: menus, copies of one phrase, numbers, rows of signs, lists that go on.
    fn junk() -> Vec<Doc> {
        let kinds: [fn(usize) -> String; 6] = [
            |n| format!("首页\n登录\n注册{n}"),
            |n| format!("免费下载{n} ").repeat(20),
            |n| (0..40).map(|i| format!("{} ", n * 1_000 + i)).collect(),
            |n| format!("=== {n} *** ||| ### $$$ %%% &&& @@@ ~~~ +++ /// ;;; ::: ,,, ---"),
            |n| (0..12).map(|i| format!("- 第{i}項{n}\n")).collect(),
            |n| format!("點擊這裡查看更多{n}\n").repeat(8),
        ];
        let doc = |number: usize| Doc {
            id: format!("junk-{number}"),
            text: kinds[number % kinds.len()](number),
            language: Some("zh".into()),
            ..Doc::default()
        };
        (0..240).map(doc).collect()
    }

    /// What a run over `docs` counts.
    fn counts(docs: &[Doc], settings: &Settings) -> Counts {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path());
        let (judge, tries) = (Judge::new(settings), Tries::new(settings));
        for doc in docs {
            let verdict = judge.judge(doc.clone());
            if is_sampled(doc) {
                tries.try_out(&ctx, doc, verdict.is_ok());
            }
            match verdict {
                Ok(_) => ctx.count("documents", 1),
                Err((rule, _)) => ctx.count(&format!("dropped.{rule}"), 1),
            }
        }
        ctx.counts.into_inner().unwrap()
    }

    fn kept(docs: &[Doc], settings: &Settings) -> f64 {
        let judge = Judge::new(settings);
        docs.iter().filter(|doc| judge.judge((*doc).clone()).is_ok()).count() as f64 / docs.len() as f64
    }

    #[test]
    fn the_advice_keeps_poems_and_drops_junk() {
        let (poems, junk, settings) = (poems(), junk(), settings());
        let counts = counts(&poems, &settings);
        let remarks = remarks(&settings, &counts);
        let [remark] = remarks.as_slice() else { panic!("{remarks:?} of {counts:?}") };
        assert!(matches!(remark.concern, Concern::FewKept | Concern::Nothing));
        assert!(remark.message.contains("of 400 documents were kept"), "{remark:?}");
        let help = remark.help.as_deref().unwrap();
        assert!(help.contains("`gopher.min_words` is set by `min_words`"), "{help}");
        let (words, change) = TRIES.iter().find(|(words, _)| help.contains(&format!("`{words}`"))).unwrap();
        let advised = change(&settings);
        assert!(kept(&poems, &advised) >= 0.9, "{words}: {}", kept(&poems, &advised));
        assert!(kept(&junk, &advised) <= 0.05, "{words}: {}", kept(&junk, &advised));
    }

    #[test]
    fn the_advice_keeps_the_tang_poems() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/corpus/chinese-poetry-tang-10k.jsonl.zst");
        let Ok(packed) = std::fs::read(&path) else {
            eprintln!("skipped: there are no Tang poems beside the repository");
            return;
        };
        let text = zstd::decode_all(packed.as_slice()).unwrap();
        let rows = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let docs: Vec<Doc> = rows
            .map(|line| {
                let row: BTreeMap<String, serde_json::Value> = serde_json::from_slice(line).unwrap();
                Doc {
                    text: row["text"].as_str().unwrap().to_owned(),
                    language: Some("zh".into()),
                    ..Doc::default()
                }
            })
            .collect();
        let settings = settings();
        let counts = counts(&docs, &settings);
        let remarks = remarks(&settings, &counts);
        let help = remarks[0].help.as_deref().unwrap();
        let (words, change) = TRIES.iter().find(|(words, _)| help.contains(&format!("`{words}`"))).unwrap();
        let (poems, junk) = (kept(&docs, &change(&settings)), kept(&junk(), &change(&settings)));
        eprintln!(
            "`{words}` keeps {:.1} % of {} Tang poems, {:.1} % of junk",
            100.0 * poems,
            docs.len(),
            100.0 * junk
        );
        assert!(poems >= 0.9 && junk <= 0.05, "{poems} {junk}");
    }

    #[test]
    fn what_keeps_enough_says_nothing() {
        let settings = Settings { rules: Some(vec![Group::Gopher]), min_words: 12, ..settings() };
        assert_eq!(remarks(&settings, &counts(&poems(), &settings)), []);
    }

    #[test]
    fn rules_know_their_settings() {
        for (rule, expected) in [
            ("gopher.min_words", Some("min_words")),
            ("gopher.top_3_grams", Some("max_top_ngrams")),
            ("gopher.repeated_5_grams", Some("max_repeated_ngrams")),
            ("gopher.repeated_lines", Some("max_repeated_lines")),
            ("fineweb.max_short_lines", Some("max_short_lines")),
            ("c4.curly_bracket", None),
        ] {
            assert_eq!(setting(rule), expected, "{rule}");
        }
    }
}
