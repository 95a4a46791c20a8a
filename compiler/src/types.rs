//! What flows along edges (artifacts) and what stands in braces (setting types).

use std::fmt;

use crate::artifact::{self, ArtifactKind, BASE, CHAT};
use crate::source::Span;
use crate::units::{Dimension, Exact};
use crate::value::Value;

/// A vocabulary, identified by the stage that makes it; an index into [`Vocabularies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vocabulary(u32);

/// The names of all vocabularies of a program.
#[derive(Clone, Debug, Default)]
pub struct Vocabularies {
    names: Vec<String>,
}

impl Vocabularies {
    /// A vocabulary unlike all others, called `name` in messages.
    pub fn fresh(&mut self, name: impl Into<String>) -> Vocabulary {
        self.names.push(name.into());
        Vocabulary(self.names.len() as u32 - 1)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Forgets all but the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.names.truncate(len);
    }

    /// Whether it is one of them.
    pub(crate) fn holds(&self, vocabulary: Vocabulary) -> bool {
        (vocabulary.0 as usize) < self.names.len()
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self, vocabulary: Vocabulary) -> &str {
        self.names.get(vocabulary.0 as usize).map_or("?", String::as_str)
    }
}

/// The type of one artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Decides what form it has on disk, and whether it has a vocabulary.
    pub kind: ArtifactKind,
    /// What a model has been taught, in that order: `chat`, `refuses`, `searches`.
    pub abilities: Vec<String>,
    /// Its vocabulary; `None` where it has none or where it is unknown, which agrees with every other.
    pub vocabulary: Option<Vocabulary>,
}

impl Artifact {
    /// `Model<chat, refuses, vocab>`, `Model<base, vocab>`, `Docs`.
    #[must_use]
    pub fn display(&self, vocabularies: &Vocabularies) -> String {
        let vocabulary = self.vocabulary.map(|vocabulary| vocabularies.name(vocabulary));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = artifact::write(&mut text, self.kind, &self.abilities, vocabulary);
        text
    }

    /// "a base model", "a chat model", "a model that refuses", "documents".
    #[must_use]
    pub fn describe(&self) -> String {
        match (self.kind, self.abilities.last()) {
            (ArtifactKind::Model, None) => "a base model".to_owned(),
            (ArtifactKind::Model, Some(last)) => describe_ability(last),
            _ => format!("`{}`", self.kind.name()),
        }
    }
}

/// "a chat model", "a model that refuses".
#[must_use]
pub fn describe_ability(ability: &str) -> String {
    match ability {
        BASE => "a base model".to_owned(),
        CHAT => "a chat model".to_owned(),
        verb if verb.ends_with('s') => format!("a model that {verb}"),
        other => format!("a model with `{other}`"),
    }
}

/// The type of an expression that makes artifacts.
#[derive(Clone, Debug)]
pub enum Type {
    /// One artifact.
    One(Artifact),
    /// Several, each with its place.
    List(Vec<(Artifact, Span)>),
}

impl Type {
    /// The kind of what it makes; `None` for an empty list.
    #[must_use]
    pub fn kind(&self) -> Option<ArtifactKind> {
        match self {
            Self::One(artifact) => Some(artifact.kind),
            Self::List(items) => items.first().map(|(artifact, _)| artifact.kind),
        }
    }

    /// `Model<chat, vocab>`, `[Docs]`.
    #[must_use]
    pub fn display(&self, vocabularies: &Vocabularies) -> String {
        match self {
            Self::One(artifact) => artifact.display(vocabularies),
            Self::List(items) => {
                let mut names: Vec<String> =
                    items.iter().map(|(item, _)| item.display(vocabularies)).collect();
                names.dedup();
                format!("[{}]", names.join(", "))
            }
        }
    }
}

/// Types of expressions and bindings by place, for editors.
#[derive(Clone, Debug, Default)]
pub struct Types {
    pub(crate) notes: Vec<(Span, Type)>,
    pub(crate) vocabularies: Vocabularies,
}

impl Types {
    /// The type of the first place, in the order of checking, that is `wanted`.
    #[must_use]
    pub fn find(&self, wanted: impl Fn(Span) -> bool) -> Option<&Type> {
        self.notes.iter().find(|(span, _)| wanted(*span)).map(|(_, ty)| ty)
    }

    /// A type as people read it.
    #[must_use]
    pub fn text(&self, ty: &Type) -> String {
        ty.display(&self.vocabularies)
    }
}

/// A type in a signature: what an input must be, or what an output will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The kind; of several, the first.
    pub kind: ArtifactKind,
    /// The other kinds that can stand there: `Docs` of `Questions | Docs`. Of inputs only.
    pub others: Vec<ArtifactKind>,
    /// Abilities required, or given.
    pub abilities: Vec<String>,
    /// Whether the result keeps the abilities of the model that goes in.
    pub keeps: bool,
    /// The vocabulary variable; `None` for any.
    pub vocabulary: Option<String>,
    /// Whether it is a list.
    pub list: bool,
    /// Whether it may be absent.
    pub optional: bool,
}

