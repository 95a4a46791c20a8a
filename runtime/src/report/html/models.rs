//! What the report says of models: evaluations and trainings.

use maud::{Markup, html};
use serde_json::Value;

use super::{MAX_ROWS, figure, key, percent, section};
use crate::report::charts::{self, Bar, Line};
use crate::report::summary::{Score, Training, scores, trainings};
use crate::report::{Report, StageReport};
use crate::text;

pub(super) fn evaluations(report: &Report) -> Markup {
    let all = report.stages.iter().filter(|stage| stage.report.is_some());
    html! {
        @for stage in all {
            @let rows = scores(stage);
            @if rows.is_empty() {
                (section(&stage.name, Some(other_report(stage))))
            } @else {
                (section(&format!("{}: what the models know", stage.name), Some(factuality(stage, &rows))))
            }
        }
    }
}

fn other_report(stage: &StageReport) -> Markup {
    let text = stage.report.as_ref().map(|report| format!("{report:#}")).unwrap_or_default();
    html! { pre { (text.chars().take(20_000).collect::<String>()) } }
}

fn factuality(stage: &StageReport, rows: &[Score]) -> Markup {
    let tags = stage.report.as_ref().and_then(|report| report.get("by")).and_then(Value::as_array);
    let tags: Vec<&str> = tags.into_iter().flatten().filter_map(Value::as_str).collect();
    let last = |row: usize| {
        rows.get(row + 1).is_none_or(|next| rows.get(row).is_none_or(|row| row.model != next.model))
    };
    let totals = rows.iter().enumerate().filter(|(row, _)| last(*row)).map(|(_, score)| Bar {
        label: score.model.clone(),
        parts: vec![(score.correct as f64, 2), (score.not_attempted as f64, 4), (score.wrong as f64, 3)],
        note: format!("{} wrong", percent(score.wrong, score.questions)),
    });
    let totals: Vec<Bar> = totals.collect();
    let searches = rows.iter().any(|row| row.searched > 0);
    html! {
        (figure(charts::bars(&totals), "answers by model", html! {
            (key(2, "correct")) (key(4, "says it does not know")) (key(3, "wrong"))
        }))
        div class="wide" { table {
            tr {
                th { "model" }
                @for tag in &tags { th { (tag) } }
                @for name in ["questions", "correct", "wrong", "don't know"] { th class="number" { (name) } }
                @if searches { @for name in ["searched", "query right", "found"] { th class="number" { (name) } } }
            }
            @for (row, score) in rows.iter().enumerate().take(MAX_ROWS) {
                tr class=[(last(row) && !score.group.is_empty()).then_some("total")] {
                    td class="name" { (score.model) }
                    @for tag in 0..tags.len() { td { (score.group.get(tag).map_or("", String::as_str)) } }
                    td class="number" { (text::count(score.questions)) }
                    @for part in [score.correct, score.wrong, score.not_attempted] {
                        td class="number" { (percent(part, score.questions)) }
                    }
                    @if searches {
                        td class="number" { (percent(score.searched, score.questions)) }
                        td class="number" { (percent(score.query_right, score.searched)) }
                        td class="number" { (percent(score.found, score.searched)) }
                    }
                }
            }
        } }
    }
}

pub(super) fn training(report: &Report) -> Markup {
    let all = trainings(report);
    section("Training", (!all.is_empty()).then(|| html! {
        div class="wide" { table {
            tr {
                th { "stage" }
                @for name in ["parameters", "steps", "tokens", "loss, first", "loss, last", "tokens/s", "time"] {
                    th class="number" { (name) }
                }
            }
            @for training in &all { (training_row(training)) }
        } }
        @for training in &all { (training_plots(training)) }
    }))
}

fn training_row(training: &Training<'_>) -> Markup {
    let stage = training.stage;
    let count =
        |name: &str| stage.counts.get(name).map_or("–".into(), |count| text::short_count(*count as f64));
    let points = training.curves.first().map_or(&[][..], |(_, points)| *points);
    let loss = |point: Option<&(f64, f64)>| point.map_or("–".into(), |(_, loss)| format!("{loss:.3}"));
    html! {
        tr {
            td class="name" { (stage.name) }
            td class="number" { (count("parameters")) }
            td class="number" { (stage.counts.get("steps").map_or("–".into(), |count| text::count(*count))) }
            td class="number" { (count("tokens")) }
            td class="number" { (loss(points.first())) }
            td class="number" { (loss(points.last())) }
            td class="number" { (training.rate().map_or("–".into(), text::short_count)) }
            td class="number" { (text::duration(stage.seconds)) }
        }
    }
}

fn training_plots(training: &Training<'_>) -> Markup {
    let name = &training.stage.name;
    let curves = training.curves.iter().enumerate();
    let lines: Vec<Line<'_>> =
        curves.map(|(colour, (_, points))| Line { points, colour, smooth: points.len() > 60 }).collect();
    let pace = training.pace.map(|points| Line { points, colour: 6, smooth: points.len() > 60 });
    html! {
        h3 { (name) }
        (figure(charts::lines(&lines, "step", "loss"), &format!("loss of {name} by step"), html! {
            @for (colour, (name, _)) in training.curves.iter().enumerate() { (key(colour, name)) }
            @if lines.iter().any(|line| line.smooth) { "smoothed over a fiftieth of the curve; the points stand faint behind it" }
        }))
        @if let Some(pace) = pace {
            (figure(charts::speed(pace, "tokens", "tokens/s"), &format!("speed of {name}"), key(6, "tokens per second")))
        }
    }
}
