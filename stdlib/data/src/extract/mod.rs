//! Stages that turn pages into documents.

mod charset;
mod clean;
mod lines;
mod prescan;
mod render;
pub mod text;
mod whitespace;
mod workers;

pub use charset::decode;

llmp_stage::stages! { "data/extract":
    "extract.text" = text { rules },
}
