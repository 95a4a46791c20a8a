//! Stages that turn pages into documents.

mod charset;
pub mod page;
mod prescan;
pub mod text;
mod workers;

pub use charset::decode;

llmp_stage::stages! { "data/extract":
    "extract.text" = text { pace, rules },
}
