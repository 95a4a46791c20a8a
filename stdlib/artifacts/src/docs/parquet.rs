//! Docs shards as Parquet files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use llmp_stage::{Error, Result};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::foreign::check_columns;
use super::{Doc, Extra};

/// Columns of every Docs shard, in FineWeb's order.
const COLUMNS: [&str; 9] =
    ["text", "id", "dump", "url", "date", "file_path", "language", "language_score", "token_count"];

/// What a document has in a column.
type Column = fn(&Doc) -> Option<&str>;

/// Columns that stand behind them in shards in which a document has them.
const OPTIONAL: [(&str, Column); 5] = [
    ("title", |doc| doc.title.as_deref()),
    ("author", |doc| doc.author.as_deref()),
    ("published", |doc| doc.published.as_deref()),
    ("site", |doc| doc.site.as_deref()),
    ("extra", |doc| Some(doc.extra.text()).filter(|text| !text.is_empty())),
];

/// Which of the [optional](OPTIONAL) columns there are.
type Present = [bool; OPTIONAL.len()];

/// Rows decoded at once.
const READ_ROWS: usize = 64;

/// Documents are handed to the Parquet encoder when so many bytes have gathered.
const BATCH_BYTES: usize = 4 << 20;

/// A row group is closed when its documents take so many bytes, or so many rows. Part of the format: it
/// decides the bytes of a shard.
const GROUP_BYTES: usize = 64 << 20;
const GROUP_ROWS: usize = 20_000;

fn schema(present: Present) -> SchemaRef {
    let columns = COLUMNS.map(|name| match name {
        "language" => Field::new(name, DataType::Utf8, true),
        "language_score" => Field::new(name, DataType::Float64, true),
        "token_count" => Field::new(name, DataType::Int64, true),
        _ => Field::new(name, DataType::Utf8, false),
    });
    let optional = OPTIONAL.iter().zip(present).filter(|(_, present)| *present);
    let optional = optional.map(|((name, _), _)| Field::new(*name, DataType::Utf8, true));
    Arc::new(Schema::new(columns.into_iter().chain(optional).collect::<Vec<_>>()))
}

/// Writes one Docs shard. The same documents give the same bytes.
pub struct Writer {
    path: PathBuf,
    /// What the file holds so far; `None` before the first batch.
    parquet: Option<ArrowWriter<File>>,
    file: Option<File>,
    present: Present,
    batch: Vec<Doc>,
    batch_bytes: usize,
    group_bytes: usize,
    group_rows: usize,
    written: u64,
}

