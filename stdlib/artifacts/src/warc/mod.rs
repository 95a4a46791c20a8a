//! WARC files as they are found: read tolerantly and in bounded memory, written cleanly.
//!
//! [`Reader`] takes WARC of every version and ARC; plain, with gzip or with zstd, whose members hold one
//! record or many. It never gives up at a malformed record: it goes on at the next one and says what it
//! skipped and why. [`http`] takes the payload out of a record. [`Writer`] writes the Pages artifact: one
//! gzip member a record.

mod arc;
mod content_type;
mod form;
pub mod http;
mod reader;
mod record;
mod source;
mod writer;

pub use content_type::{ContentType, looks_like_html};
pub use form::Pages;
pub use reader::{DEFAULT_MAX_BLOCK, Item, Reader, Skipped};
pub use record::{Headers, Record};
pub use writer::Writer;
