//! Entries about values: words, params, numbers and their units.

use std::collections::BTreeSet;

use super::{Completion, CompletionKind, Completions, Cursor};
use crate::ide::context::{Expects, words};
use crate::ide::hover::keyword;
use crate::ide::names::{NameKind, of_file};
use crate::syntax::NodeKind;
use crate::types::{SettingSpec, SettingType, Unit};
use crate::units::{Dimension, suffixes};

impl<'a> Cursor<'a, '_> {
    /// Values of a setting: its words, then params that fit. Where a list is due and none has begun, a word
    /// begins it.
    pub(super) fn values(&self, spec: &SettingSpec) -> Vec<Completion> {
        let mut items: Vec<Completion> = Vec::new();
        let word = |word: &str, rank| Completion::new(word, CompletionKind::Word, rank);
        let begun = self
            .site
            .around(self.leaf, |kind| matches!(kind, NodeKind::List | NodeKind::Field | NodeKind::Param));
        let begun = begun.is_some_and(|around| self.site.tree.kind(around) == NodeKind::List);
        let begins = matches!(spec.ty.required(), SettingType::List(_)) && !begun;
        items.extend(words(&spec.ty).iter().map(|one| match begins {
            true => Completion { insert: format!("[{one}]"), ..word(one, 0).snippet(format!("[{one}$0]")) },
            false => word(one, 0),
        }));
        let default = spec.default.as_ref().map(|value| value.display(&spec.ty));
        items.extend(match spec.ty.required() {
            SettingType::Record(_) => Some(word("{ }", 0).snippet("{ $0 }")),
            SettingType::List(_) if begins => Some(word("[ ]", 0).snippet("[$0]")),
            SettingType::List(_) | SettingType::OneOf(_) | SettingType::Bool => None,
            _ => default.filter(|value| value != "none").map(|value| word(&value, 0).detail("the default")),
        });
        if *spec.ty.required() == SettingType::Bool {
            items.extend([word("true", 0), word("false", 0)]);
        }
        items.extend(self.value_names(Some(&spec.ty)));
        if matches!(spec.ty, SettingType::Optional(_)) {
            items.push(word("none", 2));
        }
        let keywords = ["each", "if"].iter().map(|&word| {
            Completion::new(word, CompletionKind::Keyword, 5).docs(keyword(word).unwrap_or_default())
        });
        items.extend(keywords);
        items
    }

    /// What the condition of an `if` can be made of.
    pub(super) fn conditions(&self) -> Vec<Completion> {
        let mut items = self.value_names(Some(&SettingType::Bool));
        items.extend(["true", "false"].map(|word| Completion::new(word, CompletionKind::Word, 3)));
        items.push(Completion::new("not", CompletionKind::Keyword, 3));
        items
    }

    /// Params, and values of the function around the place; those that fit `due` first.
    fn value_names(&self, due: Option<&SettingType>) -> Vec<Completion> {
        let view = self.site.view;
        let seen = view.seen();
        let rank = |ty: &SettingType| {
            let element = match due.map(SettingType::required) {
                Some(SettingType::List(element)) => Some(element.as_ref()),
                _ => None,
            };
            let fits = due.is_none_or(|due| ty.fits(due)) || element.is_some_and(|element| ty.fits(element));
            if fits { 1 } else { 4 }
        };
        let entry = |spec: &SettingSpec| {
            Completion::new(&spec.name, CompletionKind::Param, rank(&spec.ty))
                .detail(spec.ty.to_string())
                .docs(&spec.docs)
        };
        let here = |start: u32, end: u32| start <= self.start && self.start <= end;
        let own = of_file(&view.file.ast);
        let def =
            own.iter().find(|name| name.kind == NameKind::Function && here(name.whole.start, name.whole.end));
        // A param is not defined by itself.
        let itself = self.defined(NodeKind::Param);
        let params = view.compilation.params.iter();
        let params =
            params.filter(|param| seen.contains(&param.span.file) && Some(param.name.as_str()) != itself);
        let mut items: Vec<Completion> = params.map(|param| entry(&param.spec)).collect();
        if let Some(def) = def {
            let function = view.compilation.functions.iter().find(|function| function.span == def.span);
            let values = function.into_iter().flat_map(|function| &function.parameters);
            items.extend(values.filter_map(|parameter| parameter.value.as_ref()).map(entry));
        }
        items
    }

    /// The suffixes that a number can have at its place.
    pub(super) fn suffixes(&self) -> Completions {
        let text = &self.site.view.text()[self.start as usize..self.end as usize];
        let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count() as u32;
        let items: Vec<Completion> = match self.dimension() {
            Some(Dimension::Plain) => self.units_of("kMBT", ""),
            Some(Dimension::Count(unit)) => self.units_of("kMBT", &format!(" {unit}")),
            Some(Dimension::Times(unit)) => self.units_of("x", &format!(" {unit}")),
            Some(Dimension::Ratio) => vec![Completion::new("%", CompletionKind::Unit, 0)],
            Some(Dimension::Bytes) => self.suffixes_where(|suffix| suffix.len() > 1 && suffix.ends_with('B')),
            Some(Dimension::Time) => self.suffixes_where(|suffix| matches!(suffix, "s" | "min" | "h" | "d")),
            None => self.suffixes_where(|_| true),
        };
        Completions { start: self.start + digits, ..self.answer(items) }
    }

    fn units_of(&self, letters: &str, unit: &str) -> Vec<Completion> {
        let entry = |letter| Completion::new(format!("{letter}{unit}"), CompletionKind::Unit, 0);
        let bare = Completion::new(unit.trim_start(), CompletionKind::Unit, 0);
        let bare = (!unit.is_empty()).then(|| Completion { insert: unit.to_owned(), ..bare });
        letters.chars().map(entry).chain(bare).collect()
    }

    fn suffixes_where(&self, wanted: impl Fn(&str) -> bool) -> Vec<Completion> {
        let wanted = suffixes().filter(|suffix| wanted(suffix));
        wanted.map(|suffix| Completion::new(suffix, CompletionKind::Unit, 0)).collect()
    }

    /// What a number counts, or is a multiple of: the units that are due, or all that settings use.
    pub(super) fn units(&self) -> Vec<Completion> {
        if let Some(units) = self.several_units() {
            let before = self.site.text[..self.site.tree.range(self.leaf).start].trim_end();
            let fits = units.iter().filter(|unit| unit.times == before.ends_with('x'));
            return fits.map(|unit| Completion::new(&unit.name, CompletionKind::Unit, 0)).collect();
        }
        if let Some(dimension) = self.dimension() {
            return match dimension {
                Dimension::Count(unit) => vec![Completion::new(unit, CompletionKind::Unit, 0)],
                Dimension::Bytes => vec![Completion::new("bytes", CompletionKind::Unit, 0)],
                _ => Vec::new(),
            };
        }
        let settings = self.site.view.callables().flat_map(|callable| callable.settings());
        let units = settings.filter_map(|spec| match spec.ty.dimension() {
            Some(Dimension::Count(unit)) => Some(unit),
            _ => None,
        });
        let units: BTreeSet<String> = units.collect();
        units.into_iter().map(|unit| Completion::new(unit, CompletionKind::Unit, 0)).collect()
    }

    /// The units of the number that is due, where it may have several.
    fn several_units(&self) -> Option<&'a [Unit]> {
        let expr = self.site.around(self.leaf, |kind| kind == NodeKind::Expr)?;
        match self.site.expects(expr) {
            Expects::Value(spec) => match spec.ty.required() {
                SettingType::Units(units) => Some(units),
                _ => None,
            },
            _ => None,
        }
    }

    /// The dimension of the number that is due.
    fn dimension(&self) -> Option<Dimension> {
        let expr = self.site.around(self.leaf, |kind| kind == NodeKind::Expr)?;
        match self.site.expects(expr) {
            Expects::Value(spec) => match &spec.ty {
                SettingType::List(element) => element.dimension(),
                ty => ty.dimension(),
            },
            _ => None,
        }
    }
}
