//! Stages that leave pages and documents out, or change them.

mod fasttext;
mod hosts;
pub mod language;
pub mod pii;
pub mod quality;
mod url_words;
pub mod urls;

llmp_stage::stages! { "data/filter":
    "filter.language" = language { lint, pace, rules },
    "filter.pii" = pii { pace },
    "filter.quality" = quality { pace, remarks, rules },
    "filter.urls" = urls { pace, rules },
}
