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
    pub(super) fn document(&self, row: &Value, notes: &mut Notes) -> Result<Doc, String> {
        let Value::Object(fields) = row else { return Err("it is no JSON object".into()) };
        let mut draft = Draft::default();
        for (name, value) in fields {
            match (Column::named(name), value) {
                (Some(column), _) if self.field(name).is_none() => {
                    draft.set(column, scalar(value), false, notes)
                }
                (None, Value::Object(nested)) if name == "metadata" => {
                    for (name, value) in nested {
                        if let Some(column) = Column::named(name).filter(|_| self.field(name).is_none()) {
                            draft.set(column, scalar(value), true, notes);
                        }
                    }
                }
                _ => {}
            }
        }
        for (column, path) in &self.fields {
            if let (Some(column), Some(value)) = (Column::named(column), at(row, path)) {
                draft.set(column, scalar(value), false, notes);
            }
        }
        draft.finish().map_err(|why| match self.field("text") {
            Some(field) => why.replacen("`text`", &format!("`{field}`"), 1),
            None => why,
        })
    }
}

/// The value at a path of names with dots.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    // The longest name that is there first.
    path.char_indices()
        .rev()
        .filter(|(_, sign)| *sign == '.')
        .find_map(|(dot, _)| at(value.get(&path[..dot])?, &path[dot + 1..]))
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
        let doc = mapping.document(&row, &mut Notes::default()).unwrap();
        assert_eq!((doc.text.as_str(), doc.url.as_str(), doc.id.as_str()), ("a", "https://a.example/", "7"));
        let dotted = json!({"content": "a", "meta.source.url": "b", "meta": {"source.url": "c"}});
        assert_eq!(mapping.document(&dotted, &mut Notes::default()).unwrap().url, "b");
        let inner = json!({"content": "a", "meta": {"source.url": "c"}});
        assert_eq!(mapping.document(&inner, &mut Notes::default()).unwrap().url, "c");
        assert_eq!(
            mapping.document(&json!({"text": "b"}), &mut Notes::default()),
            Err("`content` is missing".into())
        );
        assert_eq!(Mapping::new(&[("text", Some("text")), ("url", None)]), None);
    }
}
