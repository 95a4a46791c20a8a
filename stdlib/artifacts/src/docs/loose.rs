//! Rows of other people's files: values of any type become a document's columns where that loses nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Doc, Extra};

/// Integers up to here are floats without loss: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A row of a file of documents.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all rows are documents; a box would cost each of them")]
pub enum Row {
    /// A document.
    Doc(Doc),
    /// A row that is none.
    Bad(Bad),
}

/// A row that is no document.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// Where it stands in its file: `line 12`.
    pub place: String,
    /// What is wrong with it.
    pub why: String,
}

/// What was noticed beside the documents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Rows in which something that is no Unicode was replaced.
    pub mended: u64,
    /// Values of columns that could not be taken over, by column.
    pub ignored: BTreeMap<String, u64>,
}

impl Notes {
    /// Counts them.
    pub fn report(&self, ctx: &dyn llmp_stage::Context) {
        if self.mended > 0 {
            ctx.count("mended", self.mended);
        }
        for (column, values) in &self.ignored {
            ctx.count(&format!("ignored.{column}"), *values);
        }
    }

    /// Adds those of other rows.
    pub fn add(&mut self, other: Self) {
        self.mended += other.mended;
        for (column, values) in other.ignored {
            *self.ignored.entry(column).or_default() += values;
        }
    }
}

/// A column that documents have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Text,
    Id,
    Dump,
    Url,
    Date,
    FilePath,
    Language,
    LanguageScore,
    TokenCount,
    Title,
    Author,
    Published,
    Site,
}

impl Column {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "id" => Self::Id,
            "dump" => Self::Dump,
            "url" => Self::Url,
            "date" => Self::Date,
            "file_path" => Self::FilePath,
            "language" => Self::Language,
            "language_score" => Self::LanguageScore,
            "token_count" => Self::TokenCount,
            "title" => Self::Title,
            "author" => Self::Author,
            "published" => Self::Published,
            "site" => Self::Site,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Id => "id",
            Self::Dump => "dump",
            Self::Url => "url",
            Self::Date => "date",
            Self::FilePath => "file_path",
            Self::Language => "language",
            Self::LanguageScore => "language_score",
            Self::TokenCount => "token_count",
            Self::Title => "title",
            Self::Author => "author",
            Self::Published => "published",
            Self::Site => "site",
        }
    }
}

/// A value of any type.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// A list, an object, or what else has no plain value.
    Other,
}

impl Scalar {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Other => "a list or an object",
        }
    }

    /// As a text; `None` where it is null or would lose something.
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) if value.abs() < EXACT => Some(value.to_string()),
            Self::Null | Self::Float(_) | Self::Other => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64).filter(|value| value.abs() <= EXACT),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Bool(_) | Self::Other => None,
        }
        .filter(|value: &f64| value.is_finite())
    }

    fn count(&self) -> Option<u64> {
        let count = match self {
            Self::Int(value) => u64::try_from(*value).ok(),
            Self::Float(value) if value.fract() == 0.0 && (0.0..=EXACT).contains(value) => {
                Some(*value as u64)
            }
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        count.filter(|count| i64::try_from(*count).is_ok())
    }
}

/// A document in the making.
#[derive(Default)]
pub(super) struct Draft {
    doc: Doc,
    /// The value that stands where the text should.
    text: Option<Scalar>,
    /// What a nested `metadata` says, as datatrove writes it.
    metadata: Doc,
    /// The columns that documents have no place for, those of `metadata` among them.
    extra: Map<String, Value>,
}

