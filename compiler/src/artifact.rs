//! The kinds of artifact, and the type of an artifact outside of the compiler: as it is shown, recorded, and
//! read again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares the kinds, in the order data usually flows: name, whether the type says which vocabulary it is
/// made with, and what editors say of it.
macro_rules! kinds {
    ($($name:ident $vocabulary:literal $about:literal)*) => {
        /// A kind of artifact: what one stage makes and others take. On disk it is its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ArtifactKind {
            $(#[doc = $about] $name,)*
        }

        impl ArtifactKind {
            /// All kinds, in the order data usually flows.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in programs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// One sentence for people who meet it in a program.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// Whether the type says which vocabulary it is made with.
            #[must_use]
            pub fn has_vocabulary(self) -> bool {
                match self { $(Self::$name => $vocabulary,)* }
            }
        }
    };
}

kinds! {
    Files         false "Files that a path or pattern names."
    Pages         false "Web pages as they were crawled."
    Docs          false "Documents: text with what is known of it."
    Classifier    false "What tells documents apart by their text, e.g. good ones from poor ones."
    Tokenizer     true  "A vocabulary and how text is split by it."
    Tokens        true  "Documents as numbers of a vocabulary."
    Model         true  "A language model; its type says what it has been taught and its vocabulary."
    Conversations false "Conversations to learn from."
    Preferences   false "Of two answers to one prompt, which one is better."
    Questions     false "Questions with their answers."
    Probe         false "What a model knows and what it does not."
    Index         false "Documents that can be searched."
    Report        false "A table of results."
}

impl ArtifactKind {
    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// The ability that every model has: the name of the empty set.
pub const BASE: &str = "base";

/// The ability to answer in a conversation.
pub const CHAT: &str = "chat";

/// The ability to look up passages of an index before it answers.
pub const SEARCHES: &str = "searches";

/// The type of an artifact with its vocabulary by name: `Model<chat, refuses, vocab>`, `Model<base>`, `Docs`.
///
/// [`Display`](fmt::Display) is the only writer of that text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactType {
    /// What it is.
    pub kind: ArtifactKind,
    /// What a model has been taught, in that order; none for a base model and for all that is no model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abilities: Vec<String>,
    /// The binding, or else the signature, of the stage that made its vocabulary; `None` where it has none or
    /// where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<String>,
}

impl ArtifactType {
    /// The type of what has neither abilities nor a vocabulary.
    #[must_use]
    pub fn plain(kind: ArtifactKind) -> Self {
        Self { kind, abilities: Vec::new(), vocabulary: None }
    }

    /// Whether it is a model that has been taught `ability`.
    #[must_use]
    pub fn has(&self, ability: &str) -> bool {
        self.abilities.iter().any(|one| one == ability)
    }

    /// Reads the text that [`Display`](fmt::Display) writes; records made before 0.2 hold nothing else.
    ///
    /// The text of a model with several arguments does not say whether the last one is its vocabulary. It
    /// nearly always is, so it is taken for one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, arguments) = match text.split_once('<') {
            Some((name, rest)) => (name, rest.strip_suffix('>')?.split(", ").collect()),
            None => (text, Vec::new()),
        };
        let mut ty = Self::plain(ArtifactKind::named(name)?);
        let mut arguments = arguments.into_iter();
        if ty.kind == ArtifactKind::Model {
            // An ability, or `base`, always stands first.
            ty.abilities.extend(arguments.next().map(str::to_owned));
        }
        ty.vocabulary = arguments.next_back().map(str::to_owned);
        ty.abilities.extend(arguments.map(str::to_owned));
        ty.abilities.retain(|ability| ability != BASE);
        Some(ty)
    }
}

impl fmt::Display for ArtifactType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(formatter, self.kind, &self.abilities, self.vocabulary.as_deref())
    }
}

