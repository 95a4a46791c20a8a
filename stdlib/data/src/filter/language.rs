//! `filter.language`: keeps documents in the named languages.

use std::path::Path;

use llmp_stage::{Context, Error, Lint, Result, Rule};
use serde::Deserialize;
use whatlang::Lang;

use super::fasttext::FastText;
use crate::shards::{Verdict, filter_shards};
use llmp_artifacts::docs::Doc;

/// The settings of `filter.language`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Languages to keep, as ISO 639-1 codes.
    pub keep: Vec<String>,
    /// Lowest score that counts as certain, from 0 to 1.
    pub min_score: f64,
    /// Whether there is a fastText model; the file itself is the input `model`.
    pub model: Option<String>,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[
        Rule {
            name: "language.other",
            drops: "the language that is most likely is none of `keep`",
            setting: Some("keep"),
            off: None,
            source: "this program; FineWeb keeps by language likewise",
        },
        Rule {
            name: "language.min_score",
            drops: "the language is one of `keep`, and less certain than this",
            setting: Some("min_score"),
            off: Some("min_score = 0%"),
            source: "FineWeb: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
    ]
}
/// How fast it is: short documents; of long ones only the start is looked at, which goes ten times as fast.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 1.7e6, gives: 0.95 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents or the model cannot be read.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let detector = match &settings.model {
        Some(_) => Detector::load(&ctx.input("model")?.files.first().ok_or_else(no_model)?.path)?,
        None => Detector::built_in(),
    };
    filter_shards(ctx, |doc| {
        let (language, score) = detector.detect(&doc.text);
        let rule = match () {
            () if !settings.keep.contains(&language) => "language.other",
            () if score < settings.min_score => "language.min_score",
            () => {
                let doc = Doc { language: Some(language), language_score: Some(score), ..doc };
                return Ok(Verdict::Keep(doc));
            }
        };
        let language = if language.is_empty() { "no language" } else { &language };
        Ok(Verdict::Drop { rule, value: format!("{language} {score:.2}") })
    })
}

/// Languages that the built-in detector does not know are found only with a model.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let known = |code: &String| Lang::all().iter().any(|lang| iso_639_1(*lang) == code.as_str());
    let unknown: Vec<String> = match settings.model {
        Some(_) => Vec::new(),
        None => settings.keep.iter().filter(|code| !known(code)).map(|code| format!("`{code}`")).collect(),
    };
    if unknown.is_empty() {
        return Vec::new();
    }
    let message = format!("the built-in language detector does not know {}", unknown.join(", "));
    let label =
        if unknown.len() == 1 { "this language needs a model" } else { "these languages need a model" };
    let help = "give a fastText model: `model = \"lid.176.ftz\"`";
    vec![Lint::new("E0309", &["keep"], message).label(label).help(help)]
}

fn no_model() -> Error {
    Error::new("`model` names no file").help("give the path of a fastText model, e.g. `lid.176.ftz`")
}

/// Finds the language of a text.
pub struct Detector(Method);

enum Method {
    /// whatlang: trigrams and alphabets.
    BuiltIn,
    /// A model with labels `__label__en`.
    FastText(Box<FastText>),
}

impl Detector {
    /// The built-in detector.
    #[must_use]
    pub fn built_in() -> Self {
        Self(Method::BuiltIn)
    }

    /// The fastText model at `path`.
    ///
    /// # Errors
    /// Where it cannot be read or is no fastText model.
    pub fn load(path: &Path) -> Result<Self> {
        FastText::load(path).map(|model| Self(Method::FastText(Box::new(model))))
    }

    /// The language of `text` as an ISO 639-1 code where there is one, and how certain it is from 0 to 1; an empty code
    /// and 0 where the text holds none.
    #[must_use]
    pub fn detect(&self, text: &str) -> (String, f64) {
        match &self.0 {
            Method::BuiltIn => whatlang::detect(text).map_or((String::new(), 0.0), |found| {
                (iso_639_1(found.lang()).to_owned(), found.confidence().clamp(0.0, 1.0))
            }),
            Method::FastText(model) => {
                // fastText reads one line.
                let line = text.replace(['\n', '\r'], " ");
                model.predict(&line).map_or((String::new(), 0.0), |(label, score)| {
                    // Some models label scripts apart: `zh-Hant`, `srp_Cyrl`.
                    let code = label.split(['_', '-']).next().unwrap_or(label);
                    (code.to_owned(), f64::from(score).clamp(0.0, 1.0))
                })
            }
        }
    }
}

