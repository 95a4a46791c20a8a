//! Each rule is broken by a text that breaks no other of its group before it.

use super::*;

pub(super) fn settings() -> Settings {
    Settings {
        rules: vec![Group::Gopher, Group::C4, Group::Fineweb],
        words: WordRule::Spacy,
        except: vec![],
        min_words: 50,
        max_words: 100_000,
        min_word_length: 3.0,
        max_word_length: 10.0,
        max_symbols: 0.1,
        max_bullets: 0.9,
        max_ellipses: 0.3,
        min_alphabetic: 0.8,
        min_stop_words: 2,
        max_repeated_lines: 0.3,
        max_repeated_paragraphs: 0.3,
        max_repeated_line_characters: 0.2,
        max_repeated_paragraph_characters: 0.2,
        max_top_ngrams: vec![0.2, 0.18, 0.16],
        max_repeated_ngrams: vec![0.15, 0.14, 0.13, 0.12, 0.11, 0.1],
        min_line_words: 3,
        max_word_characters: 1000,
        min_sentences: 5,
        min_punctuated_lines: 0.12,
        short_line: 30,
        max_short_lines: 0.67,
        max_duplicate_characters: 0.01,
        max_line_breaks: 0.3,
    }
}

const GOOD: &str =
    "The river rose in the night, and by morning the lower fields had become a lake with islands of hay.
Nobody in the village could remember water that high, although the old miller claimed to have seen worse.
Children paddled between orchards on a door that someone had taken off its hinges.
Towards noon the wind turned, which brought rain again, and the dogs began to howl behind their fences.
My grandmother said that rivers have their own calendars, written where people do not look.
We carried the books upstairs first, then flour, lamps, blankets, and at last the clock.";

fn doc(text: &str) -> Doc {
    Doc { text: text.into(), ..Doc::default() }
}

fn broken(text: &str, settings: &Settings) -> String {
    judge(doc(text), settings).map_or_else(|(rule, _)| rule.to_owned(), |_| "none".to_owned())
}

#[test]
fn a_good_text_stays_as_it_is() {
    let kept = judge(doc(GOOD), &settings()).expect("it is good");
    assert_eq!(kept.text, GOOD);
}

#[test]
fn gopher_rules() {
    // The texts made here repeat themselves.
    let settings = Settings {
        rules: vec![Group::Gopher],
        max_top_ngrams: vec![],
        max_repeated_ngrams: vec![],
        ..settings()
    };
    let rule = |text: &str| broken(text, &settings);
    let distinct = |word: fn(u32) -> String| (0..80).map(word).collect::<Vec<_>>().join(" ");
    assert_eq!(rule("Too short a text."), "gopher.min_words");
    assert_eq!(broken(GOOD, &Settings { max_words: 60, ..settings.clone() }), "gopher.max_words");
    assert_eq!(rule(&distinct(|n| format!("{n}"))), "gopher.min_word_length");
    assert_eq!(rule(&distinct(|n| format!("extraordinarily{n}"))), "gopher.max_word_length");
    assert_eq!(rule(&GOOD.replace(' ', " #")), "gopher.hash_signs");
    assert_eq!(rule(&distinct(|n| format!("word{n}... "))), "gopher.ellipses");
    let listed = |mark: &str, end: &str| -> String {
        (0..12).map(|n| format!("{mark} the item{n} of that row{n} with value{n}{end}\n")).collect()
    };
    assert_eq!(rule(&listed("-", "")), "gopher.max_bullets");
    assert_eq!(rule(&listed("", "…").replace("of", "of many more")), "gopher.max_ellipses");
    assert_eq!(rule(&distinct(|n| format!("{} word{n}", 1000 + n))), "gopher.min_alphabetic");
    assert_eq!(rule(&distinct(|n| format!("word{n}"))), "gopher.min_stop_words");
}

#[test]
fn repetition_rules() {
    let settings = Settings { rules: vec![Group::Gopher], ..settings() };
    let rule = |text: &str| broken(text, &settings);
    assert_eq!(rule(&[GOOD; 2].join("\n\n")), "gopher.repeated_paragraphs");
    assert_eq!(rule(&format!("{GOOD}\n\nx\n\ny\n\nz\n\n{GOOD}")), "gopher.repeated_paragraph_characters");
    assert_eq!(rule(&[GOOD; 2].join("\n")), "gopher.repeated_lines");
    let (first, _) = GOOD.split_once('\n').expect("lines");
    let most = format!("{GOOD}\n{first}\n{first}");
    assert_eq!(rule(&most), "gopher.repeated_line_characters");
    assert_eq!(
        rule(&GOOD.replace(", ", " indeed nicely indeed nicely indeed nicely ")),
        "gopher.top_2_grams"
    );
    let once_more = format!("{} {}", GOOD.replace('\n', " "), GOOD[..200].replace('\n', " "));
    assert_eq!(rule(&once_more), "gopher.repeated_5_grams");
    let lenient = Settings { max_repeated_ngrams: vec![], ..settings.clone() };
    assert_eq!(broken(&once_more, &lenient), "none");
}

