//! Trees of messages, as OASST writes them: every reply may be answered in several ways.

use serde_json::Value;

use super::message::{self, Message, Role};

/// Messages of one thread at most.
const MAX_DEPTH: usize = 100;

/// One conversation for each way from the first message to an assistant's last one. What was learned on the
/// way before is not learned again. Better replies come first.
pub(crate) fn conversations(root: &Value) -> Result<Vec<Vec<Message>>, String> {
    let mut talks = Vec::new();
    follow(root, &mut Vec::new(), &mut talks)?;
    match talks.is_empty() {
        true => Err("the tree holds no `assistant` message to learn from".into()),
        false => Ok(talks),
    }
}

/// Follows the replies to a message; says whether a conversation came of it.
fn follow(node: &Value, thread: &mut Vec<Message>, talks: &mut Vec<Vec<Message>>) -> Result<bool, String> {
    if node.get("deleted").is_some_and(|deleted| deleted == true) {
        return Ok(false);
    }
    if thread.len() >= MAX_DEPTH {
        return Err(format!("the tree is deeper than {MAX_DEPTH} messages"));
    }
    let text = |name: &str| {
        let value = node.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("a message of the tree has no text under `{name}`"))
    };
    let role = match text("role")? {
        "prompter" | "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(format!("`{other}` is no role of a tree, expected `prompter` or `assistant`")),
    };
    thread.push(Message::new(role, text("text")?));
    let mut replies: Vec<&Value> = match node.get("replies") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(replies)) => replies.iter().collect(),
        Some(_) => return Err("`replies` is not a list".into()),
    };
    replies.sort_by_key(|reply| reply.get("rank").and_then(Value::as_u64).unwrap_or(u64::MAX));
    let mut came = false;
    for reply in replies {
        came |= follow(reply, thread, talks)?;
    }
    if !came && role == Role::Assistant {
        message::check(thread)?;
        talks.push(thread.clone());
        for message in thread.iter_mut() {
            message.learned = false;
        }
        came = true;
    }
    thread.pop();
    Ok(came)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_reply_is_learned_once() {
        let tree = json!({"role": "prompter", "text": "Q", "replies": [
            {"role": "assistant", "text": "worse", "rank": 1, "replies": []},
            {"role": "assistant", "text": "better", "rank": 0, "replies": [
                {"role": "prompter", "text": "Q2", "replies": [
                    {"role": "assistant", "text": "a"}, {"role": "assistant", "text": "b"}]},
                {"role": "prompter", "text": "unanswered", "replies": []},
                {"role": "prompter", "text": "gone", "deleted": true, "replies": [{"role": "assistant", "text": "c"}]}]},
        ]});
        let talks = conversations(&tree).unwrap();
        let shown: Vec<Vec<(&str, bool)>> = talks
            .iter()
            .map(|talk| {
                let answers = talk.iter().filter(|message| message.role == Role::Assistant);
                answers.map(|message| (message.content.as_str(), message.learned)).collect()
            })
            .collect();
        assert_eq!(
            shown,
            [
                vec![("better", true), ("a", true)],
                vec![("better", false), ("b", true)],
                vec![("worse", true)]
            ]
        );
    }

    #[test]
    fn what_is_no_tree_is_named() {
        for (tree, fault) in [
            (json!({"role": "prompter", "text": "Q", "replies": []}), "no `assistant` message"),
            (json!({"role": "prompter", "text": 1}), "no text under `text`"),
            (json!({"role": "oracle", "text": "Q"}), "`oracle`"),
            (json!({"role": "prompter", "text": "Q", "replies": {}}), "`replies`"),
        ] {
            let error = conversations(&tree).unwrap_err();
            assert!(error.contains(fault), "{error}");
        }
    }
}
