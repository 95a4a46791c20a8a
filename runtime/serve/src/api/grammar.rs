//! Answers in JSON: which bytes may come next, after any JSON object or after a schema.
//!
//! What is written is compact: no blanks but one behind `:` and `,`. A token that would lead astray is never
//! drawn, so that every answer that ends is right.

use std::sync::Arc;

use serde_json::Value;

use super::fault::Fault;
use crate::model::{Mask, Model};

/// Values within values, at most.
const MAX_DEPTH: usize = 32;
/// Characters of a number, at most.
const MAX_DIGITS: u8 = 18;
/// Parts of a schema, at most.
const MAX_PARTS: usize = 2000;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Any,
    Object(Vec<Property>),
    /// Items, how many at least and at most.
    Array(Arc<Form>, usize, usize),
    /// Any string.
    Text,
    /// A number, and whether it is a whole one.
    Number(bool),
    /// One of these, as they are written.
    OneOf(Arc<[Vec<u8>]>),
}

/// A property of an object, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    /// The name as it is written, with its quotes.
    name: Vec<u8>,
    form: Form,
    required: bool,
}

/// Any JSON object.
pub(crate) fn any_object() -> Form {
    Form::Any
}

/// Reads a schema: types, `properties`, `required`, `items`, `enum`, `const`. What else a schema says of
/// values is refused, and what it says of itself passed over.
pub(crate) fn of_schema(schema: &Value) -> Result<Form, Fault> {
    let mut parts = 0;
    let form = read(schema, "response_format.json_schema.schema", &mut parts, 0)?;
    match form {
        Form::Object(_) => Ok(form),
        _ => Err(Fault::bad("response_format", "the schema's outermost type must be `object`")),
    }
}

fn read(schema: &Value, place: &str, parts: &mut usize, depth: usize) -> Result<Form, Fault> {
    *parts += 1;
    if *parts > MAX_PARTS || depth > MAX_DEPTH {
        return Err(Fault::bad("response_format", "the schema is too large"));
    }
    let Some(fields) = schema.as_object() else {
        return Err(Fault::bad("response_format", format!("`{place}` must be an object")));
    };
    const KNOWN: [&str; 14] = [
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "minItems",
        "maxItems",
        "additionalProperties",
        "title",
        "description",
        "$schema",
        "default",
        "examples",
    ];
    if let Some(name) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        let message = format!("`{place}.{name}` is not supported here");
        return Err(Fault::unsupported("response_format", message));
    }
    let given = match (fields.get("enum"), fields.get("const")) {
        (Some(Value::Array(values)), None) if !values.is_empty() => Some(values.clone()),
        (None, Some(value)) => Some(vec![value.clone()]),
        (None, None) => None,
        _ => return Err(Fault::bad("response_format", format!("`{place}.enum` must be a list"))),
    };
    if let Some(values) = given {
        return Ok(one_of(values.iter().map(Value::to_string)));
    }
    match fields.get("type").and_then(Value::as_str) {
        Some("string") => Ok(Form::Text),
        Some("number") => Ok(Form::Number(false)),
        Some("integer") => Ok(Form::Number(true)),
        Some("boolean") => Ok(one_of(["true", "false"].map(str::to_owned))),
        Some("null") => Ok(one_of(["null".to_owned()])),
        Some("array") => {
            let items = match fields.get("items") {
                Some(items) => read(items, &format!("{place}.items"), parts, depth + 1)?,
                None => Form::Any,
            };
            let count =
                |name: &str| fields.get(name).and_then(Value::as_u64).map(|it| it.min(10_000) as usize);
            let (least, most) = (count("minItems").unwrap_or(0), count("maxItems").unwrap_or(usize::MAX));
            if least > most {
                return Err(Fault::bad("response_format", format!("`{place}.minItems` is above `maxItems`")));
            }
            Ok(Form::Array(Arc::new(items), least, most))
        }
        Some("object") => {
            let none = serde_json::Map::new();
            let properties = fields.get("properties").map_or(Some(&none), Value::as_object);
            let properties = properties.ok_or_else(|| {
                Fault::bad("response_format", format!("`{place}.properties` must be an object"))
            })?;
            let required: Vec<&str> = fields
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let property = |(name, schema): (&String, &Value)| {
                Ok(Property {
                    name: Value::from(name.as_str()).to_string().into_bytes(),
                    form: read(schema, &format!("{place}.properties.{name}"), parts, depth + 1)?,
                    required: required.contains(&name.as_str()),
                })
            };
            Ok(Form::Object(properties.iter().map(property).collect::<Result<_, Fault>>()?))
        }
        None if fields.is_empty() => Ok(Form::Any),
        _ => {
            let message =
                format!("`{place}.type` must be string, number, integer, boolean, null, array or object");
            Err(Fault::unsupported("response_format", message))
        }
    }
}

