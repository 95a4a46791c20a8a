//! Expressions.

use super::Builder;
use crate::ast::{Arg, Binary, Call, Expr, ExprKind, Field, If, Measure, Operator, Pipe, Record};
use crate::code;
use crate::source::Span;
use crate::syntax::errors;
use crate::syntax::{NodeId, NodeKind};

/// How deep an expression may be, so that whoever walks it may recurse.
const MAX_LEVEL: usize = 256;

/// An operator that waits for its right operand.
#[derive(Clone, Copy)]
enum Waiting {
    Not(Span),
    Binary(Operator, Span),
}

impl Waiting {
    fn strength(self) -> u8 {
        match self {
            Self::Not(_) => 3,
            Self::Binary(operator, _) => strength(operator),
        }
    }
}

fn strength(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual => 4,
        Operator::Add | Operator::Subtract => 5,
        Operator::Multiply | Operator::Divide | Operator::Remainder => 6,
    }
}

impl Builder<'_> {
    /// Reads an `Expr` node: a sequence of operands and operators, then pipes.
    pub(super) fn expr(&mut self, id: NodeId) -> Expr {
        let span = self.span(id);
        let chain = self.parts(id).filter(|&part| self.kind(part).is_token()).count();
        let level = self.level;
        self.level += chain + 1;
        let expr = if self.level > MAX_LEVEL {
            self.report(errors::too_long(span, MAX_LEVEL));
            Expr { span, kind: ExprKind::Error }
        } else {
            self.climb(id)
        };
        self.level = level;
        expr
    }

    fn climb(&mut self, id: NodeId) -> Expr {
        let mut operands: Vec<Expr> = Vec::with_capacity(1);
        let mut waiting: Vec<Waiting> = Vec::new();
        // The operator that has no right operand yet.
        let mut open: Option<NodeId> = None;
        let mut pipe: Option<NodeId> = None;
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Not => {
                    if self.str(part) == "!" {
                        self.report(errors::wrong_operator(self.span(part), "!", Some("not")));
                    }
                    waiting.push(Waiting::Not(self.span(part)));
                }
                NodeKind::Operator => {
                    if let Some(open) = open.replace(part) {
                        operands.push(self.missing_operand(open));
                    }
                    let operator = self.operator(part);
                    while waiting.last().is_some_and(|top| top.strength() >= strength(operator)) {
                        reduce(&mut operands, &mut waiting);
                    }
                    waiting.push(Waiting::Binary(operator, self.span(part)));
                }
                NodeKind::Pipe => {
                    self.close(&mut operands, &mut waiting, open.take());
                    if let Some(pipe) = pipe.replace(part) {
                        self.pipe(&mut operands, pipe, None);
                    }
                    if self.str(part) != "|>" {
                        self.report(errors::wrong_pipe(self.span(part), self.str(part)));
                    }
                }
                NodeKind::Interval => {
                    self.close(&mut operands, &mut waiting, open.take());
                    let high = self.interval(part);
                    let Some(low) = operands.pop() else { continue };
                    let span = low.span.to(high.span);
                    operands.push(Expr { span, kind: ExprKind::Range(Box::new((low, high))) });
                }
                _ => match pipe.take() {
                    Some(pipe) => self.pipe(&mut operands, pipe, Some(part)),
                    None => {
                        open = None;
                        let operand = self.operand(part);
                        operands.push(operand);
                    }
                },
            }
        }
        self.close(&mut operands, &mut waiting, open);
        if let Some(pipe) = pipe {
            self.pipe(&mut operands, pipe, None);
        }
        operands.pop().unwrap_or(Expr { span: self.span(id), kind: ExprKind::Error })
    }

    /// Applies all operators that wait.
    fn close(&mut self, operands: &mut Vec<Expr>, waiting: &mut Vec<Waiting>, open: Option<NodeId>) {
        if let Some(open) = open {
            operands.push(self.missing_operand(open));
        }
        while !waiting.is_empty() {
            reduce(operands, waiting);
        }
    }

    /// The high end of a range that is a value.
    fn interval(&mut self, id: NodeId) -> Expr {
        match self.part(id, NodeKind::Expr) {
            Some(high) => self.expr(high),
            None => {
                let span = self.behind(id);
                self.missing(id, errors::endless_range(span));
                Expr { span, kind: ExprKind::Error }
            }
        }
    }

    fn missing_operand(&mut self, operator: NodeId) -> Expr {
        let span = self.behind(operator);
        let before = self.text[..self.tree.range(operator).start].trim_end();
        if self.str(operator) == "%" && before.ends_with(|sign: char| sign.is_ascii_digit()) {
            self.report(errors::spaced_percent(Span { start: before.len() as u32, ..self.span(operator) }));
            return Expr { span, kind: ExprKind::Error };
        }
        self.missing(operator, errors::missing_value(span, self.str(operator)));
        Expr { span, kind: ExprKind::Error }
    }

    fn pipe(&mut self, operands: &mut Vec<Expr>, operator: NodeId, right: Option<NodeId>) {
        let right = match right {
            Some(right) => self.operand(right),
            None => {
                let span = self.behind(operator);
                self.missing(operator, errors::missing_stage(span));
                Expr { span, kind: ExprKind::Error }
            }
        };
        let Some(left) = operands.pop() else { return };
        let span = left.span.to(right.span);
        let pipe = Pipe { left, operator: self.span(operator), right };
        operands.push(Expr { span, kind: ExprKind::Pipe(Box::new(pipe)) });
    }

    fn operator(&mut self, id: NodeId) -> Operator {
        let sign = self.str(id);
        if let Some(right) = match sign {
            "&&" => Some("and"),
            "||" => Some("or"),
            _ => None,
        } {
            self.report(errors::wrong_operator(self.span(id), sign, Some(right)));
        }
        match sign {
            "or" | "||" => Operator::Or,
            "and" | "&&" => Operator::And,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterEqual,
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            _ => Operator::Equal,
        }
    }

    fn operand(&mut self, id: NodeId) -> Expr {
        let span = self.span(id);
        let kind = match self.kind(id) {
            NodeKind::Call => return self.call(id),
            NodeKind::Number => self.number(id),
            NodeKind::Text => ExprKind::Text(self.text(id)),
            NodeKind::Record => ExprKind::Record(self.record(id)),
            NodeKind::List => {
                let elements = self.list(id);
                if self.is_closed(id) { ExprKind::List(elements) } else { ExprKind::Error }
            }
            NodeKind::Group => self.group(id),
            NodeKind::Each => self.each(id),
            NodeKind::If => self.choice(id),
            NodeKind::Measure => self.measure(id),
            _ => ExprKind::Error,
        };
        Expr { span, kind }
    }

    fn call(&mut self, id: NodeId) -> Expr {
        let mut span = self.span(id);
        let (mut callee, mut parentheses, mut args, mut settings, mut broken) =
            (None, None, Vec::new(), None, false);
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Path => {
                    let path = self.path(part);
                    // Half a name calls nothing.
                    callee = (path.span == self.span(part)).then_some(path);
                }
                NodeKind::Args => {
                    parentheses = Some(self.span(part));
                    let before = self.diagnostics.len();
                    broken = self.brackets(part, |builder, part| args.push(builder.arg(part)));
                    // Nobody knows which argument stands where, or what belongs into parentheses that are
                    // never closed.
                    let mixed = self.parts(part).any(|part| self.kind(part) == NodeKind::Junk)
                        || self.diagnostics.iter().skip(before).any(|one| one.code == code::STRAY_COMMA);
                    if mixed || !self.is_closed(part) {
                        (args, broken) = (Vec::new(), true);
                    }
                }
                NodeKind::Record => settings = Some(self.record(part)),
                _ => {}
            }
        }
        let kind = match callee {
            None => ExprKind::Error,
            Some(path) if parentheses.is_none() && settings.is_none() => {
                span = path.span;
                ExprKind::Path(path)
            }
            Some(callee) => ExprKind::Call(Box::new(Call { callee, parentheses, args, settings, broken })),
        };
        Expr { span, kind }
    }

    fn arg(&mut self, id: NodeId) -> Arg {
        let name = self.part(id, NodeKind::Name).map(|name| self.name(name));
        let error = Expr { span: self.behind(id), kind: ExprKind::Error };
        Arg { span: self.span(id), name, value: self.value(id).unwrap_or(error) }
    }

    fn record(&mut self, id: NodeId) -> Record {
        let mut fields: Vec<Field> = Vec::new();
        let broken = self.brackets(id, |builder, part| fields.extend(builder.field(part)));
        // What follows the braces was read as a part of the last field.
        if let Some(last) = fields.last_mut().filter(|_| !self.is_closed(id)) {
            last.value = None;
        }
        Record { span: self.span(id), fields, broken }
    }

    fn field(&mut self, id: NodeId) -> Option<Field> {
        if let Some(word) = self.part(id, NodeKind::Keyword) {
            self.report(errors::runtime_field(self.span(word)));
        }
        let path = self.part(id, NodeKind::Path).map(|path| self.path(path))?;
        let value = self.value(id);
        match &path.names[..] {
            [name] => Some(Field { span: self.span(id), name: name.clone(), value }),
            [_, ..] => {
                let text = path.text();
                self.report(errors::dotted_field(path.span, &text));
                None
            }
            [] => None,
        }
    }

    pub(super) fn list(&mut self, id: NodeId) -> Vec<Expr> {
        let mut elements = Vec::new();
        self.brackets(id, |builder, part| elements.push(builder.sound(part, part)));
        elements
    }

    /// `(a + b)`, which is what stands in it.
    fn group(&mut self, id: NodeId) -> ExprKind {
        let mut inner = None;
        let broken = self.brackets(id, |builder, part| inner = Some(builder.expr(part)));
        if inner.is_none() && !broken {
            let open = self.parts(id).next().unwrap_or(id);
            self.missing(open, errors::missing_value(self.behind(open), "("));
        }
        inner.map_or(ExprKind::Error, |inner| inner.kind)
    }

    /// `table.wrong["honest"]`
    fn measure(&mut self, id: NodeId) -> ExprKind {
        let Some(part) = self.part(id, NodeKind::Path) else { return ExprKind::Error };
        let path = self.path(part);
        if path.span != self.span(part) {
            return ExprKind::Error;
        }
        let list = self.part(id, NodeKind::List);
        let keys = list.map(|list| self.list(list));
        match list {
            Some(list) if !self.is_closed(list) => ExprKind::Error,
            _ => ExprKind::Measure(Box::new(Measure { path, keys })),
        }
    }

    fn each(&mut self, id: NodeId) -> ExprKind {
        match self.part(id, NodeKind::List) {
            Some(list) => ExprKind::Each(self.list(list)),
            None => {
                self.missing(id, errors::missing_list(self.behind(id)));
                ExprKind::Error
            }
        }
    }

    fn choice(&mut self, id: NodeId) -> ExprKind {
        let before = self.diagnostics.len();
        let condition = self.branch(id);
        let then = self.part(id, NodeKind::Then);
        let otherwise = self.part(id, NodeKind::Else);
        let missing = match (then, otherwise) {
            (None, _) => Some("then"),
            (_, None) => Some("else"),
            _ => None,
        };
        let then =
            then.map_or(Expr { span: self.behind(id), kind: ExprKind::Error }, |then| self.branch(then));
        let otherwise = otherwise.map(|otherwise| self.branch(otherwise));
        if let Some(missing) = missing.filter(|_| self.diagnostics.len() == before) {
            let near = self.junk_behind(id).map(|junk| self.junk_text(junk));
            let near = near.map(|(text, span)| (super::junk::word(text), span));
            self.report(match near.filter(|(word, _)| super::junk::is_almost(word, missing)) {
                Some((word, span)) => {
                    let span = Span { end: span.start + word.len() as u32, ..span };
                    errors::misspelt_branch(span, word, missing)
                }
                None => errors::incomplete_if(self.behind(id), missing),
            });
        }
        ExprKind::If(Box::new(If { condition, then, otherwise }))
    }

    /// The value behind `if`, `then` or `else`.
    pub(super) fn branch(&mut self, id: NodeId) -> Expr {
        if let Some(value) = self.part(id, NodeKind::Expr) {
            return self.expr(value);
        }
        let keyword = self.parts(id).next().unwrap_or(id);
        let span = self.behind(keyword);
        self.missing(keyword, errors::missing_value(span, self.str(keyword)));
        Expr { span, kind: ExprKind::Error }
    }
}

/// Applies the operator that waits last.
fn reduce(operands: &mut Vec<Expr>, waiting: &mut Vec<Waiting>) {
    let Some(right) = operands.pop() else {
        waiting.clear();
        return;
    };
    match waiting.pop() {
        Some(Waiting::Not(at)) => {
            operands.push(Expr { span: at.to(right.span), kind: ExprKind::Not(Box::new(right)) });
        }
        Some(Waiting::Binary(operator, operator_span)) => {
            // Every binary operator stands behind an operand.
            let Some(left) = operands.pop() else { return operands.push(right) };
            let span = left.span.to(right.span);
            let binary = Binary { operator, operator_span, left, right };
            operands.push(Expr { span, kind: ExprKind::Binary(Box::new(binary)) });
        }
        None => operands.push(right),
    }
}
