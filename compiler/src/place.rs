//! Where a run takes place: `runtime on = local { … }` and `runtime store = "…"` in a profile.
//!
//! This changes nothing of what a program means: no part of it enters the graph, and so none enters a key.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value as Json;

use crate::ast::{self, ExprKind};
use crate::code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::names::closest;
use crate::resolve::Program;
use crate::signature::{ReadType, type_of};
use crate::source::{FileId, Span};
use crate::syntax;
use crate::types::{Bounds, SettingSpec, SettingType};
use crate::value::names::NoNames;
use crate::value::{Expected, Value, Values};

/// Where a run takes place, as the chosen profiles say; what they do not say is up to the command line and
/// the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// What runs the stages.
    pub on: Option<Executor>,
    /// Where results are kept: a folder, relative to that of the main file.
    pub store: Option<(String, Span)>,
}

/// What runs stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    /// `local`
    pub name: String,
    /// Its settings, worked out, in base units; those that are not given have their defaults.
    pub settings: BTreeMap<String, Json>,
    /// Where it is chosen.
    pub span: Span,
}

/// What a profile can say behind `runtime`.
pub(crate) const PLACES: [(&str, &str); 2] = [
    ("on", "What runs the stages."),
    ("store", "Where results are kept: a folder, relative to that of the main file."),
];

/// The executors there are, each with its settings as a type of the language. One that this program cannot
/// use is none: a program must not ask for what would then be ignored.
const EXECUTORS: [(&str, &str); 2] = [
    ("local", "{ cores: Int? in 1..4_096, memory: Bytes? }"),
    (
        "slurm",
        "{ partition: Text?, account: Text?, qos: Text?, constraint: Text?, time: Duration?, cores: Int? in 1..4_096, \
         memory: Bytes?, gres: Text?, at_most: Int? in 1..1_000_000, options: [Text]? }",
    ),
];

/// The names of all executors, for the command line.
#[must_use]
pub fn executor_names() -> Vec<&'static str> {
    EXECUTORS.iter().map(|(name, _)| *name).collect()
}

/// The settings of all executors, by name.
pub(crate) fn executors() -> &'static BTreeMap<&'static str, Vec<SettingSpec>> {
    static EXECUTORS_READ: OnceLock<BTreeMap<&'static str, Vec<SettingSpec>>> = OnceLock::new();
    EXECUTORS_READ.get_or_init(|| EXECUTORS.iter().map(|&(name, ty)| (name, settings(ty))).collect())
}

fn settings(ty: &str) -> Vec<SettingSpec> {
    let parse = syntax::parse(FileId::default(), &format!("param settings: {ty}\n"));
    let Some(ast::Item::Param(ast::Param { ty: Some(ty), .. })) = parse.file.items.first() else {
        return Vec::new();
    };
    match type_of(ty, &mut Diagnostics::default()) {
        Some(ReadType::Value(SettingType::Record(fields))) => fields,
        _ => Vec::new(),
    }
}

/// What the chosen profiles say of the place, later ones winning; those not chosen are checked all the same.
pub(crate) fn place(program: &Program<'_>, chosen: &[String], diagnostics: &mut Diagnostics) -> Place {
    let mut of_profile: BTreeMap<&str, Place> = BTreeMap::new();
    for item in &program.profiles {
        let place = of_profile.entry(&item.name.text).or_default();
        for entry in item.ast.entries.iter().filter(|entry| entry.runtime) {
            read(entry, place, diagnostics);
        }
    }
    let mut place = Place::default();
    for profile in chosen.iter().filter_map(|name| of_profile.remove(name.as_str())) {
        place = Place { on: profile.on.or(place.on), store: profile.store.or(place.store) };
    }
    place
}

fn read(entry: &ast::ProfileEntry, place: &mut Place, diagnostics: &mut Diagnostics) {
    let Some(value) = entry.value.as_ref().filter(|value| !matches!(value.kind, ExprKind::Error)) else {
        return;
    };
    let twice = |first: Span| twice(&entry.path.text(), entry.path.span, first);
    match entry.path.text().as_str() {
        "on" => match &place.on {
            Some(first) => diagnostics.push(twice(first.span)),
            None => place.on = executor(value, diagnostics),
        },
        "store" => match &place.store {
            Some((_, first)) => diagnostics.push(twice(*first)),
            None => {
                let due = Expected { name: "store", ty: &SettingType::Text, bounds: &Bounds::default() };
                let text = Values::new(&NoNames::Place, diagnostics).check(value, &due).into_value();
                if let Some(Value::Text(text)) = text {
                    match text.as_str() {
                        "" => diagnostics.push(no_folder(value.span)),
                        address if scheme(address).is_some() => {
                            diagnostics.push(no_store(address, value.span))
                        }
                        _ => place.store = Some((text, value.span)),
                    }
                }
            }
        },
        other => diagnostics.push(unknown_place(other, entry.path.span, closest(other, ["on", "store"]))),
    }
}

