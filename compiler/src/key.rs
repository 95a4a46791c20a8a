//! Keys: what identifies the work of a stage.
//!
//! A key is the blake3 hash of a stage's lowered form and its inputs' content, never of text: comments,
//! order, names, formatting, profile names and paths do not enter. It is made from a table of components,
//! which is kept with the result, so that a later miss can be explained field by field.

mod component;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::Stage;
use crate::units::grouped;

pub use component::{Component, ComponentName};

/// The values of hexadecimal digits; of other bytes more than any.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        nibbles[b"0123456789abcdef"[digit] as usize] = digit as u8;
        nibbles[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    nibbles
};

/// A blake3 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut digest = [0; 32];
        let mut seen = 0;
        for (byte, [high, low]) in digest.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
            seen |= high | low;
            *byte = (high << 4) | low;
        }
        (seen < 16).then_some(Self(digest))
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first 12 hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits)
    }
}

/// Reads a digest from text without a copy of it: a ledger's records hold many.
struct Digits;

impl serde::de::Visitor<'_> for Digits {
    type Value = Digest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("64 hexadecimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
        Digest::from_hex(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

/// Hashes values with a type tag each and a length before everything of variable length, so that no two
/// different sequences give the same bytes.
///
/// What is hashed is short and comes in many pieces, so the pieces are gathered and hashed at once: blake3's
/// own state has 2 KB to set up, and works on blocks.
pub struct Hasher(Vec<u8>);

impl Hasher {
    /// A hasher for one kind of thing; `domain` names the kind and its version, e.g. `llmp key 1`.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        let mut hasher = Self(Vec::with_capacity(256));
        hasher.text(domain);
        hasher
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(bytes);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(b's', &(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a hash.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.bytes(b'h', &digest.0);
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(b'u', &number.to_le_bytes());
        self
    }

    /// Adds a lowered value; objects by sorted names.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.bytes(b'0', &[]),
            Value::Bool(flag) => self.bytes(if *flag { b'T' } else { b'F' }, &[]),
            Value::Number(number) => {
                if let Some(whole) = number.as_i64() {
                    self.bytes(b'i', &whole.to_le_bytes());
                } else if let Some(whole) = number.as_u64() {
                    self.number(whole);
                } else {
                    let float = number.as_f64().unwrap_or(f64::NAN);
                    self.bytes(b'f', &float.to_bits().to_le_bytes());
                }
            }
            Value::String(text) => {
                self.text(text);
            }
            Value::Array(items) => {
                self.bytes(b'[', &(items.len() as u64).to_le_bytes());
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(fields) => {
                self.bytes(b'{', &(fields.len() as u64).to_le_bytes());
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|&(name, _)| name);
                for (name, value) in fields {
                    self.text(name).value(value);
                }
            }
        }
        self
    }

    /// The hash of all that was added.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// What identifies a stage's work, and the table it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The hash of the components' names and digests: equal keys, equal results.
    pub digest: Digest,
    /// Sorted by name, each name once.
    pub components: Vec<Component>,
}

/// An input's content, for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The role, or the name of a path setting.
    pub role: String,
    /// Whether it comes from files, not from a stage.
    pub files: bool,
    /// As people read it: `8 files`, `base`.
    pub label: String,
    /// The hash of the content.
    pub digest: Digest,
}

/// The key of a stage whose inputs have the given contents.
#[must_use]
pub fn key(stage: &Stage, contents: &[Content]) -> Key {
    let mut components = recipe(stage);
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for content in contents {
        let number = counts.entry(&content.role).or_default();
        let slot = match *number {
            0 => content.role.clone(),
            n => format!("{}[{n}]", content.role),
        };
        *number += 1;
        let name = if content.files { ComponentName::Files(slot) } else { ComponentName::Input(slot) };
        components.push(Component { name, value: content.label.clone(), digest: content.digest });
    }
    components.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hasher = Hasher::new("llmp key 1");
    for component in &components {
        hasher.text(&component.name.text()).digest(&component.digest);
    }
    Key { digest: hasher.finish(), components }
}

/// What identifies the stem of a stage with this key (see [`Stage::stem`]): the key without the settings that
/// count towards the end only. `None` where it leaves none.
#[must_use]
pub fn stem(stage: &Stage, key: &Key) -> Option<Digest> {
    if stage.stem.is_empty() {
        return None;
    }
    let counts = |name: &ComponentName| match name {
        ComponentName::Setting(path) => {
            let setting = path.split('.').next().unwrap_or(path);
            !stage.stem.iter().any(|left_out| left_out == setting)
        }
        _ => true,
    };
    let mut hasher = Hasher::new("llmp stem 1");
    for component in key.components.iter().filter(|component| counts(&component.name)) {
        hasher.text(&component.name.text()).digest(&component.digest);
    }
    Some(hasher.finish())
}

/// The components that do not depend on inputs: kind, epoch, settings, command.
#[must_use]
pub fn recipe(stage: &Stage) -> Vec<Component> {
    let mut components = vec![
        component(ComponentName::Kind, &Value::from(stage.kind.as_str())),
        component(ComponentName::Epoch, &Value::from(stage.epoch)),
    ];
    for setting in stage.settings.iter().filter(|setting| !setting.runtime) {
        // The content of a file counts, given among the contents; its path does not.
        if !setting.path || setting.value.is_null() {
            flatten(&setting.name, &setting.value, &mut components);
        }
    }
    if let Some(command) = &stage.command {
        components.push(component(ComponentName::Command, &Value::from(command.clone())));
    }
    if stage.jsonl {
        // No setting is called like a property.
        components.push(component(ComponentName::Setting("reads".to_owned()), &Value::from("jsonl")));
    }
    components
}

