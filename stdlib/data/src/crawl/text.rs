//! `crawl.text`: plain text and Markdown, whole or in parts.

use std::fs::File;
use std::io::Read;

use llmp_artifacts::docs::{Doc, Writer, decompressed};
use llmp_stage::{Context, Dropped, Error, Fit, InputFile, Probe, Result};
use serde::Deserialize;

use super::decoded::Decoded;
use super::forgotten::Forgotten;
use super::sniff::{Looks, looks};
use super::{file_url, label, shard_of};
use crate::pages;

/// Where documents end within a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Split {
    /// At one blank line or more.
    BlankLines,
    /// At every line.
    Lines,
    /// At this text.
    At(String),
}

impl From<String> for Split {
    fn from(split: String) -> Self {
        match split.as_str() {
            "blank_lines" => Self::BlankLines,
            "lines" => Self::Lines,
            _ => Self::At(split),
        }
    }
}

/// The settings of `crawl.text`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where documents end; a file is one unless given.
    pub split: Option<Split>,
    /// The old place of a text in `split`; never given.
    pub separator: Option<String>,
    /// The longest part, in bytes of UTF-8.
    pub max_text: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// What the first bytes say of a file.
#[must_use]
pub fn probe(name: &str, start: &[u8]) -> Fit {
    match looks(name, start) {
        Looks::Text | Looks::Csv | Looks::Tsv | Looks::Utf16 | Looks::Empty => Fit::Reads,
        other => other.refuses(name),
    }
}
/// How fast it is: plain text; what comes out is compressed.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 15e6, gives: 0.6 }
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or is no text.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let files = &ctx.input("files")?.files;
    let Some(name) = shard_of(ctx, files) else { return Ok(()) };
    let mut writer = Writer::create(&ctx.output().join(format!("{name}.parquet")))?;
    let forgotten = Forgotten::of(ctx)?;
    for file in files {
        check(file)?;
        let bar = ctx.bar(None, "documents");
        let mut count = 0_u64;
        let url = file_url(&file.name);
        let mut parts = Parts::open(file, &settings)?;
        while let Some(part) = parts.next_part()? {
            ctx.proceed()?;
            bar.add(1);
            let url = match part.lines {
                Some((from, to)) => format!("{url}#line={from},{to}"),
                None => url.clone(),
            };
            let id = pages::urn(&[file.digest.as_bytes(), url.as_bytes()]);
            match part.text {
                Some(_) if forgotten.drops(ctx, &id, &url, file) => {}
                Some(text) => {
                    let file_path = file.name.clone();
                    writer.write(Doc { text, id, url, file_path, ..Doc::default() })?;
                    count += 1;
                }
                None if part.lines.is_none() => {
                    return Err(Error::new(format!(
                        "`{}` is longer than {} bytes, too long for one document",
                        label(file),
                        settings.max_text
                    ))
                    .help("part it with `split`, or raise `max_text`"));
                }
                None => {
                    let value = format!("more than {} bytes", settings.max_text);
                    ctx.dropped(Dropped { id, url, rule: "text.too_large".into(), value });
                }
            }
        }
        ctx.count("documents", count);
        if parts.input.mended() > 0 {
            ctx.count("mended", parts.input.mended());
        }
    }
    writer.finish()?;
    Ok(())
}

fn check(file: &InputFile) -> Result<()> {
    let mut start = Vec::new();
    let input = File::open(&file.path).map_err(Error::io("cannot read", &file.path))?;
    input.take(Probe::BYTES).read_to_end(&mut start).map_err(Error::io("cannot read", &file.path))?;
    match probe(&file.name, &start) {
        Fit::Reads => Ok(()),
        Fit::PassesOver(_) | Fit::Refuses(_) => {
            let looks = looks(&file.name, &start);
            Err(Error::new(format!("`{}` is {}", label(file), looks.describe())).help(looks.advice()))
        }
    }
}

/// A part of a file.
struct Part {
    /// Its text; `None` where it is too long.
    text: Option<String>,
    /// Its lines, the first and the one behind the last, from 0; `None` for a whole file.
    lines: Option<(u64, u64)>,
}

/// The parts of a file; memory is bounded by the longest one.
struct Parts<'a> {
    input: Decoded,
    settings: &'a Settings,
    /// What was decoded and belongs to no part yet.
    buffer: String,
    /// How far the buffer was searched for an end.
    searched: usize,
    /// The line in which the buffer begins.
    line: u64,
    /// The line in which a part began whose beginning was thrown away.
    long_since: Option<u64>,
    ended: bool,
}

impl<'a> Parts<'a> {
    fn open(file: &InputFile, settings: &'a Settings) -> Result<Self> {
        let input = Decoded::new(decompressed(&file.path)?, &file.path)?;
        let buffer = String::new();
        Ok(Self { input, settings, buffer, searched: 0, line: 0, long_since: None, ended: false })
    }

