//! Parquet files of documents as other programs write them: any codec, columns of any type.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, temporal_conversions as time};
use arrow_schema::{DataType, TimeUnit};
use llmp_stage::{Error, Result};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaData};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use serde_json::Value;

use super::loose::{Bad, Column, Draft, Notes, Row, Scalar};
use super::{Extra, Mapping};

/// Rows decoded at once.
const READ_ROWS: usize = 64;
/// The column in which datatrove keeps what it knows of a document.
const METADATA: &str = "metadata";
/// The column in which a shard of documents keeps what has no column of its own.
const EXTRA: &str = "extra";
/// Lists and structures in each other that are read.
const MAX_DEPTH: usize = 64;

/// Reads the rows of a Parquet file.
pub struct ParquetRows {
    path: PathBuf,
    rows: u64,
    row: u64,
    batches: ParquetRecordBatchReader,
    batch: std::vec::IntoIter<Row>,
    ended: bool,
    notes: Notes,
}

impl ParquetRows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read, is damaged or compressed in a way that is not read, or has no column `text`
    /// of texts.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        // What arrow notes of its own types says nothing of the values: dictionaries come as what they stand
        // for.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options.clone()).map_err(failed(path))?;
        check_columns(metadata.metadata(), path)?;
        let plain = plain_strings(metadata.metadata()).map_err(failed(path))?;
        let metadata = ArrowReaderMetadata::try_new(Arc::new(plain), options).map_err(failed(path))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        match builder.schema().column_with_name("text").map(|(_, field)| field.data_type()) {
            Some(DataType::Binary | DataType::Null) => {}
            Some(other) => {
                let message =
                    format!("column `text` of `{}` has the type {other}, expected texts", path.display());
                return Err(Error::new(message));
            }
            None => {
                let names = builder.schema().fields().iter().map(|field| field.name().as_str());
                return Err(Error::new(format!("`{}` has no column `text`", path.display()))
                    .help(super::name_the_text(names)));
            }
        }
        let batches = builder.with_batch_size(READ_ROWS).build().map_err(failed(path))?;
        let batch = Vec::new().into_iter();
        Ok(Self {
            path: path.to_owned(),
            rows,
            row: 0,
            batches,
            batch,
            ended: false,
            notes: Notes::default(),
        })
    }

    /// Rows in the file, as its footer says.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    fn decode(&mut self, batch: &RecordBatch) -> Vec<Row> {
        let mut drafts: Vec<Draft> = (0..batch.num_rows()).map(|_| Draft::default()).collect();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            match (Column::named(field.name()), column.as_struct_opt()) {
                (Some(name), _) => fill(&mut drafts, name, column, None, &mut self.notes),
                (None, Some(nested)) if field.name() == METADATA => {
                    for (field, column) in nested.fields().iter().zip(nested.columns()) {
                        match Column::named(field.name()) {
                            Some(name) => fill(&mut drafts, name, column, Some(nested), &mut self.notes),
                            None => extra(&mut drafts, field.name(), column, Some(nested), &mut self.notes),
                        }
                    }
                }
                (None, _) => extra(&mut drafts, field.name(), column, None, &mut self.notes),
            }
        }
        let first = self.row + 1;
        self.row += drafts.len() as u64;
        (first..)
            .zip(drafts)
            .map(|(number, draft)| match draft.finish() {
                Ok(doc) => Row::Doc(doc),
                Err(why) => Row::Bad(Bad { place: format!("row {number}"), why }),
            })
            .collect()
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.batch.next() {
                return Some(Ok(row));
            }
            if self.ended {
                return None;
            }
            match self.batches.next()?.map_err(failed(&self.path)) {
                Ok(batch) => self.batch = self.decode(&batch).into_iter(),
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Puts the values of a column, of the rows themselves or of their `metadata`, into documents.
fn fill(
    drafts: &mut [Draft],
    name: Column,
    column: &ArrayRef,
    nested: Option<&StructArray>,
    notes: &mut Notes,
) {
    for (row, draft) in drafts.iter_mut().enumerate() {
        let null = nested.is_some_and(|nested| nested.is_null(row));
        let value = if null { Scalar::Null } else { scalar(column, row, notes) };
        draft.set(name, value, nested.is_some(), notes);
    }
}

/// Puts the values of a column that documents have no place for among their further columns.
fn extra(
    drafts: &mut [Draft],
    name: &str,
    column: &ArrayRef,
    nested: Option<&StructArray>,
    notes: &mut Notes,
) {
    for (row, draft) in drafts.iter_mut().enumerate() {
        if column.is_null(row) || nested.is_some_and(|nested| nested.is_null(row)) {
            continue;
        }
        match json(column, row, 0) {
            // A shard of this program's own.
            Some(Value::String(text)) if name == EXTRA => match Extra::parse(&text) {
                Some(inner) => {
                    inner.columns().into_iter().for_each(|(name, value)| draft.set_extra(name, value, true));
                }
                None => draft.set_extra(name.to_owned(), Value::String(text), nested.is_some()),
            },
            Some(value) => draft.set_extra(name.to_owned(), value, nested.is_some()),
            None => *notes.ignored.entry(name.to_owned()).or_default() += 1,
        }
    }
}

/// One value of a column as JSON; `None` where it has no plain form there, as bytes that are no text.
fn json(column: &ArrayRef, row: usize, depth: usize) -> Option<Value> {
    if column.is_null(row) {
        return Some(Value::Null);
    }
    let list = |items: ArrayRef| -> Option<Value> {
        (0..items.len()).map(|item| json(&items, item, depth + 1)).collect::<Option<_>>().map(Value::Array)
    };
    match column.data_type() {
        _ if depth > MAX_DEPTH => None,
        DataType::Binary => std::str::from_utf8(column.as_binary::<i32>().value(row))
            .ok()
            .map(|text| Value::String(text.to_owned())),
        DataType::List(_) => list(column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(column.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(column.as_fixed_size_list().value(row)),
        DataType::Struct(_) => {
            let nested = column.as_struct();
            let fields = nested.fields().iter().zip(nested.columns());
            let fields =
                fields.map(|(field, column)| Some((field.name().clone(), json(column, row, depth + 1)?)));
            fields.collect::<Option<_>>().map(Value::Object)
        }
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |at: usize| {
                let key = match json(keys, at, depth + 1)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                Some((key, json(values, at, depth + 1)?))
            };
            (0..entries.len()).map(entry).collect::<Option<_>>().map(Value::Object)
        }
        _ => match scalar(column, row, &mut Notes::default()) {
            Scalar::Null => Some(Value::Null),
            Scalar::Bool(value) => Some(value.into()),
            Scalar::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => Some(value.into()),
                (_, Ok(value)) => Some(value.into()),
                _ => None,
            },
            // What is not a number is missing, as pandas writes it.
            Scalar::Float(value) => Some(value.into()),
            Scalar::Text(text) => Some(text.into()),
            Scalar::Other => None,
        },
    }
}

/// One value of a column.
fn scalar(column: &ArrayRef, row: usize, notes: &mut Notes) -> Scalar {
    if column.is_null(row) {
        return Scalar::Null;
    }
    macro_rules! value {
        ($type:ty) => {
            column.as_primitive::<$type>().value(row)
        };
    }
    let moment = |moment: Option<_>| moment.map_or(Scalar::Other, |moment| utc(&moment));
    match column.data_type() {
        DataType::Null => Scalar::Null,
        DataType::Binary => {
            let text = String::from_utf8_lossy(column.as_binary::<i32>().value(row));
            notes.mended += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
            Scalar::Text(text.into_owned())
        }
        DataType::FixedSizeBinary(16) => Scalar::Text(uuid(column.as_fixed_size_binary().value(row))),
        DataType::Boolean => Scalar::Bool(column.as_boolean().value(row)),
        DataType::Int8 => Scalar::Int(value!(Int8Type).into()),
        DataType::Int16 => Scalar::Int(value!(Int16Type).into()),
        DataType::Int32 => Scalar::Int(value!(Int32Type).into()),
        DataType::Int64 => Scalar::Int(value!(Int64Type).into()),
        DataType::UInt8 => Scalar::Int(value!(UInt8Type).into()),
        DataType::UInt16 => Scalar::Int(value!(UInt16Type).into()),
        DataType::UInt32 => Scalar::Int(value!(UInt32Type).into()),
        DataType::UInt64 => Scalar::Int(value!(UInt64Type).into()),
        DataType::Float16 => Scalar::Float(value!(Float16Type).into()),
        // The number as it is written, not the binary one next to it.
        DataType::Float32 => {
            let value = value!(Float32Type);
            Scalar::Float(value.to_string().parse().unwrap_or(f64::from(value)))
        }
        DataType::Float64 => Scalar::Float(value!(Float64Type)),
        DataType::Decimal128(_, scale) => decimal(value!(Decimal128Type).to_string(), *scale),
        DataType::Decimal256(_, scale) => decimal(value!(Decimal256Type).to_string(), *scale),
        DataType::Date32 => match time::as_date::<arrow_array::types::Date32Type>(i64::from(value!(
            arrow_array::types::Date32Type
        ))) {
            Some(date) => in_our_era(date.to_string()),
            None => Scalar::Other,
        },
        DataType::Timestamp(unit, _) => moment(match unit {
            TimeUnit::Second => {
                time::timestamp_s_to_datetime(value!(arrow_array::types::TimestampSecondType))
            }
            TimeUnit::Millisecond => {
                time::timestamp_ms_to_datetime(value!(arrow_array::types::TimestampMillisecondType))
            }
            TimeUnit::Microsecond => {
                time::timestamp_us_to_datetime(value!(arrow_array::types::TimestampMicrosecondType))
            }
            TimeUnit::Nanosecond => {
                time::timestamp_ns_to_datetime(value!(arrow_array::types::TimestampNanosecondType))
            }
        }),
        _ => Scalar::Other,
    }
}

/// A moment as RFC 3339 writes it. One without a zone is taken for UTC.
fn utc(moment: &impl std::fmt::Display) -> Scalar {
    in_our_era(format!("{moment}Z").replacen(' ', "T", 1))
}

/// Dates outside of the years 0 to 9999 have no place in RFC 3339.
fn in_our_era(date: String) -> Scalar {
    if date.starts_with(['-', '+']) { Scalar::Other } else { Scalar::Text(date) }
}

/// A decimal number of which `scale` digits stand behind the point, written without needless zeros.
fn decimal(digits: String, scale: i8) -> Scalar {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let Ok(scale) = usize::try_from(scale) else { return Scalar::Other };
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let part = part.trim_end_matches('0');
    Scalar::Text(if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
}

fn uuid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match hex.len() {
        32 => [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"),
        _ => hex,
    }
}

/// The documents of a Parquet file whose columns are called as `mapping` says.
///
/// # Errors
/// As for [`json_rows`].
pub fn mapped_rows(
    path: &Path,
    mapping: Mapping,
) -> Result<impl Iterator<Item = Result<(Row, Notes)>> + use<>> {
    let rows = json_rows(path)?;
    Ok((1_u64..).zip(rows).map(move |(number, row)| {
        let mut notes = Notes::default();
        let read = mapping.document(row?, &mut notes);
        let bad = |why| Row::Bad(Bad { place: format!("row {number}"), why });
        Ok((read.map_or_else(bad, Row::Doc), notes))
    }))
}

/// The rows of any Parquet file as JSON, lists and structures included.
///
/// # Errors
/// Where the file cannot be read or is damaged; so each row.
pub fn json_rows(path: &Path) -> Result<impl Iterator<Item = Result<serde_json::Value>> + use<>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let reader = SerializedFileReader::new(file).map_err(failed(path))?;
    check_columns(reader.metadata(), path)?;
    let (mut rows, path) = (reader.into_iter(), path.to_owned());
    Ok(std::iter::from_fn(move || {
        // The library looks at neither levels nor strings, and breaks down where they are wrong.
        let row = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rows.next()));
        match row {
            Ok(row) => Some(row?.map(|row| row.to_json_value()).map_err(failed(&path))),
            Err(_) => Some(Err(failed(&path)(ParquetError::General("a row is damaged".into())))),
        }
    }))
}