#[test]
fn c4_takes_lines_out_and_drops_documents() {
    let settings = Settings { rules: vec![Group::C4], ..settings() };
    let noise = format!(
        "{GOOD}[1]\nHome\nPlease enable JavaScript to go on.\nRead our Privacy Policy and more.\nsee {} there",
        "x".repeat(2000)
    );
    assert_eq!(judge(doc(&noise), &settings).expect("it is good").text, GOOD);
    assert_eq!(broken("One sentence is here. Another one is there.", &settings), "c4.min_sentences");
    assert_eq!(broken(&format!("{GOOD}\nLorem ipsum dolor sit"), &settings), "c4.lorem_ipsum");
    assert_eq!(broken(&format!("{GOOD}\nif (x) {{ return; }}"), &settings), "c4.curly_bracket");
}

#[test]
fn fineweb_rules() {
    let settings = Settings { rules: vec![Group::Fineweb], ..settings() };
    let rule = |text: &str| broken(text, &settings);
    assert_eq!(rule(" \n"), "fineweb.empty");
    assert_eq!(rule(&GOOD.replace('.', "")), "fineweb.min_punctuated_lines");
    assert_eq!(rule(&GOOD.replace(", ", ".\n")), "none");
    assert_eq!(
        rule("A short line is here.\nAnother one is here.\nAnd that is all."),
        "fineweb.max_short_lines"
    );
    assert_eq!(rule(&[GOOD; 2].join("\n")), "fineweb.max_duplicate_characters");
    let breaks = Settings { max_short_lines: 1.0, ..settings.clone() };
    assert_eq!(broken("One.\nTwo.\nThree.\nFour.", &breaks), "fineweb.max_line_breaks");
}

#[test]
fn rules_for_english_are_not_asked_of_other_languages() {
    let chinese: Vec<String> = ["一", "二", "三", "四", "五", "六", "七", "八"]
        .iter()
        .map(|n| format!("第{n}天早上下了大雨，河水{n}次漫过田野，村里的老人说从来没有见过这样的景象。"))
        .collect();
    let text = chinese.join("\n");
    let in_language = |language: &str| {
        judge(
            Doc { text: text.clone(), language: Some(language.into()), ..Doc::default() },
            &Settings {
                // The sentences are alike.
                max_top_ngrams: vec![],
                max_repeated_ngrams: vec![],
                ..settings()
            },
        )
        .map_or_else(|(rule, _)| rule, |_| "none")
    };
    assert_eq!(in_language("zh"), "none");
    let unknown =
        judge(doc(&text), &Settings { max_top_ngrams: vec![], max_repeated_ngrams: vec![], ..settings() });
    assert!(unknown.is_ok(), "the script tells: {unknown:?}");
    // spaCy's rules for English take a sentence for a word.
    assert_eq!(in_language("en"), "gopher.min_words");
}

/// The names stand in three places: where a rule is asked, in its account, and among the exceptions of the
/// signature.
#[test]
fn each_rule_has_an_account_and_can_be_switched_off() {
    let asked = [
        include_str!("gopher.rs"),
        include_str!("repetition.rs"),
        include_str!("c4.rs"),
        include_str!("fineweb.rs"),
    ];
    let asked = asked.map(|text| {
        text.split('"')
            .filter(|part| {
                let (group, rest) = part.split_once('.').unwrap_or_default();
                ["gopher", "c4", "fineweb"].contains(&group)
                    && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
            .collect::<Vec<_>>()
    });
    let asked: std::collections::BTreeSet<&str> = asked.concat().into_iter().collect();
    let told: std::collections::BTreeSet<&str> = rules().iter().map(|rule| rule.name).collect();
    assert_eq!(asked, told);
    assert_eq!(told.len(), rules().len());
    let signature = include_str!("../quality.llmp");
    let except = signature.lines().find_map(|line| line.trim().strip_prefix("except: [")).unwrap();
    let except: Vec<&str> = except.split(']').next().unwrap().split(" | ").collect();
    let short: Vec<&str> = rules().iter().filter_map(|rule| rule.name.split('.').nth(1)).collect();
    assert_eq!(except, short);
    for setting in rules().iter().filter_map(|rule| rule.setting) {
        assert!(signature.contains(&format!("  {setting}: ")), "{setting}");
    }
}

#[test]
fn an_exception_lets_through_what_breaks_one_rule_only() {
    let except = |rules: &[&str]| Settings {
        rules: vec![Group::C4],
        except: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        ..settings()
    };
    let code = format!("{GOOD}\nif (x) {{ return; }}");
    assert_eq!(broken(&code, &except(&[])), "c4.curly_bracket");
    assert_eq!(broken(&code, &except(&["curly_bracket"])), "none");
    assert_eq!(judge(doc(&code), &except(&["curly_bracket"])).unwrap().text, code, "the line stays");
    let both = format!("{code}\nLorem ipsum dolor sit");
    assert_eq!(broken(&both, &except(&["curly_bracket"])), "c4.lorem_ipsum", "the others are asked");
    let all = Settings {
        except: rules().iter().map(|rule| rule.name.split('.').nth(1).unwrap().to_owned()).collect(),
        ..settings()
    };
    assert_eq!(broken("x", &all), "none");
    assert_eq!(broken("", &all), "none");
}
