//! Stage `eval.generate`: answers that models write, compared with known ones.

use llmp_artifacts::questions::{Question, read_questions};
use llmp_artifacts::random::Random;
use llmp_artifacts::words;
use llmp_model::{Request, memory, work};
use llmp_stage::shown::{Better, Cell, Column, Example, Row, Shown, Table, Unit};
use llmp_stage::{Context, Cost, Error, Inputs, Result};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::written;

/// Between examples, and between them and the question, as in lm-eval.
const BETWEEN: &str = "\n\n";
/// What stands before the final answer in GSM8K.
const FINAL: &str = "####";
/// Answers that are shown of each model and sort.
const MAX_EXAMPLES: usize = 3;

/// How to read the table.
const LEGEND: &str = "correct: the answer is one of the values that count as right. ended: the answer ended by itself, before it had as \
                      many tokens as it may.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    few_shot: usize,
    r#match: Match,
    until: Vec<String>,
    max_tokens: usize,
    limit: Option<usize>,
    seed: u64,
    batch: usize,
}

/// What of an answer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Match {
    Exact,
    Number,
}

impl Match {
    fn is_right(self, answer: &str, values: &[String]) -> bool {
        match self {
            Self::Exact => {
                let answer = words::normalized(answer);
                values.iter().any(|value| words::normalized(value) == answer)
            }
            Self::Number => {
                number(answer).is_some_and(|found| values.iter().any(|it| number(it) == Some(found)))
            }
        }
    }
}

/// The number behind the last `####`, or else the last one.
fn number(text: &str) -> Option<f64> {
    let behind = text.rsplit_once(FINAL).and_then(|(_, last)| numbers(last).next());
    behind.or_else(|| numbers(text).last())
}

/// The numbers in a text: digits, which commas may part into thousands, with a point and a sign.
fn numbers(text: &str) -> impl Iterator<Item = f64> + '_ {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-');
    text.split(move |c| !is_part(c)).filter_map(|piece| {
        let first = piece.find(|c: char| c.is_ascii_digit())?;
        let sign = piece[..first].ends_with('-');
        // A hyphen behind a digit begins another number: `3-4` is 3.
        let digits = piece[first..].split('-').next()?.trim_end_matches(['.', ',']);
        let value: f64 = digits.replace(',', "").parse().ok()?;
        Some(if sign { -value } else { value })
    })
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Answer {
    model: String,
    id: String,
    question: String,
    values: Vec<String>,
    answer: String,
    correct: bool,
    ended: bool,
}

/// What it will need: the largest model, and all answers.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    let configs: Option<Vec<_>> = inputs.all("models").iter().map(memory::config_of).collect();
    let Some(configs) = configs else { return Cost::default() };
    let rows = settings.batch as u64;
    let memory = configs.iter().map(|config| memory::of_sampling(config, rows, config.context as u64)).max();
    let questions = inputs.get("questions");
    let asked = questions.items.map(|items| settings.limit.map_or(items, |limit| items.min(limit as u64)));
    let flops = configs.iter().map(|config| {
        let shot = work::row_of_questions(questions, config)? * settings.few_shot as f64;
        let prompt = (work::prompt_of_questions(questions, config)? + shot).min(config.context as f64);
        Some(work::of_writing(config, asked? as f64, prompt, settings.max_tokens))
    });
    Cost { flops: flops.sum(), memory, ..Cost::default() }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let questions = read_questions(ctx.input("questions")?)?;
    let examples = ctx.inputs("examples").first().map(read_questions).transpose()?;
    let mut drawn: Vec<usize> = (0..questions.len()).collect();
    if let Some(limit) = settings.limit.filter(|limit| *limit < drawn.len()) {
        Random::new(settings.seed, 0).shuffle(&mut drawn);
        drawn.truncate(limit);
        drawn.sort_unstable();
    }
    if drawn.is_empty() {
        return Err(Error::new("there are no questions"));
    }
    let pool = examples.as_deref().unwrap_or(&questions);
    let prompts: Result<Vec<String>> =
        drawn.iter().map(|&at| prompt(pool, &questions[at], at, &settings)).collect();
    let (prompts, models) = (prompts?, ctx.inputs("models"));
    let bar = ctx.bar((models.len() * drawn.len()) as u64, "answers");
    let (mut rows, mut answers, mut cut) = (Vec::new(), Vec::new(), 0);
    for number in 0..models.len() {
        let subject = Subject::load(ctx, models, number)?;
        bar.note(&subject.name);
        let mut found = Vec::new();
        for (asked, prompts) in drawn.chunks(settings.batch).zip(prompts.chunks(settings.batch)) {
            let written = write(ctx, &subject, prompts, &settings, &mut cut)?;
            for (&at, (answer, ended)) in asked.iter().zip(written) {
                let Question { id, question, values, .. } = &questions[at];
                found.push(Answer {
                    model: subject.name.clone(),
                    id: id.clone(),
                    question: question.clone(),
                    values: values.clone(),
                    correct: settings.r#match.is_right(&answer, values),
                    answer,
                    ended,
                });
            }
            bar.add(asked.len() as u64);
        }
        rows.push(row(&subject.name, &found));
        answers.extend(found);
    }
    if cut > 0 {
        ctx.count("prompts.cut", cut);
        ctx.show(&format!(
            "{cut} prompts lost their beginning: with the answer they are longer than the context"
        ));
    }
    let shown = Shown {
        title: "written answers".into(),
        tables: vec![Table { columns: columns(), rows }],
        examples: shown_answers(&answers),
        ..Shown::default()
    };
    written::write(ctx, "generate", &shown, &answers, LEGEND)
}

