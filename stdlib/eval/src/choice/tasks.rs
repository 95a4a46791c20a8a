//! Rows of task files in the forms that they are published in, as texts of which one is right.
//!
//! Prompts and choices are those of lm-eval (0.4): for each form its configuration `doc_to_text`,
//! `doc_to_choice` and `doc_to_target`.

use llmp_stage::{Error, Result};
use serde_json::Value;

/// A question of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Where it stands: `arc.jsonl:12`.
    pub(super) place: String,
    /// What stands once before everything, examples included.
    pub(super) description: String,
    /// For each choice the text before it; the same for all, but for WinoGrande.
    pub(super) contexts: Vec<String>,
    /// For each choice the text that is judged, without the space before it.
    pub(super) choices: Vec<String>,
    /// The right choice.
    pub(super) gold: usize,
}

/// Why a row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NoAnswer,
    WrongAnswer,
    FewChoices,
    EmptyChoice,
}

impl Fault {
    /// As its rule is called.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::NoAnswer => "choice.no_answer",
            Self::WrongAnswer => "choice.wrong_answer",
            Self::FewChoices => "choice.few_choices",
            Self::EmptyChoice => "choice.empty_choice",
        }
    }
}

/// What is told of forms that are not read.
const FORMS: &str = "rows are read with the fields of ARC (`question`, `choices` with `text` and `label`, `answerKey`), OpenBookQA \
                     (`question_stem`, `choices`, `answerKey`), HellaSwag (`ctx`, `endings`, `label`), PIQA (`goal`, `sol1`, `sol2`, \
                     `label`), WinoGrande (`sentence` with a `_`, `option1`, `option2`, `answer`), MMLU (`question`, `choices`, \
                     `answer`), or `query`, `choices`, `gold`";

/// Reads a row. The outer error ends the stage, the inner one leaves the row out.
pub(super) fn item(row: &Value, place: &str) -> Result<std::result::Result<Item, Fault>> {
    let Some(raw) = arc(row)
        .or_else(|| hellaswag(row))
        .or_else(|| piqa(row))
        .or_else(|| winogrande(row))
        .or_else(|| mmlu(row))
        .or_else(|| plain(row))
    else {
        let fields = row.as_object().map(|fields| {
            let mut names: Vec<String> = fields.keys().map(|name| format!("`{name}`")).collect();
            names.sort_unstable();
            names.truncate(12);
            names.join(", ")
        });
        let message = match fields.as_deref() {
            None => format!("{place}: the row is no object"),
            Some("") => format!("{place}: the row has no fields"),
            Some(fields) => format!("{place}: no task has rows with the fields {fields}"),
        };
        return Err(Error::new(message).help(FORMS));
    };
    Ok(raw.checked(place))
}

/// A question before it is checked.
struct Raw {
    description: String,
    contexts: Vec<String>,
    choices: Vec<String>,
    gold: Gold,
}

/// What a row says is right.
enum Gold {
    Unsaid,
    Unknown,
    Choice(usize),
}

impl Raw {
    fn of_one(context: String, choices: Vec<String>, gold: Gold) -> Self {
        let contexts = vec![context; choices.len()];
        Self { description: String::new(), contexts, choices, gold }
    }

    fn checked(self, place: &str) -> std::result::Result<Item, Fault> {
        let Self { description, contexts, choices, gold } = self;
        if choices.len() < 2 {
            return Err(Fault::FewChoices);
        }
        if choices.iter().any(|choice| choice.trim().is_empty()) {
            return Err(Fault::EmptyChoice);
        }
        match gold {
            Gold::Unsaid => Err(Fault::NoAnswer),
            Gold::Choice(gold) if gold < choices.len() => {
                Ok(Item { place: place.to_owned(), description, contexts, choices, gold })
            }
            Gold::Choice(_) | Gold::Unknown => Err(Fault::WrongAnswer),
        }
    }
}

/// ARC and OpenBookQA, as Hugging Face has them and as their authors published them (`question` with `stem`).
fn arc(row: &Value) -> Option<Raw> {
    let inner = row.get("question").filter(|question| question.is_object()).unwrap_or(row);
    let (texts, labels): (Vec<String>, Vec<String>) = match parsed(inner.get("choices")?)? {
        Value::Object(fields) => (texts(fields.get("text")?)?, texts(fields.get("label")?)?),
        Value::Array(items) => {
            let field = |item: &Value, name| item.get(name).and_then(text);
            items
                .iter()
                .map(|item| Some((field(item, "text")?, field(item, "label")?)))
                .collect::<Option<_>>()?
        }
        _ => return None,
    };
    if texts.len() != labels.len() {
        return None;
    }
    let context = match (row.get("question"), inner.get("question_stem").or(inner.get("stem"))) {
        // Where the stem stands alone, as in OpenBookQA, nothing stands around it.
        (None, Some(stem)) => text(stem)?,
        (Some(Value::String(question)), None) => format!("Question: {question}\nAnswer:"),
        (Some(_), Some(stem)) => format!("Question: {}\nAnswer:", text(stem)?),
        _ => return None,
    };
    let gold = match row.get("answerKey").and_then(text) {
        Some(key) if !key.trim().is_empty() => {
            let place = labels.iter().position(|label| label == key.trim());
            place.map_or(Gold::Unknown, Gold::Choice)
        }
        _ => Gold::Unsaid,
    };
    Some(Raw::of_one(context, texts, gold))
}

