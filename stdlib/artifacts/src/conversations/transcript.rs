//! Conversations written as text: a turn begins with `Human:` or `Assistant:`, and a line of dashes parts
//! talks.

use super::forms;
use super::message::{self, Message, Role};

/// A talk with the number of its first line, or a fault with that of its line; lines count from 1.
pub type Talk = Result<(usize, Vec<Message>), (usize, String)>;

/// The talks of a text.
#[must_use]
pub fn talks(text: &str) -> Vec<Talk> {
    let mut talks = Vec::new();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if is_rule(line) {
            talks.extend(talk(&std::mem::take(&mut lines)));
        } else {
            lines.push((number, line));
        }
    }
    talks.extend(talk(&lines));
    talks
}

/// A line of three dashes or more.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.bytes().all(|byte| byte == b'-')
}

/// `None` where there are only blank lines.
fn talk(lines: &[(usize, &str)]) -> Option<Talk> {
    let (first, _) = *lines.iter().find(|(_, line)| !line.trim().is_empty())?;
    let mut turns: Vec<(Role, String)> = Vec::new();
    for &(number, line) in lines {
        if let Some((role, said)) = speaker(line) {
            turns.push((role, said.to_owned()));
        } else if let Some((_, text)) = turns.last_mut() {
            text.push('\n');
            text.push_str(line);
        } else if !line.trim().is_empty() {
            let fault = "the line belongs to no turn, which begin with `Human:` or `Assistant:`";
            return Some(Err((number, fault.into())));
        }
    }
    let messages: Vec<Message> =
        turns.into_iter().map(|(role, text)| Message::new(role, text.trim())).collect();
    Some(match message::check(&messages) {
        Ok(()) => Ok((first, messages)),
        Err(fault) => Err((first, fault)),
    })
}

/// Who begins to speak in a line, and what is said there.
fn speaker(line: &str) -> Option<(Role, &str)> {
    let (name, said) = line.split_once(':')?;
    match name {
        "Human" | "User" | "Assistant" | "AI" | "Bot" | "System" | "HUMAN" | "USER" | "ASSISTANT"
        | "SYSTEM" => Some((forms::role(name)?, said)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_talks_are_told_apart() {
        let text = "\nHuman: Where is Lae?\nAssistant: In Papua.\n\nNote: it is hot.\n  ---\n\nSystem: Be brief.\nUser:\nHi\n\
                    Assistant:Hello\n-----\n\n";
        let talks: Vec<_> = talks(text).into_iter().map(Result::unwrap).collect();
        let shown: Vec<(usize, Vec<(Role, &str)>)> = talks
            .iter()
            .map(|(line, talk)| (*line, talk.iter().map(|turn| (turn.role, turn.content.as_str())).collect()))
            .collect();
        assert_eq!(
            shown,
            [
                (2, vec![(Role::User, "Where is Lae?"), (Role::Assistant, "In Papua.\n\nNote: it is hot.")]),
                (8, vec![(Role::System, "Be brief."), (Role::User, "Hi"), (Role::Assistant, "Hello")]),
            ]
        );
    }

    #[test]
    fn faults_name_their_line() {
        let faults: Vec<_> =
            talks("Human: a\n---\n\nno turn\n---\n").into_iter().map(Result::unwrap_err).collect();
        assert_eq!(faults[0], (1, "there is no `assistant` message to learn from".into()));
        assert_eq!(faults[1].0, 4);
    }
}
