//! Stage `eval.factuality`: correct, wrong or not attempted, model by model and group by group.

use std::collections::{BTreeMap, BTreeSet};

use llmp_artifacts::questions::{Question, read_questions};
use llmp_artifacts::report;
use llmp_assistant::assistant::{Assistant, Call, Options, Reply};
use llmp_assistant::grade::{Grade, Match, grade, same, states};
use llmp_assistant::search::shown;
use llmp_model::{memory, work};
use llmp_stage::remark::grouped;
use llmp_stage::shown::{Bar, Better, Cell, Chart, Column, Example, Measured, Part, Row, Shown, Table, Unit};
use llmp_stage::{Concern, Context, Cost, Counts, Inputs, Remark, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::subject;

/// The label of all groups together.
const ALL: &str = "all";

/// Version of `report.json`.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    by: Vec<String>,
    r#match: Match,
    max_tokens: usize,
    batch: usize,
}

/// `report.json` of `eval.factuality`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factuality {
    /// Of this form.
    pub version: u32,
    /// `factuality`.
    pub kind: String,
    /// The tags that groups are made by.
    pub by: Vec<String>,
    /// One row for each model and group, in the order of the models.
    pub rows: Vec<GroupScore>,
    /// Every answer of every model; left out where a run's report holds this.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// What one model did in one group of questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupScore {
    /// The model's name in the program.
    pub model: String,
    /// The group's label for each tag, `-` where its questions have none.
    pub group: Vec<String>,
    /// Questions in the group.
    pub questions: usize,
    /// Right answers.
    pub correct: usize,
    /// Wrong answers: hallucinations.
    pub wrong: usize,
    /// Answers that say "I don't know".
    pub not_attempted: usize,
    /// Questions for which the model searched.
    pub searched: usize,
    /// Searches whose query was the question's entity.
    pub query_right: usize,
    /// Searches whose result held the answer.
    pub found: usize,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The model's name in the program.
    pub model: String,
    /// The question's id.
    pub id: String,
    /// The question.
    pub question: String,
    /// Values that count as right.
    pub values: Vec<String>,
    /// What the model said.
    pub answer: String,
    /// What it is worth.
    pub grade: Grade,
    /// What it looked up.
    pub calls: Vec<Call>,
}

/// What it will need: the largest model, and all answers.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    /// Bytes of memory for each byte of JSON that is read.
    const READ: u64 = 3;
    let (questions, models) = (inputs.get("questions"), inputs.all("models"));
    let index = inputs.all("index").first();
    let configs: Option<Vec<_>> = models.iter().map(memory::config_of).collect();
    let sampling = configs.into_iter().flatten().map(|config| {
        // A search's results are read behind the question.
        let prompt = match index {
            None => memory::longest_row(questions, &config),
            Some(_) => config.context as u64,
        };
        memory::of_sampling(&config, settings.batch as u64, prompt)
    });
    // What is not known of these is small beside the models.
    let answers = READ * questions.bytes.unwrap_or(0) * models.len() as u64;
    let index = index.and_then(|index| index.bytes).unwrap_or(0);
    let memory = sampling.max().map(|largest| largest + answers + index);
    let configs: Option<Vec<_>> = models.iter().map(memory::config_of).collect();
    let writing = |config| {
        let prompt = work::prompt_of_questions(questions, &config)?;
        Some(work::of_writing(&config, questions.items? as f64, prompt, settings.max_tokens))
    };
    let flops = configs.and_then(|configs| configs.into_iter().map(writing).sum());
    Cost { flops, memory, ..Cost::default() }
}

/// Searches of a model below which nothing is said of them.
const SEVERAL: u64 = 20;

