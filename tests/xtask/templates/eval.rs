//! `{name}`: says in one sentence what it measures.

use llmp_artifacts::questions::read_questions;
use llmp_artifacts::report;
use llmp_assistant::assistant::{Assistant, Options};
use llmp_stage::shown::{Better, Cell, Column, Row, Shown, Table, Unit};
use llmp_stage::{Context, Result};
use serde::Deserialize;

/// The settings of `{name}`; the signature says what they mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    max_tokens: usize,
    batch: usize,
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let questions = read_questions(ctx.input("questions")?)?;
    let asked: Vec<&str> = questions.iter().map(|question| question.question.as_str()).collect();
    let options = Options { max_tokens: settings.max_tokens, ..Options::default() };
    let models = ctx.inputs("models");
    let bar = ctx.bar((models.len() * asked.len()) as u64, "answers");
    let mut rows = Vec::new();
    for model in models {
        bar.note(&model.label);
        let assistant = Assistant::load(model.folder(), None, ctx.device())?;
        let replies = assistant.answers(&asked, &options, 0, settings.batch, &mut |done| {
            bar.add(done as u64);
            ctx.proceed()
        })?;
        let right = questions.iter().zip(&replies).filter(|(question, reply)| {
            question.values.iter().any(|value| reply.text.contains(value.as_str()))
        });
        let share = Cell::share(right.count(), questions.len());
        rows.push(Row { cells: vec![Cell::Text(model.label.clone()), share], total: false });
    }
    // What stands here is all that reports, `llmp diff` and gates know of it.
    let columns = vec![Column::text("model"), Column::measure("right", Unit::Share, Better::Higher)];
    let shown = Shown { title: "{own}".into(), tables: vec![Table { columns, rows }], ..Shown::default() };
    let page = shown.tables.iter().map(Table::markdown).collect::<Vec<_>>().join("\n");
    report::write(ctx.output(), &shown, &page)
}
