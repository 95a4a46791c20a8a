//! Entries about stages, bindings, settings and items.

use super::{Completion, CompletionKind, Completions, Cursor};
use crate::artifact::ArtifactKind;
use crate::ast::Item;
use crate::ide::callable::{Callable, declaration};
use crate::ide::clauses::{CLAUSES, Clause, next_words};
use crate::ide::context::heads;
use crate::ide::hover::{keyword, type_text};
use crate::ide::names::{NameKind, of_file};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};
use crate::types::{Pattern, SettingSpec, SettingType, Type};

impl Completion {
    pub(super) fn new(label: impl Into<String>, kind: CompletionKind, rank: u8) -> Self {
        let label = label.into();
        let insert = label.clone();
        Self { label, kind, detail: String::new(), docs: String::new(), insert, snippet: None, rank }
    }

    pub(super) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    pub(super) fn docs(self, docs: impl Into<String>) -> Self {
        Self { docs: docs.into(), ..self }
    }

    pub(super) fn snippet(self, snippet: impl Into<String>) -> Self {
        Self { snippet: Some(snippet.into()), ..self }
    }
}

/// Text that means itself in a snippet.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
}

/// `tokenizer = `
pub(super) fn named_input(name: &str, ty: Option<&Pattern>) -> Completion {
    // Often a binding has the name, too.
    let item = Completion::new(format!("{name} ="), CompletionKind::Setting, 3);
    let detail = ty.map(ToString::to_string).unwrap_or_default();
    Completion { insert: format!("{name} = "), ..item.detail(detail) }
}

