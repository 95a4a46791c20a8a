//! What is known of what stands at a place.

use super::View;
use super::callable::{Callable, declaration};
use super::clauses;
use super::context::{Expects, Site, words};
use super::definition::links;
use super::names::{NameKind, Named, definitions, target};
use crate::artifact::ArtifactKind;
use crate::check::changes::Origin;
use crate::compile::ParamInfo;
use crate::graph::{Producer, StageId};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};
use crate::units::{self, Dimension};

/// What is known of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub at: Span,
    /// A declaration in the language; may be empty.
    pub code: String,
    /// Markdown; may be empty.
    pub text: String,
    /// The stages that it is about: those that make a binding, or those of a call.
    pub stages: Vec<StageId>,
}

/// What is known of what stands at `offset`.
#[must_use]
pub fn hover(view: &View<'_>, offset: u32) -> Option<Hover> {
    let leaf = view.file.tree.at(offset);
    // Between two tokens, the one that begins there is meant, unless it is space or a sign.
    let next = view.file.tree.at(offset + 1);
    let says = |id: NodeId| {
        let kind = view.file.tree.kind(id);
        matches!(
            kind,
            NodeKind::Name | NodeKind::Digits | NodeKind::Unit | NodeKind::Text | NodeKind::Keyword
        )
    };
    let leaf = if says(leaf) || !says(next) { leaf } else { next };
    let range = view.file.tree.range(leaf);
    let at = Span::new(view.file.id, range.start as u32, range.end as u32);
    if let Some(target) = target(view, offset) {
        return defined(view, target.at, target.to);
    }
    let site = Site { view, tree: &view.file.tree, text: view.text() };
    match view.file.tree.kind(leaf) {
        NodeKind::Name => word(&site, leaf, at),
        NodeKind::Digits | NodeKind::Unit => quantity(&site, leaf),
        NodeKind::Text => {
            let link = links(view).into_iter().find(|link| link.at.touches(offset))?;
            let file = view.compilation.files.iter().find(|file| file.id == link.to)?;
            Some(Hover { at: link.at, code: String::new(), text: file.ast.docs.clone(), stages: Vec::new() })
                .filter(|hover| !hover.text.is_empty())
        }
        NodeKind::Keyword => {
            let text = keyword(&view.text()[range])?.to_owned();
            Some(Hover { at, code: String::new(), text, stages: Vec::new() })
        }
        _ => None,
    }
}

/// What is defined at `to` and named at `at`.
fn defined(view: &View<'_>, at: Span, to: Span) -> Option<Hover> {
    if let Some(param) = view.compilation.params.iter().find(|param| param.span == to) {
        return Some(Hover {
            at,
            code: param_code(param),
            text: param_text(view, param),
            stages: Vec::new(),
        });
    }
    let mut stages = view.compilation.stages.iter().map(AsRef::as_ref).chain(view.library.iter());
    if let Some(measure) = stages.find_map(|stage| stage.measures.iter().find(|one| one.span == to)) {
        let (code, text) = (measure.display(), measure.docs.clone());
        return Some(Hover { at, code, text, stages: Vec::new() });
    }
    if let Some((callable, setting)) = view.declared(to) {
        let (code, text) = match setting {
            None => (callable.display(), callable_text(callable)),
            Some(spec) => {
                let mut text = spec.docs.clone();
                if spec.runtime {
                    text = paragraphs([text.as_str(), "The result does not depend on it."]);
                }
                (declaration(spec), text)
            }
        };
        let stages = if setting.is_none() { called(view, at, callable) } else { Vec::new() };
        return Some(Hover { at, code, text, stages });
    }
    let input = view.callables().find_map(|callable| match callable {
        Callable::Stage(stage) => {
            let input = stage.inputs.iter().find(|input| input.span == to)?;
            let ty = input.ty.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
            Some((format!("{}: {ty}", input.name), format!("An input of `{}`.", stage.name)))
        }
        Callable::Function(_) => None,
    });
    if let Some((code, text)) = input {
        return Some(Hover { at, code, text, stages: Vec::new() });
    }
    let names = definitions(view.compilation);
    let named = names.iter().find(|named| named.span == to)?;
    Some(of_name(view, at, named))
}

/// The stages that a call of `callable` whose name stands at `at` makes.
fn called(view: &View<'_>, at: Span, callable: Callable<'_>) -> Vec<StageId> {
    let graph = &view.compilation.graph;
    let around = graph.ids().filter(|&id| {
        let stage = graph.stage(id);
        let span = stage.span;
        stage.kind == callable.name() && span.file == at.file && span.start <= at.start && at.end <= span.end
    });
    let length = |id: StageId| graph.stage(id).span.end - graph.stage(id).span.start;
    let around: Vec<StageId> = around.collect();
    let smallest = around.iter().copied().map(length).min();
    around.into_iter().filter(|&id| Some(length(id)) == smallest).collect()
}

