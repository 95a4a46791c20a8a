//! The formatter's work as small edits, so that an editor keeps its cursors and marks.

/// A replacement of the bytes `start..end` of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextEdit {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What stands there afterwards.
    pub text: String,
}

/// The edits that bring the lines which `start..end` touches into the one style. Line ends stay what they
/// are: where the first is `\r\n`, all are.
#[must_use]
pub fn format(text: &str, start: u32, end: u32) -> Vec<TextEdit> {
    let mut formatted = crate::format::format(text);
    if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) && !formatted.contains('\r') {
        formatted = formatted.replace('\n', "\r\n");
    }
    let within = |edit: &TextEdit| edit.start <= end && start <= edit.end;
    edits(text, &formatted).into_iter().filter(within).collect()
}

/// How `old` becomes `new`, which differs in space only; if it does not, the whole is replaced.
fn edits(old: &str, new: &str) -> Vec<TextEdit> {
    let mut edits = Vec::new();
    let (mut left, mut right) = (old, new);
    loop {
        let (old_space, new_space) = (space(left), space(right));
        if old_space != new_space {
            // What both begin with stays.
            let same = old_space.bytes().zip(new_space.bytes()).take_while(|(old, new)| old == new).count();
            let at = (old.len() - left.len() + same) as u32;
            let end = at + (old_space.len() - same) as u32;
            edits.push(TextEdit { start: at, end, text: new_space[same..].to_owned() });
        }
        (left, right) = (&left[old_space.len()..], &right[new_space.len()..]);
        let bytes = left.bytes().zip(right.bytes());
        let mut same = bytes.take_while(|&(old, new)| old == new && !is_space(old)).count();
        while !left.is_char_boundary(same) {
            same -= 1;
        }
        if same == 0 && old_space.is_empty() && new_space.is_empty() {
            return match left.is_empty() && right.is_empty() {
                true => edits,
                false => vec![TextEdit { start: 0, end: old.len() as u32, text: new.to_owned() }],
            };
        }
        (left, right) = (&left[same..], &right[same..]);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn space(text: &str) -> &str {
    &text[..text.bytes().take_while(|&byte| is_space(byte)).count()]
}

/// `text` after `edits`, which do not overlap.
#[must_use]
pub(super) fn apply(text: &str, edits: &[TextEdit]) -> String {
    let mut sorted: Vec<&TextEdit> = edits.iter().collect();
    sorted.sort();
    let mut after = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        after.push_str(&text[at..edit.start as usize]);
        after.push_str(&edit.text);
        at = edit.end as usize;
    }
    after + &text[at..]
}