    /// The next part that is not blank.
    fn next_part(&mut self) -> Result<Option<Part>> {
        loop {
            if let Some((end, next)) = self.end() {
                if let Some(part) = self.cut(end, next) {
                    return Ok(Some(part));
                }
            } else if self.ended {
                let end = self.buffer.len();
                return Ok(match end > 0 || self.long_since.is_some() {
                    true => self.cut(end, end),
                    false => None,
                });
            } else {
                if self.buffer.len() as u64 > self.settings.max_text {
                    self.throw_away();
                }
                self.ended = !self.input.read(&mut self.buffer)?;
            }
        }
    }

    /// Takes a part that ends at `end` out of the buffer, which goes on at `next`.
    fn cut(&mut self, end: usize, next: usize) -> Option<Part> {
        let taken = &self.buffer[..end];
        let first = self.long_since.unwrap_or_else(|| {
            // Blank lines before the text belong to no part.
            let blank = taken.len() - taken.trim_start().len();
            self.line + lines(&taken[..blank])
        });
        let last = self.line + lines(taken.trim_end()) + 1;
        let too_long = self.long_since.is_some() || end as u64 > self.settings.max_text;
        let text = taken.trim().to_owned();
        let whole = self.settings.split.is_none();
        let part = Part {
            text: (!too_long).then_some(text),
            lines: (!whole).then_some((first, last.max(first + 1))),
        };
        self.line += lines(&self.buffer[..next]);
        self.buffer.drain(..next);
        (self.searched, self.long_since) = (0, None);
        let blank = part.text.as_ref().is_some_and(String::is_empty);
        (!blank).then_some(part)
    }

    /// Lets go of the beginning of a part that is too long anyway, but for what may be the beginning of its
    /// end.
    fn throw_away(&mut self) {
        self.long_since.get_or_insert(self.line);
        let kept = match &self.settings.split {
            Some(Split::At(separator)) => {
                let from = (self.buffer.len() + 1).saturating_sub(separator.len());
                self.buffer[self.buffer.floor_char_boundary(from)..].to_owned()
            }
            // A line feed with space behind it may be half a blank line. The space may be long, and says
            // nothing more.
            Some(Split::BlankLines) if self.buffer.trim_end_matches(blank).ends_with('\n') => "\n".to_owned(),
            _ => String::new(),
        };
        self.line += lines(&self.buffer) - lines(&kept);
        self.buffer = kept;
        self.searched = 0;
    }

    /// Where a part ends in the buffer, and where the next one begins.
    fn end(&mut self) -> Option<(usize, usize)> {
        let found = match &self.settings.split {
            Some(Split::At(separator)) => {
                let mut from = (self.searched + 1).saturating_sub(separator.len());
                from = self.buffer.floor_char_boundary(from);
                self.buffer[from..]
                    .find(separator.as_str())
                    .map(|at| (from + at, from + at + separator.len()))
            }
            Some(Split::Lines) => {
                self.buffer[self.searched..].find('\n').map(|at| (self.searched + at, self.searched + at + 1))
            }
            Some(Split::BlankLines) => self.blank_line(),
            None => None,
        };
        if found.is_none() && !matches!(self.settings.split, Some(Split::BlankLines)) {
            self.searched = self.buffer.len();
        }
        found
    }

    fn blank_line(&mut self) -> Option<(usize, usize)> {
        while let Some(at) = self.buffer[self.searched..].find('\n') {
            let (end, rest) = (self.searched + at, &self.buffer[self.searched + at + 1..]);
            let line = rest.find('\n')?;
            if rest[..line].trim().is_empty() {
                return Some((end, end + 1 + line + 1));
            }
            self.searched = end + 1;
        }
        None
    }
}

/// Whether a character is space within a line.
fn blank(character: char) -> bool {
    character != '\n' && character.is_whitespace()
}

