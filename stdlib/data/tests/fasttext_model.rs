//! FineWeb's language model, read by the pure-Rust fastText.

use llmp_data::filter::language::Detector;

mod shared;

#[test]
fn lid_176_finds_languages() {
    let Some(path) = shared::data("langid/lid.176.ftz") else { return };
    let detector = Detector::load(&path).expect("a model");
    for (language, text) in [
        ("en", "All human beings are born free and equal\nin dignity and rights."),
        ("zh", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。"),
        ("de", "Alle Menschen sind frei und gleich an Würde und Rechten geboren."),
        ("fr", "Tous les êtres humains naissent libres et égaux en dignité et en droits."),
        ("ru", "Все люди рождаются свободными и равными в своем достоинстве и правах."),
        ("ja", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"),
        ("cy", "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau."),
        ("ug", "ھەممە ئادەم زانىدىنلا ئەركىن، ئىززەت-ھۆرمەت ۋە ھوقۇقتا بابباراۋەر بولۇپ تۇغۇلغان."),
    ] {
        let (found, score) = detector.detect(text);
        assert_eq!(found, language, "{text}");
        assert!(score > 0.65, "{language} {score}");
    }
    assert_eq!(detector.detect("\n \n"), (String::new(), 0.0));
}