impl<'a> Cursor<'a, '_> {
    /// What stands behind the word on its line.
    fn behind(&self) -> &str {
        let text = &self.site.view.text()[self.end as usize..];
        text.lines().next().unwrap_or("").trim_start()
    }

    /// The names of settings, fields, or what a profile can change.
    pub(super) fn fields(&self, record: NodeId) -> Vec<Completion> {
        let (site, tree) = (&self.site, self.site.tree);
        let assigned = self.behind().starts_with('=');
        let owner = tree.parent(record).map(|owner| tree.kind(owner));
        if owner == Some(NodeKind::Profile) {
            // The path up to the word, which may be left over text.
            let text = &site.view.text()[..self.start as usize];
            let from = text.rfind(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_' || sign == '.'));
            let path = &text[from.map_or(0, |at| at + 1)..];
            let before: Vec<&str> = path.split('.').filter(|name| !name.is_empty()).collect();
            let mut items: Vec<Completion> = site
                .changeable(&before)
                .into_iter()
                .map(|spec| Self::setting(spec, assigned, if before.is_empty() { 0 } else { 1 }))
                .collect();
            if before.is_empty() {
                items.extend(self.changeable_bindings());
            }
            return items;
        }
        let given: Vec<String> = tree
            .children(record)
            .filter(|&field| {
                tree.kind(field) == NodeKind::Field && !tree.range(field).contains(&(self.start as usize))
            })
            .map(|field| site.path_of(field))
            .collect();
        let missing = site.settings(record).into_iter().filter(|spec| !given.contains(&spec.name));
        missing
            .map(|spec| {
                let required = spec.default.is_none() && !matches!(spec.ty, SettingType::Optional(_));
                Self::setting(spec, assigned, u8::from(!required))
            })
            .collect()
    }

    fn setting(spec: &SettingSpec, assigned: bool, rank: u8) -> Completion {
        let item = Completion::new(&spec.name, CompletionKind::Setting, rank);
        let item = item.detail(declaration(spec)).docs(&spec.docs);
        if assigned {
            return item;
        }
        let default = spec.default.as_ref().map(|value| value.display(&spec.ty));
        let snippet = match (&spec.ty.required(), default) {
            (SettingType::Record(_), _) => format!("{} = {{ $1 }}", spec.name),
            (SettingType::List(_), _) => format!("{} = [$1]", spec.name),
            (_, Some(default)) => format!("{} = ${{1:{}}}", spec.name, literal(&default)),
            (_, None) => format!("{} = $1", spec.name),
        };
        Completion { insert: format!("{} = ", spec.name), ..item.snippet(snippet) }
    }

    /// Bindings with settings, for the start of a profile's path.
    fn changeable_bindings(&self) -> Vec<Completion> {
        let view = self.site.view;
        let seen = view.seen();
        let files = view.compilation.files.iter().filter(|file| seen.contains(&file.id));
        let bindings = files.flat_map(|file| &file.ast.items).filter_map(|item| match item {
            Item::Binding(binding)
                if binding.value.as_ref().is_some_and(|value| !heads(value).is_empty()) =>
            {
                let ty = view.type_text_at(binding.name.span).unwrap_or_default();
                let item = Completion::new(&binding.name.text, CompletionKind::Binding, 1).detail(ty);
                Some(Completion { insert: format!("{}.", binding.name.text), ..item.docs(&binding.docs) })
            }
            _ => None,
        });
        bindings.collect()
    }

    /// Steps of a pipe behind the value that ends at `end`.
    pub(super) fn steps(&self, end: u32) -> Vec<Completion> {
        let view = self.site.view;
        let piped = view.compilation.types.find(|span| span.file == view.file.id && span.end == end);
        self.callables(Some(piped.and_then(Type::kind)), None)
    }

    /// All that can be called. `piped` is the kind of the value that is piped into it, where one is and it is
    /// known; `due` the kind that must come out.
    pub(super) fn callables(
        &self,
        piped: Option<Option<ArtifactKind>>,
        due: Option<ArtifactKind>,
    ) -> Vec<Completion> {
        let called = self.behind().starts_with(['(', '{']);
        let entry = |callable: Callable<'a>| {
            let inputs = callable.inputs();
            let first = inputs.first().and_then(|(_, ty)| *ty).map(|ty| ty.kind);
            let rank = match (piped, due) {
                // Nothing can be piped into a stage without inputs.
                (Some(_), _) if inputs.is_empty() => return None,
                (Some(Some(piped)), _) if first != Some(piped) => 4,
                (_, Some(due)) if callable.output().is_some_and(|output| output.kind != due) => 4,
                _ => 1,
            };
            let (kind, name) = match callable {
                Callable::Stage(_) => (CompletionKind::Stage, callable.name()),
                Callable::Function(_) => (CompletionKind::Function, callable.name()),
            };
            let display = callable.display();
            let detail = display.strip_prefix(name).unwrap_or(&display);
            let summary = callable.docs().split("\n\n").next().unwrap_or_default();
            let item = Completion::new(name, kind, rank).detail(detail).docs(summary);
            Some(if called { item } else { item.snippet(call_snippet(callable, piped.is_some())) })
        };
        // No function calls itself.
        let itself = self.defined(NodeKind::Def);
        let callables = self.site.view.callables().filter(|callable| Some(callable.name()) != itself);
        callables.filter_map(entry).collect()
    }

    /// The name of the definition of this kind around the place.
    pub(super) fn defined(&self, wanted: NodeKind) -> Option<&str> {
        let definition = self.site.around(self.leaf, |kind| kind == wanted)?;
        self.site.child(definition, NodeKind::Name).map(|name| self.site.str(name))
    }

    /// What makes artifacts: bindings of the fitting type, then stages that yield it, then all others.
    pub(super) fn artifacts(&self, due: Option<ArtifactKind>) -> Vec<Completion> {
        let mut items = self.artifact_names(due);
        items.extend(self.callables(None, due));
        items.push(
            Completion::new("each", CompletionKind::Keyword, 5)
                .docs(keyword("each").unwrap_or_default())
                .snippet("each [$1]"),
        );
        items.push(
            Completion::new("if", CompletionKind::Keyword, 5)
                .docs(keyword("if").unwrap_or_default())
                .snippet("if ${1:condition} then $2 else $3"),
        );
        items
    }

    /// Bindings that the place sees: in a function its own names, else those of the top level.
    pub(super) fn artifact_names(&self, due: Option<ArtifactKind>) -> Vec<Completion> {
        let view = self.site.view;
        let here = |span: Span| span.start <= self.start && self.start <= span.end;
        let own = of_file(&view.file.ast);
        let def = own.iter().find(|name| name.kind == NameKind::Function && here(name.whole));
        let seen = view.seen();
        let itself = self.defined(NodeKind::Binding);
        let mut items = Vec::new();
        for file in view.compilation.files.iter().filter(|file| seen.contains(&file.id)) {
            for name in of_file(&file.ast) {
                let wanted = match (def, name.kind) {
                    (Some(def), NameKind::Local | NameKind::Parameter) => name.inside == Some(def.whole),
                    (None, NameKind::Binding) => true,
                    _ => false,
                };
                let text = view.compilation.sources.text(name.span);
                // Nothing is made from itself.
                if !wanted || file.id == view.file.id && itself == Some(text) {
                    continue;
                }
                let (kind, ty) = match name.kind {
                    NameKind::Parameter => {
                        let mut parameters = view.compilation.functions.iter().flat_map(|it| &it.parameters);
                        let parameter = parameters.find(|parameter| parameter.span == name.span);
                        // The value of a function's parameter is no artifact.
                        let Some(due) = parameter.and_then(|it| it.artifact.as_ref()) else { continue };
                        (Some(due.kind), due.to_string())
                    }
                    _ => {
                        let ty = view.type_at(name.span);
                        let text = ty.map(|ty| view.compilation.types.text(ty));
                        (ty.and_then(Type::kind), text.unwrap_or_default())
                    }
                };
                let fits = due.is_none() || kind == due;
                let rank = if fits { 0 } else { 3 };
                items.push(Completion::new(text, CompletionKind::Binding, rank).detail(ty).docs(name.docs));
            }
        }
        items
    }

    /// The start of an item, or broken text that is none.
    pub(super) fn item(&self, item: NodeId) -> Completions {
        let start = self.site.tree.range(item).start;
        let before = self.site.text.get(start..self.start as usize).unwrap_or_default();
        if before.trim_end().ends_with("|>")
            || before.trim_end_matches(|sign: char| sign != '>').ends_with("|>")
        {
            let word =
                before.rfind(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_' || sign == '.'));
            let start = start + word.map_or(0, |at| at + 1);
            let items = self.callables(Some(None), None);
            return Completions { start: start as u32, ..self.answer(items) };
        }
        if !before.trim().is_empty() {
            return Completions::default();
        }
        const ITEMS: [(&str, &str); 7] = [
            ("param", "param ${1:name}: ${2:Int} = ${3:1}"),
            ("def", "def ${1:name}(${2:docs: Docs}) -> ${3:Docs} {\n  $0\n}"),
            ("profile", "profile ${1:name} {\n  $0\n}"),
            ("stage", "stage ${1:name}(${2:docs: Docs}) -> ${3:Docs} {\n  run = [$0]\n}"),
            ("import", "import \"$1\""),
            ("expect", "expect ${1:table}.${2:wrong}[\"${3:model}\", \"${4:group}\"] <= ${5:8%}"),
            ("edition", "edition 2026"),
        ];
        let items = ITEMS.iter().map(|&(word, snippet)| {
            Completion::new(word, CompletionKind::Keyword, 0)
                .docs(keyword(word).unwrap_or_default())
                .snippet(snippet)
        });
        self.answer(items.collect())
    }

    /// What a stage's block can hold, and does not yet.
    pub(super) fn clauses(&self) -> Vec<Completion> {
        let (site, tree) = (&self.site, self.site.tree);
        let block = site.around(self.leaf, |kind| kind == NodeKind::Clauses);
        let given: Vec<&str> = block
            .into_iter()
            .flat_map(|block| tree.children(block))
            .filter(|&clause| !tree.range(clause).contains(&(self.start as usize)))
            .map(|clause| site.str(clause))
            .collect();
        let is_given = |words: &str| {
            given.iter().any(|text| text.strip_prefix(words).is_some_and(|rest| rest.starts_with([' ', '='])))
        };
        let free = CLAUSES.iter().filter(|clause| clause.many || !is_given(clause.words));
        let item = |clause: &Clause| {
            Completion::new(clause.words, CompletionKind::Keyword, 0)
                .snippet(clause.snippet)
                .docs(clause.about)
        };
        free.map(item).collect()
    }

    /// What can follow the words of `trains on`, `context from model` and their like.
    pub(super) fn phrase(&self) -> Vec<Completion> {
        let words = next_words(&self.site, self.leaf).unwrap_or_default();
        words.into_iter().map(|word| Completion::new(word, CompletionKind::Word, 0)).collect()
    }

    /// Types: of artifacts where stages' inputs stand, else of values.
    pub(super) fn types(&self) -> Vec<Completion> {
        let around = |wanted: NodeKind| self.site.around(self.leaf, |kind| kind == wanted).is_some();
        let (value, artifact) =
            match (around(NodeKind::Param) || around(NodeKind::Setting), around(NodeKind::Parameters)) {
                (true, _) => (0, None),
                (false, true) => (1, Some(0)),
                (false, false) => (5, Some(0)),
            };
        let entry = |name: &str, rank| {
            let item = Completion::new(name, CompletionKind::Type, rank);
            item.docs(type_text(name).unwrap_or_default())
        };
        let mut items: Vec<Completion> =
            crate::signature::VALUES.iter().map(|name| entry(name, value)).collect();
        if let Some(rank) = artifact {
            items.extend(ArtifactKind::ALL.iter().map(|kind| entry(kind.name(), rank)));
        }
        for item in items.iter_mut().filter(|item| item.label == "Count") {
            item.snippet = Some("Count<${1:tokens}>".to_owned());
        }
        items
    }
}

