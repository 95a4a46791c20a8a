//! Stages that leave pages and documents out, or change them.

pub mod classifier;
mod fasttext;
mod hosts;
pub mod language;
pub mod pii;
pub mod quality;
mod url_words;
pub mod urls;

llmp_stage::stages! { "data/filter":
    "filter.classifier" = classifier { lint, rules },
    "filter.language" = language { lint, rules },
    "filter.pii" = pii,
    "filter.quality" = quality { remarks, rules },
    "filter.urls" = urls { rules },
}
