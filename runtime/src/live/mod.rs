//! The live page of a pipeline: its drawing in the colours of a dry run, beside its text. `llmp graph --watch` keeps it
//! up to date; the same page stands by itself as a file.

mod page;
mod scene;
mod server;

pub use page::{Source, page};
pub use scene::{Place, Scene};
pub use server::Server;