/// A call with its inputs and the settings that must be given.
fn call_snippet(callable: Callable<'_>, piped: bool) -> String {
    let mut places = 0;
    let mut place = |text: &str| {
        places += 1;
        format!("${{{places}:{}}}", literal(text))
    };
    let mut snippet = callable.name().to_owned();
    let inputs = callable.inputs();
    let needed = inputs.iter().skip(usize::from(piped)).filter(|(name, ty)| {
        let value = callable.settings().into_iter().find(|spec| spec.name == *name);
        let set =
            matches!(callable, Callable::Function(_)) && value.is_some_and(|spec| spec.default.is_some());
        !ty.is_some_and(|ty| ty.optional) && !set
    });
    let needed: Vec<String> = needed.map(|(name, _)| place(name)).collect();
    if !needed.is_empty() || !piped {
        snippet += &format!("({})", needed.join(", "));
    }
    if matches!(callable, Callable::Stage(_)) {
        let required = callable.settings().into_iter().filter(|spec| {
            spec.default.is_none() && !matches!(spec.ty, SettingType::Optional(_) | SettingType::Record(_))
        });
        let mut value = |spec: &SettingSpec| match &spec.ty {
            SettingType::List(_) => format!("[{}]", place("")),
            _ => place(""),
        };
        let required: Vec<String> = required.map(|spec| format!("{} = {}", spec.name, value(spec))).collect();
        if !required.is_empty() {
            snippet += &format!(" {{ {} }}", required.join(", "));
        }
    }
    snippet
}