fn of_name(view: &View<'_>, at: Span, named: &Named<'_>) -> Hover {
    let name = view.compilation.sources.text(named.span);
    let mut hover = Hover { at, code: String::new(), text: named.docs.to_owned(), stages: Vec::new() };
    match named.kind {
        NameKind::Binding | NameKind::Local => {
            let ty = view.type_text_at(named.span).unwrap_or_else(|| "?".to_owned());
            hover.code = format!("{name}: {ty}");
            if named.kind == NameKind::Binding {
                hover.stages = view.compilation.graph.bindings.get(name).cloned().unwrap_or_default();
                hover.text = paragraphs([named.docs, &history(view, &hover.stages)]);
            }
        }
        NameKind::Profile => hover.code = format!("profile {name}"),
        _ => {
            let text = view.compilation.sources.text(named.whole);
            hover.code = text.split("///").next().unwrap_or(text).trim_end().to_owned();
        }
    }
    hover
}

/// What has been done to make a binding's value, from the files on: `crawl.warc`, `filter.urls`, …
fn history(view: &View<'_>, stages: &[StageId]) -> String {
    /// Steps that are shown; the first ones of longer histories are left out.
    const SHOWN: usize = 12;
    let graph = &view.compilation.graph;
    let Some(&first) = stages.first() else { return String::new() };
    let mut steps = Vec::new();
    let mut at = Some(first);
    while let Some(id) = at {
        let stage = graph.stage(id);
        steps.push(format!("`{}`", stage.kind));
        at = stage.inputs.first().and_then(|input| match &input.from {
            Producer::Stage(from) => Some(*from),
            Producer::Files(files) => {
                steps.push(format!("`{}`", files.quoted()));
                None
            }
        });
    }
    let more = steps.len() > SHOWN;
    steps.truncate(SHOWN);
    steps.reverse();
    let way = format!("{}{}", if more { "… → " } else { "" }, steps.join(" → "));
    match stages.len() {
        1 => way,
        many => format!("{way}\n\nA family of {many}."),
    }
}

fn param_code(param: &ParamInfo) -> String {
    let mut code = format!("param {}: {}", param.name, param.ty);
    if let Some(default) = &param.default {
        code += &format!(" = {default}");
    }
    if let Some(range) = &param.range {
        code += &format!(" in {range}");
    }
    code
}

fn param_text(view: &View<'_>, param: &ParamInfo) -> String {
    let origin = match &param.origin {
        Origin::Default => "the default".to_owned(),
        Origin::Profile(profile) => format!("profile `{profile}`"),
        Origin::ParamsFile => "the params file".to_owned(),
        Origin::Set => "`--set`".to_owned(),
    };
    let value = match &param.value {
        Some(value) if param.origin == Origin::Default => format!("Value: `{value}`, {origin}"),
        Some(value) => {
            let place = view.compilation.sources.place(param.value_span);
            format!("Value: `{value}`, from {origin} ({place})")
        }
        None => "It has no value.".to_owned(),
    };
    paragraphs([param.docs.as_str(), &value])
}

fn callable_text(callable: Callable<'_>) -> String {
    let settings = callable.settings();
    let list = settings.iter().map(|spec| format!("- `{}`", declaration_line(spec))).collect::<Vec<_>>();
    paragraphs([callable.docs(), &list.join("\n")])
}

/// A declaration that fits on a line: long lists of words and fields are left out.
fn declaration_line(spec: &crate::types::SettingSpec) -> String {
    const LONGEST: usize = 100;
    let line = declaration(spec);
    if line.chars().count() <= LONGEST {
        return line;
    }
    let default = spec.default.as_ref().map(|value| format!(" = {}", value.display(&spec.ty)));
    let default = default.filter(|text| text.len() < LONGEST).unwrap_or_default();
    format!("{}: …{default}", spec.name)
}

/// A word that is no name: of an enumeration, a type, or the language.
fn word(site: &Site<'_, '_>, leaf: NodeId, at: Span) -> Option<Hover> {
    let text = site.str(leaf);
    if site.around(leaf, |kind| kind == NodeKind::NamedType).is_some() {
        let text = type_text(text)?.to_owned();
        return Some(Hover { at, code: site.str(leaf).to_owned(), text, stages: Vec::new() });
    }
    if let Some((code, text)) = clauses::about(site, leaf).or_else(|| place(site, leaf)) {
        return Some(Hover { at, code, text, stages: Vec::new() });
    }
    let expr = site.around(leaf, |kind| kind == NodeKind::Expr)?;
    match site.expects(expr) {
        Expects::Value(spec) if words(&spec.ty).iter().any(|word| word == text) => {
            Some(Hover { at, code: declaration(spec), text: spec.docs.clone(), stages: Vec::new() })
        }
        _ => None,
    }
}