fn executor(value: &ast::Expr, diagnostics: &mut Diagnostics) -> Option<Executor> {
    let (path, record) = match &value.kind {
        ExprKind::Path(path) => (path, None),
        ExprKind::Call(call) if call.args.is_empty() && call.parentheses.is_none() => {
            (&call.callee, call.settings.as_ref())
        }
        _ => {
            diagnostics.push(no_executor(value.span));
            return None;
        }
    };
    let name = path.text();
    let Some(specs) = executors().get(name.as_str()) else {
        diagnostics.push(unknown_executor(&name, path.span, closest(&name, executors().keys().copied())));
        return None;
    };
    let ty = SettingType::Record(specs.clone());
    let empty = ast::Record { span: path.span, fields: Vec::new(), broken: false };
    let record = record.cloned().unwrap_or(empty);
    let fields = ast::Expr { span: record.span, kind: ExprKind::Record(record) };
    let due = Expected { name: &name, ty: &ty, bounds: &Bounds::default() };
    let settings = Values::new(&NoNames::Place, diagnostics).check(&fields, &due).into_value()?;
    let Json::Object(settings) = settings.to_json(&ty) else { return None };
    Some(Executor { name, settings: settings.into_iter().collect(), span: value.span })
}

fn unknown_place(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::UNKNOWN_PLACE,
        format!("a profile says no `{name}` of where a run takes place"),
        span,
    );
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => {
            error.help("it says `runtime on = …` and `runtime store = …`; settings stand without `runtime`")
        }
    }
}

fn twice(name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::SETTING_TWICE, format!("`{name}` is given twice"), span)
        .also(first, "first given here")
        .help("remove one of them")
}

fn no_folder(span: Span) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_PLACE, "the store has no name", span)
        .help("name a folder, relative to that of the main file, as in `runtime store = \"results\"`")
}

fn no_store(address: &str, span: Span) -> Diagnostic {
    let message = format!("the store `{address}` is an address, and this program keeps results in folders");
    Diagnostic::error(code::UNKNOWN_PLACE, message, span)
        .help("name a folder, relative to that of the main file, as in `runtime store = \"results\"`")
}

/// The scheme of an address: `s3` of `s3://bucket/prefix`.
#[must_use]
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(letter))
        .then_some(scheme)
}

/// The address of a file that `llmp fetch` gets: `https://…`, `http://…` where the user allows the host,
/// `hf://…`; not of a pattern.
#[must_use]
pub fn fetched_address(text: &str) -> Option<&str> {
    scheme(text).is_some_and(|scheme| ["https", "http", "hf"].contains(&scheme)).then_some(text)
}

fn no_executor(span: Span) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_PLACE, "expected an executor", span)
        .help("write its name, and its settings in braces, as in `runtime on = local { cores = 4 }`")
}

fn unknown_executor(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_PLACE, format!("there is no executor `{name}`"), span);
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => {
            let known: Vec<String> = executors().keys().map(|name| format!("`{name}`")).collect();
            let known = match known.as_slice() {
                [one] => format!("the only executor is {one}"),
                many => format!("executors are {}", many.join(" and ")),
            };
            error.help(format!("{known}; leave the line out, or choose this one"))
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_executor_can_be_read() {
        let settings: Vec<usize> = super::executors().values().map(Vec::len).collect();
        assert_eq!((super::executor_names(), settings), (vec!["local", "slurm"], vec![2, 10]));
    }

    #[test]
    fn addresses_are_told_from_folders() {
        assert_eq!(super::scheme("s3://team/llmp"), Some("s3"));
        assert_eq!(super::scheme("svn+ssh://host/x"), Some("svn+ssh"));
        assert_eq!([super::scheme("results"), super::scheme("a:b"), super::scheme("3x://a")], [None; 3]);
    }
}
