//! From the syntax tree of a signature to a [`Signature`].

use std::collections::BTreeMap;

use super::errors::{Problem, TypePlace};
use super::{Flow, InputSpec, LOCK, SPECIAL_TOKENS, Signature, errors, phrases};
use crate::artifact::{ArtifactKind, BASE};
use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Amounts, DeviceKind, Devices, Needs};
use crate::names::closest;
use crate::resolve::value_names;
use crate::source::Span;
use crate::types::{Bounds, Pattern, SHARE, SettingSpec, SettingType, Unit};
use crate::units::plural;
use crate::value::names::{Names, NoNames};
use crate::value::{Expected, Value, Values};

/// A type as read: of an artifact or of a value.
pub(crate) enum ReadType {
    Artifact(Pattern),
    Value(SettingType),
}

impl ReadType {
    /// As people write it.
    pub(crate) fn display(&self) -> String {
        match self {
            Self::Artifact(pattern) => pattern.to_string(),
            Self::Value(ty) => ty.to_string(),
        }
    }
}

pub(crate) const VALUES: [&str; 10] =
    ["Int", "Float", "Bool", "Text", "Path", "Ratio", "Duration", "Bytes", "Count", "Range"];

/// Reads a type; `None` where it is broken, which has been reported then.
pub(crate) fn type_of(ty: &ast::Type, diagnostics: &mut Diagnostics) -> Option<ReadType> {
    match &ty.kind {
        ast::TypeKind::Error => None,
        ast::TypeKind::Named(name, arguments) => named(name, arguments, diagnostics),
        ast::TypeKind::OneOf(names) if names.iter().any(|name| ArtifactKind::named(&name.text).is_some()) => {
            kinds(names, diagnostics).map(ReadType::Artifact)
        }
        ast::TypeKind::OneOf(names) => {
            let mut words: Vec<String> = Vec::new();
            for (index, name) in names.iter().enumerate() {
                match words.contains(&name.text) {
                    true => {
                        let first = names.iter().take(index).find(|first| first.text == name.text);
                        let first = first.map_or(name.span, |first| first.span);
                        diagnostics.push(errors::name_twice("word", &name.text, name.span, first));
                    }
                    false => words.push(name.text.clone()),
                }
            }
            Some(ReadType::Value(SettingType::OneOf(words)))
        }
        ast::TypeKind::Record(fields) => {
            let fields = settings(fields, diagnostics);
            for field in fields.iter().filter(|field| field.ty.is_path()) {
                diagnostics.push(errors::path_in_record(&field.name, field.span));
            }
            Some(ReadType::Value(SettingType::Record(fields)))
        }
        ast::TypeKind::List(inner) => match type_of(inner, diagnostics)? {
            ReadType::Value(inner) => Some(ReadType::Value(SettingType::List(Box::new(inner)))),
            ReadType::Artifact(pattern) if pattern.list || pattern.optional => {
                let text = format!("[{pattern}]");
                diagnostics.push(errors::type_arguments(&text, Problem::NestedList, ty.span));
                None
            }
            ReadType::Artifact(pattern) => Some(ReadType::Artifact(Pattern { list: true, ..pattern })),
        },
        ast::TypeKind::Optional(inner) => match type_of(inner, diagnostics)? {
            ReadType::Value(inner @ SettingType::Optional(_)) => Some(ReadType::Value(inner)),
            ReadType::Value(inner) => Some(ReadType::Value(SettingType::Optional(Box::new(inner)))),
            ReadType::Artifact(pattern) => Some(ReadType::Artifact(Pattern { optional: true, ..pattern })),
        },
    }
}

