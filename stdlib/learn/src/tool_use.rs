//! Stage `tool_use`: to search where the probe found that the model does not know, and to answer from the
//! result.

use std::collections::BTreeMap;

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::Ability;
use llmp_artifacts::questions::Question;
use llmp_artifacts::random::Random;
use llmp_artifacts::words;
use llmp_assistant::grade::{REFUSAL, states};
use llmp_assistant::render::Template;
use llmp_assistant::search::{Search, shown};
use llmp_model::memory;
use llmp_stage::{Concern, Context, Cost, Counts, Inputs, Remark, Result, remark::grouped};
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
    // A search's result fills what the question leaves.
    let row = memory::config_of(inputs.get("model")).map(|config| 0.8 * config.context as f64);
    cost.flops = tune::flops(inputs, settings.steps as f64, settings.batch, settings.replay_share, row);
    cost
}

/// That search seldom finds the answer, and why: what was cut off is told with the context that would hold
/// it.
pub(crate) fn remarks(settings: &Settings, counts: &Counts) -> Vec<Remark> {
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let (unknown, found, cut) = (count("unknown"), count("unknown.found"), count("results.cut"));
    let mut remarks = tune::left_out(counts);
    let few = unknown > 0 && 2 * found < unknown;
    let (of, context) = (grouped(unknown), count("results.context"));
    // Results that are cut off where the answer stood before are no loss.
    let lost = count("results.lost");
    if few || (lost > 0 && 4 * lost >= unknown) {
        let message = format!(
            "search finds the answer to {} of {of} unknown questions; the results of {} are cut off, in {} with the answer",
            grouped(found),
            grouped(cut),
            grouped(lost)
        );
        let help = if lost > 0 {
            let results = if settings.results > 1 { ", fewer `results`" } else { "" };
            format!(
                "results and answer need {context} tokens of context: give the model `context = {context}`, or shorter \
                 passages in `tools.search`{results}"
            )
        } else {
            "index documents that hold the answers, and ask for the questions' `entity` as they write it"
                .to_owned()
        };
        let concern = if lost > 0 { Concern::CutOff } else { Concern::NotFound };
        remarks.push(Remark::new(concern, message).help(help));
    }
    remarks
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
        let (mut found, mut cut, mut lost, mut needed) = (0u64, 0u64, 0u64, Vec::new());
        for (question, result) in self.questions.iter().zip(&self.results) {
            let asked = [Message::new(Role::User, &question.question), Message::search(question.query())];
            let shown = self.template.shown(&asked, result);
            let holds = states(&shown, &question.values);
            found += u64::from(holds);
            cut += u64::from(shown.len() < result.len());
            lost += u64::from(!holds && states(result, &question.values));
            needed.push(self.template.context_for(&asked, result));
        }
        // A context that holds nineteen in twenty of them whole.
        needed.sort_unstable();
        let context = needed.get(needed.len() * 19 / 20).copied().unwrap_or(0);
        for (name, count) in [
            ("unknown.found", found),
            ("results.cut", cut),
            ("results.lost", lost),
            ("results.context", context as u64),
        ] {
            ctx.count(name, count);
        }
        let of = self.questions.len();
        ctx.log(&format!("search finds the answer to {found} of {of} unknown questions"));
        ctx.log(&format!("cut off: the results of {cut} of {of}, {lost} with the answer; {context} tokens of context hold them"));
    }
}

/// `text` with every occurrence of one of `values` as whole words replaced by `new`, which gets a capital
/// letter where the old value had one; `None` where there is none.
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
    fn search_that_seldom_finds_is_said_with_what_would_help() {
        let counts = |list: &[(&str, u64)]| -> Counts {
            list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let said = |list: &[(&str, u64)]| {
            remarks(&settings(), &counts(list))
                .into_iter()
                .map(|it| (it.concern, it.message, it.help.unwrap()))
                .next()
        };
        // 13 % of the answers, since the context holds so much of a Chinese passage.
        let (concern, message, help) = said(&[
            ("unknown", 300),
            ("unknown.found", 40),
            ("results.cut", 280),
            ("results.lost", 248),
            ("results.context", 240),
        ])
        .unwrap();
        assert_eq!(concern, Concern::CutOff);
        assert_eq!(
            message,
            "search finds the answer to 40 of 300 unknown questions; the results of 280 are cut off, in 248 with the answer"
        );
        assert!(help.contains("`context = 240`"), "{help}");
        let (concern, ..) = said(&[("unknown", 300), ("unknown.found", 40)]).unwrap();
        assert_eq!(concern, Concern::NotFound);
        // `examples/who-is`.
        assert_eq!(
            said(&[
                ("unknown", 3_706),
                ("unknown.found", 3_426),
                ("results.cut", 1_194),
                ("results.lost", 280)
            ]),
            None
        );
        let (concern, ..) = said(&[("examples", 100), ("examples.cut", 9)]).unwrap();
        assert_eq!(concern, Concern::CutOff);
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