fn one_of(values: impl IntoIterator<Item = String>) -> Form {
    Form::OneOf(values.into_iter().map(String::into_bytes).collect())
}

/// What is due next; the last of a stack is.
#[derive(Clone, Debug, PartialEq)]
enum Due {
    Value(Form),
    /// Of the words, one that begins with what was written, of which there are so many bytes.
    Word(Arc<[Vec<u8>]>, Vec<u8>),
    Byte(u8),
    /// One blank, or none.
    Blank,
    /// The rest of a string; bytes of a character or digits of an escape that are due.
    Text {
        bytes: u8,
        escape: bool,
        digits: u8,
    },
    /// Where in a number, whether it is a whole one, and its length.
    Number(Digits, bool, u8),
    /// A property or the end; which come next, and whether one was written.
    Property(Arc<[Property]>, usize, bool),
    /// Properties whose names begin with what was written.
    Name(Arc<[Property]>, usize, Vec<u8>),
    /// An item or the end, and how many were written.
    Item(Arc<Form>, usize, usize, usize),
    /// A property of any object or its end, and whether one was written.
    Free(bool),
}

/// Where in a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Digits {
    Sign,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    Power,
}

/// Where in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct At(Vec<Due>);

impl At {
    pub(crate) fn start(form: &Form) -> Self {
        match form {
            Form::Any => Self(vec![Due::Free(false), Due::Byte(b'{')]),
            form => Self(vec![Due::Value(form.clone())]),
        }
    }

    /// Whether the answer is complete.
    pub(crate) fn done(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a byte; whether it may stand here.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        // A number or a blank that is over leaves the byte to what follows.
        for _ in 0..4 {
            let Some(due) = self.0.pop() else { return false };
            match self.step(due, byte) {
                Some(true) => return true,
                Some(false) => return false,
                None => {}
            }
        }
        false
    }

    fn push(&mut self, due: Due) -> Option<bool> {
        self.0.push(due);
        Some(self.0.len() <= 4 * MAX_DEPTH)
    }

    /// `None` where the byte belongs to what is due behind.
    fn step(&mut self, due: Due, byte: u8) -> Option<bool> {
        match due {
            Due::Byte(it) => Some(byte == it),
            Due::Blank => (byte == b' ').then_some(true),
            Due::Word(words, mut written) => {
                written.push(byte);
                if words.contains(&written)
                    && !words.iter().any(|it| it.len() > written.len() && it.starts_with(&written))
                {
                    return Some(true);
                }
                match words.iter().any(|word| word.starts_with(&written)) {
                    true => self.push(Due::Word(words, written)),
                    // A word that begins another, as 1 begins 12.
                    false if words.iter().any(|word| word[..] == written[..written.len() - 1]) => None,
                    false => Some(false),
                }
            }
            Due::Value(form) => self.value(form, byte),
            Due::Text { bytes, escape, digits } => self.text(bytes, escape, digits, byte),
            Due::Number(at, whole, length) => {
                let over = matches!(at, Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Power);
                // A number has as many digits as matter, so that none goes on for ever.
                match number(at, whole, byte).filter(|_| length < MAX_DIGITS || !over) {
                    Some(at) => self.push(Due::Number(at, whole, length.saturating_add(1))),
                    None if over => None,
                    None => Some(false),
                }
            }
            Due::Property(properties, next, begun) => {
                let rest = &properties[next..];
                match byte {
                    b'}' => Some(!rest.iter().any(|it| it.required)),
                    b',' if begun && !rest.is_empty() => {
                        self.0.push(Due::Name(properties, next, Vec::new()));
                        self.push(Due::Blank)
                    }
                    b'"' if !begun && !rest.is_empty() => self.push(Due::Name(properties, next, vec![byte])),
                    _ => Some(false),
                }
            }
            Due::Name(properties, next, mut written) => {
                written.push(byte);
                // A property that is required is never passed over.
                let most = properties[next..]
                    .iter()
                    .position(|it| it.required)
                    .map_or(properties.len(), |it| next + it + 1);
                if let Some(at) = (next..most).find(|at| properties[*at].name == written) {
                    let form = properties[at].form.clone();
                    self.0.extend([
                        Due::Property(properties, at + 1, true),
                        Due::Value(form),
                        Due::Blank,
                        Due::Byte(b':'),
                    ]);
                    return Some(true);
                }
                match properties[next..most].iter().any(|it| it.name.starts_with(&written)) {
                    true => self.push(Due::Name(properties, next, written)),
                    false => Some(false),
                }
            }
            Due::Item(form, least, most, count) => match byte {
                b']' => Some(count >= least),
                b',' if count > 0 && count < most => {
                    self.0.extend([
                        Due::Item(Arc::clone(&form), least, most, count + 1),
                        Due::Value((*form).clone()),
                        Due::Blank,
                    ]);
                    Some(true)
                }
                _ if count == 0 && most > 0 => {
                    self.0.push(Due::Item(Arc::clone(&form), least, most, 1));
                    self.value((*form).clone(), byte)
                }
                _ => Some(false),
            },
            Due::Free(begun) => match byte {
                b'}' => Some(true),
                b',' if begun => {
                    self.0.extend([Due::Free(true), Due::Value(Form::Any), Due::Blank, Due::Byte(b':')]);
                    self.0.extend([Due::Value(Form::Text), Due::Blank]);
                    Some(true)
                }
                b'"' if !begun => {
                    self.0.extend([Due::Free(true), Due::Value(Form::Any), Due::Blank, Due::Byte(b':')]);
                    self.push(Due::Text { bytes: 0, escape: false, digits: 0 })
                }
                _ => Some(false),
            },
        }
    }