/// Refuses columns that lie before the file's first byte, over which the library breaks down, and the
/// compressions of Parquet that no library reads.
pub(super) fn check_columns(metadata: &ParquetMetaData, path: &Path) -> Result<()> {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    let starts = |column: &ColumnChunkMetaData| {
        column.dictionary_page_offset().unwrap_or(0).min(column.data_page_offset())
    };
    if columns.clone().any(|column| starts(column) < 0 || column.compressed_size() < 0) {
        return Err(failed(path)(ParquetError::General("a column starts before the file".into())));
    }
    // One of two would be lost, and nobody would know which.
    let mut names: Vec<&str> = (metadata.file_metadata().schema().get_fields().iter())
        .map(|field| field.name())
        .filter(|name| Column::named(name).is_some())
        .collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::new(format!("`{}` has two columns `{}`", path.display(), twice[0]))
            .help("rename one of them, or leave it out"));
    }
    match columns.find(|column| column.compression() == Compression::LZO) {
        None => Ok(()),
        Some(_) => Err(Error::new(format!("`{}` is compressed with LZO, which is not read", path.display()))
            .help("write it again with Snappy or zstd, e.g. by `pyarrow.parquet.write_table`")),
    }
}

/// The same file in which strings are bytes, so that one that is no UTF-8 does not end the reading of all.
fn plain_strings(metadata: &ParquetMetaData) -> parquet::errors::Result<ParquetMetaData> {
    let file = metadata.file_metadata();
    let root = plain(file.schema_descr().root_schema_ptr(), true)?;
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        None,
        Arc::new(SchemaDescriptor::new(root)),
        None,
    );
    Ok(ParquetMetaData::new(file, metadata.row_groups().to_vec()))
}

