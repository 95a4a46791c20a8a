//! Columns of a user's own, which no stage knows and every stage carries.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The columns of a document that are not among those that documents have, by name.
///
/// They are kept as the text of one JSON object, so that what only carries them neither parses nor copies
/// them apart. Values are any JSON but null: what is null is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(String);

impl Extra {
    /// These columns, in their order, without those that are null.
    #[must_use]
    pub fn new(mut columns: Map<String, Value>) -> Self {
        columns.retain(|_, value| !value.is_null());
        match columns.is_empty() {
            true => Self::default(),
            false => Self(Value::Object(columns).to_string()),
        }
    }

    /// The columns that a text holds; `None` where it is no JSON object.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self::new)
    }

    /// What [`Extra::text`] gave: the text is taken as it is.
    #[must_use]
    pub fn written(text: String) -> Self {
        Self(text)
    }

    /// The JSON object; empty where there are no columns.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns; none where the text is damaged.
    #[must_use]
    pub fn columns(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Keeps those of these names, in the order in which they stand.
    #[must_use]
    pub fn only(self, names: &[String]) -> Self {
        if self.is_empty() || names.is_empty() {
            return Self::default();
        }
        let mut columns = self.columns();
        columns.retain(|name, _| names.contains(name));
        Self::new(columns)
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.columns().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(columns) => Ok(Self::new(columns)),
            _ => Err(D::Error::custom("expected an object")),
        }
    }
}