fn lines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Reader;
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::crawl::shard_name;

    fn read(
        name: &str,
        content: &[u8],
        split: Option<&str>,
        max_text: u64,
    ) -> (TestContext, Result<Vec<(String, String)>>) {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let ctx = TestContext::new(&folder).with_files("files", &[(name, content)]);
        let split = split.map(|split| Split::from(split.to_owned()));
        let settings = Settings { split, separator: None, max_text, forget: None, license: None };
        let docs = run(&ctx, settings).map(|()| {
            let file = &ctx.input("files").expect("files").files[0];
            let reader = Reader::open(&ctx.output().join(format!("{}.parquet", shard_name(file))));
            reader.expect("open").map(|doc| doc.map(|doc| (doc.text, doc.url)).expect("read")).collect()
        });
        (ctx, docs)
    }

    fn pairs(docs: &[(String, String)]) -> Vec<(&str, &str)> {
        docs.iter().map(|(text, url)| (text.as_str(), url.trim_start_matches("file:///"))).collect()
    }

    #[test]
    fn a_file_is_a_document_or_each_of_its_parts() {
        let text = "\u{feff}\r\none\r\ntwo\r\n\r\n \r\nthree\r\n";
        let (_, docs) = read("b/a b.md", text.as_bytes(), None, 1 << 20);
        assert_eq!(pairs(&docs.unwrap()), [("one\ntwo\n\n \nthree", "b/a%20b.md")]);
        let (_, docs) = read("a.txt", text.as_bytes(), Some("blank_lines"), 1 << 20);
        assert_eq!(pairs(&docs.unwrap()), [("one\ntwo", "a.txt#line=1,3"), ("three", "a.txt#line=5,6")]);
        let (_, docs) = read("a.txt", text.as_bytes(), Some("lines"), 1 << 20);
        assert_eq!(
            pairs(&docs.unwrap()),
            [("one", "a.txt#line=1,2"), ("two", "a.txt#line=2,3"), ("three", "a.txt#line=5,6")]
        );
    }

    #[test]
    fn a_separator_stands_anywhere_also_across_what_is_read_at_once() {
        let separator = "<|endoftext|>";
        for length in [0, 1, 65_520, 65_530, 65_535, 65_536, 131_070] {
            let first = format!("{}é", "a".repeat(length));
            let text = format!("{first}{separator}\nsecond\n{separator}{separator} \n");
            let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
            let (_, docs) = read("a.txt.zst", &packed, Some(separator), 1 << 20);
            assert_eq!(
                pairs(&docs.unwrap()),
                [(first.as_str(), "a.txt.zst#line=0,1"), ("second", "a.txt.zst#line=1,2")],
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_left_out_with_a_count_and_a_whole_file_refused() {
        let long = format!("{}\n{}", "x".repeat(1500), "y".repeat(200_000));
        let text = format!("one\n\n{long}\n\nthree\n");
        let (ctx, docs) = read("a.txt", text.as_bytes(), Some("blank_lines"), 1024);
        assert_eq!(pairs(&docs.unwrap()), [("one", "a.txt#line=0,1"), ("three", "a.txt#line=5,6")]);
        assert_eq!(ctx.counted("dropped.text.too_large"), 1);
        assert_eq!(ctx.drops.lock().unwrap()[0].url, "file:///a.txt#line=2,4");
        let (_, docs) = read("a.txt", text.as_bytes(), None, 1024);
        assert!(docs.unwrap_err().help_text().is_some_and(|help| help.contains("`split`")));
    }

    #[test]
    fn the_part_behind_one_that_is_too_long_is_kept_wherever_reading_paused() {
        for length in (65_525..65_545).chain(131_065..131_080) {
            for gap in ["\n\n", "\n \t \n", "\n\n\n \n"] {
                let text = format!("one\n\n{}é{gap}three\n\nfour", "y".repeat(length));
                let (ctx, docs) = read("a.txt", text.as_bytes(), Some("blank_lines"), 1024);
                let at = 3 + lines(gap);
                let three = format!("a.txt#line={},{at}", at - 1);
                let four = format!("a.txt#line={},{}", at + 1, at + 2);
                assert_eq!(
                    pairs(&docs.unwrap()),
                    [("one", "a.txt#line=0,1"), ("three", &three), ("four", &four)],
                    "{length} {gap:?}"
                );
                assert_eq!(ctx.counted("dropped.text.too_large"), 1);
            }
        }
    }

    #[test]
    fn text_is_decoded_as_it_looks() {
        let poem = "秦川雄帝宅，函谷壯皇居。綺殿千尋起，離宮百雉餘。連甍遙接漢，飛觀迥凌虛。";
        let (gbk, _, _) = encoding_rs::GBK.encode(poem);
        let wide: Vec<u8> =
            [0xfeff].into_iter().chain(poem.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for content in [poem.as_bytes(), &gbk, &wide] {
            let (ctx, docs) = read("a.txt", content, None, 1 << 20);
            assert_eq!(docs.unwrap()[0].0, poem);
            assert_eq!(ctx.counted("mended"), 0);
        }
        let broken = [poem.repeat(30_000).as_bytes(), b"\xff end"].concat();
        let (ctx, docs) = read("a.txt", &broken, Some("lines"), 1 << 30);
        assert!(docs.unwrap()[0].0.ends_with("\u{fffd} end"));
        assert_eq!(ctx.counted("mended"), 1);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let (_, docs) = read("a.jsonl", b"{\"text\": \"a\"}", None, 1 << 20);
        let error = docs.unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.help_text()),
            ("`a.jsonl` is JSON", Some("read it with `crawl.docs`"))
        );
    }
}
