//! WARC files as they are found: read tolerantly and in bounded memory, written cleanly.
//!
//! [`Reader`] takes WARC 1.0 and 1.1, plain, with one gzip member a record, or with one member over many records. It
//! never gives up at a malformed record: it goes on at the next one and says what it skipped and why. [`http`] takes
//! the payload out of a record. [`Writer`] writes the Pages artifact: one gzip member a record.

mod form;
pub mod http;
mod reader;
mod record;
mod source;
mod writer;

pub use form::Pages;
pub use reader::{DEFAULT_MAX_BLOCK, Item, Reader, Skipped};
pub use record::{Headers, Record, is_html, media_type};
pub use writer::Writer;