    fn value(&mut self, form: Form, byte: u8) -> Option<bool> {
        let text = Due::Text { bytes: 0, escape: false, digits: 0 };
        match (form, byte) {
            (Form::Any | Form::Text, b'"') => self.push(text),
            (Form::Any, b'{') => self.push(Due::Free(false)),
            (Form::Any, b'[') => self.push(Due::Item(Arc::new(Form::Any), 0, usize::MAX, 0)),
            (Form::Any, b't' | b'f' | b'n') => {
                let words = ["true", "false", "null"].map(|word| word.as_bytes().to_vec());
                self.push(Due::Word(words.into(), vec![byte]))
            }
            (Form::Any, b'-') => self.push(Due::Number(Digits::Sign, false, 1)),
            (Form::Any, b'0') => self.push(Due::Number(Digits::Zero, false, 1)),
            (Form::Any, b'1'..=b'9') => self.push(Due::Number(Digits::Whole, false, 1)),
            (Form::Number(whole), b'-') => self.push(Due::Number(Digits::Sign, whole, 1)),
            (Form::Number(whole), b'0') => self.push(Due::Number(Digits::Zero, whole, 1)),
            (Form::Number(whole), b'1'..=b'9') => self.push(Due::Number(Digits::Whole, whole, 1)),
            (Form::Object(properties), b'{') => self.push(Due::Property(properties.into(), 0, false)),
            (Form::Array(items, least, most), b'[') => self.push(Due::Item(items, least, most, 0)),
            (Form::OneOf(words), byte) => self.step(Due::Word(words, Vec::new()), byte),
            _ => Some(false),
        }
    }

    fn text(&mut self, bytes: u8, escape: bool, digits: u8, byte: u8) -> Option<bool> {
        let (bytes, escape, digits) = match byte {
            _ if digits > 0 => {
                // No surrogates, which would have to come in pairs.
                let surrogate = digits == 4 && matches!(byte, b'd' | b'D');
                if !byte.is_ascii_hexdigit() || surrogate {
                    return Some(false);
                }
                (0, false, digits - 1)
            }
            b'u' if escape => (0, false, 4),
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' if escape => (0, false, 0),
            _ if escape => return Some(false),
            0x80..=0xbf if bytes > 0 => (bytes - 1, false, 0),
            _ if bytes > 0 => return Some(false),
            b'"' => return Some(true),
            b'\\' => (0, true, 0),
            0x20..=0x7f => (0, false, 0),
            // The bytes whose followers are not all allowed are left out: few characters begin so.
            0xc2..=0xdf => (1, false, 0),
            0xe1..=0xec | 0xee | 0xef => (2, false, 0),
            0xf1..=0xf3 => (3, false, 0),
            0xf0 => (0xf0, false, 0),
            _ => return Some(false),
        };
        if bytes == 0xf0 {
            // Emoji and rare Han begin with F0 90 to F0 BF.
            self.0.push(Due::Text { bytes: 2, escape: false, digits: 0 });
            return self.push(Due::Word((0x90..=0xbf).map(|it| vec![it]).collect(), Vec::new()));
        }
        self.push(Due::Text { bytes, escape, digits })
    }
}

