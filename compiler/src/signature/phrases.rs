//! Clauses of a signature that are no settings: what a stage does with its data, what its report measures,
//! and rules about its settings.

use std::cell::RefCell;

use super::errors::TypePlace;
use super::{Flow, Measure, Rule, Signature, errors, type_of};
use crate::artifact::ArtifactKind;
use crate::ast::{self, ExprKind};
use crate::diagnostic::Diagnostics;
use crate::graph::Amount;
use crate::names::closest;
use crate::source::Span;
use crate::types::{Bounds, SettingSpec, SettingType};
use crate::value::names::{Lookup, Names};
use crate::value::{Const, Expected, Values};

use super::ReadType;

/// The input that a stage has whose sources are fetched before: one file a shard.
pub const LOCK: &str = "lock";

/// How phrases are written.
pub(crate) const PHRASES: [&str; 15] = [
    "cleans pii",
    "uses names",
    "trains on ROLE",
    "evaluates on ROLE",
    "keeps clear of ROLE",
    "after STEPS",
    "locked by SETTINGS",
    "stem without SETTINGS",
    "context from SETTING",
    "horizon from SETTING",
    "memory from SETTING",
    "answer from SETTING",
    "passage from SETTING",
    "results from SETTING",
    "ROLE replaces SETTING",
];

/// Reads words such as `trains on probe`.
pub(super) fn phrase(signature: &mut Signature, words: &[ast::Name], diagnostics: &mut Diagnostics) {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let Some((first, last)) = words.first().zip(words.last()) else { return };
    let span = first.span.to(last.span);
    let flow = &mut signature.flow;
    match texts.as_slice() {
        ["cleans", "pii"] => flow.cleans_pii = true,
        ["uses", "names"] => match takes_files(&signature.inputs) {
            true => flow.uses_names = true,
            false => diagnostics.push(errors::names_of_nothing(span)),
        },
        ["trains", "on", role] => {
            if has_role(signature, role, last.span, "trains on", diagnostics) {
                signature.flow.trains_on.push((*role).to_owned());
            }
        }
        ["evaluates", "on", role] => {
            if has_role(signature, role, last.span, "evaluates on", diagnostics) {
                signature.flow.evaluates_on.push((*role).to_owned());
            }
        }
        ["after", steps @ ..] if !steps.is_empty() => {
            flow.steps.extend(steps.iter().map(|step| (*step).to_owned()));
        }
        ["keeps", "clear", "of", role] => {
            if has_role(signature, role, last.span, "keeps clear of", diagnostics) {
                signature.flow.clear_of.push((*role).to_owned());
            }
        }
        [role, "replaces", setting] => {
            let known = has_role(signature, role, first.span, "replaces", diagnostics);
            let (role, setting) = ((*role).to_owned(), (*setting).to_owned());
            match signature.setting(&setting) {
                Some(_) if known => signature.flow.replaces.push((role, setting)),
                Some(_) => {}
                None => {
                    let meant = closest(&setting, signature.settings.iter().map(|spec| spec.name.as_str()));
                    diagnostics.push(errors::replaces_nothing(&setting, last.span, meant));
                }
            }
        }
        ["locked", "by", settings @ ..] if !settings.is_empty() => {
            for (name, word) in settings.iter().zip(words.iter().skip(2)) {
                match signature.settings.iter().find(|spec| spec.name == **name) {
                    Some(spec) if !spec.runtime => flow.locked_by.push((*name).to_owned()),
                    _ => diagnostics.push(errors::locked_by_nothing(
                        name,
                        word.span,
                        closest(name, signature.settings.iter().map(|spec| spec.name.as_str())),
                    )),
                }
            }
            if let Some(input) = signature.inputs.iter().find(|input| input.name == LOCK) {
                diagnostics.push(errors::name_twice("input", LOCK, span, input.span));
            }
        }
        ["stem", "without", settings @ ..] if !settings.is_empty() => {
            for (name, word) in settings.iter().zip(words.iter().skip(2)) {
                match signature.settings.iter().find(|spec| spec.name == **name) {
                    Some(spec) if !spec.runtime => signature.stem.push((*name).to_owned()),
                    _ => diagnostics.push(errors::stem_without_nothing(
                        name,
                        word.span,
                        closest(name, signature.settings.iter().map(|spec| spec.name.as_str())),
                    )),
                }
            }
        }
        [word, "from", path @ ..] if !path.is_empty() && Amount::called(word).is_some() => {
            let Some(amount) = Amount::called(word) else { return };
            match of_path(&signature.settings, path) {
                // Already reported.
                Some(SettingType::Unknown) => {}
                Some(ty) if amount == Amount::Memory || ty.is_whole() => {
                    let path = path.iter().map(|name| (*name).to_owned()).collect();
                    signature.amounts.entry(amount).or_default().push(path);
                }
                _ => {
                    let settings = signature.settings.iter().map(|spec| spec.name.as_str());
                    let path = path.join(" ");
                    diagnostics.push(errors::amount_of_nothing(word, &path, span, closest(&path, settings)));
                }
            }
        }
        _ => {
            let text = texts.join(" ");
            let begun = PHRASES.iter().filter(|phrase| !phrase.starts_with(char::is_uppercase));
            let known = begun.map(|phrase| phrase.trim_end_matches(char::is_uppercase).trim_end());
            let start = texts.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            diagnostics.push(errors::unknown_phrase(&text, span, closest(&start, known)));
        }
    }
}

