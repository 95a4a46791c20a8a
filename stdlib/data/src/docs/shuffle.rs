//! `docs.shuffle`: documents in an order of chance, out of core.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use llmp_artifacts::docs::{Doc, Extra, Reader, Writer, text_of};
use llmp_artifacts::random::mix;
use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::Deserialize;

/// Text of a shard that is written, about.
const SHARD: u64 = 128 << 20;
/// As many shards at most, each of which is an open file.
const MOST: u64 = 512;

/// The settings of `docs.shuffle`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Another number gives another order.
    pub seed: u64,
}

/// What it will need: one shard, and what gathers for the others.
#[must_use]
pub fn cost(_: &Settings, inputs: &Inputs) -> Cost {
    let memory = inputs.get("docs").bytes.map(|bytes| {
        let shards = shards(bytes);
        2 * text_of(bytes) / shards + shards * BUFFER as u64 + (64 << 20)
    });
    Cost { memory, ..Cost::default() }
}

/// Bytes that are gathered before they go to a shard.
const BUFFER: usize = 64 << 10;

/// How many shards come of so many bytes.
fn shards(bytes: u64) -> u64 {
    text_of(bytes).div_ceil(SHARD).clamp(1, MOST)
}

/// Runs the stage.
///
/// # Errors
/// Where documents or the files between cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("docs")?;
    let mut bytes = 0;
    for file in input.with_suffix(".parquet") {
        bytes += std::fs::metadata(&file.path).map_err(Error::io("cannot read", &file.path))?.len();
    }
    let shards = shards(bytes);
    let paths: Vec<_> = (0..shards).map(|number| ctx.state().join(format!("{number:04}"))).collect();
    let mut parts = Vec::with_capacity(paths.len());
    for path in &paths {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        parts.push(BufWriter::with_capacity(BUFFER, file));
    }
    for file in input.with_suffix(".parquet") {
        let name = blake3::hash(file.name.as_bytes());
        let name = name.as_bytes().iter().take(8).fold(0, |name, byte| name << 8 | u64::from(*byte));
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        for (row, doc) in (0_u64..).zip(reader) {
            ctx.proceed()?;
            let place = mix(mix(mix(settings.seed) ^ name).wrapping_add(row));
            let part = ((u128::from(place) * u128::from(shards)) >> 64) as usize;
            write(&mut parts[part], place, &doc?)
                .map_err(|error| Error::io("cannot write", &paths[part])(error))?;
            bar.add(1);
        }
    }
    for (part, path) in parts.into_iter().zip(&paths) {
        part.into_inner().map_err(|error| Error::io("cannot write", path)(error.into_error()))?;
    }
    for (number, path) in paths.iter().enumerate() {
        let mut docs = read(ctx, path)?;
        docs.sort_by(|(a, one), (b, other)| (a, &one.id, &one.text).cmp(&(b, &other.id, &other.text)));
        let mut writer = Writer::create(&ctx.output().join(format!("{number:04}.parquet")))?;
        for (_, doc) in docs {
            ctx.proceed()?;
            writer.write(doc)?;
        }
        ctx.count("documents", writer.finish()?);
        std::fs::remove_file(path).map_err(Error::io("cannot remove", path))?;
    }
    Ok(())
}

/// The texts of a document, in order.
fn texts(doc: &Doc) -> [Option<&str>; 12] {
    [
        Some(&doc.text),
        Some(&doc.id),
        Some(&doc.dump),
        Some(&doc.url),
        Some(&doc.date),
        Some(&doc.file_path),
        doc.language.as_deref(),
        doc.title.as_deref(),
        doc.author.as_deref(),
        doc.published.as_deref(),
        doc.site.as_deref(),
        Some(doc.extra.text()),
    ]
}

/// Stands for the length of a text that is not there, and for a number that is not.
const ABSENT: u64 = u64::MAX;

fn write(output: &mut impl Write, place: u64, doc: &Doc) -> std::io::Result<()> {
    output.write_all(&place.to_le_bytes())?;
    for text in texts(doc) {
        output.write_all(&text.map_or(ABSENT, |text| text.len() as u64).to_le_bytes())?;
        output.write_all(text.unwrap_or_default().as_bytes())?;
    }
    // No score is NaN, whose bits say that there is none.
    output.write_all(&doc.language_score.map_or(ABSENT, f64::to_bits).to_le_bytes())?;
    output.write_all(&doc.token_count.unwrap_or(ABSENT).to_le_bytes())
}

