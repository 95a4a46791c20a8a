//! A number in other units: `1_000_000 tokens` and `1M tokens`, `5_400s` and `1.5h`.

use super::{CodeAction, CodeActionKind, action, edit};
use crate::ide::context::Site;
use crate::syntax::{self, NodeId, NodeKind};
use crate::units::{self, Dimension};

pub(super) fn units(site: &Site<'_, '_>, leaf: NodeId) -> Vec<CodeAction> {
    let Some(number) = site.around(leaf, |kind| kind == NodeKind::Number) else { return Vec::new() };
    let written = site.str(number);
    let Some(literal) = syntax::number(written) else { return Vec::new() };
    let Ok(quantity) = units::quantity(&literal) else { return Vec::new() };
    let whole = quantity.value.as_whole().and_then(|whole| u64::try_from(whole).ok());
    let mut forms = Vec::new();
    match (&quantity.dimension, whole) {
        (Dimension::Plain, Some(whole)) => {
            // Counted as anything else, it would have a suffix.
            let short = units::display(quantity.value, &Dimension::Count(String::new()));
            forms.extend([short.trim_end().to_owned(), units::grouped(whole)]);
        }
        (Dimension::Bytes, Some(whole)) => forms.push(format!("{} bytes", units::grouped(whole))),
        (Dimension::Time, Some(whole)) => forms.push(format!("{}s", units::grouped(whole))),
        (Dimension::Count(unit), Some(whole)) => forms.push(format!("{} {unit}", units::grouped(whole))),
        _ => {}
    }
    forms.insert(0, units::display(quantity.value, &quantity.dimension));
    let mut offered: Vec<String> = Vec::new();
    for form in forms {
        let same = syntax::number(&form).and_then(|number| units::quantity(&number).ok());
        if form != written && same.as_ref() == Some(&quantity) && !offered.contains(&form) {
            offered.push(form);
        }
    }
    let range = site.tree.range(number);
    let write = |form: String| {
        let title = format!("write `{form}`");
        action(site.view, CodeActionKind::Rewrite, title, vec![edit(range.clone(), form)])
    };
    offered.into_iter().map(write).collect()
}
