//! `filter.language`: keeps documents in the named languages.

mod detector;

use std::collections::BTreeMap;
use std::path::Path;

use llmp_stage::{Asked, Context, Error, Lint, Result, Rule};
use serde::Deserialize;

use super::fasttext::FastText;
use crate::shards::{Verdict, filter_shards};
use llmp_artifacts::docs::Doc;

/// The settings of `filter.language`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Languages to keep, as ISO 639-1 codes.
    pub keep: Vec<String>,
    /// Labels of the model to keep.
    pub labels: Vec<String>,
    /// Lowest score that counts as certain, from 0 to 1.
    pub min_score: f64,
    /// So much of the text at least must be in these languages, line by line; 0 where the text as a whole is
    /// judged.
    pub share: f64,
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
        Rule {
            name: "language.share",
            drops: "less of the text than this is in the languages, line by line",
            setting: Some("share"),
            off: Some("share = 0%"),
            source: "this program",
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
    let keep = [settings.keep, settings.labels].concat();
    detector.knows(&keep)?;
    filter_shards(ctx, |doc| {
        if settings.share > 0.0 {
            let (language, share) = detector.share(&doc.text, &keep);
            ctx.asked(&doc.id, "language.share", Asked::least(share, settings.share));
            return Ok(match language {
                Some(language) if share >= settings.share => {
                    Verdict::Keep(Doc { language: Some(language), language_score: Some(share), ..doc })
                }
                _ => Verdict::Drop { rule: "language.share", value: format!("{:.0} %", 100.0 * share) },
            });
        }
        let (language, score) = detector.detect(&doc.text);
        let other = !keeps(&keep, &language);
        ctx.asked(&doc.id, "language.other", Asked::most(f64::from(u8::from(other)), 0.0));
        if !other {
            ctx.asked(&doc.id, "language.min_score", Asked::least(score, settings.min_score));
        }
        let rule = match () {
            () if other => "language.other",
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

/// Whether a label is named: as a whole, or its language without script: `srp` names `srp_Cyrl` and
/// `srp_Latn`.
fn keeps(keep: &[String], label: &str) -> bool {
    keep.iter().any(|named| named == label || named == language_of(label))
}

/// The language of a label: `zho` of `zho_Hans`, `zh` of `zh-Hant`.
fn language_of(label: &str) -> &str {
    label.split(['_', '-']).next().unwrap_or(label)
}

/// Languages that the built-in detector does not know are found only with a model.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    if settings.keep.is_empty() && settings.labels.is_empty() {
        let lint = Lint::new("E0309", &["keep"], "`filter.language` is told no language to keep");
        return vec![lint.label("nothing would be left").help("name languages, such as `keep = [en]`")];
    }
    if settings.model.is_none() && !settings.labels.is_empty() {
        let lint = Lint::new("E0309", &["labels"], "`labels` are those of a model, and none is given");
        return vec![
            lint.label("these need a model").help("give a fastText model: `model = \"glotlid.bin\"`"),
        ];
    }
    let known = detector::known();
    let unknown: Vec<String> = match settings.model {
        Some(_) => Vec::new(),
        None => {
            let unknown = settings.keep.iter().filter(|code| !known.contains(&code.as_str()));
            unknown.map(|code| format!("`{code}`")).collect()
        }
    };
    if unknown.is_empty() {
        return Vec::new();
    }
    let message = format!("the built-in language detector does not know {}", unknown.join(", "));
    let label =
        if unknown.len() == 1 { "this language needs a model" } else { "these languages need a model" };
    let help = format!(
        "give a fastText model: `model = \"lid.176.ftz\"`; without one there are {}",
        known.join(", ")
    );
    vec![Lint::new("E0309", &["keep"], message).label(label).help(help)]
}

fn no_model() -> Error {
    Error::new("`model` names no file").help("give the path of a fastText model, e.g. `lid.176.ftz`")
}

/// Finds the language of a text.
pub struct Detector(Method);

enum Method {
    /// Scripts and letters.
    BuiltIn,
    /// A model with labels such as `__label__en`.
    FastText(Box<FastText>),
}

/// Letters that a piece of text has at least when its language is asked by line: shorter lines are taken with
/// the next ones.
const PIECE: usize = 40;

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

    /// Whether every named language is one that can be found.
    ///
    /// # Errors
    /// Where one is not, with labels like it.
    pub fn knows(&self, keep: &[String]) -> Result<()> {
        let labels: Vec<&str> = match &self.0 {
            Method::BuiltIn => detector::known(),
            Method::FastText(model) => model.labels().collect(),
        };
        let unknown = keep.iter().find(|named| {
            let named = std::slice::from_ref(*named);
            !labels.iter().any(|label| keeps(named, label))
        });
        let Some(unknown) = unknown else { return Ok(()) };
        // What starts alike, such as `eng_Latn` for `en`.
        let mut alike: Vec<&str> =
            labels.iter().copied().filter(|label| label.get(..2) == unknown.get(..2)).collect();
        alike.sort_unstable();
        alike.truncate(8);
        let help = match alike.is_empty() {
            true => format!("it has {} labels, such as `{}`", labels.len(), labels.first().unwrap_or(&"")),
            false => format!("it has `{}`", alike.join("`, `")),
        };
        Err(Error::new(format!("the language model knows no `{unknown}`, which is to be kept")).help(help))
    }

    /// How much of a text is in the languages, and in which of them most; by letters, line by line.
    #[must_use]
    pub fn share(&self, text: &str, keep: &[String]) -> (Option<String>, f64) {
        let mut kept = BTreeMap::<String, usize>::new();
        let (mut all, mut piece, mut letters) = (0, String::new(), 0);
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            letters += line.chars().filter(|character| character.is_alphabetic()).count();
            piece.push_str(line);
            piece.push('\n');
            // A character of Chinese has three bytes and says as much as three letters.
            if (letters < PIECE && piece.len() < 3 * PIECE && lines.peek().is_some()) || letters == 0 {
                continue;
            }
            let (language, _) = self.detect(&piece);
            if keeps(keep, &language) {
                *kept.entry(language).or_default() += letters;
            }
            all += letters;
            piece.clear();
            letters = 0;
        }
        let share = kept.values().sum::<usize>() as f64 / (all.max(1)) as f64;
        // Of two that have as much, the first by name.
        let most = kept.into_iter().rev().max_by_key(|(_, letters)| *letters);
        (most.map(|(language, _)| language), share)
    }

    /// The language of `text`, as the built-in detector's ISO 639-1 code or the model's label, and how
    /// certain it is from 0 to 1; an empty one and 0 where the text holds none.
    #[must_use]
    pub fn detect(&self, text: &str) -> (String, f64) {
        let found = match &self.0 {
            Method::BuiltIn => detector::detect(text).map(|(language, score)| (language.to_owned(), score)),
            Method::FastText(model) => {
                // fastText reads one line.
                let line = text.replace(['\n', '\r'], " ");
                model.predict(&line).map(|(label, score)| (label.to_owned(), f64::from(score)))
            }
        };
        found.map_or((String::new(), 0.0), |(language, score)| (language, score.clamp(0.0, 1.0)))
    }
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
        run(
            &ctx,
            Settings {
                keep: vec!["en".into(), "zh".into()],
                labels: vec![],
                min_score: 0.65,
                share: 0.0,
                model: None,
            },
        )
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
    fn the_share_of_a_language_is_counted_by_line() {
        let detector = Detector::built_in();
        let keep = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect::<Vec<_>>();
        let text = format!(
            "{ENGLISH}\n\n{GERMAN}\n人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。\n"
        );
        let (language, share) = detector.share(&text, &keep(&["en"]));
        assert!(language.as_deref() == Some("en") && (0.3..0.6).contains(&share), "{share}");
        let (_, both) = detector.share(&text, &keep(&["en", "de", "zh"]));
        assert!((both - 1.0).abs() < 1e-9);
        assert_eq!(detector.share("12\n34\n", &keep(&["en"])), (None, 0.0));
        // Short lines are taken together.
        let menu = "Home\nNews\nAbout us\nContact the editors\nWrite to the author of this page\n";
        assert_eq!(detector.share(menu, &keep(&["en"])).1, 1.0);
    }

    #[test]
    fn labels_are_named_with_or_without_their_script() {
        assert!(keeps(&["srp".into()], "srp_Cyrl") && keeps(&["srp_Cyrl".into()], "srp_Cyrl"));
        assert!(!keeps(&["srp_Latn".into()], "srp_Cyrl") && !keeps(&["sr".into()], "srp_Cyrl"));
        let error = Detector::built_in().knows(&["en".into(), "enm".into()]).expect_err("unknown");
        assert_eq!(error.help_text(), Some("it has `en`"));
    }

    #[test]
    fn what_cannot_work_is_said_at_once() {
        let settings = |keep: &[&str], model: Option<&str>| Settings {
            keep: keep.iter().map(|&code| code.to_owned()).collect(),
            labels: Vec::new(),
            min_score: 0.65,
            share: 0.0,
            model: model.map(str::to_owned),
        };
        let lints = lint(&settings(&["en", "ug", "tlh"], None));
        assert_eq!(lints[0].message, "the built-in language detector does not know `ug`, `tlh`");
        assert!(lints.len() == 1 && lints[0].is_error() && lints[0].help.is_some());
        assert!(lint(&settings(&["en", "zh"], None)).is_empty());
        assert!(lint(&settings(&[], None))[0].is_error());
        let labels = vec!["eng_Latn".to_owned()];
        assert!(lint(&Settings { labels: labels.clone(), ..settings(&[], None) })[0].is_error());
        assert!(lint(&Settings { labels, ..settings(&[], Some("glotlid.bin")) }).is_empty());
        assert!(lint(&settings(&["tlh"], Some("lid.176.ftz"))).is_empty());
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.ftz");
        for content in [&b""[..], b"no model at all, but some bytes", &[0xff; 200]] {
            std::fs::write(&path, content).expect("written");
            assert!(Detector::load(&path).is_err());
        }
    }
}
