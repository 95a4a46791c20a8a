//! Files as pyarrow, pandas, Spark and datatrove write them, made with the same types.

use arrow_array::builder::{FixedSizeBinaryBuilder, ListBuilder, StringBuilder};
use arrow_array::types::Int32Type as Keys;
use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int64Array, LargeStringArray, NullArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt32Array,
};
use arrow_schema::{Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::*;
use crate::docs::Doc;

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn write(columns: Vec<(&str, ArrayRef)>, codec: Compression) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

fn read(path: &Path) -> (Vec<Row>, Notes) {
    let mut rows = ParquetRows::open(path).unwrap();
    let all = rows.by_ref().map(|row| row.unwrap()).collect();
    (all, std::mem::take(&mut rows.notes))
}

/// The second of two documents, of which the first is null where it can be, with `column` called `name`.
fn second(name: &str, column: ArrayRef) -> (Doc, Notes) {
    let text = array(StringArray::from(vec!["a", "b"]));
    let (_folder, path) = write(vec![("text", text), (name, column)], Compression::SNAPPY);
    let (rows, notes) = read(&path);
    match rows.as_slice() {
        [Row::Doc(first), Row::Doc(second)] => {
            assert_eq!(first, &Doc { text: "a".into(), ..Doc::default() });
            (second.clone(), notes)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_codec_of_the_format_is_read() {
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let text = array(StringArray::from(vec!["some text some text some text"; 100]));
        let (_folder, path) = write(vec![("text", text)], codec);
        let (rows, notes) = read(&path);
        assert_eq!((rows.len(), notes), (100, Notes::default()), "{codec}");
    }
}

#[test]
fn optional_columns_of_any_type_become_texts_and_numbers() {
    let moment = 1_714_557_600_500_000;
    let mut ids = FixedSizeBinaryBuilder::new(16);
    ids.append_null();
    ids.append_value((0..16).collect::<Vec<u8>>()).unwrap();
    let dictionary: DictionaryArray<Keys> = [None, Some("en")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef, &str)> = vec![
        ("id", array(Int64Array::from(vec![None, Some(-7)])), "-7"),
        ("id", array(UInt32Array::from(vec![None, Some(u32::MAX)])), "4294967295"),
        ("id", array(Float64Array::from(vec![None, Some(12.0)])), "12"),
        ("id", array(BooleanArray::from(vec![None, Some(true)])), "true"),
        ("id", array(ids.finish()), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("id", array(BinaryArray::from(vec![None, Some(&b"b"[..])])), "b"),
        (
            "id",
            array(Decimal128Array::from(vec![None, Some(-105)]).with_precision_and_scale(10, 2).unwrap()),
            "-1.05",
        ),
        ("url", array(LargeStringArray::from(vec![None, Some("u")])), "u"),
        ("dump", array(StringViewArray::from(vec![None, Some("d")])), "d"),
        ("language", array(dictionary), "en"),
        ("date", array(Date32Array::from(vec![None, Some(19_844)])), "2024-05-01"),
        (
            "date",
            array(TimestampMicrosecondArray::from(vec![None, Some(moment)])),
            "2024-05-01T10:00:00.500Z",
        ),
        (
            "date",
            array(
                TimestampNanosecondArray::from(vec![None, Some(1_714_557_600_000_000_000)])
                    .with_timezone("UTC"),
            ),
            "2024-05-01T10:00:00Z",
        ),
    ];
    for (name, column, expected) in columns {
        let kind = column.data_type().clone();
        let (doc, notes) = second(name, column);
        let found = match name {
            "id" => &doc.id,
            "url" => &doc.url,
            "dump" => &doc.dump,
            "date" => &doc.date,
            _ => doc.language.as_ref().unwrap(),
        };
        assert_eq!((found.as_str(), notes), (expected, Notes::default()), "{name}: {kind}");
    }
    let numbers: Vec<(ArrayRef, f64)> = vec![
        (array(Float32Array::from(vec![None, Some(0.1)])), 0.1),
        (array(Int8Array::from(vec![None, Some(1)])), 1.0),
        (array(Decimal128Array::from(vec![None, Some(75)]).with_precision_and_scale(4, 2).unwrap()), 0.75),
        (array(StringArray::from(vec![None, Some("0.25")])), 0.25),
    ];
    for (column, expected) in numbers {
        assert_eq!(second("language_score", column).0.language_score, Some(expected));
    }
    for column in
        [array(Float64Array::from(vec![f64::NAN, 12.0])), array(StringArray::from(vec![None, Some("12")]))]
    {
        assert_eq!(second("token_count", column).0.token_count, Some(12));
    }
}

#[test]
fn what_would_be_lost_is_counted() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append(false);
    lists.values().append_value("x");
    lists.append(true);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", array(lists.finish())),
        ("token_count", array(Int64Array::from(vec![None, Some(-1)]))),
        ("language_score", array(StringArray::from(vec![None, Some("high")]))),
        ("date", array(TimestampMicrosecondArray::from(vec![None, Some(i64::MAX)]))),
    ];
    for (name, column) in columns {
        let (doc, notes) = second(name, column);
        assert_eq!(doc, Doc { text: "b".into(), ..Doc::default() }, "{name}");
        assert_eq!(notes.ignored.into_iter().collect::<Vec<_>>(), [(name.to_owned(), 1)]);
    }
    let (_, notes) = second("language", array(NullArray::new(2)));
    assert_eq!(notes, Notes::default());
}

#[test]
fn datatroves_metadata_keeps_its_columns() {
    let field = |name: &str, kind| Field::new(name, kind, true);
    let metadata = StructArray::new(
        Fields::from(vec![
            field("url", DataType::Utf8),
            field("language_score", DataType::Float64),
            field("x", DataType::Int64),
        ]),
        vec![
            array(StringArray::from(vec!["u", "v"])),
            array(Float64Array::from(vec![0.5, 0.75])),
            array(Int64Array::from(vec![1, 2])),
        ],
        Some(vec![false, true].into()),
    );
    let (doc, notes) = second("metadata", array(metadata));
    assert_eq!((doc.url.as_str(), doc.language_score, notes), ("v", Some(0.75), Notes::default()));
}

#[test]
fn texts_may_be_dictionaries_or_bytes_and_bad_ones_end_nothing() {
    let dictionary: DictionaryArray<Keys> = [Some("a"), None, Some("b")].into_iter().collect();
    let (_folder, path) = write(vec![("text", array(dictionary))], Compression::SNAPPY);
    let (rows, _) = read(&path);
    assert!(matches!(&rows[..], [Row::Doc(_), Row::Bad(bad), Row::Doc(_)] if bad.place == "row 2"));

    let (_folder, path) =
        write(vec![("text", array(BinaryArray::from(vec![&b"a\xff"[..], b"b"])))], Compression::SNAPPY);
    let (rows, notes) = read(&path);
    assert_eq!(rows[0], Row::Doc(Doc { text: "a\u{fffd}".into(), ..Doc::default() }));
    assert_eq!((rows.len(), notes.mended), (2, 1));

    let (_folder, path) = write(vec![("text", array(Int64Array::from(vec![1])))], Compression::SNAPPY);
    let error = ParquetRows::open(&path).err().unwrap().to_string();
    assert!(error.ends_with("has the type Int64, expected texts"), "{error}");
    let (_folder, path) = write(vec![("body", array(StringArray::from(vec!["a"])))], Compression::SNAPPY);
    assert!(ParquetRows::open(&path).err().unwrap().to_string().contains("no column `text`"));
}

#[test]
fn strings_that_are_no_unicode_are_mended() {
    // Some writers do not look at what they call strings.
    let text = StringArray::from(vec!["XYZZY one", "two"]);
    let (_folder, path) = write(vec![("text", array(text))], Compression::UNCOMPRESSED);
    let mut bytes = std::fs::read(&path).unwrap();
    while let Some(at) = bytes.windows(5).position(|window| window == b"XYZZY") {
        bytes[at] = 0xff;
    }
    std::fs::write(&path, bytes).unwrap();
    let (rows, notes) = read(&path);
    assert_eq!(rows[0], Row::Doc(Doc { text: "\u{fffd}YZZY one".into(), ..Doc::default() }));
    assert_eq!((rows.len(), notes.mended), (2, 1));
}

#[test]
fn columns_that_nobody_can_tell_are_refused_by_name() {
    let texts = |names: [&'static str; 2]| {
        let fields = names.map(|name| Field::new(name, DataType::Utf8, true));
        let schema = Arc::new(arrow_schema::Schema::new(fields.to_vec()));
        let column = || array(StringArray::from(vec!["a"]));
        let batch = RecordBatch::try_new(schema.clone(), vec![column(), column()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let error = ParquetRows::open(&path).err().unwrap();
        (error.to_string().split('`').nth(2).unwrap().to_owned(), error.help_text().map(str::to_owned))
    };
    assert_eq!(texts(["text", "text"]).0, " has two columns ");
    let help = texts(["Text", "body"]).1.unwrap();
    assert!(help.starts_with("it has `Text`, `body`; write `text = "), "{help}");
}
