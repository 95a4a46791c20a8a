//! Stages that leave pages and documents out, or change them.

mod fasttext;
pub mod language;
pub mod pii;
pub mod quality;
mod url_words;
pub mod urls;

llmp_stage::stages! { "data/filter":
    "filter.language" = language,
    "filter.pii" = pii,
    "filter.quality" = quality,
    "filter.urls" = urls,
}