/// The question number `at` behind examples, which follow from the seed and that number.
fn prompt(pool: &[Question], question: &Question, at: usize, settings: &Settings) -> Result<String> {
    let mut others: Vec<&Question> =
        pool.iter().filter(|other| other.question != question.question).collect();
    if others.len() < settings.few_shot {
        let message = format!("there are {} questions beside `{}`", others.len(), question.id);
        return Err(
            Error::new(message).help(format!("`few_shot = {}` takes as many examples", settings.few_shot))
        );
    }
    let (mut random, mut text) = (Random::new(settings.seed, 1 + at as u64), String::new());
    for drawn in 0..settings.few_shot {
        let other = drawn + random.below(others.len() - drawn);
        others.swap(drawn, other);
        let shot = others[drawn];
        text.push_str(&format!("Question: {}\nAnswer: {}{BETWEEN}", shot.question, shot.answer));
    }
    Ok(text + &format!("Question: {}\nAnswer:", question.question))
}

/// What a model writes behind each prompt, and whether it ended by itself.
fn write(
    ctx: &dyn Context,
    subject: &Subject,
    prompts: &[String],
    settings: &Settings,
    cut: &mut u64,
) -> Result<Vec<(String, bool)>> {
    // A prompt has half the context at least, whatever an answer may take.
    let room = subject.context() - settings.max_tokens.min(subject.context() / 2);
    let ends = subject.ends();
    let requests: Result<Vec<Request>> = prompts
        .iter()
        .map(|text| {
            let mut prompt = subject.tokenizer.encode(text);
            let over = (prompt.len() + 1).saturating_sub(room);
            *cut += u64::from(over > 0);
            prompt.drain(..over.min(prompt.len()));
            prompt.insert(0, subject.start()?);
            Ok(Request {
                prompt,
                max_tokens: settings.max_tokens,
                temperature: 0.0,
                top_k: None,
                top_p: None,
                min_p: None,
                seed: 0,
                stop: ends.clone(),
                banned: vec![],
            })
        })
        .collect();
    let mut texts = vec![String::new(); prompts.len()];
    let mut bytes = vec![Vec::new(); prompts.len()];
    let mut ended = vec![false; prompts.len()];
    let mut on_token = |row: usize, token: u32| {
        if ends.contains(&token) {
            ended[row] = true;
            return false;
        }
        let bytes: &mut Vec<u8> = &mut bytes[row];
        bytes.extend_from_slice(subject.tokenizer.token_bytes(token).unwrap_or_default());
        // What the answer begins with, its blanks, is no end of it.
        texts[row] = String::from_utf8_lossy(bytes).trim_start().to_owned();
        if let Some(end) = settings.until.iter().filter_map(|until| texts[row].find(until.as_str())).min() {
            texts[row].truncate(end);
            ended[row] = true;
        }
        !ended[row] && !ctx.cancelled()
    };
    subject.sampler.generate(&requests?, &|_| (), Some(&mut on_token))?;
    ctx.proceed()?;
    Ok(texts.into_iter().map(|text| text.trim_end().to_owned()).zip(ended).collect())
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("model"),
        Column::number("questions", Unit::Count),
        Column::measure("correct", Unit::Share, Better::Higher),
        Column::number("±", Unit::Share).of("stderr"),
        Column::measure("ended", Unit::Share, Better::Neither),
    ]
}