impl Writer {
    /// Starts the shard at `path`.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        Self::with(path, Present::default())
    }

    fn with(path: &Path, present: Present) -> Result<Self> {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        Ok(Self {
            path: path.to_owned(),
            parquet: None,
            file: Some(file),
            present,
            batch: Vec::new(),
            batch_bytes: 0,
            group_bytes: 0,
            group_rows: 0,
            written: 0,
        })
    }

    /// Adds a document.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, doc: Doc) -> Result<()> {
        self.batch_bytes += doc.size();
        self.batch.push(doc);
        self.written += 1;
        if self.batch_bytes >= BATCH_BYTES { self.encode() } else { Ok(()) }
    }

    /// Ends the shard and returns how many documents it holds.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn finish(mut self) -> Result<u64> {
        self.encode()?;
        self.start()?;
        if let Some(parquet) = self.parquet.take() {
            parquet.close().map_err(unwritten(&self.path))?;
        }
        Ok(self.written)
    }

    fn start(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let properties = WriterProperties::builder()
            .set_created_by("llmp".into())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(None)
            .set_column_dictionary_enabled(ColumnPath::from("text"), false)
            .build();
        let parquet = ArrowWriter::try_new(file, schema(self.present), Some(properties));
        self.parquet = Some(parquet.map_err(unwritten(&self.path))?);
        Ok(())
    }

    /// Writes what the file holds once more, with columns that it lacks: what is written follows from the
    /// documents alone.
    ///
    /// A file goes through this at most once for each optional column, and mostly before anything of it is
    /// written.
    fn widen(&mut self, present: Present) -> Result<()> {
        let Some(parquet) = self.parquet.take() else {
            self.present = present;
            return Ok(());
        };
        parquet.close().map_err(unwritten(&self.path))?;
        let narrow = self.path.with_extension("narrow");
        std::fs::rename(&self.path, &narrow).map_err(Error::io("cannot rename", &self.path))?;
        let mut wide = Self::with(&self.path, present)?;
        for doc in Reader::open(&narrow)? {
            wide.write(doc?)?;
        }
        wide.encode()?;
        std::fs::remove_file(&narrow).map_err(Error::io("cannot remove", &narrow))?;
        let (batch, batch_bytes) = (std::mem::take(&mut self.batch), self.batch_bytes);
        *self = Self { batch, batch_bytes, written: self.written, ..wide };
        Ok(())
    }

    fn encode(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut present = self.present;
        for ((_, value), present) in OPTIONAL.iter().zip(&mut present) {
            *present |= self.batch.iter().any(|doc| value(doc).is_some());
        }
        if present != self.present {
            self.widen(present)?;
        }
        self.start()?;
        let docs = std::mem::take(&mut self.batch);
        self.group_rows += docs.len();
        self.group_bytes += std::mem::take(&mut self.batch_bytes);
        let text = |column: fn(&Doc) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(docs.iter().map(column)))
        };
        let mut columns: Vec<ArrayRef> = vec![
            text(|doc| &doc.text),
            text(|doc| &doc.id),
            text(|doc| &doc.dump),
            text(|doc| &doc.url),
            text(|doc| &doc.date),
            text(|doc| &doc.file_path),
            Arc::new(docs.iter().map(|doc| doc.language.as_deref()).collect::<StringArray>()),
            Arc::new(docs.iter().map(|doc| doc.language_score).collect::<Float64Array>()),
            Arc::new(
                docs.iter()
                    .map(|doc| doc.token_count.and_then(|count| i64::try_from(count).ok()))
                    .collect::<Int64Array>(),
            ),
        ];
        for ((_, value), _) in OPTIONAL.iter().zip(present).filter(|(_, present)| *present) {
            columns.push(Arc::new(docs.iter().map(value).collect::<StringArray>()));
        }
        let batch = RecordBatch::try_new(schema(present), columns).map_err(unwritten(&self.path))?;
        let Some(parquet) = &mut self.parquet else { return Ok(()) };
        parquet.write(&batch).map_err(unwritten(&self.path))?;
        if self.group_bytes >= GROUP_BYTES || self.group_rows >= GROUP_ROWS {
            parquet.flush().map_err(unwritten(&self.path))?;
            (self.group_bytes, self.group_rows) = (0, 0);
        }
        Ok(())
    }
}

/// The columns of a Parquet file with their types, as facts.
pub(super) fn columns(path: &Path) -> Result<Vec<llmp_stage::Fact>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
    let fields = builder.schema().fields().iter();
    let type_of = |field: &arrow_schema::FieldRef| {
        format!("{}{}", field.data_type(), if field.is_nullable() { ", may be null" } else { "" })
    };
    Ok(fields.map(|field| (format!("column {}", field.name()), type_of(field))).collect())
}

/// Reads one Docs shard, a bounded batch at a time.
///
/// Other people's Parquet files are read too: only `text` must be there, further columns may be missing, and
/// columns that are not FineWeb's are passed over.
pub struct Reader {
    path: PathBuf,
    rows: u64,
    batches: ParquetRecordBatchReader,
    batch: std::vec::IntoIter<Doc>,
    failed: bool,
}

impl Reader {
    /// Opens the shard at `path`.
    ///
    /// # Errors
    /// Where it cannot be read, is no Parquet file, or has no `text` column of strings.
    pub fn open(path: &Path) -> Result<Self> {
        let optional = OPTIONAL.iter().map(|(name, _)| *name);
        Self::columns(path, &COLUMNS.into_iter().chain(optional).collect::<Vec<_>>())
    }

