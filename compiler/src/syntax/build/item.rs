//! Items: what stands at the top of a file.

use super::Builder;
use super::docs::Entry;
use super::types::Declared;
use crate::ast::{
    Binding, Clause, Def, Edition, Expect, Expr, ExprKind, File, Import, Item, MeasureDecl, Name, Param,
    Profile, ProfileEntry, Require, Stage,
};
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::syntax::{errors, signs};

/// Lines of the longest block that is looked at for its end.
const LONGEST: usize = 100;

impl Builder<'_> {
    pub(super) fn file(&mut self) -> File {
        let docs = self.file_docs();
        let mut items = Vec::new();
        let mut broken = Vec::new();
        let mut failed = false;
        // The item or line before, where something is missing at its end, and the diagnostic that says so.
        let mut dangling: Option<(NodeId, usize)> = None;
        // The item before, where its `if` lacks a branch, and the diagnostic that says so.
        let mut branch: Option<(NodeId, usize)> = None;
        // Whether the line before was a misspelt branch.
        let mut mended = false;
        // The binding just before, where nothing else follows it.
        let mut previous: Option<NodeId> = None;
        let entries = self.entries(Tree::ROOT);
        // Where the lines end whose opening bracket is missing.
        let mut skipped = 0;
        for (at, entry) in entries.iter().enumerate() {
            if at < skipped {
                continue;
            }
            let (before, mark) = (self.diagnostics.len(), self.diagnostics.mark());
            let kind = self.kind(entry.id);
            if let Some((item, missing)) = dangling.take()
                && kind == NodeKind::ErrorItem
                && self.joined(missing, item, entry.id)
            {
                let open = self.str(entry.id).trim_end().ends_with("|>");
                dangling = open.then_some((item, missing));
                failed = true;
                continue;
            }
            if kind == NodeKind::ErrorItem
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
            if kind.is_error() && mended && self.near_branch(entry.id).is_some() {
                // The other branch of that `if`.
                continue;
            }
            if kind.is_error()
                && let Some((item, missing)) = branch.take()
                && self.continues(item, entry.id)
                && let Some((word, meant)) = self.near_branch(entry.id)
                && let Some(diagnostic) = self.diagnostics.get_mut(missing)
            {
                *diagnostic =
                    errors::misspelt_branch(word, &self.text[word.start as usize..word.end as usize], meant);
                (failed, mended) = (true, true);
                continue;
            }
            mended = false;
            previous = (kind == NodeKind::Binding).then_some(entry.id);
            match kind {
                NodeKind::Junk if failed => continue,
                // The pipe of an item that broke off.
                NodeKind::ErrorItem if failed && self.str(entry.id).starts_with("|>") => continue,
                NodeKind::Junk => self.junk(entry.id, None, NodeKind::File),
                _ => {
                    self.broken = false;
                    items.push(self.item(entry.id, entry.docs.clone()));
                    if let Some((end, is_other)) =
                        self.unopened(&entries[at..], self.diagnostics.len() > before)
                    {
                        self.broken = true;
                        skipped = at + end + 1;
                        if !is_other {
                            self.diagnostics.back_to(mark);
                            let (text, span) = self.junk_text(entries[at + end].id);
                            let sign = text.chars().next().unwrap_or('}');
                            let head = self.text[..self.tree.range(entry.id).end].trim_end().len() as u32;
                            let head = Span { start: head, end: head, ..span };
                            let span = Span { end: span.start + 1, ..span };
                            self.report(errors::unopened(span, sign, head));
                        }
                    }
                    broken.extend(self.broken.then(|| self.span(entry.id)));
                }
            }
            failed = self.diagnostics.len() > before;
            let last = self.diagnostics.len().checked_sub(1).filter(|&last| last >= before);
            branch = last
                .filter(|&last| self.diagnostics[last].code == code::INCOMPLETE_IF)
                .map(|last| (entry.id, last));
            dangling = self.dangling(before).map(|missing| (entry.id, missing));
        }
        File { docs, items, broken }
    }

    /// The error for an item without its block, with the fix where the block has all but its first brace.
    fn unopened_block(&self, id: NodeId, missing: Diagnostic) -> Diagnostic {
        match self.junk_behind(id).map(|junk| self.junk_text(junk)) {
            Some((text, span)) if super::junk::closes_braces(text) => {
                missing.fix("insert `{`", Span { end: span.start, ..span }, "{ ")
            }
            _ => missing,
        }
    }

    /// Where a bracket closes that the first of `entries` lacks: it begins a line, and those between are
    /// further in. Also whether the bracket is missing elsewhere than at the end of that item, which is known
    /// to be wrong then.
    fn unopened(&self, entries: &[Entry], is_wrong: bool) -> Option<(usize, bool)> {
        let (head, rest) = entries.split_first()?;
        let place = |entry: &Entry| {
            let start = self.tree.range(entry.id).start;
            (self.column(start) == self.indent(start)).then(|| self.column(start))
        };
        let inner = rest
            .iter()
            .take(LONGEST)
            .take_while(|entry| place(entry).is_none_or(|column| column > 0))
            .count();
        let is_close = |entry: &&Entry| {
            self.kind(entry.id).is_error() && self.str(entry.id).starts_with(['}', ')', ']'])
        };
        let end = rest.iter().take(inner + 1).position(|entry| is_close(&entry))?;
        let column = place(&rest[end])?;
        let is_within = |entry: &Entry| place(entry).is_none_or(|inner| inner > column);
        let range = self.tree.range(head.id);
        let (start, of_head) = (self.indent(range.start), self.indent(range.end));
        let first = rest.first().filter(|_| end > 0).and_then(place);
        let is_elsewhere = column != of_head;
        let fits = if is_elsewhere { is_wrong && column == start } else { true };
        (first.is_some() && fits && rest[..end].iter().all(is_within)).then_some((end + 1, is_elsewhere))
    }

    fn item(&mut self, id: NodeId, docs: String) -> Item {
        self.keyword(id);
        match self.kind(id) {
            NodeKind::Import => Item::Import(self.import(id)),
            NodeKind::Param => {
                let Declared { name, ty, default, range } = self.declared(id, "param");
                Item::Param(Param { span: self.span(id), docs, name, ty, default, range })
            }
            NodeKind::Profile => Item::Profile(self.profile(id, docs)),
            NodeKind::Def => Item::Def(self.def(id, docs)),
            NodeKind::Stage => Item::Stage(self.stage(id, docs)),
            NodeKind::Binding => Item::Binding(self.binding(id, docs)),
            NodeKind::Edition => Item::Edition(self.edition(id)),
            NodeKind::Expect => Item::Expect(self.expect(id, docs)),
            _ => {
                self.junk(id, None, NodeKind::File);
                self.meant(id, docs)
            }
        }
    }

    /// Reports an item's keyword that is misspelt.
    fn keyword(&mut self, id: NodeId) {
        let keyword = match self.kind(id) {
            NodeKind::Import => "import",
            NodeKind::Param => "param",
            NodeKind::Profile => "profile",
            NodeKind::Def => "def",
            NodeKind::Stage => "stage",
            NodeKind::Edition => "edition",
            NodeKind::Expect => "expect",
            _ => return,
        };
        if let Some(word) = self.parts(id).next().filter(|&word| self.str(word) != keyword) {
            self.report(errors::misspelt_item(self.span(word), self.str(word), keyword));
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

    /// The first word of a line, where it is almost `then` or `else`, and what it was meant to be.
    fn near_branch(&self, id: NodeId) -> Option<(Span, &'static str)> {
        let (text, span) = self.junk_text(id);
        let word = super::junk::word(text);
        let meant = ["then", "else"]
            .into_iter()
            .find(|meant| word == *meant || super::junk::is_almost(word, meant))?;
        Some((Span { end: span.start + word.len() as u32, ..span }, meant))
    }

    /// What a line that is no item was meant to define, without a value: whoever uses the name makes no
    /// mistake.
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
            (Some(first), Some(_)) if signs::near_item(first).is_none() => match name(first) {
                Some(name) => Item::Binding(Binding { span, docs, name, value: None }),
                None => Item::Error(span),
            },
            _ => Item::Error(span),
        }
    }

    fn import(&mut self, id: NodeId) -> Import {
        let text = self.part(id, NodeKind::Text);
        let path = text.map(|text| Name { span: self.span(text), text: self.text(text) });
        if path.is_none() {
            self.missing(id, errors::missing_path(self.behind(id)));
        }
        Import { span: self.span(id), path }
    }

    fn edition(&mut self, id: NodeId) -> Edition {
        let number = self.part(id, NodeKind::Digits).map(|digits| self.name(digits));
        if number.is_none() {
            self.missing(id, errors::missing_edition(self.behind(id)));
        }
        Edition { span: self.span(id), number }
    }

    fn expect(&mut self, id: NodeId, docs: String) -> Expect {
        let condition = self.part(id, NodeKind::Expr).map(|part| self.sound(id, part));
        if condition.is_none() {
            self.missing(id, errors::missing_condition(self.behind(id)));
        }
        Expect { span: self.span(id), docs, condition }
    }

    fn profile(&mut self, id: NodeId, docs: String) -> Profile {
        let name = self.item_name(id);
        let mut entries = Vec::new();
        match self.part(id, NodeKind::Record) {
            Some(record) => {
                self.brackets(record, |builder, part| {
                    let Some(path) = builder.part(part, NodeKind::Path) else { return };
                    let whole = builder.span(path);
                    let path = builder.path(path);
                    // Half a path changes nothing.
                    let missing = Expr { span: builder.behind(part), kind: ExprKind::Error };
                    let value = Some(builder.value(part).unwrap_or(missing)).filter(|_| path.span == whole);
                    let runtime = builder.part(part, NodeKind::Keyword).is_some();
                    entries.push(ProfileEntry { span: builder.span(part), runtime, path, value });
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
                    None => self.missing(id, self.unopened_block(id, missing)),
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
        let parameters = self.part(id, NodeKind::Parameters);
        def.params = parameters.map(|part| self.parameters(part)).unwrap_or_default();
        self.broken |= self.diagnostics.len() > before;
        def.result = self.part(id, NodeKind::Type).map(|part| self.ty(part));
        let body = self.part(id, NodeKind::Body);
        if def.name.is_some() && self.diagnostics.len() == before {
            if parameters.is_none() {
                self.broken = true;
                self.missing(id, errors::missing_parameters(self.behind(id), "def"));
            } else if def.result.is_none() {
                let at = parameters.map_or(self.behind(id), |part| self.behind(part));
                self.broken = true;
                self.report(errors::missing_arrow(at, "def"));
            } else if body.is_none() {
                let example = "the function's bindings and its result in braces";
                let missing = errors::missing_block(self.behind(id), "def", example);
                self.missing(id, self.unopened_block(id, missing));
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
            NodeKind::Binding => {
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
        let name = self.part(id, NodeKind::Path).map(|path| self.path(path));
        if name.is_none() {
            let keyword = self.parts(id).next().unwrap_or(id);
            self.missing(keyword, errors::missing_name(self.behind(keyword), "stage"));
        }
        let parameters = self.part(id, NodeKind::Parameters);
        let params = parameters.map(|part| self.parameters(part)).unwrap_or_default();
        let result = self.part(id, NodeKind::Type).map(|part| self.ty(part));
        self.broken |= self.diagnostics.len() > before;
        if self.diagnostics.len() == before {
            match parameters {
                None => {
                    self.broken = true;
                    self.missing(id, errors::missing_parameters(self.behind(id), "stage"));
                }
                Some(part) if result.is_none() => {
                    self.broken = true;
                    self.missing(part, errors::missing_arrow(self.behind(part), "stage"));
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
        if let Some(block) = self.part(id, NodeKind::Clauses) {
            let mut docs = self.block_docs(block);
            self.broken |= self.brackets(block, |builder, part| match builder.kind(part) {
                NodeKind::Setting => stage.settings.push(builder.setting(part, docs(part))),
                NodeKind::Measured => stage.clauses.extend(builder.measured(part, docs(part))),
                _ => stage.clauses.extend(builder.clause(part)),
            });
        }
        stage
    }

    /// `measure wrong[model, group]: Ratio`
    fn measured(&mut self, id: NodeId, docs: String) -> Option<Clause> {
        let name = self.part(id, NodeKind::Name).map(|name| self.name(name))?;
        let keys = self.part(id, NodeKind::List).map(|list| self.list(list)).unwrap_or_default();
        let ty = self.part(id, NodeKind::Type).map(|part| self.ty(part));
        if ty.is_none() {
            let behind = self.behind(id);
            self.missing(id, errors::missing_type(behind, &name.text, "measure"));
        }
        Some(Clause::Measure(MeasureDecl { span: self.span(id), docs, name, keys, ty }))
    }

    fn require(&mut self, id: NodeId) -> Clause {
        let condition = self.part(id, NodeKind::Expr).map(|part| self.sound(id, part));
        let message = self.part(id, NodeKind::Else).map(|part| self.branch(part));
        if condition.is_none() {
            let keyword = self.parts(id).next().unwrap_or(id);
            self.missing(keyword, errors::missing_rule(self.behind(keyword)));
        } else if message.is_none() {
            self.missing(id, errors::missing_reason(self.behind(id)));
        }
        Clause::Require(Require { span: self.span(id), condition, message })
    }

    fn clause(&mut self, id: NodeId) -> Option<Clause> {
        match self.kind(id) {
            NodeKind::Require => return Some(self.require(id)),
            NodeKind::Phrase if super::junk::is_shard_clause(self.str(id)) => {
                let (text, span) = (self.str(id), self.span(id));
                let length = text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at);
                let span = Span { end: span.start + length as u32, ..span };
                self.report(errors::misspelt_shard(span, &text[..length]));
                return None;
            }
            NodeKind::Phrase => {
                let names = self.parts(id).filter(|&part| self.kind(part) == NodeKind::Name);
                return Some(Clause::Phrase(names.map(|part| self.name(part)).collect()));
            }
            _ => {}
        }
        let name = self.part(id, NodeKind::Name);
        if self.kind(id) == NodeKind::PerShard {
            if name.is_none() {
                self.missing(id, errors::missing_name(self.behind(id), "per shard"));
            }
            return name.map(|name| Clause::PerShard(self.name(name)));
        }
        let value = self.value(id);
        name.map(|name| Clause::Property(self.name(name), value))
    }

    fn binding(&mut self, id: NodeId, docs: String) -> Binding {
        if let Some(prefix) = self.part(id, NodeKind::Prefix) {
            self.report(errors::prefix(self.span(prefix), self.str(prefix).trim_end()));
        }
        let name = self
            .part(id, NodeKind::Name)
            .map_or_else(|| Name { span: self.span(id), text: String::new() }, |name| self.name(name));
        self.reserved(&name);
        let sign = self.part(id, NodeKind::Assign).filter(|&sign| self.str(sign) == ":");
        if let (Some(sign), "param") = (sign, name.text.as_str()) {
            let behind = Span { start: name.span.end, ..self.span(sign) };
            self.report(errors::missing_name(Span { end: behind.start, ..behind }, "param"));
            self.broken = true;
            return Binding { span: self.span(id), docs, name, value: None };
        }
        let value = self.value(id);
        Binding { span: self.span(id), docs, name, value }
    }

    /// The name behind an item's keyword.
    fn item_name(&mut self, id: NodeId) -> Option<Name> {
        let name = self.part(id, NodeKind::Name);
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