fn named(name: &ast::Name, arguments: &[ast::TypeArg], diagnostics: &mut Diagnostics) -> Option<ReadType> {
    if let Some(kind) = ArtifactKind::named(&name.text) {
        return artifact(kind, name, arguments, diagnostics).map(ReadType::Artifact);
    }
    let ty = match name.text.as_str() {
        "Int" => SettingType::Int,
        "Float" => SettingType::Float,
        "Bool" => SettingType::Bool,
        "Text" => SettingType::Text,
        "Path" => SettingType::Path,
        "Ratio" => SettingType::Ratio,
        "Duration" => SettingType::Duration,
        "Bytes" => SettingType::Bytes,
        "Range" => SettingType::Range,
        "Count" => {
            return units(arguments, diagnostics).map(ReadType::Value);
        }
        // A type of one word: `cl100k`.
        word if word.starts_with(|first: char| first.is_ascii_lowercase()) && arguments.is_empty() => {
            return Some(ReadType::Value(SettingType::OneOf(vec![word.to_owned()])));
        }
        other => {
            diagnostics.push(errors::unknown_type(other, name.span, meant(other)));
            return None;
        }
    };
    if let Some(argument) = arguments.first() {
        diagnostics.push(errors::type_arguments(&name.text, Problem::Arguments, argument.span));
    }
    Some(ReadType::Value(ty))
}

/// Reads `Questions | Docs`: an artifact of one of several kinds.
fn kinds(names: &[ast::Name], diagnostics: &mut Diagnostics) -> Option<Pattern> {
    let mut kinds: Vec<ArtifactKind> = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        match ArtifactKind::named(&name.text) {
            None => {
                let known = ArtifactKind::ALL.iter().map(|kind| kind.name());
                diagnostics.push(errors::no_kind(&name.text, name.span, closest(&name.text, known)));
                return None;
            }
            Some(ArtifactKind::Files) => {
                diagnostics.push(errors::files_among_kinds(name.span));
                return None;
            }
            Some(kind) => match kinds.iter().position(|known| *known == kind) {
                Some(first) => {
                    let first = names.get(first).map_or(name.span, |first| first.span);
                    diagnostics.push(errors::name_twice("kind", &names[at].text, name.span, first));
                    return None;
                }
                None => kinds.push(kind),
            },
        }
    }
    let (first, others) = kinds.split_first()?;
    Some(Pattern { others: others.to_vec(), ..Pattern::of(*first) })
}

/// Reads the units of a `Count`: `Count<tokens, steps, x parameters>`.
fn units(arguments: &[ast::TypeArg], diagnostics: &mut Diagnostics) -> Option<SettingType> {
    let mut units: Vec<Unit> = Vec::with_capacity(arguments.len());
    let mut times: Option<Span> = None;
    for argument in arguments {
        let span = argument.span;
        if argument.name.text == "x" && times.is_none() {
            times = Some(span);
            continue;
        }
        // A share of the whole stands first: one of several units is what a bare name says.
        let name = match argument.name.text == SHARE && units.is_empty() {
            true => SHARE.to_owned(),
            false => plural(&argument.name.text),
        };
        let unit = Unit { name, times: times.take().is_some() };
        if units.iter().any(|known| known.name == unit.name) {
            diagnostics.push(errors::type_arguments("Count", Problem::SameUnit, span));
            return None;
        }
        if unit.times && units.is_empty() {
            diagnostics.push(errors::type_arguments("Count", Problem::OnlyTimes, span));
            return None;
        }
        units.push(unit);
    }
    if let Some(span) = times {
        diagnostics.push(errors::type_arguments("Count", Problem::TimesNothing, span));
        return None;
    }
    Some(match units.as_slice() {
        [] => SettingType::Count(None),
        [one] if one.is_share() => SettingType::Ratio,
        [one] => SettingType::Count(Some(one.name.clone())),
        _ => SettingType::Units(units),
    })
}

/// The type that an unknown one was probably meant to be: a slip, or what it is called in other languages.
fn meant(name: &str) -> Option<&'static str> {
    let names = ArtifactKind::ALL.iter().map(|kind| kind.name()).chain(VALUES);
    closest(name, names).or_else(|| match name.to_ascii_lowercase().as_str() {
        "str" | "string" => Some("Text"),
        "integer" | "i32" | "i64" | "u32" | "u64" | "usize" => Some("Int"),
        "double" | "f32" | "f64" | "number" | "real" => Some("Float"),
        "boolean" => Some("Bool"),
        "percent" | "percentage" => Some("Ratio"),
        "time" | "timedelta" => Some("Duration"),
        "documents" => Some("Docs"),
        _ => None,
    })
}

