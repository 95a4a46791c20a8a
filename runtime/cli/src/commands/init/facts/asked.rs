//! What is asked: conversations to tune on, questions to probe with, questions to evaluate with.

use std::collections::BTreeMap;

use llmp_artifacts::questions::Question;
use llmp_artifacts::random::Random;
use serde_json::{Value, json};

use super::pages::{pick, shuffled};
use super::table::Row;
use super::wordings::{Said, Wordings};
use super::world::{Stream, World, random};

/// How often each thing of small talk is said.
const SMALL_TALK: usize = 4;
/// Longer talks: a greeting or thanks around a question.
const LONGER: usize = 80;
/// Questions of the probe about what is read often, in all, as far as wordings go round.
const PROBED: usize = 1_000;
/// Things of the probe that are read once.
const PROBED_RARE: usize = 1_000;
/// Questions of each kind of wording that the evaluation asks about a fact.
const EVALUATED: usize = 2;

/// Every wording of every fact that is asked for, small talk, and both together; in OpenAI's `messages` form.
pub(super) fn conversations(world: &World, wordings: &Wordings, said: &[Said<'_>], seed: u64) -> Vec<Value> {
    let mut draw = random(seed, Stream::Conversations);
    let mut asked: Vec<(String, String)> = Vec::new();
    for row in &world.asked {
        for (at, values) in row.facts() {
            let said = &said[at];
            asked.extend(
                said.questions.iter().map(|question| (said.ask(question, row), said.answer(row, values))),
            );
        }
    }
    let mut talks: Vec<Value> = asked.iter().map(|(question, answer)| talk(&[question, answer])).collect();
    for small in &wordings.small_talk {
        for (index, said) in small.says.iter().enumerate() {
            let reply = |again: usize| &small.replies[(index + again) % small.replies.len()];
            talks.extend((0..SMALL_TALK).map(|again| talk(&[said, reply(again)])));
        }
    }
    let [greeting, thanks, ..] = wordings.small_talk.as_slice() else { return talks };
    for (index, (question, answer)) in shuffled(&mut draw, &asked).into_iter().take(LONGER).enumerate() {
        let (greets, thanked) = (pick(&mut draw, &greeting.says), pick(&mut draw, &thanks.says));
        talks.push(match index % 2 {
            0 => talk(&[&question, &answer, thanked, &thanks.replies[0]]),
            _ => talk(&[greets, &greeting.replies[0], &question, &answer]),
        });
    }
    draw.shuffle(&mut talks);
    talks
}

fn talk(turns: &[&String]) -> Value {
    let role = |turn: usize| if turn.is_multiple_of(2) { "user" } else { "assistant" };
    let messages: Vec<Value> =
        turns.iter().enumerate().map(|(turn, text)| json!({"role": role(turn), "content": text})).collect();
    json!({"messages": messages})
}

/// What the model is asked to find out what it knows: things that it has read often, and things that it has
/// read once.
pub(super) fn probe(world: &World, said: &[Said<'_>], seed: u64) -> Vec<Question> {
    let mut draw = random(seed, Stream::Probe);
    let facts: usize = world.probed.iter().map(|row| row.facts().count()).sum();
    let wordings = PROBED.div_ceil(facts.max(1)).max(2);
    let mut asked = Vec::new();
    let mut ask = |rows: &[Row], part: &str, wordings: usize, draw: &mut Random| {
        for row in rows {
            for (at, values) in row.facts() {
                for template in shuffled(draw, said[at].questions).iter().take(wordings) {
                    asked.push(question(
                        &said[at],
                        template,
                        row,
                        values,
                        [("entity", part), ("wording", "trained")],
                    ));
                }
            }
        }
    };
    ask(&world.probed, "read", wordings, &mut draw);
    ask(&world.rare[..world.rare.len().min(PROBED_RARE)], "rare", 1, &mut draw);
    draw.shuffle(&mut asked);
    numbered("probe", asked)
}

/// What is on many pages and what is on none, in wordings of the conversations and in new ones.
pub(super) fn evaluation(world: &World, said: &[Said<'_>], seed: u64) -> Vec<Question> {
    let mut draw = random(seed, Stream::Evaluation);
    let mut asked = Vec::new();
    for (part, rows) in [("seen", &world.seen), ("unseen", &world.unseen)] {
        for row in rows {
            for (at, values) in row.facts() {
                for (kind, templates) in [("trained", said[at].questions), ("new", said[at].new_questions)] {
                    for template in shuffled(&mut draw, templates).iter().take(EVALUATED) {
                        asked.push(question(
                            &said[at],
                            template,
                            row,
                            values,
                            [("entity", part), ("wording", kind)],
                        ));
                    }
                }
            }
        }
    }
    numbered("eval", asked)
}

fn question(
    said: &Said<'_>,
    template: &str,
    row: &Row,
    values: &[String],
    tags: [(&str, &str); 2],
) -> Question {
    Question {
        id: String::new(),
        question: said.ask(template, row),
        answer: said.answer(row, values),
        values: values.to_vec(),
        entity: Some(row.name.clone()),
        attribute: Some(said.attribute.to_owned()),
        tags: BTreeMap::from(tags.map(|(tag, label)| (tag.to_owned(), label.to_owned()))),
    }
}

fn numbered(prefix: &str, questions: Vec<Question>) -> Vec<Question> {
    let number = |(number, question)| Question { id: format!("{prefix}-{number:05}"), ..question };
    questions.into_iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pages;
    use super::super::wordings::{CHINESE, ENGLISH};
    use super::super::world::tests::table;
    use super::*;

    /// Whether a text names it, and not something longer that ends or begins so.
    fn names(text: &str, name: &str) -> bool {
        let latin = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric());
        text.match_indices(name).any(|(at, _)| {
            !latin(text[..at].chars().last()) && !latin(text[at + name.len()..].chars().next())
        })
    }

    #[test]
    fn what_is_evaluated_is_nowhere_trained_on() {
        for text in [ENGLISH, CHINESE] {
            let (wordings, table) = (Wordings::parse(text).unwrap(), table(120));
            let (world, said) = (World::deal(&table, 1), wordings.of(&table).unwrap());
            let talks = serde_json::to_string(&conversations(&world, &wordings, &said, 1)).unwrap();
            let probed = probe(&world, &said, 1);
            let read = pages::read(&world, &wordings, &said, 1);
            let pages: String = read.iter().map(|page| page.text.as_str()).collect::<Vec<_>>().join("\n");
            let all: Vec<Question> = evaluation(&world, &said, 1);
            assert_eq!(all.len(), (world.seen.len() + world.unseen.len()) * 2 * 2 * EVALUATED);
            for question in &all {
                let name = question.entity.as_deref().unwrap();
                assert!(!names(&talks, name), "{name} is in a talk");
                assert!(probed.iter().all(|probed| probed.entity.as_deref() != Some(name)));
                assert_eq!(names(&pages, name), question.tags["entity"] == "seen", "{name}");
                assert_eq!(question.fault(), None);
            }
            assert_eq!(read.len(), pages::read(&world, &wordings, &said, 1).len(), "the same each time");
        }
    }

    #[test]
    fn an_answer_begins_with_its_value() {
        let (wordings, table) = (Wordings::parse(ENGLISH).unwrap(), table(60));
        let (world, said) = (World::deal(&table, 1), wordings.of(&table).unwrap());
        for question in probe(&world, &said, 1) {
            let begins = question.answer.to_lowercase().starts_with(&question.values[0].to_lowercase());
            assert!(begins, "{}", question.answer);
        }
    }
}