fn hellaswag(row: &Value) -> Option<Raw> {
    let field = |name: &str| row.get(name).and_then(text);
    let endings = texts(&parsed(row.get("endings")?)?)?;
    let context = match (field("ctx_a"), field("ctx_b")) {
        (Some(a), Some(b)) => format!("{a} {}", capitalized(&b)),
        _ => field("ctx")?,
    };
    let context = match field("activity_label") {
        Some(label) => format!("{label}: {context}"),
        None => context,
    };
    let choices = endings.iter().map(|ending| without_marks(ending)).collect();
    Some(Raw::of_one(without_marks(&context), choices, index(row.get("label"))))
}

fn piqa(row: &Value) -> Option<Raw> {
    let field = |name: &str| row.get(name).and_then(text);
    let choices = vec![field("sol1")?, field("sol2")?];
    Some(Raw::of_one(format!("Question: {}\nAnswer:", field("goal")?), choices, index(row.get("label"))))
}

/// The sentence up to its gap, each option in the gap; what follows is judged (partial evaluation, arXiv
/// 1806.02847).
fn winogrande(row: &Value) -> Option<Raw> {
    let field = |name: &str| row.get(name).and_then(text);
    let (sentence, options) = (field("sentence")?, [field("option1")?, field("option2")?]);
    let (before, after) = sentence.split_once('_')?;
    let gold = match field("answer").as_deref().map(str::trim) {
        None | Some("") => Gold::Unsaid,
        Some("1") => Gold::Choice(0),
        Some("2") => Gold::Choice(1),
        Some(_) => Gold::Unknown,
    };
    Some(Raw {
        description: String::new(),
        contexts: options.iter().map(|option| format!("{before}{option}")).collect(),
        choices: vec![after.trim().to_owned(); 2],
        gold,
    })
}

fn mmlu(row: &Value) -> Option<Raw> {
    let question = row.get("question").and_then(text)?;
    let options = texts(&parsed(row.get("choices")?)?)?;
    let answer = row.get("answer");
    let letters: Vec<String> = ('A'..='Z').take(options.len()).map(String::from).collect();
    if letters.len() < options.len() {
        return None;
    }
    let lines: Vec<String> =
        letters.iter().zip(&options).map(|(letter, it)| format!("{letter}. {it}\n")).collect();
    let context = format!("{}\n{}Answer:", question.trim(), lines.concat());
    let named = answer.and_then(text).and_then(|answer| letters.iter().position(|it| *it == answer.trim()));
    let gold = named.map_or_else(|| index(answer), Gold::Choice);
    let description = row.get("subject").and_then(text).map_or_else(String::new, |subject| {
        let subject = subject.replace('_', " ");
        format!("The following are multiple choice questions (with answers) about {subject}.\n\n")
    });
    Some(Raw { description, ..Raw::of_one(context, letters, gold) })
}

fn plain(row: &Value) -> Option<Raw> {
    let choices = texts(&parsed(row.get("choices")?)?)?;
    Some(Raw::of_one(row.get("query").and_then(text)?, choices, index(row.get("gold"))))
}

/// A text or number as a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

/// A list or object, which tables without such hold as a text in JSON.
fn parsed(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    }
}

/// The number of a choice, from 0; sets without answers have an empty text or -1.
fn index(value: Option<&Value>) -> Gold {
    let Some(said) = value.and_then(text) else { return Gold::Unsaid };
    match said.trim() {
        "" | "-1" => Gold::Unsaid,
        said => said.parse().map_or(Gold::Unknown, Gold::Choice),
    }
}

/// As Python's `capitalize`: the first letter large, all others small.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.as_str().to_lowercase().chars()).collect()
}

/// HellaSwag's texts without the marks of WikiHow: `[title]` and what else stands in brackets.
fn without_marks(text: &str) -> String {
    let text = text.trim().replace(" [title]", ". ");
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some((open, close)) = brackets(rest) {
        plain.push_str(&rest[..open]);
        rest = &rest[close + 1..];
    }
    plain.push_str(rest);
    plain.replace("  ", " ")
}