impl Pattern {
    /// An artifact of this kind, whatever its abilities and vocabulary.
    #[must_use]
    pub fn of(kind: ArtifactKind) -> Self {
        Self {
            kind,
            others: Vec::new(),
            abilities: Vec::new(),
            keeps: false,
            vocabulary: None,
            list: false,
            optional: false,
        }
    }

    /// Every kind that can stand there, as written.
    #[must_use]
    pub fn kinds(&self) -> Vec<ArtifactKind> {
        std::iter::once(self.kind).chain(self.others.iter().copied()).collect()
    }

    /// Whether an artifact of this kind can stand there.
    #[must_use]
    pub fn takes(&self, kind: ArtifactKind) -> bool {
        self.kind == kind || self.others.contains(&kind)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plus = if self.keeps { "+" } else { "" };
        let mut arguments: Vec<String> =
            self.abilities.iter().map(|ability| format!("{plus}{ability}")).collect();
        arguments.extend(self.vocabulary.clone());
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("<{}>", arguments.join(", ")) };
        let (open, close) = if self.list { ("[", "]") } else { ("", "") };
        let optional = if self.optional { "?" } else { "" };
        write!(formatter, "{open}{}{arguments}", self.kind.name())?;
        for other in &self.others {
            write!(formatter, " | {}", other.name())?;
        }
        write!(formatter, "{close}{optional}")
    }
}

/// The type of a setting, a param or a value parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingType {
    /// A whole number, 64 bits.
    Int,
    /// A floating-point number, 64 bits.
    Float,
    /// `true` or `false`.
    Bool,
    /// Text in quotes.
    Text,
    /// The path of a file whose content counts.
    Path,
    /// `80%`
    Ratio,
    /// `3h`
    Duration,
    /// `1.5GB`
    Bytes,
    /// `20M tokens`; a plain count where there is no unit.
    Count(Option<String>),
    /// A count of the first unit, or else of one of the others: `20M tokens`, `5k steps`, `20x parameters`.
    /// Two or more. The first may be a share instead: `5%`.
    Units(Vec<Unit>),
    /// `1..20`: whole numbers, both ends included.
    Range,
    /// One of these words; where the last is [`ANY_TEXT`], any text, too.
    OneOf(Vec<String>),
    /// Any number of these.
    List(Box<SettingType>),
    /// These fields.
    Record(Vec<SettingSpec>),
    /// This, or `none`.
    Optional(Box<SettingType>),
    /// Already reported; agrees with everything.
    Unknown,
}

/// What a number counts, or is a multiple of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// In the plural.
    pub name: String,
    /// Whether it is counted when the stage runs: `20x parameters`.
    pub times: bool,
}

impl Unit {
    /// The dimension of a number of them.
    #[must_use]
    pub fn dimension(&self) -> Dimension {
        match self.times {
            true => Dimension::Times(self.name.clone()),
            false if self.is_share() => Dimension::Ratio,
            false => Dimension::Count(self.name.clone()),
        }
    }

    /// Whether it stands for a share of the whole, `5%`.
    #[must_use]
    pub fn is_share(&self) -> bool {
        self.name == SHARE && !self.times
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", if self.times { "x " } else { "" }, self.name)
    }
}

/// What stands first in `Count<share, tokens, steps>`: a share of the whole, written `5%`.
pub(crate) const SHARE: &str = "share";

impl SettingType {
    /// The dimension of its numbers; of several units the first one's.
    #[must_use]
    pub fn dimension(&self) -> Option<Dimension> {
        match self {
            Self::Int | Self::Float | Self::Count(None) => Some(Dimension::Plain),
            Self::Ratio => Some(Dimension::Ratio),
            Self::Duration => Some(Dimension::Time),
            Self::Bytes => Some(Dimension::Bytes),
            Self::Count(Some(unit)) => Some(Dimension::Count(unit.clone())),
            Self::Units(units) => units.first().map(Unit::dimension),
            Self::Optional(inner) => inner.dimension(),
            _ => None,
        }
    }

