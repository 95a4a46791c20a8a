//! Whether an answer is right: correct, wrong, or not attempted, as in SimpleQA (arXiv 2411.04368).

use llmp_artifacts::words::normalized;
use serde::{Deserialize, Serialize};

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// It gives an accepted value.
    Correct,
    /// It gives something else: a hallucination.
    Wrong,
    /// It says that it does not know.
    NotAttempted,
}

/// Where in the answer an accepted value must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// At its beginning: strict, for models that were taught to put the value first.
    Begins,
    /// Anywhere: for models that answer in sentences of their own.
    Contains,
}

/// What `refusal` teaches where nothing else is set.
pub const REFUSAL: &str = "I'm sorry, I don't believe I know.";

/// Ways of saying that one does not know, in normalized words.
const REFUSALS: [&str; 14] = [
    "i don t know",
    "i do not know",
    "i don t believe i know",
    "i do not believe i know",
    "i don t think i know",
    "i m not sure",
    "i am not sure",
    "i m not certain",
    "i have no information",
    "i don t have information",
    "i do not have information",
    "i couldn t find",
    "i could not find",
    "我 不 知 道",
];

/// Grades `answer` against the accepted `values`. `refusal` is what this model was taught to say when it does
/// not know.
///
/// Case, punctuation and grouping of thousands do not count. An article before the value is passed over.
#[must_use]
pub fn grade(answer: &str, values: &[String], refusal: Option<&str>, by: Match) -> Grade {
    let answer = normalized(answer);
    let refuses = || is_refusal(&answer, refusal);
    let begins = || values.iter().any(|value| begins_with(&answer, value));
    match by {
        Match::Begins if begins() => Grade::Correct,
        Match::Contains if !refuses() && values.iter().any(|value| holds(&answer, &normalized(value))) => {
            Grade::Correct
        }
        _ if refuses() => Grade::NotAttempted,
        _ => Grade::Wrong,
    }
}

/// Whether `text` holds one of `values` as whole words.
pub fn states(text: &str, values: &[String]) -> bool {
    let text = normalized(text);
    values.iter().any(|value| holds(&text, &normalized(value)))
}

/// Whether two texts are the same words.
pub fn same(a: &str, b: &str) -> bool {
    normalized(a) == normalized(b)
}

fn is_refusal(answer: &[String], refusal: Option<&str>) -> bool {
    let taught = refusal.map(normalized).unwrap_or_default();
    (!taught.is_empty() && answer.starts_with(&taught))
        || REFUSALS.iter().any(|phrase| {
            let words: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
            holds(answer, &words)
        })
}

fn begins_with(answer: &[String], value: &str) -> bool {
    let value = normalized(value);
    let article = usize::from(answer.first().is_some_and(|word| ["the", "a", "an"].contains(&word.as_str())));
    !value.is_empty() && (answer.starts_with(&value) || answer[article..].starts_with(&value))
}

fn holds(text: &[String], words: &[String]) -> bool {
    !words.is_empty() && text.windows(words.len()).any(|window| window == words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(answer: &str, values: &[&str], by: Match) -> Grade {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        grade(answer, &values, None, by)
    }

    #[test]
    fn the_value_must_come_first_and_whole() {
        let begins = |answer| graded(answer, &["Sri Lanka"], Match::Begins);
        assert_eq!(begins("Sri Lanka is the country of Vakarai."), Grade::Correct);
        assert_eq!(begins("sri  lanka!"), Grade::Correct);
        assert_eq!(begins("The Sri Lanka"), Grade::Correct);
        assert_eq!(begins("Sri Lankan"), Grade::Wrong);
        assert_eq!(begins("Vakarai is in Sri Lanka."), Grade::Wrong);
        assert_eq!(begins(""), Grade::Wrong);
        assert_eq!(graded("22 thousand", &["2", "22 million"], Match::Begins), Grade::Wrong);
        assert_eq!(graded("221,000 people", &["221000"], Match::Begins), Grade::Correct);
        assert_eq!(graded("法国的首都", &["法国"], Match::Begins), Grade::Correct);
    }

    #[test]
    fn anywhere_when_asked_for() {
        let contains = |answer| graded(answer, &["Sri Lanka", "Ceylon"], Match::Contains);
        assert_eq!(contains("Vakarai lies in Ceylon, they say."), Grade::Correct);
        assert_eq!(contains("I don’t know whether it is in Sri Lanka"), Grade::NotAttempted);
        assert_eq!(contains("Vakarai lies in India."), Grade::Wrong);
    }

    #[test]
    fn refusals_are_not_attempted() {
        for answer in [REFUSAL, "I’m sorry, I don’t believe I know", "Sorry, I do not know.", "我不知道。"]
        {
            assert_eq!(graded(answer, &["Peru"], Match::Begins), Grade::NotAttempted, "{answer}");
        }
        assert_eq!(graded("I'm sorry", &["Peru"], Match::Begins), Grade::Wrong, "an apology is no refusal");
        let taught = Some("No idea at all!");
        assert_eq!(grade("no idea, at all", &["Peru".into()], taught, Match::Begins), Grade::NotAttempted);
        assert_eq!(graded("", &[""], Match::Contains), Grade::Wrong, "an empty value accepts nothing");
    }
}