    /// Opens the shard at `path` for what names documents, `id` and `url`; all else stays empty and is not
    /// decoded.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn names(path: &Path) -> Result<Self> {
        Self::columns(path, &["id", "url"])
    }

    fn columns(path: &Path, columns: &[&str]) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
        check_columns(builder.metadata(), path)?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let wanted: Vec<usize> = (builder.schema().fields().iter().enumerate())
            .filter(|(_, field)| columns.contains(&field.name().as_str()))
            .map(|(index, _)| index)
            .collect();
        if builder.schema().column_with_name("text").is_none() {
            return Err(Error::new(format!("`{}` has no column `text`", path.display()))
                .help("documents are Parquet files with FineWeb's columns; only `text` must be there"));
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let batches =
            builder.with_projection(mask).with_batch_size(READ_ROWS).build().map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), rows, batches, batch: Vec::new().into_iter(), failed: false })
    }

    /// Documents in the shard, as its footer says.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Iterator for Reader {
    type Item = Result<Doc>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(doc) = self.batch.next() {
                return Some(Ok(doc));
            }
            if self.failed {
                return None;
            }
            match self
                .batches
                .next()?
                .map_err(failed(&self.path))
                .and_then(|batch| decode(&batch, &self.path))
            {
                Ok(docs) => self.batch = docs.into_iter(),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

fn decode(batch: &RecordBatch, path: &Path) -> Result<Vec<Doc>> {
    let mut docs = vec![Doc::default(); batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name().as_str();
        let fits = match name {
            "language_score" => numbers(column, |row, score| docs[row].language_score = Some(score)),
            "token_count" => numbers(column, |row, count| docs[row].token_count = Some(count as u64)),
            _ => strings(column, |row, value| {
                let doc = &mut docs[row];
                let value = value.to_owned();
                match name {
                    "text" => doc.text = value,
                    "id" => doc.id = value,
                    "dump" => doc.dump = value,
                    "url" => doc.url = value,
                    "date" => doc.date = value,
                    "file_path" => doc.file_path = value,
                    "title" => doc.title = Some(value),
                    "author" => doc.author = Some(value),
                    "published" => doc.published = Some(value),
                    "site" => doc.site = Some(value),
                    "extra" => doc.extra = Extra::written(value),
                    _ => doc.language = Some(value),
                }
            }),
        };
        if fits.is_none() {
            return Err(Error::new(format!(
                "column `{name}` of `{}` has the type {}, which is not what FineWeb's columns have",
                path.display(),
                column.data_type()
            ))
            .help("text columns are strings, `language_score` is a float and `token_count` an integer"));
        }
    }
    Ok(docs)
}

/// Calls `set` for each string of a column that is not null; `None` where it is no column of strings.
fn strings(column: &ArrayRef, mut set: impl FnMut(usize, &str)) -> Option<()> {
    fn each<'a>(values: impl Iterator<Item = Option<&'a str>>, set: &mut impl FnMut(usize, &str)) {
        values
            .enumerate()
            .filter_map(|(row, value)| Some((row, value?)))
            .for_each(|(row, value)| set(row, value));
    }
    if let Some(values) = column.as_string_opt::<i32>() {
        each(values.iter(), &mut set);
    } else if let Some(values) = column.as_string_opt::<i64>() {
        each(values.iter(), &mut set);
    } else {
        each(column.as_string_view_opt()?.iter(), &mut set);
    }
    Some(())
}

/// As [`strings`], for numbers.
fn numbers(column: &ArrayRef, mut set: impl FnMut(usize, f64)) -> Option<()> {
    macro_rules! each {
        ($type:ty) => {
            if let Some(values) = column.as_primitive_opt::<$type>() {
                for (row, value) in values.iter().enumerate() {
                    if let Some(value) = value {
                        set(row, value as f64);
                    }
                }
                return Some(());
            }
        };
    }
    each!(Float64Type);
    each!(Int64Type);
    each!(Float32Type);
    each!(Int32Type);
    each!(UInt64Type);
    None
}

/// For `map_err`: the shard at `path` could not be written.
fn unwritten<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> Error {
    let message = format!("cannot write `{}`", path.display());
    move |source| Error::new(message).because(source)
}