/// The first bracket that is closed on its line, and where.
fn brackets(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('[')?;
        let end = text[open..].find([']', '\n']).map(|end| open + end)?;
        if text[end..].starts_with(']') {
            return Some((open, end));
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> (Vec<String>, Vec<String>, usize) {
        let item = item(&row, "t.jsonl:1").expect("a form that is read").expect("a whole row");
        let contexts = item.contexts.iter().map(|context| format!("{}{context}", item.description)).collect();
        (contexts, item.choices, item.gold)
    }

    fn expected(context: &str, choices: &[&str], gold: usize) -> (Vec<String>, Vec<String>, usize) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        (owned(&vec![context; choices.len()]), owned(choices), gold)
    }

    #[test]
    fn published_forms_are_read_as_lm_eval_reads_them() {
        let choices = json!({"text": ["ice", "fire"], "label": ["A", "B"]});
        assert_eq!(
            read(json!({"id": "x", "question": "What burns?", "choices": choices, "answerKey": "B"})),
            expected("Question: What burns?\nAnswer:", &["ice", "fire"], 1)
        );
        let listed = json!([{"text": "ice", "label": "1"}, {"text": "fire", "label": "2"}]);
        assert_eq!(
            read(json!({"question": {"stem": "What burns?", "choices": listed}, "answerKey": "2"})),
            expected("Question: What burns?\nAnswer:", &["ice", "fire"], 1)
        );
        assert_eq!(
            read(json!({"question_stem": "The sun is", "choices": choices, "answerKey": "B"})),
            expected("The sun is", &["ice", "fire"], 1)
        );
        assert_eq!(
            read(json!({"ctx_a": "A man [step] sits.", "ctx_b": "he Then", "ctx": "unused", "label": "1",
                        "activity_label": "Rest", "endings": ["gets up [title] Fast", "sleeps  [x]"]})),
            expected("Rest: A man sits. He then", &["gets up. Fast", "sleeps "], 1)
        );
        assert_eq!(
            read(json!({"ctx": "He", "endings": "[\"runs\", \"sleeps\"]", "label": 0})),
            expected("He", &["runs", "sleeps"], 0)
        );
        assert_eq!(
            read(json!({"goal": "Boil water", "sol1": "Heat it.", "sol2": "Cool it.", "label": 0})),
            expected("Question: Boil water\nAnswer:", &["Heat it.", "Cool it."], 0)
        );
        let (contexts, choices, gold) = read(json!({
            "sentence": "The cup did not fit as _ was large.", "option1": "the cup", "option2": "the box", "answer": "1"}));
        assert_eq!(contexts, ["The cup did not fit as the cup", "The cup did not fit as the box"]);
        assert_eq!((choices, gold), (vec!["was large.".to_owned(); 2], 0));
        let mmlu = "The following are multiple choice questions (with answers) about high school physics.\n\n\
                    What burns?\nA. ice\nB. fire\nAnswer:";
        for answer in [json!(1), json!("B"), json!("1")] {
            assert_eq!(
                read(json!({"question": " What burns?", "subject": "high_school_physics",
                            "choices": ["ice", "fire"], "answer": answer})),
                expected(mmlu, &["A", "B"], 1)
            );
        }
        assert_eq!(
            read(json!({"query": "Fire is", "choices": ["hot", "cold"], "gold": 0})),
            expected("Fire is", &["hot", "cold"], 0)
        );
    }

    #[test]
    fn rows_that_cannot_be_judged_say_why() {
        let fault = |row: Value| item(&row, "t.jsonl:1").expect("a form that is read").err();
        let plain = |choices: Value, gold: Value| json!({"query": "q", "choices": choices, "gold": gold});
        let two = json!(["a", "b"]);
        assert_eq!(fault(plain(two.clone(), json!(1))), None);
        assert_eq!(fault(plain(two.clone(), Value::Null)), Some(Fault::NoAnswer));
        assert_eq!(fault(plain(two.clone(), json!(-1))), Some(Fault::NoAnswer));
        assert_eq!(fault(plain(two.clone(), json!(2))), Some(Fault::WrongAnswer));
        assert_eq!(fault(plain(json!(["a"]), json!(0))), Some(Fault::FewChoices));
        assert_eq!(fault(plain(json!(["a", " "]), json!(0))), Some(Fault::EmptyChoice));
        let arc =
            json!({"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "E"});
        assert_eq!(fault(arc), Some(Fault::WrongAnswer));
    }

    #[test]
    fn an_unknown_form_is_named_with_those_that_are_read() {
        let error = item(&json!({"prompt": "a", "right": 1}), "t.jsonl:7").unwrap_err();
        assert_eq!(error.to_string(), "t.jsonl:7: no task has rows with the fields `prompt`, `right`");
        assert!(
            ["ARC", "HellaSwag", "PIQA", "WinoGrande", "OpenBookQA", "MMLU", "`query`"]
                .iter()
                .all(|form| error.help_text().unwrap_or_default().contains(form))
        );
        assert!(
            item(&json!([1]), "t.json, row 1").unwrap_err().to_string().ends_with("the row is no object")
        );
    }
}
