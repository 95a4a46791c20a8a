//! Stages that leave pages and documents out, or change them.

pub mod classifier;
pub mod decontaminate;
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
    "filter.classifier" = classifier { lint, rules },
    "filter.decontaminate" = decontaminate { rules },
    "filter.language" = language { lint, pace, rules },
    "filter.pii" = pii { pace, rules },
    "filter.quality" = quality { pace, remarks, rules },
    "filter.urls" = urls { lint, pace, rules },
}