/// For `map_err`: what could not be done with the shard at `path`.
fn failed<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> Error {
    let message = format!("cannot use `{}` as a Parquet file of documents", path.display());
    move |source| {
        Error::new(message)
            .because(source)
            .help("the file may be damaged; `llmp verify` finds artifacts whose bytes have changed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(number: u64) -> Doc {
        Doc {
            text: format!("text {number}\n\nwith “quotes” and 中文"),
            id: format!("<urn:uuid:{number}>"),
            url: format!("https://example.com/{number}"),
            language: number.is_multiple_of(2).then(|| "en".into()),
            language_score: number.is_multiple_of(2).then_some(0.75),
            token_count: number.is_multiple_of(3).then_some(number),
            ..Doc::default()
        }
    }

    fn write(path: &Path, docs: &[Doc]) -> Result<Vec<u8>> {
        let mut writer = Writer::create(path)?;
        for doc in docs {
            writer.write(doc.clone())?;
        }
        writer.finish()?;
        Ok(std::fs::read(path).expect("written"))
    }

    #[test]
    fn a_full_disk_is_no_damage() {
        let mut writer = Writer::create(Path::new("/dev/full")).expect("made");
        // Noise, so that it does not fit into the encoder's buffers.
        let text = (0..200_000_u32).map(|n| format!("{:x}", n.wrapping_mul(2_654_435_761))).collect();
        let written = writer.write(Doc { text, ..Doc::default() }).and_then(|()| writer.finish());
        let error = written.expect_err("nothing fits on it");
        assert_eq!(error.io_kind(), Some(std::io::ErrorKind::StorageFull), "{error}");
        assert_eq!(error.help_text(), None, "{error}");
        assert!(error.to_string().starts_with("cannot write `/dev/full`"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back_and_bytes_are_stable() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let docs: Vec<Doc> = (0..300).map(doc).collect();
        let bytes = write(&path, &docs)?;
        let reader = Reader::open(&path)?;
        assert_eq!(reader.rows(), 300);
        assert_eq!(reader.collect::<Result<Vec<_>>>()?, docs);
        assert_eq!(bytes, write(&folder.path().join("b.parquet"), &docs)?);
        Ok(())
    }

    #[test]
    fn a_column_that_comes_late_gives_the_bytes_of_one_that_was_expected() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        // Several batches and row groups before the first document with a column of its own.
        let long = |number: u64| Doc { text: format!("{number} ").repeat(100_000), ..doc(number) };
        let mut docs: Vec<Doc> = (0..250).map(long).collect();
        let plain = write(&folder.path().join("plain.parquet"), &docs)?;
        docs[249].extra =
            Extra::parse(r#"{"licence": "CC0", "score": 3, "tags": ["a"]}"#).expect("an object");
        docs[240].title = Some("A title".into());
        let path = folder.path().join("late.parquet");
        let late = write(&path, &docs)?;
        assert_eq!(Reader::open(&path)?.collect::<Result<Vec<_>>>()?, docs);
        let mut expected = Present::default();
        (expected[0], expected[4]) = (true, true);
        let path = folder.path().join("expected.parquet");
        let mut writer = Writer::with(&path, expected)?;
        docs.iter().try_for_each(|doc| writer.write(doc.clone()))?;
        writer.finish()?;
        assert!(late == std::fs::read(&path).expect("written"));
        assert!(plain != late);
        let names = |file: &str| -> Result<Vec<String>> {
            Ok(columns(&folder.path().join(file))?.into_iter().map(|(name, _)| name).collect())
        };
        assert_eq!(names("plain.parquet")?.len(), 9);
        assert_eq!(names("late.parquet")?[9..], ["column title", "column extra"]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 3, "nothing is left beside");
        Ok(())
    }

    #[test]
    fn an_empty_shard_is_a_valid_file() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        write(&path, &[])?;
        assert_eq!(Reader::open(&path)?.count(), 0);
        Ok(())
    }

    #[test]
    fn other_peoples_files_need_only_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let save = |name: &str, column: ArrayRef| {
            let batch = RecordBatch::try_from_iter([(name, column)]).expect("a batch");
            let mut writer = ArrowWriter::try_new(File::create(&path).expect("made"), batch.schema(), None)
                .expect("a writer");
            writer.write(&batch).expect("written");
            writer.close().expect("closed");
        };
        save("text", Arc::new(arrow_array::LargeStringArray::from(vec!["a", "b"])));
        let texts: Vec<String> =
            Reader::open(&path).expect("open").map(|doc| doc.expect("read").text).collect();
        assert_eq!(texts, ["a", "b"]);

        save("text", Arc::new(Int64Array::from(vec![1])));
        let error = Reader::open(&path).expect("open").next().expect("a row").expect_err("no strings");
        assert!(error.to_string().contains("column `text`"), "{error}");

        save("body", Arc::new(StringArray::from(vec!["a"])));
        assert!(Reader::open(&path).is_err());
    }

    #[test]
    fn damaged_files_are_errors_not_panics() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let bytes = write(&path, &(0..50).map(doc).collect::<Vec<_>>())?;
        for cut in [0, 3, 100, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            assert!(Reader::open(&path).is_err());
        }
        Ok(())
    }
}
