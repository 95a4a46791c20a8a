//! The call around a place: what it takes, and which of it stands there.

use super::View;
use super::callable::declaration;
use super::completion::Patched;
use super::context::Site;
use crate::syntax::{self, NodeKind};

/// A call's first line, or its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHelp {
    /// `tokenize.encode(docs: Docs, tokenizer: Tokenizer<V>) -> Tokens<V>`
    pub label: String,
    /// Markdown; may be empty.
    pub docs: String,
    /// Parts of the label with their documentation.
    pub parameters: Vec<(String, String)>,
    /// The part that stands at the place.
    pub active: Option<usize>,
}

/// What the call around `offset` takes.
#[must_use]
pub fn signature(view: &View<'_>, offset: u32) -> Option<SignatureHelp> {
    // With a word at the place there is an argument or a field, even where nothing has been written yet.
    let patched = Patched::new(view.text(), offset);
    let (text, offset) = (patched.text.as_ref(), patched.start);
    let tree = &syntax::tree(text)?;
    let site = Site { view, tree, text };
    let leaf = tree.at(offset + 1);
    let brackets = std::iter::successors(Some(leaf), |&id| tree.parent(id)).filter(|&id| {
        let called = tree.parent(id).is_some_and(|owner| tree.kind(owner) == NodeKind::Call);
        matches!(tree.kind(id), NodeKind::Args | NodeKind::Record)
            && called
            && tree.range(id).start < offset as usize
    });
    let brackets = brackets.min_by_key(|&id| tree.range(id).len())?;
    let call = tree.parent(brackets)?;
    let callee = site.callee(call)?;
    let docs = callee.docs().split("\n\n").next().unwrap_or_default().to_owned();
    let entry = tree.children(brackets).find(|&child| {
        let range = tree.range(child);
        let entry = matches!(tree.kind(child), NodeKind::Arg | NodeKind::Field | NodeKind::Junk);
        entry && range.start <= offset as usize && offset as usize <= range.end
    });
    if tree.kind(brackets) == NodeKind::Record {
        let settings = callee.settings();
        let parameters: Vec<(String, String)> =
            settings.iter().map(|spec| (declaration(spec), spec.docs.clone())).collect();
        let list: Vec<&str> = parameters.iter().map(|(label, _)| label.as_str()).collect();
        let label = format!("{} {{ {} }}", callee.name(), list.join(", "));
        let field =
            entry.filter(|&entry| tree.kind(entry) == NodeKind::Field).map(|field| site.path_of(field));
        let active = field.and_then(|name| settings.iter().position(|spec| spec.name == name));
        return Some(SignatureHelp { label, docs, parameters, active });
    }
    let settings = callee.settings();
    let parameters = callee.inputs().into_iter().map(|(name, ty)| {
        let spec = settings.iter().find(|spec| spec.name == name);
        let ty = ty.map(ToString::to_string).or_else(|| spec.map(|spec| spec.ty.to_string()));
        let label = format!("{name}: {}", ty.unwrap_or_else(|| "?".to_owned()));
        (label, spec.map(|spec| spec.docs.clone()).unwrap_or_default())
    });
    let parameters: Vec<_> = parameters.collect();
    let named = entry.and_then(|arg| site.child(arg, NodeKind::Name));
    let position = match named {
        Some(name) => callee.inputs().iter().position(|(input, _)| *input == site.str(name)),
        None => {
            let commas = tree.children(brackets).filter(|&child| {
                tree.range(child).end <= offset as usize
                    && tree.kind(child) == NodeKind::Sign
                    && site.str(child) == ","
            });
            Some(commas.count() + usize::from(site.piped(call).is_some()))
        }
    };
    let active = position.filter(|&at| at < parameters.len());
    Some(SignatureHelp { label: callee.display(), docs, parameters, active })
}
