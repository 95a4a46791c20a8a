//! Stages that turn pages into documents.

mod charset;
mod render;
pub mod text;
mod whitespace;
mod workers;

llmp_stage::stages! { "data/extract":
    "extract.text" = text,
}