fn read(ctx: &dyn Context, path: &Path) -> Result<Vec<(u64, Doc)>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let length = file.metadata().map_err(Error::io("cannot read", path))?.len();
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut docs = Vec::new();
    loop {
        ctx.proceed()?;
        match read_one(&mut input, length) {
            Ok(Some(doc)) => docs.push(doc),
            Ok(None) => return Ok(docs),
            Err(error) => return Err(Error::io("cannot read", path)(error)),
        }
    }
}

fn read_one(input: &mut impl Read, longest: u64) -> std::io::Result<Option<(u64, Doc)>> {
    let mut bytes = [0; 8];
    let place = match input.read_exact(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut number = |input: &mut dyn Read| -> std::io::Result<Option<u64>> {
        input.read_exact(&mut bytes)?;
        Ok(Some(u64::from_le_bytes(bytes)).filter(|number| *number != ABSENT))
    };
    let mut texts: [Option<String>; 12] = Default::default();
    for text in &mut texts {
        let Some(length) = number(input)? else { continue };
        let mut bytes = Vec::with_capacity(length.min(longest) as usize);
        input.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        *text = Some(String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData)?);
    }
    let language_score = number(input)?.map(f64::from_bits);
    let token_count = number(input)?;
    let [text, id, dump, url, date, file_path, language, title, author, published, site, extra] = texts;
    let doc = Doc {
        text: text.unwrap_or_default(),
        id: id.unwrap_or_default(),
        dump: dump.unwrap_or_default(),
        url: url.unwrap_or_default(),
        date: date.unwrap_or_default(),
        file_path: file_path.unwrap_or_default(),
        language,
        language_score,
        token_count,
        title,
        author,
        published,
        site,
        extra: extra.map(Extra::written).unwrap_or_default(),
    };
    Ok(Some((place, doc)))
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;

    fn doc(number: u64) -> Doc {
        Doc {
            text: format!("text {number}"),
            id: number.to_string(),
            language: number.is_multiple_of(2).then(|| "en".into()),
            language_score: number.is_multiple_of(2).then_some(0.1 + 0.2),
            token_count: number.is_multiple_of(3).then_some(number),
            title: number.is_multiple_of(5).then(String::new),
            extra: Extra::parse(&format!(r#"{{"n":{}}}"#, number as f64 / 7.0)).expect("an object"),
            ..Doc::default()
        }
    }

    fn shuffled(seed: u64) -> Vec<Doc> {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let docs = folder.join("docs");
        std::fs::create_dir(&docs).expect("made");
        for (name, numbers) in [("a.parquet", 0..500), ("b.parquet", 500..1000)] {
            let mut writer = Writer::create(&docs.join(name)).expect("made");
            numbers.for_each(|number| writer.write(doc(number)).expect("written"));
            writer.finish().expect("written");
        }
        let ctx = TestContext::new(&folder.join("work")).with_folder("docs", &docs);
        run(&ctx, Settings { seed }).expect("it runs");
        assert_eq!(std::fs::read_dir(ctx.state()).expect("a folder").count(), 0);
        let path = ctx.output().join("0000.parquet");
        Reader::open(&path).expect("opens").map(|doc| doc.expect("read")).collect()
    }

    #[test]
    fn all_documents_come_once_and_in_an_order_of_chance() {
        let one = shuffled(1);
        let mut sorted = one.clone();
        sorted.sort_by_key(|doc| doc.id.parse::<u64>().expect("a number"));
        assert!(sorted == (0..1000).map(doc).collect::<Vec<_>>(), "nothing is lost or changed");
        assert!(one == shuffled(1) && one != shuffled(2));
        // In order half of the neighbours would be from the same hundred more often than by chance.
        let close = one.windows(2).filter(|two| {
            let [a, b] = [0, 1].map(|at| two[at].id.parse::<u64>().expect("a number"));
            a.abs_diff(b) < 100
        });
        assert!((120..260).contains(&close.count()));
    }

    #[test]
    fn as_many_shards_as_the_text_asks_for() {
        assert_eq!((shards(0), shards(SHARD / 4), shards(SHARD / 4 + 1), shards(1 << 50)), (1, 1, 2, MOST));
    }
}
