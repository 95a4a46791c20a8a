//! What is called, as its declaration says: a stage and a function seen alike.

use super::Site;
use crate::artifact::ArtifactKind;
use crate::check::tree::Function;
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Pattern, SettingSpec, SettingType};
use crate::value::has_unknown;

/// The declaration of what is called.
#[derive(Clone, Copy)]
pub(super) enum Declaration<'d> {
    Stage(&'d Signature),
    Function(&'d Function),
}

/// A parameter that stands in parentheses. Neither artifact nor value where its type is broken.
pub(super) struct Slot<'d> {
    pub(super) name: &'d str,
    pub(super) span: Span,
    /// What must go in, where it is an artifact.
    pub(super) artifact: Option<&'d Pattern>,
    /// What must go in, where it is a value.
    pub(super) value: Option<&'d SettingSpec>,
}

impl Slot<'_> {
    /// Whether nothing need go in.
    pub(super) fn is_optional(&self) -> bool {
        self.value.is_none() && self.artifact.is_none_or(|pattern| pattern.optional)
    }

    /// What can go in.
    pub(super) fn wanted(&self) -> Wanted {
        match self.value {
            Some(spec) if spec.ty.fits(&SettingType::Text) || spec.ty.is_path() => Wanted::Text,
            Some(_) => Wanted::Value,
            None => match self.artifact.filter(|pattern| pattern.others.is_empty()) {
                Some(pattern) => Wanted::Artifact(pattern.kind),
                None => Wanted::Anything,
            },
        }
    }
}

impl<'d> Declaration<'d> {
    pub(super) fn name(self) -> &'d str {
        match self {
            Self::Stage(signature) => &signature.name,
            Self::Function(function) => &function.name,
        }
    }

    /// The declaration in one line.
    pub(super) fn text(self) -> String {
        match self {
            Self::Stage(signature) => signature.display(),
            Self::Function(function) => function.display(),
        }
    }

    /// What stands in parentheses, in order.
    pub(super) fn slots(self) -> Vec<Slot<'d>> {
        match self {
            Self::Stage(signature) => signature
                .inputs
                .iter()
                .map(|it| Slot { name: &it.name, span: it.span, artifact: it.ty.as_ref(), value: None })
                .collect(),
            Self::Function(function) => function
                .parameters
                .iter()
                .map(|it| Slot {
                    name: &it.name,
                    span: it.span,
                    artifact: it.artifact.as_ref(),
                    value: it.value.as_ref(),
                })
                .collect(),
        }
    }

    /// What can stand in braces, in order.
    pub(super) fn specs(self) -> Vec<&'d SettingSpec> {
        match self {
            Self::Stage(signature) => signature.settings.iter().collect(),
            Self::Function(function) => {
                function.parameters.iter().filter_map(|it| it.value.as_ref()).collect()
            }
        }
    }

    /// Whether it has settings, which go in braces only, and one is called `name`.
    pub(super) fn has_setting(self, name: &str) -> bool {
        match self {
            Self::Stage(signature) => signature.setting(name).is_some(),
            Self::Function(_) => false,
        }
    }

    /// Whether an artifact called `name` goes in.
    pub(super) fn has_input(self, name: &str) -> bool {
        match self {
            Self::Stage(signature) => signature.inputs.iter().any(|input| input.name == name),
            Self::Function(function) => {
                function.parameters.iter().any(|it| it.name == name && it.value.is_none())
            }
        }
    }

    /// Whether the braces of a call name something that it does not take, so that what is missing may have
    /// been meant.
    pub(super) fn has_unknown(self, site: Site<'_>) -> bool {
        has_unknown(site.record(), &self.specs())
    }
}

/// What can go in at a place, or stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Artifact(ArtifactKind),
    Value,
    /// A value that can name files, too.
    Text,
    Anything,
}

impl Wanted {
    pub(super) fn fits(self, place: Self) -> bool {
        self == place
            || self == Self::Anything
            || place == Self::Anything
            || self == Self::Text && place == Self::Artifact(ArtifactKind::Files)
    }
}
