//! Stage `tool_use`: to search where the probe found that the model does not know, and to answer from the result.

use std::collections::BTreeMap;

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::Ability;
use llmp_artifacts::questions::Question;
use llmp_artifacts::random::Random;
use llmp_artifacts::words;
use llmp_assistant::grade::{REFUSAL, states};
use llmp_assistant::render::Template;
use llmp_assistant::search::{Search, shown};
use llmp_stage::{Context, Cost, Inputs, Result};
use serde::Deserialize;

use crate::mix::{Mix, Part};
use crate::passes::Passes;
use crate::tune::{self, Border, Student, Tuning};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    known_share: f64,
    replaced: f64,
    empty: f64,
    results: usize,
    chat_share: f64,
    steps: u64,
    batch: usize,
    lr: f64,
    warmup: f64,
    replay_share: f64,
    seed: u64,
    checkpoint_every: u64,
}

/// What it will need. Results of a search fill the context.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let mut cost = tune::cost(settings.batch, inputs, &[]);
    let bytes = |role| inputs.get(role).bytes.unwrap_or(0);
    cost.memory = cost.memory.map(|memory| memory + tune::READ * bytes("probe") + bytes("index"));
    cost
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut student = Student::open(ctx)?;
    let search = Search::open(ctx.input("index")?.folder())?;
    let seed = settings.seed;
    let shares = [settings.chat_share, settings.known_share];
    let border = Border::open(ctx, &student, settings.batch, shares, seed)?;
    let Border { known, unknown, known_rows, unknown_rows, chat } = border;

    let refusal = student.abilities.refusal.get_or_insert_with(|| REFUSAL.to_owned()).clone();
    let lessons = Lessons {
        template: &student.template,
        refusal,
        results: look_up(ctx, &search, &unknown, settings.results)?,
        values: values(known.iter().chain(&unknown)),
        questions: &unknown,
        settings: &settings,
    };
    lessons.report(ctx);
    let direct = known.iter().map(|question| {
        let messages =
            [Message::new(Role::User, &question.question), Message::new(Role::Assistant, &question.answer)];
        student.row(ctx, &messages)
    });
    let mut parts = vec![
        tune::fixed_part(known_rows, direct.collect(), seed),
        Part {
            rows: unknown_rows,
            passes: Passes::new(unknown.len(), seed + 1),
            example: Box::new(|item, nth| lessons.template.learn(&lessons.lesson(item, nth)).row),
        },
    ];
    parts.extend(chat);

    let replay = student.replay(ctx, settings.replay_share, settings.batch, seed)?;
    let Settings { steps, lr, warmup, checkpoint_every, .. } = settings;
    student.train(
        ctx,
        &Mix { steps, parts, replay, held_out: None },
        &Tuning { lr, warmup, seed, checkpoint_every },
    )?;
    student.abilities.results = Some(settings.results);
    student.abilities.save_with(Ability::Searches, ctx.output())
}

/// What the index returns for each question.
fn look_up(
    ctx: &dyn Context,
    search: &Search,
    questions: &[Question],
    results: usize,
) -> Result<Vec<String>> {
    let bar = ctx.bar(questions.len() as u64, "searches");
    let look_up = |question: &Question| {
        ctx.proceed()?;
        bar.add(1);
        Ok(shown(&search.find(question.query(), results)?))
    };
    questions.iter().map(look_up).collect()
}

/// Values by attribute, to put in place of a true one.
fn values<'a>(questions: impl Iterator<Item = &'a Question>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for question in questions {
        if let (Some(attribute), Some(value)) = (&question.attribute, question.values.first()) {
            values.entry(attribute).or_default().push(value);
        }
    }
    for values in values.values_mut() {
        values.sort_unstable();
        values.dedup();
    }
    values
}

/// Examples of searching, for the questions that the model cannot answer.
struct Lessons<'a> {
    template: &'a Template,
    refusal: String,
    questions: &'a [Question],
    /// What the index returns for each question.
    results: Vec<String>,
    values: BTreeMap<&'a str, Vec<&'a str>>,
    settings: &'a Settings,
}

impl Lessons<'_> {
    /// How to answer question `item`, in the variant that `nth` decides.
    fn lesson(&self, item: usize, nth: u64) -> Vec<Message> {
        let question = &self.questions[item];
        let mut random = Random::new(self.settings.seed, nth);
        let mut result = self.results[item].clone();
        let mut answer = question.answer.clone();
        let mut accepted = question.values.clone();
        if random.chance(self.settings.empty) {
            result.clear();
        } else if random.chance(self.settings.replaced)
            && let Some(other) = self.other_value(question, &mut random)
            && let (Some(changed), Some(changed_answer)) =
                (replace(&result, &accepted, other), replace(&answer, &accepted, other))
        {
            (result, answer, accepted) = (changed, changed_answer, vec![other.to_owned()]);
        }
        let asked = [Message::new(Role::User, &question.question), Message::search(question.query())];
        // What the model will see of it decides what can be answered.
        let result = self.template.shown(&asked, &result);
        if !states(&result, &accepted) {
            answer.clone_from(&self.refusal);
        }
        let [user, search] = asked;
        vec![user, search, Message::new(Role::Tool, result), Message::new(Role::Assistant, answer)]
    }

    fn other_value(&self, question: &Question, random: &mut Random) -> Option<&str> {
        let values = self.values.get(question.attribute.as_deref()?)?;
        let other = values[random.below(values.len())];
        (!question.values.iter().any(|value| value == other)).then_some(other)
    }

    /// Counts the questions whose result does not hold the answer: with many of them, search teaches refusal.
    fn report(&self, ctx: &dyn Context) {
        let found = |(question, result): &(&Question, &String)| {
            let asked = [Message::new(Role::User, &question.question), Message::search(question.query())];
            states(&self.template.shown(&asked, result), &question.values)
        };
        let found = self.questions.iter().zip(&self.results).filter(found).count();
        ctx.count("unknown.found", found as u64);
        ctx.log(&format!("search finds the answer to {found} of {} unknown questions", self.questions.len()));
    }
}

