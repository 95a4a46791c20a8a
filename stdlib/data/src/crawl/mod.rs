//! Stages that start a pipeline: from files on disk to pages or documents.

pub mod common_crawl;
pub mod common_crawl_wet;
mod decoded;
pub mod docs;
mod forgotten;
pub mod html;
mod records;
pub mod site;
pub(crate) mod sniff;
pub mod text;
pub mod warc;
pub mod wet;

use llmp_stage::{Context, InputFile};

llmp_stage::stages! { "data/crawl":
    "crawl.common_crawl" = common_crawl { cost, pace },
    "crawl.common_crawl_wet" = common_crawl_wet { cost, pace },
    "crawl.docs" = docs { pace, probe },
    "crawl.html" = html { pace, probe },
    "crawl.site" = site { pace },
    "crawl.text" = text { pace, probe },
    "crawl.warc" = warc { pace, probe },
    "crawl.wet" = wet { pace },
}

/// The name of the shard made of a file: the first 16 hexadecimal digits of its digest.
fn shard_name(file: &InputFile) -> &str {
    file.digest.get(..16).unwrap_or(&file.digest)
}

/// The name of the shard that is made of these files: as the runtime calls it, or after the first of them;
/// `None` where there are none.
fn shard_of<'a>(ctx: &'a dyn Context, files: &'a [InputFile]) -> Option<&'a str> {
    ctx.shard().or_else(|| files.first().map(shard_name))
}

/// What people call a file.
fn label(file: &InputFile) -> &str {
    file.label.as_deref().unwrap_or(&file.name)
}

/// The URL of a file by its name: `file:///` and its path.
fn file_url(name: &str) -> String {
    url::Url::from_file_path(std::path::Path::new("/").join(name))
        .map_or_else(|()| format!("file:///{name}"), String::from)
}
