//! A conversation as a model is taught it: tokens with their ids, what is learned, and where the context cuts
//! it off.

use llmp_artifacts::conversations::{Message, to_row};
use llmp_model::Row;
use llmp_stage::{Tone, View};

use crate::render::Template;

/// Tokens behind the cut that are shown.
const SHOWN: usize = 64;

/// Lines of text with the ids behind it. A line begins with `+` where it is learned, with `-` where it is cut
/// off.
#[must_use]
pub fn preview(template: &Template, messages: &[Message]) -> View {
    let rendered = template.learn(messages);
    let row = &rendered.row;
    let learned = row.learn.iter().filter(|learn| **learn).count();
    let head = format!("{} messages, {} tokens, {learned} learned", messages.len(), row.tokens.len());
    let mut view = lines(template, View::new(head, to_row(messages)), row, None);
    if let Some(json) = view.json.as_object_mut() {
        json.insert("ids".into(), row.tokens.clone().into());
        json.insert("learned".into(), row.learn.clone().into());
        json.insert("cut".into(), rendered.cut.into());
    }
    if !rendered.cut {
        return view;
    }
    let whole = template.with_room(usize::MAX / 8).learn(messages).row;
    match whole.tokens.strip_prefix(row.tokens.as_slice()) {
        Some(rest) => {
            let count = rest.len();
            let rest =
                Row { tokens: rest[..count.min(SHOWN)].to_vec(), learn: vec![false; count.min(SHOWN)] };
            view = view.piece(format!("--- cut off here: {count} tokens go beyond the context\n"), Tone::Cut);
            lines(template, view, &rest, Some(Tone::Cut))
        }
        None => view.piece(
            format!("--- a search result is shortened: in full it has {} tokens\n", whole.tokens.len()),
            Tone::Cut,
        ),
    }
}

fn lines(template: &Template, mut view: View, row: &Row, tone: Option<Tone>) -> View {
    let ids = template.ids;
    let ends = [ids.im_sep, ids.im_end, ids.search_end, ids.result_end];
    let tokenizer = template.tokenizer();
    let mut start = 0;
    for at in 0..row.tokens.len() {
        let next = row.learn.get(at + 1);
        if next == row.learn.get(at) && !ends.contains(&row.tokens[at]) {
            continue;
        }
        let (line, learned) = (&row.tokens[start..=at], row.learn[at]);
        start = at + 1;
        let mark = match (tone, learned) {
            (Some(_), _) => "- ",
            (None, true) => "+ ",
            (None, false) => "  ",
        };
        view = view.piece(mark, Tone::Aside);
        for (text, id) in tokenizer.pieces(line).into_iter().zip(line) {
            let own = match tokenizer.is_special(*id) {
                true if !learned => Tone::Special,
                _ if learned => Tone::Learned,
                _ => Tone::Plain,
            };
            view = view.piece(text.replace('\n', "⏎"), tone.unwrap_or(own));
        }
        let ids: Vec<String> = line.iter().map(u32::to_string).collect();
        view = view.piece(format!("  [{}]\n", ids.join(" ")), Tone::Aside);
    }
    view
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::conversations::Role;
    use llmp_artifacts::tokenizer::Tokenizer;

    use super::*;

    fn shown(context: usize, answer: &str) -> View {
        let template = Template::new(Tokenizer::cl100k(), context).unwrap();
        preview(
            &template,
            &[Message::new(Role::User, "Where is Lae?"), Message::new(Role::Assistant, answer)],
        )
    }

    #[test]
    fn what_is_learned_is_marked_and_has_its_ids() {
        let view = shown(100, "In Papua.");
        let text = view.all_text();
        let learned: String = view
            .body
            .iter()
            .filter(|piece| piece.tone == Tone::Learned)
            .map(|piece| piece.text.as_str())
            .collect();
        assert_eq!(learned, "In Papua.<|im_end|>");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("  <|im_start|>user<|im_sep|>  ["), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("+ In Papua.<|im_end|>  [")), "{text}");
        assert_eq!(
            view.json["ids"].as_array().unwrap().len(),
            view.json["learned"].as_array().unwrap().len()
        );
        assert_eq!(view.json["cut"], false);
    }

    #[test]
    fn the_cut_is_where_the_context_ends() {
        let view = shown(20, &"Papua ".repeat(30));
        let template = Template::new(Tokenizer::cl100k(), 20).unwrap();
        let kept = view.json["ids"].as_array().unwrap().len();
        assert_eq!(kept, 21, "the last token is only predicted");
        let text = view.all_text();
        let all = template.with_room(1000).learn(&[
            Message::new(Role::User, "Where is Lae?"),
            Message::new(Role::Assistant, "Papua ".repeat(30)),
        ]);
        let beyond = all.row.tokens.len() - kept;
        assert!(text.contains(&format!("cut off here: {beyond} tokens")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("- ")), "{text}");
    }
}