fn plain(of: TypePtr, root: bool) -> parquet::errors::Result<TypePtr> {
    let info = of.get_basic_info();
    Ok(match of.as_ref() {
        Type::GroupType { fields, .. } => {
            let fields: Vec<TypePtr> = fields
                .iter()
                .map(|field| plain(field.clone(), false))
                .collect::<parquet::errors::Result<_>>()?;
            let mut group = Type::group_type_builder(of.name()).with_fields(fields);
            if !root {
                group = group
                    .with_repetition(info.repetition())
                    .with_converted_type(info.converted_type())
                    .with_logical_type(info.logical_type_ref().cloned());
            }
            Arc::new(group.build()?)
        }
        Type::PrimitiveType { physical_type: Physical::BYTE_ARRAY, .. }
            if matches!(
                info.converted_type(),
                ConvertedType::UTF8 | ConvertedType::JSON | ConvertedType::ENUM
            ) || matches!(
                info.logical_type_ref(),
                Some(LogicalType::String | LogicalType::Json | LogicalType::Enum)
            ) =>
        {
            let text = Type::primitive_type_builder(of.name(), Physical::BYTE_ARRAY);
            Arc::new(text.with_repetition(info.repetition()).build()?)
        }
        Type::PrimitiveType { .. } => of,
    })
}

/// For `map_err`: what could not be done with the file at `path`.
fn failed<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl FnOnce(E) -> Error {
    let message = format!("cannot use `{}` as a Parquet file of documents", path.display());
    move |source| {
        Error::new(message)
            .because(source)
            .help("the file is damaged, or uses a part of the format that is not read")
    }
}

#[cfg(test)]
mod tests;
