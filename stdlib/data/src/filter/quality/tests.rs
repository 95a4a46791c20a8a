//! Each rule is broken by a text that breaks no other of its group before it.

use super::*;

pub(super) fn settings() -> Settings {
    Settings {
        preset: Preset::Fineweb,
        rules: None,
        words: None,
        except: vec![],
        min_words: 50,
        max_words: 100_000,
        min_word_length: None,
        max_word_length: None,
        max_symbols: 0.1,
        max_bullets: 0.9,
        max_ellipses: 0.3,
        min_alphabetic: None,
        min_stop_words: 2,
        max_repeated_lines: None,
        max_repeated_paragraphs: None,
        max_repeated_line_characters: None,
        max_repeated_paragraph_characters: None,
        max_top_ngrams: None,
        max_repeated_ngrams: None,
        min_line_words: 3,
        max_word_characters: 1000,
        min_sentences: 5,
        bad_words: false,
        min_long_paragraphs: 0,
        long_paragraph: 200,
        min_punctuated_lines: None,
        short_line: 30,
        max_short_lines: None,
        max_duplicate_characters: None,
        max_line_breaks: None,
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

fn judge(doc: Doc, settings: &Settings) -> std::result::Result<Doc, Broken> {
    Judge::new(settings).judge(doc)
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
        rules: Some(vec![Group::Gopher]),
        max_top_ngrams: Some(vec![]),
        max_repeated_ngrams: Some(vec![]),
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
    let settings = Settings { rules: Some(vec![Group::Gopher]), ..settings() };
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
    let lenient = Settings { max_repeated_ngrams: Some(vec![]), ..settings.clone() };
    assert_eq!(broken(&once_more, &lenient), "none");
}

#[test]
fn c4_takes_lines_out_and_drops_documents() {
    let settings = Settings { rules: Some(vec![Group::C4]), ..settings() };
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
    let settings = Settings { rules: Some(vec![Group::Fineweb]), ..settings() };
    let rule = |text: &str| broken(text, &settings);
    assert_eq!(rule(" \n"), "fineweb.empty");
    assert_eq!(rule(&GOOD.replace('.', "")), "fineweb.min_punctuated_lines");
    assert_eq!(rule(&GOOD.replace(", ", ".\n")), "none");
    assert_eq!(
        rule("A short line is here.\nAnother one is here.\nAnd that is all."),
        "fineweb.max_short_lines"
    );
    assert_eq!(rule(&[GOOD; 2].join("\n")), "fineweb.max_duplicate_characters");
    let breaks = Settings { max_short_lines: Some(1.0), ..settings.clone() };
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
                max_top_ngrams: Some(vec![]),
                max_repeated_ngrams: Some(vec![]),
                ..settings()
            },
        )
        .map_or_else(|(rule, _)| rule, |_| "none")
    };
    assert_eq!(in_language("zh"), "none");
    let unknown = judge(
        doc(&text),
        &Settings { max_top_ngrams: Some(vec![]), max_repeated_ngrams: Some(vec![]), ..settings() },
    );
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
        rules: Some(vec![Group::C4]),
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

#[test]
fn bad_words_and_long_paragraphs_are_asked_where_written() {
    let c4 = Settings { rules: Some(vec![Group::C4]), ..settings() };
    let text = format!("{GOOD}\nThere was Porn in the mill, of all places.");
    assert_eq!(broken(&text, &c4), "none");
    assert_eq!(broken(&text, &Settings { bad_words: true, ..c4.clone() }), "c4.bad_words");
    let long = |count| Settings { min_long_paragraphs: count, long_paragraph: 90, ..c4.clone() };
    assert_eq!(broken(GOOD, &long(4)), "none");
    assert_eq!(broken(GOOD, &long(5)), "c4.min_long_paragraphs");
}

#[test]
fn presets_say_what_is_not_written() {
    let of = |preset| Settings { preset, ..settings() };
    let repeated = format!("{GOOD}\n{}", &GOOD[..GOOD.find('\n').unwrap()]);
    let lenient = |preset| Settings { max_repeated_ngrams: Some(vec![]), ..of(preset) };
    assert_eq!(broken(&repeated, &lenient(Preset::Fineweb)), "fineweb.max_duplicate_characters");
    let strict = Settings { max_duplicate_characters: Some(0.01), ..lenient(Preset::Paper) };
    assert_eq!(broken(&repeated, &strict), "fineweb.max_duplicate_characters", "what is written counts");
    let breaks =
        |preset| Settings { rules: Some(vec![Group::Fineweb]), max_short_lines: Some(1.0), ..of(preset) };
    assert_eq!(broken("One.\nTwo.\nThree.\nFour.", &breaks(Preset::Paper)), "none");
    assert_eq!(broken("One.\nTwo.\nThree.\nFour.", &breaks(Preset::Fineweb2)), "fineweb.max_line_breaks");
    let limits = Judge::new(&of(Preset::Fineweb2));
    let german = Doc { text: GOOD.into(), language: Some("deu_Latn".into()), ..Doc::default() };
    assert!(!limits.lacks(&german) && limits.lacks(&Doc { language: Some("is".into()), ..german.clone() }));
    assert_eq!(
        limits.judge(german).unwrap_err().0,
        "gopher.min_stop_words",
        "English has not Germany's words"
    );
    assert!(limits.judge(doc(GOOD)).is_ok());
}

#[test]
fn fineweb2_keeps_chinese_that_reads_like_text() {
    let text = "早上下了一场大雨，河水漫过了村子外面的田野，老人们说从来没有见过这样的景象。\n\
        孩子们在学校里听老师讲故事，窗外的柳树被风吹得东倒西歪，谁也没有心思做作业。\n\
        下午雨停的时候，镇上的人带着铁锹和沙袋来帮忙，大家一直忙到天黑才回家吃饭。";
    let rule = |text: &str| {
        let doc = Doc { text: text.into(), language: Some("zh".into()), ..Doc::default() };
        judge(doc, &Settings { preset: Preset::Fineweb2, ..settings() })
            .map_or_else(|(rule, _)| rule, |_| "none")
    };
    assert_eq!(rule(text), "none");
    assert_eq!(rule("首页 登录 注册"), "gopher.min_words");
    assert_eq!(rule(&"点击这里查看更多精彩内容，下载最新版本应用。\n".repeat(12)), "gopher.repeated_lines");
    assert_eq!(
        rule(&text.replace(['的', '了', '在', '和', '有', '人', '也', '被'], "")),
        "gopher.min_stop_words"
    );
}

#[test]
fn values_of_all_rules_are_seen_whatever_they_decide() {
    let judge = Judge::new(&settings());
    let values = judge.values(doc("Too short a text."));
    let of = |rule: &str| values.iter().find(|(name, _)| *name == rule).map(|(_, asked)| *asked);
    let words = of("gopher.min_words").unwrap();
    assert_eq!((words.value, words.limit, words.broken()), (4.0, 50.0, true));
    assert!(of("fineweb.max_line_breaks").is_some() && of("c4.min_sentences").unwrap().broken());
    let broken: Vec<&str> =
        judge.values(doc(GOOD)).iter().filter(|(_, asked)| asked.broken()).map(|(rule, _)| *rule).collect();
    assert!(broken.is_empty(), "{broken:?}");
}