    /// Whether its numbers have no fractions.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Int | Self::Bytes | Self::Count(_) | Self::Range => true,
            Self::Units(units) => units.first().is_some_and(|unit| !unit.times && !unit.is_share()),
            Self::Optional(inner) => inner.is_whole(),
            _ => false,
        }
    }

    /// Whether its value is the path of a file whose content counts.
    #[must_use]
    pub fn is_path(&self) -> bool {
        match self {
            Self::Path => true,
            Self::Optional(inner) | Self::List(inner) => inner.is_path(),
            _ => false,
        }
    }

    /// The type without `?`.
    #[must_use]
    pub fn required(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner.required(),
            other => other,
        }
    }

    /// Whether a value of type `self` can stand where `expected` is due.
    #[must_use]
    pub fn fits(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Unknown, _) | (_, Self::Unknown) => true,
            (Self::Optional(found), Self::Optional(expected)) => found.fits(expected),
            (found, Self::Optional(expected)) => found.fits(expected),
            (Self::Int, Self::Float | Self::Count(None)) | (Self::Count(None), Self::Int | Self::Float) => {
                true
            }
            (Self::Count(Some(found)), Self::Units(units)) => {
                units.first().is_some_and(|unit| !unit.times && unit.name == *found)
            }
            (Self::Ratio, Self::Units(units)) => units.first().is_some_and(Unit::is_share),
            // A value of any but the first unit says which one it has.
            (Self::Units(found), Self::Units(units)) => {
                let alike = found.first() == units.first() || found.iter().all(|unit| unit.times);
                alike && found.iter().all(|unit| units.contains(unit))
            }
            (Self::Text, Self::Path) | (Self::Path, Self::Text) => true,
            (Self::Text, Self::OneOf(expected)) => takes_text(expected),
            (Self::OneOf(found), Self::OneOf(expected)) => found.iter().all(|name| expected.contains(name)),
            (Self::List(found), Self::List(expected)) => found.fits(expected),
            (Self::Record(found), Self::Record(expected)) => misfit(found, expected).is_none(),
            (found, expected) => found == expected,
        }
    }
}

/// The first field because of which a record of fields `found` cannot stand where `expected` is due: one that
/// is not expected or of another type, or one that is missing and has no default.
#[must_use]
pub fn misfit<'a>(found: &'a [SettingSpec], expected: &'a [SettingSpec]) -> Option<&'a str> {
    let named = |specs: &'a [SettingSpec], name: &str| specs.iter().find(|spec| spec.name == name);
    let wrong =
        |field: &&SettingSpec| !named(expected, &field.name).is_some_and(|due| field.ty.fits(&due.ty));
    let missing = |due: &&SettingSpec| due.default.is_none() && named(found, &due.name).is_none();
    let field = found.iter().find(wrong).or_else(|| expected.iter().find(missing));
    field.map(|field| field.name.as_str())
}

/// The last of the words of a [`SettingType::OneOf`] that takes any text, too: `lines | Text`.
pub(crate) const ANY_TEXT: &str = "Text";

/// Whether one of these words or any text is due.
pub(crate) fn takes_text(words: &[String]) -> bool {
    words.last().is_some_and(|word| word == ANY_TEXT)
}

impl fmt::Display for SettingType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => formatter.write_str("Int"),
            Self::Float => formatter.write_str("Float"),
            Self::Bool => formatter.write_str("Bool"),
            Self::Text => formatter.write_str("Text"),
            Self::Path => formatter.write_str("Path"),
            Self::Ratio => formatter.write_str("Ratio"),
            Self::Duration => formatter.write_str("Duration"),
            Self::Bytes => formatter.write_str("Bytes"),
            Self::Count(None) => formatter.write_str("Count"),
            Self::Count(Some(unit)) => write!(formatter, "Count<{unit}>"),
            Self::Units(units) => {
                let units: Vec<String> = units.iter().map(ToString::to_string).collect();
                write!(formatter, "Count<{}>", units.join(", "))
            }
            Self::Range => formatter.write_str("Range"),
            Self::OneOf(names) => formatter.write_str(&names.join(" | ")),
            Self::List(inner) => write!(formatter, "[{inner}]"),
            Self::Optional(inner) if **inner == Self::Unknown => formatter.write_str("none"),
            Self::Optional(inner) => write!(formatter, "{inner}?"),
            Self::Unknown => formatter.write_str("?"),
            Self::Record(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
                write!(formatter, "{{ {} }}", fields.join(", "))
            }
        }
    }
}

/// What a number is limited to, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Lowest value.
    pub low: Option<Exact>,
    /// Highest value.
    pub high: Option<Exact>,
}

impl Bounds {
    /// Whether `value` lies within.
    #[must_use]
    pub fn contain(&self, value: Exact) -> bool {
        self.low.is_none_or(|low| low <= value) && self.high.is_none_or(|high| value <= high)
    }

    /// `32..1024`, in the units of `dimension`.
    #[must_use]
    pub fn display(&self, dimension: &Dimension) -> String {
        let end = |end: Option<Exact>| {
            end.map_or_else(String::new, |value| crate::units::display(value, dimension))
        };
        format!("{}..{}", end(self.low), end(self.high))
    }
}

/// A setting of a stage, a field of a record, a param, or a value parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingSpec {
    /// `min_words`; names of fields have no path before them.
    pub name: String,
    /// Markdown; its first paragraph is the summary.
    pub docs: String,
    /// What it takes; the default and the bounds agree with it.
    pub ty: SettingType,
    /// Its default; without one it must be given.
    pub default: Option<Value>,
    /// What its numbers are limited to.
    pub bounds: Bounds,
    /// Whether the result cannot depend on it.
    pub runtime: bool,
    /// Where its name is declared.
    pub span: Span,
}