/// Writes a type of which the parts are known.
pub(crate) fn write(
    out: &mut dyn fmt::Write,
    kind: ArtifactKind,
    abilities: &[String],
    vocabulary: Option<&str>,
) -> fmt::Result {
    let base = (kind == ArtifactKind::Model && abilities.is_empty()).then_some(BASE);
    let arguments = base.into_iter().chain(abilities.iter().map(String::as_str)).chain(vocabulary);
    out.write_str(kind.name())?;
    let mut some = false;
    for argument in arguments {
        out.write_str(if some { ", " } else { "<" })?;
        out.write_str(argument)?;
        some = true;
    }
    if some { out.write_str(">") } else { Ok(()) }
}

/// An output's type in records: `"output": "Model<chat, vocab>"` for people, and `"output_type"` for
/// programs. For use with `#[serde(flatten, with = "…")]`; a record that was made before has the text alone,
/// and one of a later version may have a kind that is unknown here.
pub mod recorded {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ArtifactType;

    #[derive(Serialize)]
    struct Written<'a> {
        output: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        output_type: Option<&'a ArtifactType>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Read {
        output: String,
        output_type: Option<serde_json::Value>,
    }

    /// Writes the text and the parts.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(ty: &Option<ArtifactType>, serializer: S) -> Result<S::Ok, S::Error> {
        let output = ty.as_ref().map_or_else(String::new, ToString::to_string);
        Written { output, output_type: ty.as_ref() }.serialize(serializer)
    }

    /// Reads the parts, or else the text; `None` where neither is known.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ArtifactType>, D::Error> {
        let Read { output, output_type } = Read::deserialize(deserializer)?;
        let typed = output_type.and_then(|value| serde_json::from_value(value).ok());
        Ok(typed.or_else(|| ArtifactType::parse(&output)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(abilities: &[&str], vocabulary: Option<&str>) -> ArtifactType {
        let abilities = abilities.iter().map(|&ability| ability.to_owned()).collect();
        ArtifactType { kind: ArtifactKind::Model, abilities, vocabulary: vocabulary.map(str::to_owned) }
    }

    #[test]
    fn what_is_written_is_read() {
        let tokens =
            ArtifactType { vocabulary: Some("v".into()), ..ArtifactType::plain(ArtifactKind::Tokens) };
        for (text, ty) in [
            ("Docs", ArtifactType::plain(ArtifactKind::Docs)),
            ("Tokens<v>", tokens),
            ("Model<base>", model(&[], None)),
            ("Model<base, chat>", model(&[], Some("chat"))),
            ("Model<chat>", model(&["chat"], None)),
            ("Model<chat, vocab>", model(&["chat"], Some("vocab"))),
            ("Model<chat, refuses, vocab>", model(&["chat", "refuses"], Some("vocab"))),
        ] {
            assert_eq!(ty.to_string(), text);
            assert_eq!(ArtifactType::parse(text), Some(ty));
        }
        for text in ["", "Sausages", "Model<", "docs"] {
            assert_eq!(ArtifactType::parse(text), None, "{text}");
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Record {
        name: String,
        #[serde(flatten, with = "recorded")]
        output: Option<ArtifactType>,
    }

    #[test]
    fn records_say_the_parts_and_old_ones_are_read() {
        // The text alone could not tell this from a model with a vocabulary.
        let record = Record { name: "tune".into(), output: Some(model(&["chat", "refuses"], None)) };
        let text = serde_json::to_string(&record).unwrap();
        let parts = r#"{"kind":"Model","abilities":["chat","refuses"]}"#;
        assert_eq!(
            text,
            format!(r#"{{"name":"tune","output":"Model<chat, refuses>","output_type":{parts}}}"#)
        );
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);

        let read = |text| serde_json::from_str::<Record>(text).unwrap().output;
        assert_eq!(read(r#"{"name": "a", "output": "Model<chat, v>"}"#), Some(model(&["chat"], Some("v"))));
        assert_eq!(read(r#"{"name": "a", "output": ""}"#), None);
        assert_eq!(read(r#"{"name": "a"}"#), None);
        assert_eq!(read(r#"{"name": "a", "output": "New<v>", "output_type": {"kind": "New"}}"#), None);
    }
}
