//! What Pages are on disk.

use std::path::Path;

use llmp_stage::{Detail, Entries, Entry, Error, Form, Holds, Input, InputFile, Result, Tone, View, Views};

use super::{DEFAULT_MAX_BLOCK, Item, Reader};

/// Records of artifacts are at most this long: what `crawl.warc` can write.
const MAX_BLOCK: u64 = (1 << 30) + (1 << 20);

/// Pages: HTML in WARC records.
pub struct Pages;

impl Form for Pages {
    fn kind(&self) -> &'static str {
        "Pages"
    }

    fn expected(&self) -> &'static str {
        "`SHARD.warc.gz` or `SHARD.warc`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        written.files.iter().try_for_each(check)
    }

    fn unit(&self) -> Option<&'static str> {
        Some("pages")
    }

    fn holds(&self) -> Holds {
        Holds::Pages
    }

    fn entries(&self, name: &str, path: &Path, _: Detail) -> Result<Entries> {
        if !name.ends_with(".warc.gz") {
            return Ok(Box::new(std::iter::empty()));
        }
        let path = path.to_owned();
        let entries = Reader::open(&path, MAX_BLOCK)?.filter_map(move |item| match item {
            Ok(Item::Record(record)) if record.kind() != "warcinfo" => {
                let (id, url) = (record.id().to_owned(), record.uri().to_owned());
                Some(Ok(Entry { id, url, ..Entry::default() }))
            }
            Ok(_) => None,
            Err(error) => Some(Err(Error::io("cannot read", &path)(error))),
        });
        Ok(Box::new(entries))
    }

    fn views(&self, artifact: &Input) -> Result<Views> {
        let files: Vec<InputFile> = artifact.with_suffix(".warc.gz").cloned().collect();
        Ok(Box::new(files.into_iter().flat_map(|file| -> Views {
            let records = match Reader::open(&file.path, MAX_BLOCK) {
                Ok(records) => records,
                Err(error) => return Box::new(std::iter::once(Err(error))),
            };
            Box::new(records.filter_map(move |item| match item {
                Ok(Item::Record(record)) if record.kind() != "warcinfo" => Some(Ok(view(&record))),
                Ok(_) => None,
                Err(error) => Some(Err(Error::io("cannot read", &file.path)(error))),
            }))
        })))
    }
}

/// Letters of a page's source that are shown.
const SHOWN: usize = 2_000;

fn view(record: &super::Record) -> View {
    let text = String::from_utf8_lossy(&record.block);
    let begins: String = text.chars().take(SHOWN).collect();
    let json = serde_json::json!({"id": record.id(), "url": record.uri(), "kind": record.kind(),
        "bytes": record.block.len(), "begins": begins});
    View::new(record.uri(), json)
        .piece(format!("{} · {} · {} bytes\n", record.id(), record.kind(), record.block.len()), Tone::Aside)
        .text(begins)
}

fn check(file: &InputFile) -> Result<()> {
    let name = &file.name;
    if ![".warc", ".warc.gz"].iter().any(|suffix| name.ends_with(suffix)) {
        return Err(Error::new(format!("`{name}` is no WARC file by its name")));
    }
    let mut records = 0_u64;
    for item in Reader::open(&file.path, DEFAULT_MAX_BLOCK)? {
        match item.map_err(Error::io("cannot read", &file.path))? {
            Item::Record(_) => records += 1,
            Item::Skipped(skipped) => {
                let (reason, offset) = (skipped.reason, skipped.offset);
                return Err(Error::new(format!("`{name}` is damaged at byte {offset} ({reason})")));
            }
        }
    }
    if records == 0 { Err(Error::new(format!("`{name}` holds no record"))) } else { Ok(()) }
}
