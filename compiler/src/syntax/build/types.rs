//! Types, and declarations with a type, a default and a range.

use super::Builder;
use crate::ast::{Expr, ExprKind, Name, Parameter, Range, SettingDecl, Type, TypeArg, TypeKind};
use crate::source::Span;
use crate::syntax::errors;
use crate::syntax::{NodeId, NodeKind};

/// What `name: Type = default in range` says.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) name: Option<Name>,
    pub(super) ty: Option<Type>,
    pub(super) default: Option<Expr>,
    pub(super) range: Option<Range>,
}

impl Builder<'_> {
    /// Reads a declaration; `what` it declares is for messages.
    pub(super) fn declared(&mut self, id: NodeId, what: &str) -> Declared {
        let mut declared = Declared::default();
        // The last part, as long as something must follow it.
        let mut last = None;
        let mut typed = false;
        for part in self.parts(id) {
            last = Some(part);
            match self.kind(part) {
                NodeKind::Name => declared.name = Some(self.name(part)),
                NodeKind::Type => declared.ty = Some(self.ty(part)),
                NodeKind::Expr => declared.default = Some(self.sound(id, part)),
                NodeKind::Range => declared.range = Some(self.range(part)),
                NodeKind::Sign if self.str(part) == ":" => {
                    typed = true;
                    if self.next_kind(part) != Some(NodeKind::Type) {
                        self.missing(part, errors::missing_type(self.behind(part), ":", what));
                    }
                }
                NodeKind::Sign if self.next_kind(part) != Some(NodeKind::Expr) => {
                    self.missing(part, errors::missing_value(self.behind(part), self.str(part)));
                }
                NodeKind::Keyword
                    if self.str(part) == "in" && self.next_kind(part) != Some(NodeKind::Range) =>
                {
                    self.report(errors::incomplete_range(self.span(part)));
                }
                _ => {}
            }
        }
        if let Some(name) = declared.name.as_ref().filter(|_| what != "setting") {
            self.reserved(name);
        }
        if let (Some(_), None, None) = (&declared.ty, &declared.default, &declared.range)
            && let Some(junk) = self.junk_behind(id)
            && self.str(junk).starts_with(|sign: char| sign.is_ascii_alphanumeric() || "\"[{-".contains(sign))
            && !self.str(junk).starts_with("->")
            && !self.is_declaration(junk)
            && last.is_some_and(|last| self.kind(last) == NodeKind::Type)
        {
            let (text, span) = self.junk_text(junk);
            self.report(errors::missing_default_sign(span, text));
            declared.default = Some(Expr { span, kind: ExprKind::Error });
            declared.ty = Some(Type { span, kind: TypeKind::Error });
        } else if let (Some(ty), Some(junk)) = (&mut declared.ty, self.junk_behind(id))
            && self.str(junk).starts_with('>')
        {
            ty.kind = TypeKind::Error;
        }
        match (&declared.name, last) {
            (None, Some(_)) => {
                let keyword = self.parts(id).next().unwrap_or(id);
                self.missing(keyword, errors::missing_name(self.behind(keyword), self.str(keyword)));
            }
            (Some(name), _) if !typed => match self.junk_behind(id) {
                Some(junk) => {
                    let (rest, _) = self.junk_text(junk);
                    self.report(errors::missing_colon(name.span, &name.text, rest));
                }
                None => {
                    let behind = Span { start: name.span.end, ..name.span };
                    let error = errors::missing_type(behind, &name.text, what);
                    match declared.default.as_ref().and_then(|value| type_of_literal(&value.kind)) {
                        Some(ty) => {
                            self.report(error.fix(format!("declare it as `{ty}`"), behind, format!(": {ty}")))
                        }
                        None => self.report(error),
                    }
                }
            },
            _ => {}
        }
        declared
    }

    /// Whether junk is the next parameter or setting: `name: Type`.
    fn is_declaration(&self, junk: NodeId) -> bool {
        let text = self.str(junk);
        let word = super::junk::word(text);
        !word.is_empty() && text[word.len()..].trim_start().starts_with(':')
    }

    /// The kind of the next sibling that is not trivia.
    fn next_kind(&self, id: NodeId) -> Option<NodeKind> {
        let parent = self.tree.parent(id)?;
        self.parts(parent).find(|part| part.0 > id.0).map(|part| self.kind(part))
    }

    pub(super) fn parameter(&mut self, id: NodeId) -> Parameter {
        let Declared { name, ty, default, range } = self.declared(id, "parameter");
        if let Some(range) = range {
            let space = self.text[..range.span.start as usize].trim_end().trim_end_matches("in").trim_end();
            self.report(errors::range_of_parameter(Span { start: space.len() as u32, ..range.span }));
        }
        Parameter { span: self.span(id), name, ty, default }
    }

    pub(super) fn parameters(&mut self, id: NodeId) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        self.brackets(id, |builder, part| parameters.push(builder.parameter(part)));
        parameters
    }

    pub(super) fn setting(&mut self, id: NodeId, docs: String) -> SettingDecl {
        let Declared { name, ty, default, range } = self.declared(id, "setting");
        let runtime = self.part(id, NodeKind::Keyword).is_some_and(|word| self.str(word) == "runtime");
        SettingDecl { span: self.span(id), docs, runtime, name, ty, default, range }
    }

    /// The documentation of each entry of a block, by its node.
    pub(super) fn block_docs(&mut self, id: NodeId) -> impl FnMut(NodeId) -> String + use<> {
        let mut entries = self.entries(id).into_iter();
        move |part| entries.find(|entry| entry.id == part).map_or_else(String::new, |entry| entry.docs)
    }

    fn range(&mut self, id: NodeId) -> Range {
        let (mut low, mut high, mut dots) = (None, None, false);
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Sign => dots = true,
                NodeKind::Expr if dots => high = Some(Box::new(self.expr(part))),
                NodeKind::Expr => low = Some(Box::new(self.expr(part))),
                _ => {}
            }
        }
        if !dots || low.is_none() && high.is_none() {
            self.report(errors::incomplete_range(self.span(id)));
            low = None;
        }
        Range { span: self.span(id), low, high }
    }

    pub(super) fn ty(&mut self, id: NodeId) -> Type {
        let span = self.span(id);
        let mut kind = TypeKind::Error;
        let mut names: Vec<(Name, Vec<TypeArg>)> = Vec::new();
        let mut optional = false;
        let mut bar = None;
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::NamedType => {
                    names.push(self.named(part));
                    bar = None;
                }
                NodeKind::ListType => kind = self.list_type(part),
                NodeKind::RecordType => kind = self.record_type(part),
                NodeKind::Sign if self.str(part) == "?" => optional = true,
                NodeKind::Sign => bar = Some(part),
                _ => {}
            }
        }
        if let Some(bar) = bar {
            self.missing(bar, errors::missing_name(self.behind(bar), "|"));
        }
        if let [(name, args)] = &mut names[..]
            && bar.is_none()
        {
            kind = TypeKind::Named(name.clone(), std::mem::take(args));
        } else if !names.is_empty() {
            if let Some((name, args)) = names.iter().find(|(_, args)| !args.is_empty()) {
                let span = args.iter().fold(name.span, |span, arg| span.to(arg.span));
                self.report(errors::argument_in_choice(span, &name.text));
            }
            kind = TypeKind::OneOf(names.into_iter().map(|(name, _)| name).collect());
        }
        if optional {
            kind = TypeKind::Optional(Box::new(Type { span, kind }));
        }
        Type { span, kind }
    }

    fn named(&mut self, id: NodeId) -> (Name, Vec<TypeArg>) {
        let mut name = Name { span: self.span(id), text: String::new() };
        let mut args = Vec::new();
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Name => name = self.name(part),
                NodeKind::TypeArgs => args = self.type_args(part),
                _ => {}
            }
        }
        (name, args)
    }

    fn type_args(&mut self, id: NodeId) -> Vec<TypeArg> {
        let mut args = Vec::new();
        self.brackets(id, |builder, part| {
            let span = builder.span(part);
            let plus = builder.part(part, NodeKind::Plus).is_some();
            if let Some(name) = builder.part(part, NodeKind::Name) {
                args.push(TypeArg { span, plus, name: builder.name(name) });
            }
        });
        args
    }

    fn list_type(&mut self, id: NodeId) -> TypeKind {
        let mut element = None;
        self.brackets(id, |builder, part| element = Some(builder.ty(part)));
        if element.is_none() {
            if let Some(open) = self.parts(id).next() {
                self.missing(open, errors::missing_element_type(self.behind(open)));
            }
            return TypeKind::Error;
        }
        element.map_or(TypeKind::Error, |element| TypeKind::List(Box::new(element)))
    }

    fn record_type(&mut self, id: NodeId) -> TypeKind {
        let mut settings = Vec::new();
        let mut docs = self.block_docs(id);
        match self.brackets(id, |builder, part| settings.push(builder.setting(part, docs(part)))) {
            true => TypeKind::Error,
            false => TypeKind::Record(settings),
        }
    }
}

/// The type that a literal has, where there is just one that people mean.
fn type_of_literal(value: &ExprKind) -> Option<&'static str> {
    match value {
        ExprKind::Number(number) => match (number.suffix.as_ref().map(|it| it.text.as_str()), &number.unit) {
            (Some("%"), None) => Some("Ratio"),
            (None, None) if number.digits.contains(['.', 'e', 'E']) => Some("Float"),
            (None | Some("k" | "M"), None) => Some("Int"),
            _ => None,
        },
        ExprKind::Path(path) => {
            matches!(path.names.as_slice(), [name] if matches!(name.text.as_str(), "true" | "false"))
                .then_some("Bool")
        }
        _ => None,
    }
}