impl Draft {
    /// Takes over a value of the row itself, or of its `metadata`.
    pub(super) fn set(&mut self, column: Column, value: Scalar, nested: bool, notes: &mut Notes) {
        if column == Column::Text {
            if !nested {
                self.text = Some(value);
            }
            return;
        }
        // pandas writes what is missing among numbers as not a number.
        if value == Scalar::Null || matches!(value, Scalar::Float(value) if value.is_nan()) {
            return;
        }
        let doc = if nested { &mut self.metadata } else { &mut self.doc };
        let taken = match column {
            Column::LanguageScore => put(&mut doc.language_score, value.float()),
            Column::TokenCount => put(&mut doc.token_count, value.count()),
            Column::Language => put(&mut doc.language, value.text()),
            Column::Title => put(&mut doc.title, value.text()),
            Column::Author => put(&mut doc.author, value.text()),
            Column::Published => put(&mut doc.published, value.text()),
            Column::Site => put(&mut doc.site, value.text()),
            _ => {
                let field = match column {
                    Column::Dump => &mut doc.dump,
                    Column::Url => &mut doc.url,
                    Column::Date => &mut doc.date,
                    Column::FilePath => &mut doc.file_path,
                    _ => &mut doc.id,
                };
                value.text().map(|text| *field = text).is_some()
            }
        };
        if !taken {
            *notes.ignored.entry(column.name().to_owned()).or_default() += 1;
        }
    }

    /// Takes over a value of another column; the row's own goes before that of its `metadata`.
    pub(super) fn set_extra(&mut self, name: String, value: Value, nested: bool) {
        if value.is_null() || nested && self.extra.contains_key(&name) {
            return;
        }
        self.extra.insert(name, value);
    }

    /// The document; or why it is none.
    pub(super) fn finish(self) -> Result<Doc, String> {
        let Self { mut doc, text, metadata, extra } = self;
        doc.text = match text {
            Some(Scalar::Text(text)) => text,
            Some(other) => return Err(format!("`text` is {}, expected a text", other.kind())),
            None => return Err("`text` is missing".into()),
        };
        for (own, nested) in [
            (&mut doc.id, metadata.id),
            (&mut doc.dump, metadata.dump),
            (&mut doc.url, metadata.url),
            (&mut doc.date, metadata.date),
            (&mut doc.file_path, metadata.file_path),
        ] {
            if own.is_empty() {
                *own = nested;
            }
        }
        doc.language = doc.language.or(metadata.language);
        doc.language_score = doc.language_score.or(metadata.language_score);
        doc.token_count = doc.token_count.or(metadata.token_count);
        doc.title = doc.title.or(metadata.title);
        doc.author = doc.author.or(metadata.author);
        doc.published = doc.published.or(metadata.published);
        doc.site = doc.site.or(metadata.site);
        doc.extra = Extra::new(extra);
        Ok(doc)
    }
}

fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let taken = value.is_some();
    if taken {
        *field = value;
    }
    taken
}

/// Reads a row in JSON. The outer error is of the syntax.
pub(super) fn json(row: &[u8], notes: &mut Notes) -> serde_json::Result<Result<Doc, String>> {
    let (mut draft, mut found) = (Draft::default(), Notes::default());
    let mut reader = serde_json::Deserializer::from_slice(row);
    let fields = Fields { draft: &mut draft, notes: &mut found, nested: false };
    let object = fields.deserialize(&mut reader)?;
    reader.end()?;
    for (column, count) in found.ignored {
        *notes.ignored.entry(column).or_default() += count;
    }
    Ok(if object { draft.finish() } else { Err("it is no JSON object".into()) })
}

/// The fields of a row or of its `metadata`. Says whether there is an object.
struct Fields<'a> {
    draft: &'a mut Draft,
    notes: &'a mut Notes,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Column(column) => {
                    let value = map.next_value::<Scalar>()?;
                    self.draft.set(column, value, self.nested, self.notes);
                }
                Key::Metadata if !self.nested => {
                    map.next_value_seed(Fields { draft: self.draft, notes: self.notes, nested: true })?;
                }
                Key::Metadata => drop(map.next_value::<IgnoredAny>()?),
                Key::Other(name) => self.draft.set_extra(name, map.next_value()?, self.nested),
            }
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }
}

