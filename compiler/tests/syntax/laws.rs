//! What holds for every text, right or wrong: for the tests, `tests/tools/mutate.rs` and the fuzz target.

use llmp_compiler::format::{WIDTH, within};
use llmp_compiler::source::FileId;
use llmp_compiler::syntax::{Parse, Tree, parse, tree};

/// Which law the text breaks, if any.
pub(crate) fn fault(text: &str) -> Option<String> {
    let Parse { tree, diagnostics, .. } = parse(FileId::default(), text);
    if let Some(fault) = untiled(&tree, text) {
        return Some(fault);
    }
    let labels = diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels);
    for span in labels.map(|label| label.span) {
        if text.get(span.start as usize..span.end as usize).is_none() {
            return Some(format!("a label at {}..{} is no text", span.start, span.end));
        }
    }
    // Narrow lines try what wide ones rarely meet.
    [WIDTH, 40, 10].into_iter().find_map(|width| {
        let formatted = within(text, width);
        if tokens(text) != tokens(&formatted) {
            return Some(format!("formatting to {width} changes more than space"));
        }
        let again = parse(FileId::default(), &formatted);
        if diagnostics.is_empty() && !again.diagnostics.is_empty() {
            return Some(format!("formatting to {width} makes a right text wrong"));
        }
        (within(&formatted, width) != formatted).then(|| format!("formatting to {width} twice differs"))
    })
}

/// The tree covers every byte, and children lie in their parents in order.
fn untiled(tree: &Tree, text: &str) -> Option<String> {
    let joined: String = tree.leaves().map(|leaf| &text[tree.range(leaf)]).collect();
    if joined != text {
        return Some("lost bytes".to_owned());
    }
    for id in tree.ids() {
        let range = tree.range(id);
        let mut at = range.start;
        for child in tree.children(id) {
            if tree.range(child).start != at || tree.parent(child) != Some(id) {
                return Some(format!("{:?} at {at} is not where it belongs", tree.kind(child)));
            }
            at = tree.range(child).end;
        }
        if !tree.kind(id).is_token() && at != range.end {
            return Some(format!("{:?} ends at {} and its parts at {at}", tree.kind(id), range.end));
        }
    }
    None
}

/// What is no space, comments without the space at their ends.
fn tokens(text: &str) -> Vec<String> {
    let Some(tree) = tree(text) else { return vec![text.to_owned()] };
    let tokens = tree
        .leaves()
        .map(|leaf| text[tree.range(leaf)].trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).to_owned());
    tokens.filter(|token| !token.is_empty()).collect()
}