fn number(at: Digits, whole: bool, byte: u8) -> Option<Digits> {
    match (at, byte) {
        (Digits::Sign, b'0') => Some(Digits::Zero),
        (Digits::Sign, b'1'..=b'9') | (Digits::Whole, b'0'..=b'9') => Some(Digits::Whole),
        (Digits::Zero | Digits::Whole, b'.') if !whole => Some(Digits::Point),
        (Digits::Point | Digits::Fraction, b'0'..=b'9') => Some(Digits::Fraction),
        (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') if !whole => Some(Digits::Exponent),
        (Digits::Exponent, b'+' | b'-') => Some(Digits::ExponentSign),
        (Digits::Exponent | Digits::ExponentSign | Digits::Power, b'0'..=b'9') => Some(Digits::Power),
        _ => None,
    }
}

/// Lets only such tokens be drawn that the form allows, and the end once it is complete.
pub(crate) fn mask(form: &Form, model: &Arc<dyn Model>) -> Mask {
    let mut at = At::start(form);
    let mut taken = 0;
    let model = Arc::clone(model);
    let ends = model.marks().map(|marks| [marks.end_of_turn, marks.end_of_text]);
    Box::new(move |drawn, logits| {
        for token in &drawn[taken..] {
            for byte in model.bytes(*token).unwrap_or_default() {
                at.take(*byte);
            }
        }
        taken = drawn.len();
        let begins: Vec<bool> = (0..=255).map(|byte| at.clone().take(byte)).collect();
        for (id, logit) in (0u32..).zip(logits.iter_mut()) {
            let allowed = match model.bytes(id) {
                _ if at.done() => ends.is_some_and(|ends| ends.contains(&id)),
                Some([first, rest @ ..]) if begins[usize::from(*first)] && !model.is_special(id) => {
                    let mut probe = at.clone();
                    rest.is_empty() || (probe.take(*first) && rest.iter().all(|byte| probe.take(*byte)))
                }
                _ => false,
            };
            if !allowed {
                *logit = f32::NEG_INFINITY;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whether a text is allowed, and complete.
    fn judged(form: &Form, text: &str) -> (bool, bool) {
        let mut at = At::start(form);
        let allowed = text.bytes().all(|byte| at.take(byte));
        (allowed, allowed && at.done())
    }

    #[test]
    fn any_object_is_json() {
        for right in
            ["{}", r#"{"a":1}"#, r#"{"a": [1, -2.5e+3, true, null, "x\"é\u00e9😀", {"b":[]}], "c":0}"#]
        {
            assert_eq!(judged(&any_object(), right), (true, true), "{right}");
            serde_json::from_str::<Value>(right).unwrap();
        }
        for wrong in [
            "[",
            "x",
            "{,",
            "{\"a\" ",
            "{\"a\":01",
            "{\"a\":tru,",
            "{\"a\":1,}",
            "{\"\n",
            "{\"a\":\"\\x",
            "{}x",
            "{\"a\":-}",
            "{\"a\":[1,]",
        ] {
            assert!(!judged(&any_object(), wrong).0, "{wrong}");
        }
        assert_eq!(judged(&any_object(), "{\"a\":\"x"), (true, false));
        assert!(!judged(&any_object(), &("{\"a\":".repeat(500))).0, "too deep");
        assert!(judged(&any_object(), &format!("{{\"a\":{}}}", "1".repeat(18))).1);
        assert!(!judged(&any_object(), &format!("{{\"a\":{}", "1".repeat(19))).0, "endless");
        assert!(judged(&any_object(), &format!("{{\"a\":{}.5}}", "1".repeat(17))).1, "never in a dead end");
    }

    #[test]
    fn a_schema_is_followed() {
        let schema = json!({"type": "object", "additionalProperties": false, "required": ["name", "age"], "properties": {
            "name": {"type": "string"}, "nick": {"type": "string"}, "age": {"type": "integer"},
            "kind": {"enum": ["a", "ab", 1, 12]}, "list": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
        }});
        let form = of_schema(&schema).unwrap();
        for right in [
            r#"{"name":"x","age":3}"#,
            r#"{"name": "x", "nick": "y", "age": -30, "kind": "ab"}"#,
            r#"{"name":"","age":0,"kind":1}"#,
            r#"{"name":"","age":0,"kind":12,"list":[true, false]}"#,
        ] {
            assert_eq!(judged(&form, right), (true, true), "{right}");
        }
        for wrong in [
            "{}",
            r#"{"age""#,
            r#"{"name":1"#,
            r#"{"name":"x","age":1.5"#,
            r#"{"name":"x"}"#,
            r#"{"name":"x","age":3,"x"#,
            r#"{"name":"x","age":3,"kind":"b"#,
            r#"{"name":"x","age":3,"list":[]"#,
            r#"{"name":"x","age":3,"list":[true,true,t"#,
        ] {
            assert!(!judged(&form, wrong).0, "{wrong}");
        }
        for bad in [
            json!({"type": "string"}),
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}),
            json!([]),
        ] {
            assert!(of_schema(&bad).is_err(), "{bad}");
        }
    }
}