/// The type of a setting, or of a field in it.
fn of_path<'a>(mut specs: &'a [SettingSpec], path: &[&str]) -> Option<&'a SettingType> {
    let (last, records) = path.split_last()?;
    for name in records {
        let spec = specs.iter().find(|spec| spec.name == **name)?;
        specs = match spec.ty.required() {
            SettingType::Record(fields) => fields,
            SettingType::Unknown => return Some(&SettingType::Unknown),
            _ => return None,
        };
    }
    specs.iter().find(|spec| spec.name == **last).map(|spec| &spec.ty)
}

fn takes_files(inputs: &[super::InputSpec]) -> bool {
    inputs.iter().any(|input| input.ty.as_ref().is_none_or(|ty| ty.kind == ArtifactKind::Files))
}

fn has_role(
    signature: &Signature,
    role: &str,
    span: Span,
    what: &str,
    diagnostics: &mut Diagnostics,
) -> bool {
    let known = signature.inputs.iter().any(|input| input.name == role);
    if !known {
        let meant = closest(role, signature.inputs.iter().map(|input| input.name.as_str()));
        diagnostics.push(errors::phrase_of_nothing(what, role, span, meant));
    }
    known
}

/// Reads `measure wrong[model, group]: Ratio`.
pub(super) fn measure(signature: &mut Signature, measure: &ast::MeasureDecl, diagnostics: &mut Diagnostics) {
    let name = &measure.name;
    if signature.output.as_ref().is_some_and(|output| output.kind != ArtifactKind::Report) {
        diagnostics.push(errors::measure_without_report(&name.text, name.span));
        return;
    }
    if let Some(first) = signature.measures.iter().find(|first| first.name == name.text) {
        diagnostics.push(errors::name_twice("measure", &name.text, name.span, first.span));
        return;
    }
    let mut keys = Vec::with_capacity(measure.keys.len());
    for key in &measure.keys {
        match &key.kind {
            ExprKind::Path(path) if path.names.len() == 1 => keys.push(path.text()),
            ExprKind::Error => return,
            _ => return diagnostics.push(errors::key_of_measure(key.span)),
        }
    }
    let ty = match measure.ty.as_ref().and_then(|ty| Some((type_of(ty, diagnostics)?, ty.span))) {
        Some((ReadType::Value(ty), _)) if ty.dimension().is_some() => ty,
        Some((other, span)) => {
            return diagnostics.push(errors::wrong_type_here(&other.display(), TypePlace::Measure, span));
        }
        None => SettingType::Unknown,
    };
    let docs = measure.docs.clone();
    signature.measures.push(Measure { name: name.text.clone(), keys, ty, docs, span: name.span });
}

/// Reads `require condition else "message"`.
pub(super) fn rule(signature: &mut Signature, require: &ast::Require, diagnostics: &mut Diagnostics) {
    let (Some(condition), Some(message)) = (&require.condition, &require.message) else { return };
    let message = match &message.kind {
        ExprKind::Text(text) => text.clone(),
        ExprKind::Error => return,
        _ => return diagnostics.push(errors::message_of_rule(message.span)),
    };
    let names = Settings { specs: &signature.settings, slots: RefCell::default() };
    let due = Expected { name: "require", ty: &SettingType::Bool, bounds: &Bounds::default() };
    let condition = Values::new(&names, diagnostics).check(condition, &due);
    let slots = names.slots.into_inner();
    if !matches!(condition, Const::Unknown) {
        signature.rules.push(Rule { condition, settings: slots, message, span: require.span });
    }
}

/// The settings of a stage, by the slots of a rule.
struct Settings<'a> {
    specs: &'a [SettingSpec],
    slots: RefCell<Vec<Vec<String>>>,
}

impl Settings<'_> {
    fn find(&self, names: &[ast::Name]) -> Option<Lookup> {
        let (first, fields) = names.split_first()?;
        let mut spec = self.specs.iter().find(|spec| spec.name == first.text)?;
        for field in fields {
            let SettingType::Record(specs) = spec.ty.required() else { return None };
            spec = specs.iter().find(|spec| spec.name == field.text)?;
        }
        if spec.ty == SettingType::Unknown {
            return Some(Lookup::Broken);
        }
        let path: Vec<String> = names.iter().map(|name| name.text.clone()).collect();
        let mut slots = self.slots.borrow_mut();
        let slot = slots.iter().position(|known| *known == path).unwrap_or_else(|| {
            slots.push(path);
            slots.len() - 1
        });
        Some(Lookup::Value(spec.ty.clone(), Const::Local(slot)))
    }
}

impl Names for Settings<'_> {
    fn lookup(&self, name: &ast::Name) -> Lookup {
        self.find(std::slice::from_ref(name)).unwrap_or_else(|| {
            let meant = closest(&name.text, self.specs.iter().map(|spec| spec.name.as_str()));
            Lookup::Unknown(Box::new(errors::rule_of_nothing(&name.text, name.span, meant)))
        })
    }

    fn field(&self, path: &ast::Path) -> Option<Lookup> {
        Some(self.find(&path.names).unwrap_or_else(|| {
            Lookup::Unknown(Box::new(errors::rule_of_nothing(&path.text(), path.span, None)))
        }))
    }

    fn narrows(&self) -> bool {
        true
    }

    fn text(&self, _: Span) -> String {
        String::new()
    }

    fn refer(&self, _: Span, _: Span) {}
}

impl Flow {
    /// Whether the stage's sources are fetched before it runs.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        !self.locked_by.is_empty()
    }
}