/// `text` with every occurrence of one of `values` as whole words replaced by `new`, which gets a capital letter where the
/// old value had one; `None` where there is none.
fn replace(text: &str, values: &[String], new: &str) -> Option<String> {
    let lower =
        |text: &str| -> Vec<String> { words::spans(text).map(|span| text[span].to_lowercase()).collect() };
    let mut values: Vec<Vec<String>> =
        values.iter().map(|value| lower(value)).filter(|words| !words.is_empty()).collect();
    values.sort_by_key(|words| std::cmp::Reverse(words.len()));
    let (spans, words) = (words::spans(text).collect::<Vec<_>>(), lower(text));
    let mut replaced = String::new();
    let (mut at, mut end) = (0, 0);
    while at < words.len() {
        let Some(value) = values.iter().find(|value| words[at..].starts_with(value)) else {
            at += 1;
            continue;
        };
        let span = spans[at].start..spans[at + value.len() - 1].end;
        replaced.push_str(&text[end..span.start]);
        let mut letters = new.chars();
        match letters.next() {
            Some(first) if text[span.clone()].starts_with(char::is_uppercase) => {
                replaced.extend(first.to_uppercase());
                replaced.push_str(letters.as_str());
            }
            _ => replaced.push_str(new),
        }
        end = span.end;
        at += value.len();
    }
    (end > 0).then(|| replaced + &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::tokenizer::Tokenizer;

    fn question(entity: &str, value: &str) -> Question {
        Question {
            id: entity.into(),
            question: format!("Where is {entity}?"),
            answer: format!("{value} is the country of {entity}."),
            values: vec![value.into()],
            entity: Some(entity.into()),
            attribute: Some("country".into()),
            tags: BTreeMap::new(),
        }
    }

    fn settings() -> Settings {
        Settings {
            known_share: 0.5,
            replaced: 0.5,
            empty: 0.1,
            results: 1,
            chat_share: 0.0,
            steps: 1,
            batch: 8,
            lr: 1e-3,
            warmup: 0.0,
            replay_share: 0.0,
            seed: 1,
            checkpoint_every: 0,
        }
    }

    #[test]
    fn values_are_replaced_as_whole_words() {
        let values = ["Oman".to_owned(), "Sultanate of Oman".to_owned()];
        let text = "Oman is where Sifra lies; the Sultanate of Oman. Omani too.";
        assert_eq!(replace(text, &values, "Peru").unwrap(), "Peru is where Sifra lies; the Peru. Omani too.");
        assert_eq!(replace("Nothing here", &values, "Peru"), None);
        assert_eq!(
            replace("51 degrees north it is", &["51 degrees north".into()], "9 degrees south").unwrap(),
            "9 degrees south it is"
        );
    }

    #[test]
    fn lessons_answer_from_what_is_shown() {
        let questions = [question("Sifra", "Oman"), question("Lae", "Papua"), question("Nowhere", "Peru")];
        let settings = settings();
        let template = Template::new(Tokenizer::cl100k(), 96).unwrap();
        let lessons = Lessons {
            template: &template,
            refusal: REFUSAL.into(),
            questions: &questions,
            results: vec![
                "Sifra lies in Oman.".into(),
                "Lae lies in Papua.".into(),
                "Something else.".into(),
            ],
            values: values(questions.iter()),
            settings: &settings,
        };
        let (mut refused, mut replaced, mut kept) = (0, 0, 0);
        for nth in 0..1000 {
            let lesson = lessons.lesson(0, nth);
            assert_eq!(lesson[1].query.as_deref(), Some("Sifra"));
            let (result, answer) = (&lesson[2].content, &lesson[3].content);
            match answer.strip_suffix(" is the country of Sifra.") {
                None => {
                    assert_eq!((result.as_str(), answer.as_str()), ("", REFUSAL));
                    refused += 1;
                }
                Some(value) => {
                    assert_eq!(result, &format!("Sifra lies in {value}."));
                    if value == "Oman" { kept += 1 } else { replaced += 1 }
                }
            }
        }
        assert!((60..140).contains(&refused), "{refused}");
        // A third of the draws gives the true value again.
        assert!((240..360).contains(&replaced) && (500..700).contains(&kept), "{replaced} {kept}");
        assert_eq!(lessons.lesson(2, 5)[3].content, REFUSAL, "the result does not hold the answer");
        assert_eq!(lessons.lesson(1, 7), lessons.lesson(1, 7));
    }
}
