//! Stages that leave pages and documents out, or change them.

pub mod classifier;
pub mod date;
pub mod decontaminate;
mod fasttext;
mod hosts;
pub mod language;
pub mod length;
mod lists;
pub mod pii;
pub mod quality;
pub mod regex;
mod table;
mod url_words;
pub mod urls;

llmp_stage::stages! { "data/filter":
    "filter.classifier" = classifier { lint, rules },
    "filter.date" = date { lint, pace, rules },
    "filter.decontaminate" = decontaminate { rules },
    "filter.language" = language { lint, pace, rules },
    "filter.length" = length { lint, pace, rules },
    "filter.pii" = pii { pace, rules },
    "filter.quality" = quality { lint, pace, remarks, rules },
    "filter.regex" = regex { lint, pace, rules },
    "filter.urls" = urls { lint, pace, rules },
}
