//! Licences that sources declare (`license = "CC-BY-SA-4.0"`): are there terms under which what is made from
//! all of them may be passed on?
//!
//! Whether a model is an adaptation of what it was trained on is disputed; this says what follows if it is.
//! Licences that are not known here are noted and not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{errors, producers};
use crate::artifact::ArtifactKind;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, Stage};
use crate::names::closest;
use crate::source::Span;

/// What a licence asks of what is made from the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Terms {
    /// No commercial use.
    noncommercial: bool,
    /// The terms that it must have itself.
    share_alike: Option<&'static str>,
    /// It must not be passed on.
    no_derivatives: bool,
}

const FREE: Terms = Terms { noncommercial: false, share_alike: None, no_derivatives: false };
const NONCOMMERCIAL: Terms = Terms { noncommercial: true, ..FREE };
const NO_DERIVATIVES: Terms = Terms { no_derivatives: true, ..FREE };

const fn share_alike(terms: &'static str) -> Terms {
    Terms { share_alike: Some(terms), ..FREE }
}

/// SPDX identifiers whose terms are known, without the version where all versions agree.
const KNOWN: [(&str, Terms); 21] = [
    ("Apache-2.0", FREE),
    ("BSD-2-Clause", FREE),
    ("BSD-3-Clause", FREE),
    ("CC-BY", FREE),
    ("CC-BY-NC", NONCOMMERCIAL),
    ("CC-BY-NC-ND", NO_DERIVATIVES),
    ("CC-BY-NC-SA", Terms { noncommercial: true, ..share_alike("CC-BY-NC-SA") }),
    ("CC-BY-ND", NO_DERIVATIVES),
    ("CC-BY-SA", share_alike("CC-BY-SA")),
    ("CC-PDDC", FREE),
    ("CC0-1.0", FREE),
    ("CDLA-Permissive-1.0", FREE),
    ("CDLA-Permissive-2.0", FREE),
    ("CDLA-Sharing-1.0", share_alike("CDLA-Sharing")),
    ("ISC", FREE),
    ("MIT", FREE),
    ("ODC-By-1.0", FREE),
    ("ODbL-1.0", share_alike("ODbL")),
    ("OGL-UK-3.0", FREE),
    ("PDDL-1.0", FREE),
    ("Unlicense", FREE),
];

/// Versions of the Creative Commons licences.
const VERSIONS: [&str; 5] = ["1.0", "2.0", "2.5", "3.0", "4.0"];

/// The name in [`KNOWN`] that an identifier has.
fn name(identifier: &str) -> &str {
    match identifier.rsplit_once('-') {
        Some((name, version)) if name.starts_with("CC-BY") && VERSIONS.contains(&version) => name,
        _ => identifier,
    }
}

fn terms(identifier: &str) -> Option<Terms> {
    // Without its version `CC-BY` is no identifier.
    let name = name(identifier);
    let known = KNOWN.iter().find(|(known, _)| *known == name).map(|&(_, terms)| terms);
    known.filter(|_| name != identifier || !name.starts_with("CC-BY"))
}

/// Why no terms suit both; `None` where some do.
fn conflict(left: Terms, right: Terms) -> Option<&'static str> {
    match (left.share_alike, right.share_alike) {
        (Some(left), Some(right)) if left != right => {
            Some("each asks that what is made from it has its own terms, and no others")
        }
        _ => {
            let forbids = |a: Terms, b: Terms| a.share_alike.is_some() && !a.noncommercial && b.noncommercial;
            (forbids(left, right) || forbids(right, left)).then_some(
                "one asks that what is made from it may be used commercially, the other forbids that",
            )
        }
    }
}

/// A licence that a source has: its SPDX identifier and where it is written.
type Licence<'a> = (&'a str, Span);

fn declared(stage: &Stage) -> Option<Licence<'_>> {
    // Like `stage`, a word of the language: whichever stage has such a setting, it means this.
    let setting = stage.settings.iter().find(|setting| setting.name == "license")?;
    Some((setting.value.as_str()?, setting.span.unwrap_or(stage.span)))
}