/// The error for a type of one word in a param or parameter, where `default` is not that word: hardly a
/// choice of one, but another language's name of a type.
pub(crate) fn lone_word(ty: Option<&ast::Type>, default: Option<&ast::Expr>) -> Option<Diagnostic> {
    let mut ty = ty?;
    while let ast::TypeKind::List(inner) | ast::TypeKind::Optional(inner) = &ty.kind {
        ty = inner;
    }
    let ast::TypeKind::Named(name, _) = &ty.kind else { return None };
    let is_word = name.text.starts_with(|first: char| first.is_ascii_lowercase());
    let is_default = default.is_some_and(|default| match &default.kind {
        ast::ExprKind::Path(path) => path.text() == name.text || path.text() == "none",
        ast::ExprKind::List(_) => value_names(default).iter().any(|word| word.text == name.text),
        _ => false,
    });
    (is_word && !is_default).then(|| errors::unknown_type(&name.text, name.span, meant(&name.text)))
}

fn artifact(
    kind: ArtifactKind,
    name: &ast::Name,
    arguments: &[ast::TypeArg],
    diagnostics: &mut Diagnostics,
) -> Option<Pattern> {
    let mut pattern = Pattern::of(kind);
    for argument in arguments {
        let text = &argument.name.text;
        let variable = text.starts_with(|first: char| first.is_ascii_uppercase());
        let problem = match (variable, kind) {
            (true, kind) if !kind.has_vocabulary() => Problem::Vocabulary,
            (true, _) if pattern.vocabulary.is_some() => Problem::TwoVocabularies,
            (true, _) if argument.plus => Problem::AddedVocabulary,
            (true, _) => {
                pattern.vocabulary = Some(text.clone());
                continue;
            }
            (false, ArtifactKind::Model) => {
                pattern.keeps |= argument.plus;
                if text != BASE && !pattern.abilities.contains(text) {
                    pattern.abilities.push(text.clone());
                }
                continue;
            }
            (false, _) => Problem::Abilities,
        };
        diagnostics.push(errors::type_arguments(&name.text, problem, argument.span));
        return None;
    }
    Some(pattern)
}

/// Reads the type of a setting, a field or a param.
fn value_type(ty: &ast::Type, diagnostics: &mut Diagnostics) -> SettingType {
    match type_of(ty, diagnostics) {
        Some(ReadType::Value(ty)) => ty,
        // `param web: Files` names files to be given to a stage.
        Some(ReadType::Artifact(pattern)) if pattern.kind == ArtifactKind::Files && !pattern.list => {
            SettingType::Path
        }
        Some(ReadType::Artifact(pattern)) if pattern.kind == ArtifactKind::Files && !pattern.optional => {
            SettingType::List(Box::new(SettingType::Path))
        }
        Some(other) => {
            diagnostics.push(errors::wrong_type_here(&other.display(), TypePlace::Value, ty.span));
            SettingType::Unknown
        }
        None => SettingType::Unknown,
    }
}

fn settings(declarations: &[ast::SettingDecl], diagnostics: &mut Diagnostics) -> Vec<SettingSpec> {
    let mut specs: Vec<SettingSpec> = Vec::new();
    for declaration in declarations {
        let Some(mut spec) = setting(
            &Declared {
                name: declaration.name.as_ref(),
                docs: &declaration.docs,
                ty: declaration.ty.as_ref(),
                default: declaration.default.as_ref(),
                range: declaration.range.as_ref(),
                runtime: declaration.runtime,
            },
            &NoNames::Signature,
            diagnostics,
        ) else {
            continue;
        };
        // A default that is broken is none that is missing.
        if spec.default.is_none() && (declaration.default.is_some() || has_unknown(&spec.ty)) {
            spec.ty = SettingType::Unknown;
        }
        match specs.iter().find(|first| first.name == spec.name) {
            Some(first) => diagnostics.push(errors::name_twice("setting", &spec.name, spec.span, first.span)),
            None => specs.push(spec),
        }
    }
    specs
}