enum Key {
    Column(Column),
    Metadata,
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match Column::named(name) {
                    Some(column) => Key::Column(column),
                    None if name == "metadata" => Key::Metadata,
                    None => Key::Other(name.to_owned()),
                })
            }
        }
        deserializer.deserialize_str(Name)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Int(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Int(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> (Result<Doc, String>, Notes) {
        let mut notes = Notes::default();
        (json(row.as_bytes(), &mut notes).unwrap(), notes)
    }

    #[test]
    fn values_become_columns_where_nothing_is_lost() {
        let (doc, notes) = read(
            r#"{"text": "t", "id": 12, "url": null, "date": 2024.5, "dump": true, "language": null,
                "language_score": "0.5", "token_count": 3.0, "other": {"text": [1]}}"#,
        );
        let expected = Doc {
            text: "t".into(),
            id: "12".into(),
            date: "2024.5".into(),
            dump: "true".into(),
            language_score: Some(0.5),
            token_count: Some(3),
            extra: Extra::parse(r#"{"other": {"text": [1]}}"#).unwrap(),
            ..Doc::default()
        };
        assert_eq!((doc, notes), (Ok(expected), Notes::default()));
    }

    #[test]
    fn what_would_lose_something_is_counted() {
        let (doc, notes) = read(
            r#"{"text": "t", "id": 123456789012345678901234567890, "url": ["u"], "token_count": -1,
                "language_score": [0.5], "language": {"code": "en"}}"#,
        );
        assert_eq!(doc, Ok(Doc { text: "t".into(), ..Doc::default() }));
        assert_eq!(
            notes.ignored.keys().map(String::as_str).collect::<Vec<_>>(),
            ["id", "language", "language_score", "token_count", "url"]
        );
    }

    #[test]
    fn datatroves_metadata_fills_what_the_row_leaves_open() {
        let (doc, _) = read(
            r#"{"metadata": {"url": "u", "date": "d", "language": "en", "text": "no", "id": 4, "metadata": 3}, "text": "t",
                "language": "de", "id": "own", "media": []}"#,
        );
        let doc = doc.unwrap();
        assert_eq!((doc.url.as_str(), doc.date.as_str(), doc.id.as_str()), ("u", "d", "own"));
        assert_eq!((doc.text.as_str(), doc.language.as_deref()), ("t", Some("de")));
        assert_eq!(doc.extra.text(), r#"{"media":[]}"#);
        assert!(read(r#"{"text": "t", "metadata": null}"#).0.is_ok());
        assert!(read(r#"{"text": "t", "metadata": "x"}"#).0.is_ok());
    }

    #[test]
    fn other_columns_are_kept_as_they_are() {
        let (doc, notes) = read(
            r#"{"licence": "CC0", "text": "t", "score": 2.5, "null": null, "title": 1984, "tags": {"a": [true]},
                "metadata": {"score": 1, "host": "h", "site": "S"}}"#,
        );
        let doc = doc.unwrap();
        assert_eq!(doc.extra.text(), r#"{"licence":"CC0","score":2.5,"tags":{"a":[true]},"host":"h"}"#);
        assert_eq!((doc.title.as_deref(), doc.site.as_deref()), (Some("1984"), Some("S")));
        assert!(notes.ignored.is_empty());
        let mut line = Vec::new();
        crate::docs::write_jsonl(&mut line, &doc).unwrap();
        let line = std::str::from_utf8(&line).unwrap();
        assert!(
            line.ends_with(
                "\"site\":\"S\",\"licence\":\"CC0\",\"score\":2.5,\"tags\":{\"a\":[true]},\"host\":\"h\"}\n"
            ),
            "{line}"
        );
        assert_eq!(read(line).0.as_ref(), Ok(&doc));
        assert_eq!(serde_json::from_str::<Doc>(line).unwrap(), doc);
        assert_eq!(doc.extra.only(&["tags".to_owned()]).text(), r#"{"tags":{"a":[true]}}"#);
    }

    #[test]
    fn rows_that_are_no_documents_say_why() {
        for (row, why) in [
            ("{}", "`text` is missing"),
            (r#"{"text": null}"#, "`text` is null, expected a text"),
            (r#"{"text": 3}"#, "`text` is a number, expected a text"),
            (r#"{"text": ["a"]}"#, "`text` is a list or an object, expected a text"),
            (r#"["text"]"#, "it is no JSON object"),
            ("null", "it is no JSON object"),
            (r#""text""#, "it is no JSON object"),
        ] {
            assert_eq!(read(row).0, Err(why.into()), "{row}");
        }
    }
}
