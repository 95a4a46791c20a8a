//! What a stage is: the [`Stage`] trait, the [`Context`] it runs in, and the artifacts it reads and writes.
//!
//! Stages know nothing of the store, the ledger or the scheduler. A stage reads its [`Input`]s, writes files
//! below [`Context::output`], and reports what it saw through the context. `runtime` implements the context
//! for real; [`testing`] has a double for unit tests.

mod artifact;
mod asked;
mod context;
mod cost;
mod error;
mod form;
mod lint;
mod registry;
pub mod remark;
pub mod removed;
mod rules;
mod saved;
pub mod shown;
mod stage;
pub mod testing;
mod view;

pub use artifact::{Input, InputFile, shard_of};
pub use asked::Asked;
pub use context::{Bar, Context, Dropped, LAST_STEPS};
pub use cost::{Cost, Inputs, Known, Pace};
pub use error::{Error, Result};
pub use form::{Detail, Entries, Entry, Files, Form, Holds, TokenSpan};
pub use lint::Lint;
pub use registry::Registry;
pub use remark::{Concern, Counts, Remark};
pub use rules::Rule;
pub use saved::{Saved, Stem};
pub use shown::Shown;
pub use stage::{Fit, Function, Probe, Signature, Stage, stage};
pub use view::{Fact, Piece, Tone, View, Views, cells};