/// The two-letter code of a language; the three-letter one where it has none (there is none without, today).
fn iso_639_1(lang: Lang) -> &'static str {
    const CODES: [(Lang, &str); 70] = [
        (Lang::Afr, "af"),
        (Lang::Aka, "ak"),
        (Lang::Amh, "am"),
        (Lang::Ara, "ar"),
        (Lang::Aze, "az"),
        (Lang::Bel, "be"),
        (Lang::Ben, "bn"),
        (Lang::Bul, "bg"),
        (Lang::Cat, "ca"),
        (Lang::Ces, "cs"),
        (Lang::Cmn, "zh"),
        (Lang::Cym, "cy"),
        (Lang::Dan, "da"),
        (Lang::Deu, "de"),
        (Lang::Ell, "el"),
        (Lang::Eng, "en"),
        (Lang::Epo, "eo"),
        (Lang::Est, "et"),
        (Lang::Fin, "fi"),
        (Lang::Fra, "fr"),
        (Lang::Guj, "gu"),
        (Lang::Heb, "he"),
        (Lang::Hin, "hi"),
        (Lang::Hrv, "hr"),
        (Lang::Hun, "hu"),
        (Lang::Hye, "hy"),
        (Lang::Ind, "id"),
        (Lang::Ita, "it"),
        (Lang::Jav, "jv"),
        (Lang::Jpn, "ja"),
        (Lang::Kan, "kn"),
        (Lang::Kat, "ka"),
        (Lang::Khm, "km"),
        (Lang::Kor, "ko"),
        (Lang::Lat, "la"),
        (Lang::Lav, "lv"),
        (Lang::Lit, "lt"),
        (Lang::Mal, "ml"),
        (Lang::Mar, "mr"),
        (Lang::Mkd, "mk"),
        (Lang::Mya, "my"),
        (Lang::Nep, "ne"),
        (Lang::Nld, "nl"),
        (Lang::Nob, "no"),
        (Lang::Ori, "or"),
        (Lang::Pan, "pa"),
        (Lang::Pes, "fa"),
        (Lang::Pol, "pl"),
        (Lang::Por, "pt"),
        (Lang::Ron, "ro"),
        (Lang::Rus, "ru"),
        (Lang::Sin, "si"),
        (Lang::Slk, "sk"),
        (Lang::Slv, "sl"),
        (Lang::Sna, "sn"),
        (Lang::Spa, "es"),
        (Lang::Srp, "sr"),
        (Lang::Swe, "sv"),
        (Lang::Tam, "ta"),
        (Lang::Tel, "te"),
        (Lang::Tgl, "tl"),
        (Lang::Tha, "th"),
        (Lang::Tuk, "tk"),
        (Lang::Tur, "tr"),
        (Lang::Ukr, "uk"),
        (Lang::Urd, "ur"),
        (Lang::Uzb, "uz"),
        (Lang::Vie, "vi"),
        (Lang::Yid, "yi"),
        (Lang::Zul, "zu"),
    ];
    CODES.iter().find(|(known, _)| *known == lang).map_or_else(|| lang.code(), |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::docs::{Reader, Writer};

    const ENGLISH: &str = "All human beings are born free and equal in dignity and rights. They are endowed with reason \
                           and conscience and should act towards one another in a spirit of brotherhood.";
    const GERMAN: &str = "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und \
                          Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen.";

    #[test]
    fn every_language_of_the_detector_has_two_letters() {
        assert!(Lang::all().iter().all(|lang| iso_639_1(*lang).len() == 2));
    }

    #[test]
    fn named_languages_are_kept_with_their_score() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = folder.path().join("shard");
        let mut writer = Writer::create(&shard).expect("made");
        for text in [ENGLISH, GERMAN, "人人生而自由，在尊严和权利上一律平等。", "", "12 34"]
        {
            writer.write(Doc { text: text.into(), ..Doc::default() }).expect("written");
        }
        writer.finish().expect("written");
        let bytes = std::fs::read(&shard).expect("read");
        let ctx = TestContext::new(folder.path()).with_files("docs", &[("s.parquet", &bytes)]);
        run(&ctx, Settings { keep: vec!["en".into(), "zh".into()], min_score: 0.65, model: None })
            .expect("it runs");
        let docs: Vec<Doc> = Reader::open(&ctx.output().join("s.parquet"))
            .expect("opens")
            .map(|doc| doc.expect("read"))
            .collect();
        let languages: Vec<_> = docs.iter().map(|doc| doc.language.as_deref()).collect();
        assert_eq!(languages, [Some("en"), Some("zh")]);
        assert!(docs.iter().all(|doc| doc.language_score >= Some(0.65)));
        assert_eq!((ctx.counted("documents"), ctx.counted("dropped.language.other")), (2, 3));
    }

    #[test]
    fn what_cannot_work_is_said_at_once() {
        let settings = |keep: &[&str], model: Option<&str>| Settings {
            keep: keep.iter().map(|&code| code.to_owned()).collect(),
            min_score: 0.65,
            model: model.map(str::to_owned),
        };
        let lints = lint(&settings(&["en", "is", "ug"], None));
        assert_eq!(lints[0].message, "the built-in language detector does not know `is`, `ug`");
        assert!(lints.len() == 1 && lints[0].is_error() && lints[0].help.is_some());
        assert!(lint(&settings(&["en", "zh"], None)).is_empty());
        assert!(lint(&settings(&["is"], Some("lid.176.ftz"))).is_empty());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.ftz");
        for content in [&b""[..], b"no model at all, but some bytes", &[0xff; 200]] {
            std::fs::write(&path, content).expect("written");
            assert!(Detector::load(&path).is_err());
        }
    }
}