/// A row of [`columns`].
fn row(model: &str, answers: &[Answer]) -> Row {
    let (all, right) = (answers.len(), answers.iter().filter(|answer| answer.correct).count());
    let share = right as f64 / all as f64;
    let stderr = (share * (1.0 - share) / (all as f64 - 1.0).max(1.0)).sqrt();
    let ended = answers.iter().filter(|answer| answer.ended).count();
    let cells = vec![
        model.into(),
        all.into(),
        Cell::share(right, all),
        Cell::Number(stderr),
        Cell::share(ended, all),
    ];
    Row { cells, total: false }
}

/// Answers of each model, right ones and wrong ones, the first of them.
fn shown_answers(answers: &[Answer]) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for correct in [true, false] {
        for answer in answers.iter().filter(|answer| answer.correct == correct) {
            let of = format!("{} answers of {}", if correct { "right" } else { "wrong" }, answer.model);
            if examples.iter().filter(|example| example.of == of).count() < MAX_EXAMPLES {
                let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
                let fields = vec![
                    field("question", &answer.question),
                    field("answer", &answer.answer),
                    field("counts as right", &answer.values.join(", ")),
                ];
                examples.push(Example { of, fields });
            }
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::testing::bigrams;

    #[test]
    fn numbers_are_found() {
        for (text, expected) in [
            ("48/2 = 24 clips.\n#### 72", Some(72.0)),
            ("#### 1,234.50 dollars, or 7", Some(1_234.5)),
            ("It costs $18.", Some(18.0)),
            ("from 3-4 to -5", Some(-5.0)),
            ("#### none, but 6", Some(6.0)),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        let values = ["1,000".to_owned()];
        assert!(Match::Number.is_right("so #### 1000", &values) && !Match::Number.is_right("100", &values));
        assert!(Match::Exact.is_right(" 1,000. ", &values) && !Match::Exact.is_right("1,000 or so", &values));
    }

    fn question(id: &str, values: &str) -> String {
        format!(
            "{{\"id\": \"{id}\", \"question\": \"{id}?\", \"answer\": \"{values}\", \"values\": [\"{values}\"]}}\n"
        )
    }

    #[test]
    fn what_is_written_is_cut_and_judged() {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("model");
        // Behind the prompt's colon: ` ab`, and a line end twice.
        let pairs = [(':', ' '), (' ', 'a'), ('a', 'b'), ('b', '\n'), ('\n', '\n')];
        let pairs: Vec<_> = pairs.iter().map(|(a, b)| (*a as u32, *b as u32, 500.0)).collect();
        bigrams(&model, &pairs);
        let questions = question("p", "Ab") + &question("q", "ac");
        let ctx = TestContext::new(root.path())
            .with_folder("models", &model)
            .with_files("questions", &[("questions.jsonl", questions.as_bytes())]);
        let settings = |few_shot, batch, max_tokens| Settings {
            few_shot,
            r#match: Match::Exact,
            until: vec!["\n\n".into()],
            max_tokens,
            limit: None,
            seed: 1,
            batch,
        };
        let report = |settings| {
            run(&ctx, settings).unwrap();
            std::fs::read_to_string(ctx.output().join("report.json")).unwrap()
        };
        let one = report(settings(0, 1, 8));
        assert_eq!(one, report(settings(0, 8, 8)), "the batch changes nothing");
        let shown = Shown::of(&serde_json::from_str(&one).unwrap()).unwrap();
        let value = |measure: &str| shown.value(measure, &["models"]);
        assert_eq!((value("correct"), value("ended"), value("questions")), (Some(0.5), Some(1.0), Some(2.0)));
        assert!(one.contains("\"answer\": \"ab\""), "{one}");
        let shown = Shown::of(&serde_json::from_str(&report(settings(0, 8, 2))).unwrap()).unwrap();
        assert_eq!(shown.value("ended", &["models"]), Some(0.0));
        report(settings(1, 8, 8));
        assert_eq!(ctx.counted("prompts.cut"), 2, "with an example they are longer than 48 - 8 tokens");
        let error = run(&ctx, settings(2, 8, 8)).unwrap_err();
        assert_eq!(error.to_string(), "there are 1 questions beside `p`");
    }

    #[test]
    fn examples_stand_before_the_question() {
        let read = |text: &str| serde_json::from_str::<Question>(text).unwrap();
        let pool = [read(&question("p", "1")), read(&question("q", "2"))];
        let settings = Settings {
            few_shot: 1,
            r#match: Match::Number,
            until: vec![],
            max_tokens: 1,
            limit: None,
            seed: 1,
            batch: 1,
        };
        assert_eq!(
            prompt(&pool, &pool[0], 0, &settings).unwrap(),
            "Question: q?\nAnswer: 2\n\nQuestion: p?\nAnswer:"
        );
    }
}
