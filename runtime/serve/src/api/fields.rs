//! Parameters of a request: each is read by its name, and one that nobody read is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fault::Fault;

/// Parameters that change no text: they are taken and say nothing.
const SILENT: [&str; 7] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "parallel_tool_calls",
];

/// The parameters that are not read yet. One that is `null` is as if it were not there.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    pub(crate) fn of(body: &[u8]) -> Result<Self, Fault> {
        let value = serde_json::from_slice(body)
            .map_err(|error| Fault::body(format!("the body is no JSON: {error}")))?;
        match value {
            Value::Object(mut fields) => {
                fields.retain(|_, value| !value.is_null());
                Ok(Self(fields))
            }
            _ => Err(Fault::body("the body is no JSON object")),
        }
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::bad(name, format!("`{name}` must be a text"))),
        }
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(Fault::bad(name, format!("`{name}` must be true or false"))),
        }
    }

    /// A whole number in `least..=most`.
    pub(crate) fn whole(&mut self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let whole = value
            .as_i64()
            .or_else(|| value.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9e15).map(|it| it as i64));
        match whole {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ if most == i64::MAX => {
                Err(Fault::bad(name, format!("`{name}` must be a whole number from {least}")))
            }
            _ => Err(Fault::bad(name, format!("`{name}` must be a whole number in {least} to {most}"))),
        }
    }

    /// A number in `least..=most`.
    pub(crate) fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f32>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number as f32)),
            _ => Err(Fault::bad(name, format!("`{name}` must be a number in {least} to {most}"))),
        }
    }

    /// Texts that end an answer: one, or up to 16.
    pub(crate) fn stops(&mut self) -> Result<Vec<String>, Fault> {
        let bad = || Fault::bad("stop", "`stop` must be a text or up to 16 texts, none of them empty");
        let texts = match self.take("stop") {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) if texts.len() <= 16 => {
                let texts = texts.into_iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(bad));
                texts.collect::<Result<_, _>>()?
            }
            Some(_) => return Err(bad()),
        };
        if texts.iter().any(String::is_empty) { Err(bad()) } else { Ok(texts) }
    }

    /// What is added to tokens' logits.
    pub(crate) fn bias(&mut self, vocabulary: usize) -> Result<BTreeMap<u32, f32>, Fault> {
        let name = "logit_bias";
        let bad = || {
            Fault::bad(
                name,
                format!("`{name}` must be numbers in -100 to 100 by token ids below {vocabulary}"),
            )
        };
        match self.take(name) {
            None => Ok(BTreeMap::new()),
            Some(Value::Object(biases)) => (biases.iter())
                .map(|(id, bias)| {
                    let id = id.parse().ok().filter(|id: &u32| (*id as usize) < vocabulary);
                    let bias = bias.as_f64().filter(|bias| (-100.0..=100.0).contains(bias));
                    Ok((id.ok_or_else(bad)?, bias.ok_or_else(bad)? as f32))
                })
                .collect(),
            Some(_) => Err(bad()),
        }
    }

    /// Refuses what was not read.
    pub(crate) fn end(self) -> Result<(), Fault> {
        match self.0.keys().find(|name| !SILENT.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(Fault::unsupported(name, format!("the parameter `{name}` is not supported here")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_refused_by_name() {
        let mut fields = Fields::of(br#"{"a": 1, "b": null, "user": "x", "frobnicate": [[[]]]}"#).unwrap();
        assert_eq!(fields.whole("a", 0, 5).unwrap(), Some(1));
        assert_eq!(fields.whole("b", 0, 5).unwrap(), None);
        let error = fields.end().unwrap_err().to_json();
        assert_eq!(error["error"]["param"], "frobnicate");
        assert_eq!(error["error"]["code"], "unsupported_parameter");
    }

    #[test]
    fn numbers_have_ranges() {
        let fields = |text: &str| Fields::of(text.as_bytes()).unwrap();
        assert_eq!(fields(r#"{"n": 2.0}"#).whole("n", 1, 5).unwrap(), Some(2));
        for bad in [r#"{"n": 0}"#, r#"{"n": 2.5}"#, r#"{"n": "2"}"#, r#"{"n": 1e300}"#] {
            assert!(fields(bad).whole("n", 1, 5).is_err(), "{bad}");
        }
        assert!(fields(r#"{"t": 2.1}"#).number("t", 0.0, 2.0).is_err());
        assert_eq!(fields(r#"{"stop": ["a", "b"]}"#).stops().unwrap(), ["a", "b"]);
        assert!(fields(r#"{"stop": ["a", ""]}"#).stops().is_err());
        assert_eq!(fields(r#"{"logit_bias": {"5": -100}}"#).bias(9).unwrap(), [(5, -100.0)].into());
        for bad in [r#"{"9": 1}"#, r#"{"x": 1}"#, r#"{"1": 101}"#, r#"{"1": "a"}"#, "[]"] {
            assert!(fields(&format!(r#"{{"logit_bias": {bad}}}"#)).bias(9).is_err(), "{bad}");
        }
    }

    #[test]
    fn deep_and_broken_bodies_are_refused() {
        for bad in ["", "[]", "nope", "{\"a\":", &"[".repeat(100_000), "\u{feff}{}"] {
            assert!(Fields::of(bad.as_bytes()).is_err());
        }
        assert!(Fields::of(b"{\"a\": \"\xff\"}").is_err());
    }
}