/// Checks the licences of all that goes into each model.
pub(super) fn licences(graph: &Graph, diagnostics: &mut Diagnostics) {
    // By stage: the licences of all above it, each with the first place that declares it.
    let mut above: Vec<BTreeMap<&str, Span>> = Vec::with_capacity(graph.stages.len());
    let mut reported: BTreeSet<(&str, &str)> = BTreeSet::new();
    for stage in &graph.stages {
        let mut licences: BTreeMap<&str, Span> = BTreeMap::new();
        for from in producers(stage) {
            for (&identifier, &span) in above.get(from.0 as usize).into_iter().flatten() {
                licences.entry(identifier).or_insert(span);
            }
        }
        if let Some((identifier, span)) = declared(stage) {
            licences.entry(identifier).or_insert(span);
        }
        if stage.makes(ArtifactKind::Model) {
            let judged: Vec<(Licence<'_>, Terms)> = licences
                .iter()
                .filter_map(|(&identifier, &span)| Some(((identifier, span), terms(identifier)?)))
                .collect();
            for (at, &(first, left)) in judged.iter().enumerate() {
                if left.no_derivatives && reported.insert((first.0, "")) {
                    diagnostics.push(errors::no_derivatives(first, (&stage.name, stage.span)));
                }
                for &(second, right) in judged.iter().skip(at + 1) {
                    if let Some(why) = conflict(left, right)
                        && reported.insert((first.0, second.0))
                    {
                        let model = (stage.name.as_str(), stage.span);
                        diagnostics.push(errors::licences(first, second, why, model));
                    }
                }
            }
        }
        above.push(licences);
    }
}

/// Identifiers that are nearly one that is known.
pub(super) fn identifiers(graph: &Graph, diagnostics: &mut Diagnostics) {
    let creative = |name: &'static str| name.starts_with("CC-BY");
    let versions = |name: &'static str| VERSIONS.into_iter().map(move |version| format!("{name}-{version}"));
    let known: Vec<String> = KNOWN
        .iter()
        .flat_map(|&(name, _)| match creative(name) {
            true => versions(name).collect(),
            false => vec![name.to_owned()],
        })
        .collect();
    let known = || known.iter().map(String::as_str);
    for stage in &graph.stages {
        let Some((identifier, span)) = declared(stage) else { continue };
        if terms(identifier).is_some() {
            continue;
        }
        // `cc-by-4.0`, and `CC-BY` for its latest version.
        let meant = known()
            .find(|known| known.eq_ignore_ascii_case(identifier))
            .or_else(|| known().rfind(|known| known.strip_suffix("-4.0") == Some(identifier)))
            .or_else(|| closest(identifier, known()));
        if let Some(meant) = meant {
            diagnostics.push(errors::unknown_licence(identifier, meant, span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_licence_agree_and_licences_are_told_apart() {
        assert_eq!(terms("CC-BY-SA-3.0"), terms("CC-BY-SA-4.0"));
        assert_eq!(terms("CC-BY-NC-SA-4.0").and_then(|terms| terms.share_alike), Some("CC-BY-NC-SA"));
        for unknown in ["CC-BY", "CC-BY-SA-9.0", "cc0-1.0", "LicenseRef-ours", ""] {
            assert_eq!(terms(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn terms_that_exclude_each_other() {
        let conflict = |left, right| conflict(terms(left).unwrap(), terms(right).unwrap()).is_some();
        assert!(conflict("CC-BY-SA-4.0", "CC-BY-NC-4.0"));
        assert!(conflict("CC-BY-NC-SA-4.0", "CC-BY-SA-4.0"));
        assert!(conflict("ODbL-1.0", "CC-BY-SA-4.0"));
        assert!(!conflict("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"));
        assert!(!conflict("CC-BY-4.0", "CC-BY-NC-4.0"));
        assert!(!conflict("CC-BY-SA-3.0", "CC-BY-SA-4.0"));
    }
}
