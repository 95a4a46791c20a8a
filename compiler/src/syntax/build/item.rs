//! Items: what stands at the top of a file.

use super::Builder;
use super::types::Declared;
use crate::ast::{
    Binding, Clause, Def, Expr, ExprKind, File, Import, Item, Name, Param, Profile, ProfileEntry, Stage,
};
use crate::source::Span;
use crate::syntax::errors;
use crate::syntax::tree::{Kind, NodeId, Tree};

impl Builder<'_> {
    pub(super) fn file(&mut self) -> File {
        let docs = self.file_docs();
        let mut items = Vec::new();
        let mut failed = false;
        // The item or line before, where something is missing at its end, and the diagnostic that says so.
        let mut dangling: Option<(NodeId, usize)> = None;
        // The binding just before, where nothing else follows it.
        let mut previous: Option<NodeId> = None;
        for entry in self.entries(Tree::ROOT) {
            let before = self.diagnostics.len();
            let kind = self.kind(entry.id);
            if let Some((item, missing)) = dangling.take()
                && kind == Kind::ErrorItem
                && self.joined(missing, item, entry.id)
            {
                let open = self.str(entry.id).trim_end().ends_with("|>");
                dangling = open.then_some((item, missing));
                failed = true;
                continue;
            }
            if kind == Kind::ErrorItem
                && !failed
                && let Some(item) = previous.take()
                && let Some(Item::Binding(binding)) = items.last_mut()
                && self.continues(item, entry.id)
                && self.starts_a_call(entry.id)
            {
                // A step of a pipe without its sign.
                let (text, span) = self.junk_text(entry.id);
                binding.value = Some(Expr { span, kind: ExprKind::Error });
                self.report(errors::missing_pipe(span, text));
                failed = true;
                continue;
            }
            previous = (kind == Kind::Binding).then_some(entry.id);
            match kind {
                Kind::Junk if failed => continue,
                // The pipe of an item that broke off.
                Kind::ErrorItem if failed && self.str(entry.id).starts_with("|>") => continue,
                Kind::Junk => self.junk(entry.id, None, Kind::File),
                _ => items.push(self.item(entry.id, entry.docs)),
            }
            failed = self.diagnostics.len() > before;
            dangling = self.dangling(before).map(|missing| (entry.id, missing));
        }
        File { docs, items }
    }

    fn item(&mut self, id: NodeId, docs: String) -> Item {
        match self.kind(id) {
            Kind::Import => Item::Import(self.import(id)),
            Kind::Param => {
                let Declared { name, ty, default, range } = self.declared(id, "param");
                Item::Param(Param { span: self.span(id), docs, name, ty, default, range })
            }
            Kind::Profile => Item::Profile(self.profile(id, docs)),
            Kind::Def => Item::Def(self.def(id, docs)),
            Kind::Stage => Item::Stage(self.stage(id, docs)),
            Kind::Binding => Item::Binding(self.binding(id, docs)),
            _ => {
                self.junk(id, None, Kind::File);
                self.meant(id, docs)
            }
        }
    }

    /// Whether a line begins as a step of a pipe does: a stage with its inputs or settings, or alone.
    fn starts_a_call(&self, id: NodeId) -> bool {
        let (text, _) = self.junk_text(id);
        let end = text
            .find(|sign: char| !(sign.is_ascii_alphanumeric() || "_.".contains(sign)))
            .unwrap_or(text.len());
        let rest = text[end..].trim_start();
        end > 0 && (rest.is_empty() || rest.starts_with(['(', '{']) || rest.starts_with("|>"))
    }

    /// What a line that is no item was meant to define, without a value: whoever uses the name makes no mistake.
    fn meant(&self, id: NodeId, docs: String) -> Item {
        let (text, span) = self.junk_text(id);
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        let name = |word: &str| {
            let start = span.start + (word.as_ptr() as usize - text.as_ptr() as usize) as u32;
            let end = start + word.len() as u32;
            let is_name =
                super::junk::word(word) == word && !word.is_empty() && !super::junk::is_keyword(word);
            is_name.then(|| Name { span: Span { start, end, ..span }, text: word.to_owned() })
        };
        match (words.next(), words.next()) {
            (Some(first), Some(second)) if errors::near_item(first) == Some("param") => {
                match name(second.trim_end_matches(':')) {
                    Some(name) => {
                        let name = Some(name);
                        Item::Param(Param { span, docs, name, ty: None, default: None, range: None })
                    }
                    None => Item::Error(span),
                }
            }
            (Some(first), Some(_)) if errors::near_item(first).is_none() => match name(first) {
                Some(name) => Item::Binding(Binding { span, docs, name, value: None }),
                None => Item::Error(span),
            },
            _ => Item::Error(span),
        }
    }

    fn import(&mut self, id: NodeId) -> Import {
        let text = self.part(id, Kind::Text);
        let path = text.map(|text| Name { span: self.span(text), text: self.text(text) });
        if path.is_none() {
            self.missing(id, errors::missing_path(self.behind(id)));
        }
        Import { span: self.span(id), path }
    }

    fn profile(&mut self, id: NodeId, docs: String) -> Profile {
        let name = self.item_name(id);
        let mut entries = Vec::new();
        match self.part(id, Kind::Record) {
            Some(record) => {
                self.brackets(record, |builder, part| {
                    let Some(path) = builder.part(part, Kind::Path) else { return };
                    let path = builder.path(path);
                    let value = builder.value(part);
                    entries.push(ProfileEntry { span: builder.span(part), path, value });
                });
            }
            None if name.is_some() => {
                let example = "`profile smoke { base.for = 200k tokens }`";
                let missing = errors::missing_block(self.behind(id), "profile", example);
                let sign = self.junk_behind(id).filter(|&junk| self.str(junk).starts_with('='));
                match sign.map(|sign| self.span(sign)) {
                    Some(span) => {
                        let sign = Span { end: span.start + 1, ..span };
                        self.missing(id, missing.fix("remove the `=`", sign, ""));
                    }
                    None => self.missing(id, missing),
                }
            }
            None => {}
        }
        Profile { span: self.span(id), docs, name, entries }
    }

    fn def(&mut self, id: NodeId, docs: String) -> Def {
        let mut def = Def {
            span: self.span(id),
            docs,
            name: self.item_name(id),
            params: Vec::new(),
            result: None,
            bindings: Vec::new(),
            body: None,
        };
        let before = self.diagnostics.len();
        let parameters = self.part(id, Kind::Parameters);
        def.params = parameters.map(|part| self.parameters(part)).unwrap_or_default();
        def.result = self.part(id, Kind::Type).map(|part| self.ty(part));
        let body = self.part(id, Kind::Body);
        if def.name.is_some() && self.diagnostics.len() == before {
            if parameters.is_none() {
                self.missing(id, errors::missing_parameters(self.behind(id), "def"));
            } else if def.result.is_none() {
                let at = parameters.map_or(self.behind(id), |part| self.behind(part));
                self.report(errors::missing_arrow(at, "def"));
            } else if body.is_none() {
                let example = "the function's bindings and its result in braces";
                self.missing(id, errors::missing_block(self.behind(id), "def", example));
            }
        }
        if let Some(body) = body {
            self.body(body, &mut def);
        }
        def
    }

    fn body(&mut self, id: NodeId, def: &mut Def) {
        let mut results: Vec<Expr> = Vec::new();
        let mut docs = self.block_docs(id);
        let broken = self.brackets(id, |builder, part| match builder.kind(part) {
            Kind::Binding => {
                let docs = docs(part);
                def.bindings.push(builder.binding(part, docs));
            }
            _ => results.push(builder.expr(part)),
        });
        def.body = results.pop();
        let close = self.parts(id).last().unwrap_or(id);
        match (&def.body, &def.name) {
            (Some(last), _) => {
                for other in &results {
                    self.report(errors::not_last(other.span, last.span));
                }
                if let Some(late) = def.bindings.iter().find(|binding| binding.span.start > last.span.start) {
                    self.report(errors::result_not_last(last.span, late.span));
                }
            }
            (None, Some(name)) if !broken => {
                self.report(errors::missing_result(self.span(close), &name.text))
            }
            (None, _) => {}
        }
    }

    fn stage(&mut self, id: NodeId, docs: String) -> Stage {
        let before = self.diagnostics.len();
        let name = self.part(id, Kind::Path).map(|path| self.path(path));
        if name.is_none() {
            let keyword = self.parts(id).next().unwrap_or(id);
            self.missing(keyword, errors::missing_name(self.behind(keyword), "stage"));
        }
        let parameters = self.part(id, Kind::Parameters);
        let params = parameters.map(|part| self.parameters(part)).unwrap_or_default();
        let result = self.part(id, Kind::Type).map(|part| self.ty(part));
        if self.diagnostics.len() == before {
            match parameters {
                None => self.missing(id, errors::missing_parameters(self.behind(id), "stage")),
                Some(part) if result.is_none() => {
                    self.missing(part, errors::missing_arrow(self.behind(part), "stage"))
                }
                Some(_) => {}
            }
        }
        let mut stage = Stage {
            span: self.span(id),
            docs,
            name,
            params,
            result,
            clauses: Vec::new(),
            settings: Vec::new(),
        };
        if let Some(block) = self.part(id, Kind::Clauses) {
            let mut docs = self.block_docs(block);
            self.brackets(block, |builder, part| match builder.kind(part) {
                Kind::Setting => stage.settings.push(builder.setting(part, docs(part))),
                _ => stage.clauses.extend(builder.clause(part)),
            });
        }
        stage
    }

    fn clause(&mut self, id: NodeId) -> Option<Clause> {
        let name = self.part(id, Kind::Name);
        if self.kind(id) == Kind::PerShard {
            if name.is_none() {
                self.missing(id, errors::missing_name(self.behind(id), "per shard"));
            }
            return name.map(|name| Clause::PerShard(self.name(name)));
        }
        let value = self.value(id);
        name.map(|name| Clause::Property(self.name(name), value))
    }

    fn binding(&mut self, id: NodeId, docs: String) -> Binding {
        if let Some(prefix) = self.part(id, Kind::Prefix) {
            self.report(errors::prefix(self.span(prefix), self.str(prefix).trim_end()));
        }
        let name = self
            .part(id, Kind::Name)
            .map_or_else(|| Name { span: self.span(id), text: String::new() }, |name| self.name(name));
        self.reserved(&name);
        let sign = self.part(id, Kind::Assign).filter(|&sign| self.str(sign) == ":");
        if let (Some(sign), "param") = (sign, name.text.as_str()) {
            let behind = Span { start: name.span.end, ..self.span(sign) };
            self.report(errors::missing_name(Span { end: behind.start, ..behind }, "param"));
            return Binding { span: self.span(id), docs, name, value: None };
        }
        let value = self.value(id);
        Binding { span: self.span(id), docs, name, value }
    }

    /// The name behind an item's keyword.
    fn item_name(&mut self, id: NodeId) -> Option<Name> {
        let name = self.part(id, Kind::Name);
        if name.is_none() {
            let keyword = self.parts(id).next().unwrap_or(id);
            self.missing(keyword, errors::missing_name(self.behind(keyword), self.str(keyword)));
        }
        let name = name.map(|name| self.name(name));
        name.inspect(|name| self.reserved(name))
    }

    /// Reports a name that no expression could use.
    pub(super) fn reserved(&mut self, name: &Name) {
        if super::is_reserved(&name.text) {
            self.report(errors::keyword_as_name(name.span, &name.text));
        }
    }
}