/// What a setting and a param have in common.
pub(crate) struct Declared<'a> {
    pub(crate) name: Option<&'a ast::Name>,
    pub(crate) docs: &'a str,
    pub(crate) ty: Option<&'a ast::Type>,
    pub(crate) default: Option<&'a ast::Expr>,
    pub(crate) range: Option<&'a ast::Range>,
    pub(crate) runtime: bool,
}

/// Reads `name: Type = default in range`; `None` where it has no name.
pub(crate) fn setting(
    declared: &Declared<'_>,
    names: &dyn Names,
    diagnostics: &mut Diagnostics,
) -> Option<SettingSpec> {
    let name = declared.name?;
    let ty = match declared.ty {
        Some(ty) => value_type(ty, diagnostics),
        None => SettingType::Unknown,
    };
    let mut values = Values::new(names, diagnostics);
    let bounds = declared.range.map_or_else(Bounds::default, |range| values.bounds(&name.text, range, &ty));
    let due = Expected { name: &name.text, ty: &ty, bounds: &bounds };
    let default = match declared.default {
        Some(default) => values.check(default, &due).into_value(),
        None if matches!(ty, SettingType::Optional(_)) => Some(Value::None),
        None => record_default(&ty),
    };
    let docs = declared.docs.to_owned();
    Some(SettingSpec {
        name: name.text.clone(),
        docs,
        ty,
        default,
        bounds,
        runtime: declared.runtime,
        span: name.span,
    })
}

/// Whether a field of a record is broken.
fn has_unknown(ty: &SettingType) -> bool {
    matches!(ty, SettingType::Record(fields) if fields.iter().any(|field| field.ty == SettingType::Unknown))
}

/// A record whose fields all have defaults has one itself.
fn record_default(ty: &SettingType) -> Option<Value> {
    let SettingType::Record(fields) = ty else { return None };
    let fields = fields.iter().map(|field| Some((field.name.clone(), field.default.clone()?)));
    fields.collect::<Option<Vec<_>>>().map(Value::Record)
}

/// Reads a signature; `None` where it has no name.
pub(crate) fn signature(stage: &ast::Stage, diagnostics: &mut Diagnostics) -> Option<Signature> {
    let name = stage.name.as_ref()?;
    let inputs = inputs(&stage.params, diagnostics);
    let output = stage.result.as_ref().and_then(|ty| result(ty, &inputs, diagnostics));
    let mut signature = Signature {
        name: name.text(),
        docs: stage.docs.clone(),
        span: name.span,
        inputs,
        output,
        settings: settings(&stage.settings, diagnostics),
        epoch: 1,
        per_shard: None,
        resumes: false,
        needs: Needs::default(),
        command: None,
        command_span: None,
        jsonl: false,
        special_tokens: None,
        flow: Flow::default(),
        amounts: Amounts::default(),
        stem: Vec::new(),
        measures: Vec::new(),
        rules: Vec::new(),
    };
    for setting in &signature.settings {
        if PROPERTIES.contains(&setting.name.as_str()) || setting.name == "stage" {
            diagnostics.push(errors::name_of_property(&setting.name, setting.span));
        }
    }
    for clause in &stage.clauses {
        match clause {
            ast::Clause::PerShard(_) => {}
            ast::Clause::Property(name, value) => property(&mut signature, name, value.as_ref(), diagnostics),
            ast::Clause::Require(require) => phrases::rule(&mut signature, require, diagnostics),
            ast::Clause::Measure(measure) => phrases::measure(&mut signature, measure, diagnostics),
            ast::Clause::Phrase(words) => phrases::phrase(&mut signature, words, diagnostics),
        }
    }
    // The lock is an input that a phrase makes.
    for clause in &stage.clauses {
        let ast::Clause::PerShard(name) = clause else { continue };
        let is_lock = signature.flow.is_locked() && name.text == LOCK;
        match is_lock || signature.inputs.iter().any(|input| input.name == name.text) {
            true => signature.per_shard = Some(name.text.clone()),
            false => diagnostics.push(errors::shard_of_nothing(&name.text, name.span)),
        }
    }
    Some(signature)
}