/// A word of `runtime on = local { cores = 4 }`, by which a profile says where a run takes place.
fn place(site: &Site<'_, '_>, leaf: NodeId) -> Option<(String, String)> {
    let word = site.str(leaf);
    let path = site.around(leaf, |kind| kind == NodeKind::Path)?;
    let owner = site.tree.parent(path)?;
    match site.tree.kind(owner) {
        NodeKind::Field if site.child(owner, NodeKind::Keyword).is_some() => {
            let (name, about) = crate::place::PLACES.iter().find(|(name, _)| *name == word)?;
            Some((format!("runtime {name}"), (*about).to_owned()))
        }
        NodeKind::Field => {
            let spec = site.field(owner).filter(|spec| spec.name == word)?;
            Some((declaration(spec), spec.docs.clone()))
        }
        NodeKind::Call => {
            let settings = crate::place::executors().get(word).filter(|_| site.callee(owner).is_none())?;
            let settings: Vec<String> = settings.iter().map(declaration).collect();
            Some((format!("{word} {{ {} }}", settings.join(", ")), "What runs the stages.".to_owned()))
        }
        _ => None,
    }
}

/// A number in base units.
fn quantity(site: &Site<'_, '_>, leaf: NodeId) -> Option<Hover> {
    let number = site.around(leaf, |kind| kind == NodeKind::Number)?;
    let range = site.tree.range(number);
    let at = Span::new(site.view.file.id, range.start as u32, range.end as u32);
    let literal = crate::syntax::number(site.str(number))?;
    let quantity = units::quantity(&literal).ok()?;
    let value = match quantity.value.as_whole().and_then(|whole| u64::try_from(whole).ok()) {
        Some(whole) => units::grouped(whole),
        None => quantity.value.to_string(),
    };
    let unit = match &quantity.dimension {
        Dimension::Plain | Dimension::Ratio => String::new(),
        Dimension::Bytes => " bytes".to_owned(),
        Dimension::Time => " seconds".to_owned(),
        Dimension::Count(unit) => format!(" {unit}"),
        Dimension::Times(unit) => format!(" times the number of {unit}"),
    };
    let shown = units::display(quantity.value, &quantity.dimension);
    Some(Hover { at, code: format!("{shown} = {value}{unit}"), text: String::new(), stages: Vec::new() })
}

/// Texts with a blank line between them; empty ones are left out.
fn paragraphs<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// What a word of the language does.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    Some(match word {
        "import" => "`import \"common.llmp\"` makes the names of another file visible here.",
        "param" => {
            "`param width: Int = 96 in 32..1024` declares a value that profiles, a params file and `--set` can change."
        }
        "profile" => {
            "`profile smoke { base.for = 10k tokens }` is a set of changes, chosen with `--profile smoke`."
        }
        "def" => {
            "`def clean(pages: Pages) -> Docs { … }` is a function: its stages stand where it is called."
        }
        "stage" => {
            "`stage my.clean(docs: Docs) -> Docs { run = […] }` declares a stage that runs a command of your own."
        }
        "edition" => "`edition 2026` states for which edition of the language a file is written.",
        "expect" => {
            "`expect table.wrong[\"honest\"] <= 8%`: where a report says something else, the run fails, and its models are not \
             promoted."
        }
        "require" => {
            "`require least <= most else \"…\"`: what must hold of the settings, and what is wrong where it does not."
        }
        "measure" => {
            "`measure wrong[model]: Ratio` is a number of the report, which programs can expect something of."
        }
        "each" => "`each [a, b]` makes one stage for every member: a family.",
        "if" | "then" | "else" => {
            "`if condition then a else b`; the condition is known before anything runs."
        }
        "in" => "`in low..high` limits a number; both ends are included.",
        "per" | "shard" => {
            "`per shard docs`: shards of this input are processed one by one, and only new ones run."
        }
        "runtime" => {
            "`runtime name: Type` is a setting on which the result cannot depend; in a profile, `runtime on` and `runtime store` \
             say where a run takes place."
        }
        "not" | "and" | "or" => "Operators of truth values.",
        _ => return None,
    })
}

/// What a type is for.
pub(super) fn type_text(name: &str) -> Option<&'static str> {
    if let Some(kind) = ArtifactKind::named(name) {
        return Some(kind.about());
    }
    Some(match name {
        "Int" => "A whole number.",
        "Float" => "A number with fractions.",
        "Bool" => "`true` or `false`.",
        "Text" => "Text in quotes.",
        "Path" => "The path of a file whose content counts.",
        "Ratio" => "A share: `80%`.",
        "Duration" => "A length of time: `3h`.",
        "Bytes" => "An amount of data: `1.5GB`.",
        "Count" => "A number of something: `20M tokens`.",
        "Range" => "Whole numbers from the first to the last: `1..20`.",
        _ => return None,
    })
}
