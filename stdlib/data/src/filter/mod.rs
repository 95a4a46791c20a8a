//! Stages that leave pages and documents out, or change them.

mod fasttext;
mod hosts;
pub mod language;
mod lists;
pub mod pii;
pub mod quality;
mod table;
mod url_words;
pub mod urls;

llmp_stage::stages! { "data/filter":
    "filter.language" = language { lint, rules },
    "filter.pii" = pii { rules },
    "filter.quality" = quality { remarks, rules },
    "filter.urls" = urls { lint, rules },
}