fn inputs(parameters: &[ast::Parameter], diagnostics: &mut Diagnostics) -> Vec<InputSpec> {
    let mut inputs: Vec<InputSpec> = Vec::new();
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for parameter in parameters {
        let Some(name) = &parameter.name else { continue };
        if let Some(&first) = seen.get(name.text.as_str()) {
            diagnostics.push(errors::name_twice("input", &name.text, name.span, first));
            continue;
        }
        seen.insert(&name.text, name.span);
        if let Some(default) = &parameter.default {
            diagnostics.push(errors::default_in_parentheses(&name.text, default.span));
        }
        let ty = parameter.ty.as_ref().and_then(|ty| match type_of(ty, diagnostics)? {
            ReadType::Artifact(pattern) => Some(pattern),
            other => {
                diagnostics.push(errors::wrong_type_here(&other.display(), TypePlace::Input, ty.span));
                None
            }
        });
        inputs.push(InputSpec { name: name.text.clone(), ty, span: name.span });
    }
    inputs
}

/// Reads a result type, given what goes in.
fn result(ty: &ast::Type, inputs: &[InputSpec], diagnostics: &mut Diagnostics) -> Option<Pattern> {
    let pattern = match type_of(ty, diagnostics)? {
        ReadType::Artifact(pattern)
            if !pattern.list
                && !pattern.optional
                && pattern.others.is_empty()
                && pattern.kind != ArtifactKind::Files =>
        {
            pattern
        }
        other => {
            diagnostics.push(errors::wrong_type_here(&other.display(), TypePlace::Output, ty.span));
            return None;
        }
    };
    let model_goes_in =
        inputs.iter().any(|input| input.ty.as_ref().is_none_or(|ty| ty.kind == ArtifactKind::Model));
    if pattern.keeps && !model_goes_in {
        let ability = pattern.abilities.first().map_or(BASE, String::as_str);
        diagnostics.push(errors::unresolved_variable(ability, &pattern.to_string(), ty.span));
        return None;
    }
    Some(pattern)
}

/// What `name = value` may say in a signature.
pub(crate) const PROPERTIES: [&str; 9] =
    ["epoch", "resumes", "run", "reads", "special_tokens", "cores", "memory", "device", "timeout"];

