//! Fields of people's rows under names of their own.

use serde_json::Value;

use super::Doc;
use super::loose::{Column, Draft, Notes, Scalar};

/// Which fields of a row become which columns. What no field is named for is found as always, by the column's
/// own name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Columns with the path of their field.
    fields: Vec<(&'static str, String)>,
}

impl Mapping {
    /// The fields of these columns; `None` where all are called as the columns are.
    ///
    /// A name is that of a field, or a path of names with dots: `meta.source.url`. A field whose own name has
    /// dots is found first.
    #[must_use]
    pub fn new(fields: &[(&'static str, Option<&str>)]) -> Option<Self> {
        let named = fields.iter().filter_map(|(column, field)| Some((*column, (*field)?)));
        let fields: Vec<(&'static str, String)> = named
            .filter(|(column, field)| column != field)
            .map(|(column, field)| (column, field.to_owned()))
            .collect();
        (!fields.is_empty()).then_some(Self { fields })
    }

    /// The field of a column.
    pub(super) fn field(&self, column: &str) -> Option<&str> {
        self.fields.iter().find(|(of, _)| *of == column).map(|(_, field)| field.as_str())
    }

    /// The document in a row; or why it holds none.
    pub(super) fn document(&self, mut row: Value, notes: &mut Notes) -> Result<Doc, String> {
        if !row.is_object() {
            return Err("it is no JSON object".into());
        }
        let mut draft = Draft::default();
        // What a field is named for is no further column.
        let mut named = Vec::new();
        for (column, path) in &self.fields {
            if let (Some(column), Some(value)) = (Column::named(column), taken(&mut row, path)) {
                named.push((column, value));
            }
        }
        let Value::Object(fields) = row else { return Err("it is no JSON object".into()) };
        for (name, value) in fields {
            match (Column::named(&name), value) {
                (Some(column), value) if self.field(&name).is_none() => {
                    draft.set(column, scalar(&value), false, notes);
                }
                (None, Value::Object(nested)) if name == "metadata" => {
                    for (name, value) in nested {
                        match Column::named(&name) {
                            Some(column) if self.field(&name).is_none() => {
                                draft.set(column, scalar(&value), true, notes);
                            }
                            Some(_) => {}
                            None => draft.set_extra(name, value, true),
                        }
                    }
                }
                (None, value) => draft.set_extra(name, value, false),
                (Some(_), _) => {}
            }
        }
        for (column, value) in named {
            draft.set(column, scalar(&value), false, notes);
        }
        draft.finish().map_err(|why| match self.field("text") {
            Some(field) => why.replacen("`text`", &format!("`{field}`"), 1),
            None => why,
        })
    }
}

/// Takes the value at a path of names with dots out of `value`, and what would be left as an empty object.
fn taken(value: &mut Value, path: &str) -> Option<Value> {
    let fields = value.as_object_mut()?;
    if let Some(found) = fields.shift_remove(path) {
        return Some(found);
    }
    // The longest name that is there first.
    for (dot, _) in path.char_indices().rev().filter(|(_, sign)| *sign == '.') {
        let (name, rest) = (&path[..dot], &path[dot + 1..]);
        if let Some(found) = fields.get_mut(name).and_then(|inner| taken(inner, rest)) {
            if fields.get(name).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
                fields.shift_remove(name);
            }
            return Some(found);
        }
    }
    None
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Scalar::Int(whole),
            (None, Some(float)) => Scalar::Float(float),
            (None, None) => Scalar::Other,
        },
        Value::String(text) => Scalar::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Scalar::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_by_paths() {
        let mapping =
            Mapping::new(&[("text", Some("content")), ("url", Some("meta.source.url")), ("id", None)])
                .unwrap();
        let row =
            json!({"content": "a", "text": "b", "id": 7, "meta": {"source": {"url": "https://a.example/"}}});
        let doc = mapping.document(row, &mut Notes::default()).unwrap();
        assert_eq!((doc.text.as_str(), doc.url.as_str(), doc.id.as_str()), ("a", "https://a.example/", "7"));
        assert!(doc.extra.is_empty(), "{}", doc.extra.text());
        let dotted = json!({"content": "a", "meta.source.url": "b", "meta": {"source.url": "c"}});
        assert_eq!(mapping.document(dotted, &mut Notes::default()).unwrap().url, "b");
        let inner = json!({"content": "a", "meta": {"source.url": "c"}});
        assert_eq!(mapping.document(inner, &mut Notes::default()).unwrap().url, "c");
        assert_eq!(
            mapping.document(json!({"text": "b"}), &mut Notes::default()),
            Err("`content` is missing".into())
        );
        assert_eq!(Mapping::new(&[("text", Some("text")), ("url", None)]), None);
    }
}
