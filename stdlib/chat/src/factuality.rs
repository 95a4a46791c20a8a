//! Stage `eval.factuality`: correct, wrong or not attempted, model by model and group by group.

use std::collections::BTreeMap;
use std::fs;

use llmp_stage::{Context, Error, Result};
use serde::{Deserialize, Serialize};

use crate::assistant::{Assistant, Call, Options, Reply};
use crate::grade::{Grade, Match, grade, same, states};
use crate::question::{Question, read_questions};
use crate::search::shown;
use crate::table::Table;

/// Version of `report.json`.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    by: Vec<String>,
    r#match: Match,
    max_tokens: usize,
    pub(crate) batch: usize,
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
    /// Every answer of every model.
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

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let questions = read_questions(ctx.input("questions")?)?;
    let index = ctx.inputs("index").first().map(|input| input.folder());
    let models = ctx.inputs("models");
    let bar = ctx.bar((models.len() * questions.len()) as u64, "answers");
    let asked: Vec<&str> = questions.iter().map(|question| question.question.as_str()).collect();
    let options = Options { max_tokens: settings.max_tokens, ..Options::default() };
    let (mut rows, mut answers) = (Vec::new(), Vec::new());
    for (number, model) in models.iter().enumerate() {
        let name = match models[..number].iter().any(|other| other.label == model.label) {
            true => format!("{} ({})", model.label, number + 1),
            false => model.label.clone(),
        };
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
        rows.extend(scores(&name, &settings.by, &graded));
        answers
            .extend(graded.into_iter().map(|(question, grade, reply)| answer(&name, question, grade, reply)));
    }
    let table = table(&settings.by, &rows);
    let report = Factuality { version: VERSION, kind: "factuality".into(), by: settings.by, rows, answers };
    let json = serde_json::to_string_pretty(&report)
        .map_err(|error| Error::new("cannot write the report").because(error))?;
    write(ctx, "report.json", &(json + "\n"))?;
    write(ctx, "report.md", &format!("# Factuality\n\n{}\n{LEGEND}", table.markdown()))?;
    ctx.show(&table.aligned());
    Ok(())
}

/// How to read the table.
const LEGEND: &str = "Correct: the answer gives an accepted value. Wrong: it gives another, a hallucination. Don't know: it \
                      says so. Searched: the model looked something up; of these, the query was the thing asked about \
                      (query right), and what was found held the answer (found).\n";

fn write(ctx: &dyn Context, name: &str, text: &str) -> Result<()> {
    let path = ctx.output().join(name);
    fs::write(&path, text).map_err(Error::io("cannot write", &path))
}

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
    let mut all = empty(&vec!["all".to_owned(); by.len()]);
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

fn table(by: &[String], rows: &[GroupScore]) -> Table {
    let searches = rows.iter().any(|row| row.searched > 0);
    let mut head = vec!["model".to_owned()];
    head.extend(by.iter().cloned());
    head.extend(["questions", "correct", "wrong", "don't know"].map(str::to_owned));
    if searches {
        head.extend(["searched", "query right", "found"].map(str::to_owned));
    }
    let percent = |part: usize, whole: usize| match whole {
        0 => "–".to_owned(),
        whole => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    };
    let cells = |row: &GroupScore| {
        let mut cells = vec![row.model.clone()];
        cells.extend(row.group.iter().cloned());
        cells.push(row.questions.to_string());
        cells.extend([row.correct, row.wrong, row.not_attempted].map(|part| percent(part, row.questions)));
        if searches {
            cells.push(percent(row.searched, row.questions));
            cells.extend([row.query_right, row.found].map(|part| percent(part, row.searched)));
        }
        cells
    };
    Table { head, rows: rows.iter().map(cells).collect(), numbers: 1 + by.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Hit;

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
        let shown = table(&by, &rows).aligned();
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