fn property(
    signature: &mut Signature,
    name: &ast::Name,
    value: Option<&ast::Expr>,
    diagnostics: &mut Diagnostics,
) {
    let Some(value) = value else { return };
    if matches!(value.kind, ast::ExprKind::Error) {
        return;
    }
    let bounds = Bounds::default();
    let mut quiet = Diagnostics::default();
    let mut read = |ty: &SettingType| {
        let due = Expected { name: &name.text, ty, bounds: &bounds };
        Values::new(&NoNames::Signature, &mut quiet).check(value, &due).into_value()
    };
    match name.text.as_str() {
        "epoch" => match read(&SettingType::Int) {
            Some(Value::Number(epoch))
                if epoch.as_whole().is_some_and(|epoch| u32::try_from(epoch).is_ok()) =>
            {
                signature.epoch = epoch.as_whole().and_then(|epoch| u32::try_from(epoch).ok()).unwrap_or(1);
            }
            _ => diagnostics.push(errors::bad_property("epoch", "a whole number, not negative", value.span)),
        },
        "resumes" => match read(&SettingType::Bool) {
            Some(Value::Bool(resumes)) => signature.resumes = resumes,
            _ => diagnostics.push(errors::bad_property("resumes", "`true` or `false`", value.span)),
        },
        "cores" => match read(&SettingType::Int) {
            Some(Value::Number(cores))
                if cores.as_whole().is_some_and(|cores| (1..=4096).contains(&cores)) =>
            {
                signature.needs.cores = cores.as_whole().and_then(|cores| u32::try_from(cores).ok());
            }
            _ => {
                diagnostics.push(errors::bad_property("cores", "a whole number from 1 to 4,096", value.span))
            }
        },
        "memory" => match read(&SettingType::Bytes) {
            Some(Value::Number(bytes))
                if bytes.as_whole().is_some_and(|bytes| u64::try_from(bytes).is_ok()) =>
            {
                signature.needs.memory = bytes.as_whole().and_then(|bytes| u64::try_from(bytes).ok());
            }
            _ => diagnostics.push(errors::bad_property(
                "memory",
                "a number of bytes, such as `8GiB`",
                value.span,
            )),
        },
        "device" => match (read(&SettingType::Bool), read(&SettingType::Count(Some("gpus".to_owned())))) {
            (Some(Value::Bool(device)), _) => {
                signature.needs.devices = device.then_some(Devices { kind: DeviceKind::Any, count: 1 });
            }
            (_, Some(Value::Number(count)))
                if count.as_whole().is_some_and(|count| (1..=64).contains(&count)) =>
            {
                let count = count.as_whole().and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
                signature.needs.devices = Some(Devices { kind: DeviceKind::Gpu, count });
            }
            _ => diagnostics.push(errors::bad_property(
                "device",
                "`true`, `false`, or from 1 to 64 `gpus`",
                value.span,
            )),
        },
        "timeout" => match read(&SettingType::Duration) {
            Some(Value::Number(time)) if time.to_f64() > 0.0 => {
                signature.needs.time_limit = Some(time.to_f64())
            }
            _ => diagnostics.push(errors::bad_property("timeout", "a time, such as `10min`", value.span)),
        },
        "run" => match read(&SettingType::List(Box::new(SettingType::Text))) {
            Some(Value::List(words)) if !words.is_empty() => {
                let words = texts(words);
                // A program in a folder may have blanks in its path; one that is looked up never has.
                if let Some(line) = words.first().filter(|word| word.contains(' ') && !word.contains('/')) {
                    diagnostics.push(errors::several_words(
                        line,
                        words.get(1..).unwrap_or_default(),
                        value.span,
                    ));
                }
                (signature.command, signature.command_span) = (Some(words), Some(value.span));
            }
            _ if let ast::ExprKind::Text(line) = &value.kind => {
                diagnostics.push(errors::command_line(line, value.span));
            }
            _ => diagnostics.push(errors::bad_property(
                "run",
                "a program and its arguments, in quotes",
                value.span,
            )),
        },
        "reads" => match read(&SettingType::OneOf(vec!["jsonl".to_owned(), "parquet".to_owned()])) {
            Some(Value::Text(word)) => signature.jsonl = word == "jsonl",
            _ => diagnostics.push(errors::bad_property("reads", "`jsonl` or `parquet`", value.span)),
        },
        "special_tokens" => {
            let sets = SettingType::OneOf(SPECIAL_TOKENS.map(str::to_owned).to_vec());
            match read(&SettingType::List(Box::new(sets))) {
                Some(Value::List(words)) => signature.special_tokens = Some(texts(words)),
                _ => diagnostics.push(errors::bad_property(
                    "special_tokens",
                    "a list of `text`, `chat` and `search`",
                    value.span,
                )),
            }
        }
        other => diagnostics.push(errors::unknown_property(other, name.span, closest(other, PROPERTIES))),
    }
}

/// The texts of a list of them.
fn texts(words: Vec<Value>) -> Vec<String> {
    words
        .into_iter()
        .filter_map(|word| match word {
            Value::Text(text) => Some(text),
            _ => None,
        })
        .collect()
}