fn flatten(name: &str, value: &Value, components: &mut Vec<Component>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(&format!("{name}.{field}"), value, components);
            }
        }
        _ => components.push(component(ComponentName::Setting(name.to_owned()), value)),
    }
}

fn component(name: ComponentName, value: &Value) -> Component {
    let digest = Hasher::new("llmp value 1").value(value).finish();
    Component { name, value: printable(value), digest }
}

/// A value as people read it.
#[must_use]
pub fn printable(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            // Four digits are read at a glance.
            (Some(whole), _) if whole >= 10_000 => grouped(whole),
            (Some(whole), _) => whole.to_string(),
            (None, Some(float)) if float != 0.0 && !(1e-3..1e6).contains(&float.abs()) => {
                format!("{float:e}")
            }
            _ => number.to_string(),
        },
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(printable).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Bool(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::graph::Setting;
    use crate::source::Span;

    fn stage(settings: &[(&str, Value)]) -> Stage {
        Stage {
            name: "x".into(),
            kind: "filter.urls".into(),
            epoch: 1,
            settings: settings
                .iter()
                .map(|(name, value)| Setting {
                    name: (*name).into(),
                    value: value.clone(),
                    runtime: false,
                    path: false,
                    span: None,
                })
                .collect(),
            inputs: vec![],
            output: None,
            per_shard: None,
            resumes: false,
            stem: vec![],
            needs: crate::graph::Needs::default(),
            amounts: Default::default(),
            command: None,
            command_span: None,
            jsonl: false,
            span: Span::default(),
        }
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let digest = Digest(std::array::from_fn(|at| (at * 37) as u8));
        let hex = digest.hex();
        assert_eq!(Digest::from_hex(&hex), Some(digest));
        assert_eq!(Digest::from_hex(&hex.to_uppercase()), Some(digest));
        assert_eq!(serde_json::from_value::<Digest>(json!(hex)).unwrap(), digest);
        for at in 0..hex.len() {
            for wrong in ["g", "/", ":", "@", "`", " ", ""] {
                let other = format!("{}{wrong}{}", &hex[..at], &hex[at + 1..]);
                assert_eq!(Digest::from_hex(&other), None, "{other}");
            }
        }
        assert!(serde_json::from_value::<Digest>(json!(hex[1..])).is_err());
    }

    #[test]
    fn the_order_of_settings_and_the_name_do_not_count() {
        let a = stage(&[("a", json!(1)), ("b", json!({"x": 1, "y": [true, null]}))]);
        let mut b = stage(&[("b", json!({"y": [true, null], "x": 1})), ("a", json!(1))]);
        b.name = "y".into();
        assert_eq!(key(&a, &[]), key(&b, &[]));
    }

    #[test]
    fn every_kind_of_value_counts() {
        let values = [
            json!(null),
            json!(true),
            json!(1),
            json!(1.5),
            json!("1"),
            json!([1]),
            json!([[1]]),
            json!(["1"]),
        ];
        let keys: std::collections::BTreeSet<_> =
            values.iter().map(|value| key(&stage(&[("a", value.clone())]), &[]).digest).collect();
        assert_eq!(keys.len(), values.len());
    }

    #[test]
    fn runtime_settings_do_not_count() {
        let mut a = stage(&[("a", json!(1))]);
        let before = key(&a, &[]);
        a.settings[0].runtime = true;
        a.settings[0].value = json!(2);
        let after = key(&a, &[]);
        assert_ne!(before, after, "a setting that becomes runtime leaves the table");
        a.settings[0].value = json!(3);
        assert_eq!(after, key(&a, &[]));
    }

    #[test]
    fn a_stem_leaves_out_what_counts_at_the_end() {
        let content = |byte: u8| Content {
            role: "for".into(),
            files: false,
            label: "x".into(),
            digest: Digest([byte; 32]),
        };
        let of = |horizon: Value, lr: f64, input: u8| {
            let mut stage = stage(&[("for", horizon), ("force", json!(1)), ("lr", json!(lr))]);
            stage.stem = vec!["for".into()];
            let key = key(&stage, &[content(input)]);
            (key.digest, stem(&stage, &key).unwrap())
        };
        let (key, whole) = of(json!(20), 0.1, 1);
        assert_eq!(of(json!(40), 0.1, 1).1, whole);
        assert_eq!(of(json!({"steps": 40}), 0.1, 1).1, whole);
        assert_ne!(of(json!(40), 0.1, 1).0, key);
        assert_ne!(of(json!(20), 0.2, 1).1, whole);
        assert_ne!(of(json!(20), 0.1, 2).1, whole, "an input called like the setting");
        let plain = stage(&[("for", json!(20))]);
        assert_eq!(stem(&plain, &super::key(&plain, &[])), None);
    }

    #[test]
    fn inputs_count_by_role_and_content() {
        let content = |role: &str, byte: u8| Content {
            role: role.into(),
            files: false,
            label: "x".into(),
            digest: Digest([byte; 32]),
        };
        let stage = stage(&[]);
        let base = key(&stage, &[content("a", 1), content("b", 2)]);
        assert_ne!(base, key(&stage, &[content("a", 2), content("b", 1)]));
        assert_ne!(
            key(&stage, &[content("a", 1), content("a", 2)]),
            key(&stage, &[content("a", 2), content("a", 1)])
        );
        assert_eq!(base, key(&stage, &[content("b", 2), content("a", 1)]));
    }

    #[test]
    fn numbers_are_printed_as_they_are_written() {
        assert_eq!(printable(&json!(2_000_000)), "2_000_000");
        assert_eq!(printable(&json!(4096)), "4096");
        assert_eq!(printable(&json!(0.0003)), "3e-4");
        assert_eq!(printable(&json!(0.8)), "0.8");
        assert_eq!(printable(&json!(["a", "b"])), "[a, b]");
    }
}