/// That a model looks up something else than it was asked about.
pub(crate) fn remarks(_: &Settings, counts: &Counts) -> Vec<Remark> {
    let searched = counts.iter().filter_map(|(name, count)| Some((name.strip_prefix("searched.")?, *count)));
    let wrong = searched.filter_map(|(model, searched)| {
        let right = counts.get(&format!("query_right.{model}")).copied().unwrap_or(0);
        if searched < SEVERAL || 2 * right >= searched {
            return None;
        }
        let message = format!(
            "`{model}` looks up what it was asked about in {} of {} searches",
            grouped(right),
            grouped(searched)
        );
        let help = "its queries copy names it has not met: train `tool_use` longer (`steps`), on more questions of the probe that \
                    differ in their `entity`, and in the wordings that it will be asked in";
        Some(Remark::new(Concern::WrongQueries, message).help(help))
    });
    wrong.collect()
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let questions = read_questions(ctx.input("questions")?)?;
    let index = ctx.inputs("index").first().map(|input| input.folder());
    let models = ctx.inputs("models");
    let bar = ctx.bar((models.len() * questions.len()) as u64, "answers");
    let asked: Vec<&str> = questions.iter().map(|question| question.question.as_str()).collect();
    let options = Options { max_tokens: settings.max_tokens, ..Options::default() };
    let (mut rows, mut answers) = (Vec::new(), Vec::new());
    for (number, model) in models.iter().enumerate() {
        let name = subject::name(models, number);
        bar.note(&name);
        let assistant = Assistant::load(model.folder(), index, ctx.device())?;
        let replies = assistant.answers(&asked, &options, 0, settings.batch, &mut |done| {
            bar.add(done as u64);
            ctx.proceed()
        })?;
        let refusal = assistant.abilities().refusal.as_deref();
        let graded: Vec<(&Question, Grade, &Reply)> = questions
            .iter()
            .zip(&replies)
            .map(|(question, reply)| {
                (question, grade(&reply.text, &question.values, refusal, settings.r#match), reply)
            })
            .collect();
        let scored = scores(&name, &settings.by, &graded);
        // The last sums up the others.
        if let Some(all) = scored.last() {
            ctx.count(&format!("searched.{name}"), all.searched as u64);
            ctx.count(&format!("query_right.{name}"), all.query_right as u64);
        }
        rows.extend(scored);
        answers
            .extend(graded.into_iter().map(|(question, grade, reply)| answer(&name, question, grade, reply)));
    }
    let report = Factuality { version: VERSION, kind: "factuality".into(), by: settings.by, rows, answers };
    let table = table(&report.by, &report.rows, &totals(&report.rows));
    let page = format!("# Factuality\n\n{}\n{LEGEND}", table.markdown());
    report::write(ctx.output(), &report, &page)?;
    ctx.show(&table.aligned());
    Ok(())
}

/// How to read the table.
const LEGEND: &str = "Correct: the answer gives an accepted value. Wrong: it gives another, a hallucination. Don't know: it \
                      says so. Searched: the model looked something up; of these, the query was the thing asked about \
                      (query right), and what was found held the answer (found).\n";

/// Scores by group, in the order of the groups' labels; for all questions too where there are several groups.
fn scores(model: &str, by: &[String], graded: &[(&Question, Grade, &Reply)]) -> Vec<GroupScore> {
    let mut groups: BTreeMap<Vec<String>, GroupScore> = BTreeMap::new();
    let empty = |group: &[String]| GroupScore {
        model: model.to_owned(),
        group: group.to_vec(),
        questions: 0,
        correct: 0,
        wrong: 0,
        not_attempted: 0,
        searched: 0,
        query_right: 0,
        found: 0,
    };
    let mut all = empty(&vec![ALL.to_owned(); by.len()]);
    for (question, grade, reply) in graded {
        let group: Vec<String> = by.iter().map(|tag| question.tag(tag).unwrap_or("-").to_owned()).collect();
        let score = groups.entry(group).or_insert_with_key(|group| empty(group));
        for score in [score, &mut all] {
            score.questions += 1;
            match grade {
                Grade::Correct => score.correct += 1,
                Grade::Wrong => score.wrong += 1,
                Grade::NotAttempted => score.not_attempted += 1,
            }
            if let Some(call) = reply.calls.first() {
                score.searched += 1;
                score.query_right += usize::from(same(&call.query, question.query()));
                score.found += usize::from(states(&shown(&call.results), &question.values));
            }
        }
    }
    let several = groups.len() > 1;
    groups.into_values().chain(several.then_some(all)).collect()
}

fn answer(model: &str, question: &Question, grade: Grade, reply: &Reply) -> Answer {
    Answer {
        model: model.to_owned(),
        id: question.id.clone(),
        question: question.question.clone(),
        values: question.values.clone(),
        answer: reply.text.clone(),
        grade,
        calls: reply.calls.clone(),
    }
}

/// How a report of this stage is shown.
pub(crate) fn show(report: &Value) -> Option<Shown> {
    Factuality::deserialize(report).ok().map(|report| present(&report))
}

/// The measures of the signature: of each model, for each label of its groups and for all of them together.
fn measures(report: &Factuality) -> Vec<Measured> {
    let totals = totals(&report.rows);
    let is_sum =
        |place: usize, row: &GroupScore| totals.contains(&place) && row.group.iter().all(|it| it == ALL);
    let mut models: Vec<&str> = report.rows.iter().map(|row| row.model.as_str()).collect();
    models.dedup();
    let mut measures = Vec::new();
    for model in models {
        let rows: Vec<&GroupScore> = (report.rows.iter().enumerate())
            .filter(|&(place, row)| row.model == model && (row.group.is_empty() || !is_sum(place, row)))
            .map(|(_, row)| row)
            .collect();
        let labels: BTreeSet<&str> = rows.iter().flat_map(|row| &row.group).map(String::as_str).collect();
        measures.extend(pooled(model, ALL, &rows));
        for label in labels.into_iter().filter(|label| *label != ALL) {
            let rows: Vec<&GroupScore> =
                rows.iter().copied().filter(|row| row.group.iter().any(|it| it == label)).collect();
            measures.extend(pooled(model, label, &rows));
        }
    }
    measures
}

/// The measures of several groups together: their answers are counted, not their shares averaged.
fn pooled(model: &str, group: &str, rows: &[&GroupScore]) -> Vec<Measured> {
    let sum = |part: fn(&GroupScore) -> usize| rows.iter().map(|row| part(row)).sum::<usize>();
    let (questions, searched) = (sum(|row| row.questions), sum(|row| row.searched));
    let share = |measure: &str, part: usize, whole: usize, better| {
        (whole > 0).then(|| (measure.to_owned(), part as f64 / whole as f64, Unit::Share, Some(better)))
    };
    let found = [
        Some(("questions".to_owned(), questions as f64, Unit::Count, None)),
        share("correct", sum(|row| row.correct), questions, Better::Higher),
        share("wrong", sum(|row| row.wrong), questions, Better::Lower),
        share("not_attempted", sum(|row| row.not_attempted), questions, Better::Neither),
        share("searched", searched, questions, Better::Neither),
        share("query_right", sum(|row| row.query_right), searched, Better::Higher),
        share("found", sum(|row| row.found), searched, Better::Higher),
    ];
    let keys = vec![model.to_owned(), group.to_owned()];
    let found = found.into_iter().flatten();
    let measured = |(measure, value, unit, better)| Measured {
        measure,
        keys: keys.clone(),
        value,
        unit,
        better,
        total: group == ALL,
    };
    found.map(measured).collect()
}

fn present(report: &Factuality) -> Shown {
    let totals = totals(&report.rows);
    let bar = |row: &GroupScore| Bar {
        label: row.model.clone(),
        values: [row.correct, row.not_attempted, row.wrong].map(|count| count as f64).to_vec(),
        note: format!("{} wrong", Cell::share(row.wrong, row.questions).text(Unit::Share)),
    };
    let part = |name: &str, better| Part { name: name.to_owned(), better };
    let chart = Chart {
        title: "answers by model".to_owned(),
        parts: vec![
            part("correct", Better::Higher),
            part("says it does not know", Better::Neither),
            part("wrong", Better::Lower),
        ],
        bars: totals.iter().map(|&row| bar(&report.rows[row])).collect(),
    };
    Shown {
        title: "what the models know".to_owned(),
        tables: vec![table(&report.by, &report.rows, &totals)],
        measures: measures(report),
        charts: vec![chart],
        examples: report.rows.iter().map(|row| row.model.as_str()).fold(vec![], |mut examples, model| {
            // One model's rows follow each other.
            if examples.last().is_none_or(|last: &Example| last.of != wrong_of(model)) {
                examples.extend(wrong_answers(report, model));
            }
            examples
        }),
    }
}

/// Wrong answers that are shown of each model.
const MAX_EXAMPLES: usize = 5;

fn wrong_of(model: &str) -> String {
    format!("wrong answers of {model}")
}

fn wrong_answers<'a>(report: &'a Factuality, model: &'a str) -> impl Iterator<Item = Example> + 'a {
    let wrong =
        report.answers.iter().filter(move |answer| answer.model == model && answer.grade == Grade::Wrong);
    wrong.take(MAX_EXAMPLES).map(move |answer| {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let fields = vec![
            field("question", &answer.question),
            field("answer", &answer.answer),
            field("right", &answer.values.join(", ")),
        ];
        Example { of: wrong_of(model), fields }
    })
}

/// The last row of each model, which sums up its others.
fn totals(rows: &[GroupScore]) -> Vec<usize> {
    let last = |row: &usize| rows.get(row + 1).is_none_or(|next| next.model != rows[*row].model);
    (0..rows.len()).filter(last).collect()
}

fn table(by: &[String], rows: &[GroupScore], totals: &[usize]) -> Table {
    let mut columns = vec![Column::text("model")];
    columns.extend(by.iter().map(Column::text));
    columns.push(Column::number("questions", Unit::Count));
    let share = |name: &str, better| Column::measure(name, Unit::Share, better);
    columns.extend([
        share("correct", Better::Higher),
        share("wrong", Better::Lower),
        share("don't know", Better::Neither).of("not_attempted"),
    ]);
    let searches = rows.iter().any(|row| row.searched > 0);
    if searches {
        columns.extend([
            share("searched", Better::Neither),
            share("query right", Better::Higher).of("query_right"),
            share("found", Better::Higher),
        ]);
    }
    let cells = |row: &GroupScore| {
        let mut cells = vec![Cell::from(row.model.as_str())];
        cells.extend(row.group.iter().map(|label| Cell::from(label.as_str())));
        cells.push(row.questions.into());
        cells
            .extend([row.correct, row.wrong, row.not_attempted].map(|part| Cell::share(part, row.questions)));
        if searches {
            cells.push(Cell::share(row.searched, row.questions));
            cells.extend([row.query_right, row.found].map(|part| Cell::share(part, row.searched)));
        }
        cells
    };
    let row = |(place, row): (usize, &GroupScore)| Row {
        cells: cells(row),
        total: totals.contains(&place) && !row.group.is_empty(),
    };
    Table { columns, rows: rows.iter().enumerate().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_assistant::search::Hit;

    #[test]
    fn wrong_queries_are_said_by_model() {
        let settings = Settings { by: vec![], r#match: Match::Begins, max_tokens: 8, batch: 1 };
        let counts = [
            ("searched.base", 0),
            ("query_right.base", 0),
            ("searched.good", 100),
            ("query_right.good", 97),
            ("searched.bad", 200),
            ("query_right.bad", 20),
            ("searched.seldom", 3),
        ];
        let counts: Counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let remarks = remarks(&settings, &counts);
        let [remark] = remarks.as_slice() else { panic!("{remarks:?}") };
        assert_eq!(remark.concern, Concern::WrongQueries);
        assert_eq!(remark.message, "`bad` looks up what it was asked about in 20 of 200 searches");
    }

    #[test]
    fn scores_are_counted_by_group() {
        let question = |id: &str, entity: &str| Question {
            id: id.into(),
            question: format!("Where is {id}?"),
            answer: "Oman.".into(),
            values: vec!["Oman".into()],
            entity: Some(id.into()),
            attribute: Some("country".into()),
            tags: BTreeMap::from([("entity".to_owned(), entity.to_owned())]),
        };
        let hit = Hit { text: "Sifra lies in Oman.".into(), url: String::new(), score: 1.0 };
        let call = Call { query: "sifra".into(), results: vec![hit] };
        let reply = Reply { calls: vec![call], ..Reply::default() };
        let silent = Reply::default();
        let questions = [question("Sifra", "unseen"), question("Lae", "unseen"), question("Ziyang", "seen")];
        let graded = [
            (&questions[0], Grade::Correct, &reply),
            (&questions[1], Grade::Wrong, &reply),
            (&questions[2], Grade::NotAttempted, &silent),
        ];
        let by = ["entity".to_owned(), "attribute".to_owned()];
        let rows = scores("assistant", &by, &graded);
        let groups: Vec<String> = rows.iter().map(|row| row.group.join(" ")).collect();
        assert_eq!(groups, ["seen country", "unseen country", "all all"]);
        assert_eq!((rows[1].questions, rows[1].searched, rows[1].query_right, rows[1].found), (2, 2, 1, 2));
        let report = Factuality {
            version: VERSION,
            kind: "factuality".into(),
            by: by.to_vec(),
            rows: rows.clone(),
            answers: vec![],
        };
        let shown_report = show(&serde_json::to_value(&report).unwrap()).unwrap();
        let measured = |name: &str, group: &str| shown_report.value(name, &["assistant", group]);
        assert_eq!(measured("wrong", "unseen"), Some(0.5));
        assert_eq!((measured("searched", "seen"), measured("found", "seen")), (Some(0.0), None));
        let signature = include_str!("factuality.llmp");
        for one in &shown_report.measures {
            let declared = format!("measure {}[model, group]: ", one.measure);
            assert!(signature.contains(&declared), "the signature lacks {declared}");
        }
        assert_eq!(signature.matches("  measure ").count(), pooled("m", ALL, &[&rows[1]]).len());
        assert_eq!(measured("wrong", "country"), Some(1.0 / 3.0));
        assert_eq!((measured("questions", "all"), measured("wrong", "nowhere")), (Some(3.0), None));
        let shown = table(&by, &rows, &totals(&rows)).aligned();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[0],
            "model      entity  attribute  questions  correct   wrong  don't know  searched  query right    found"
        );
        assert_eq!(
            lines[2],
            "assistant  unseen  country            2   50.0 %  50.0 %       0.0 %   100.0 %       50.0 %  100.0 %"
        );
        assert_eq!(scores("m", &[], &graded).len(), 1, "one group needs no total");
    }
}
