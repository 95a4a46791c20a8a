//! What the report says of models: evaluations and trainings.

use llmp_records::text;
use llmp_stage::LAST_STEPS;
use llmp_stage::shown::{self, Better, Cell, Chart, Column, Part, Shown, Table, Unit};
use maud::{Markup, html};
use serde_json::Value;

use super::{MAX_ROWS, compare, figure, key, section};
use crate::report::Report;
use crate::report::charts::{self, Bar, Line};
use crate::report::compare::Family;
use crate::report::summary::{Training, trainings};

pub(super) fn evaluations(report: &Report) -> Markup {
    let all = report.stages.iter().filter_map(|stage| Some((stage, stage.report.as_ref()?)));
    html! {
        @for (stage, value) in all {
            @match &stage.shown {
                Some(shown) => {
                    @let title = if shown.title.is_empty() { String::new() } else { format!(": {}", shown.title) };
                    (section(&format!("{}{title}", stage.name), Some(evaluation(shown))))
                }
                None => (section(&stage.name, Some(unknown(value)))),
            }
        }
    }
}

/// A report of which nothing is known.
fn unknown(report: &Value) -> Markup {
    html! { pre { (format!("{report:#}").chars().take(20_000).collect::<String>()) } }
}

fn evaluation(shown: &Shown) -> Markup {
    html! {
        @for chart in &shown.charts { (bars(chart)) }
        @for table in &shown.tables { (table_of(table)) }
        @for (place, example) in shown.examples.iter().enumerate().take(MAX_ROWS) {
            @if place == 0 || shown.examples.get(place - 1).is_some_and(|before| before.of != example.of) {
                h3 { (example.of) }
            }
            dl { @for (name, text) in &example.fields { dt { (name) } dd { (text) } } }
        }
    }
}

fn bars(chart: &Chart) -> Markup {
    let colour = |part: &Part| match part.better {
        Better::Higher => 2,
        Better::Lower => 3,
        Better::Neither => 4,
    };
    let bar = |bar: &shown::Bar| Bar {
        label: bar.label.clone(),
        parts: bar.values.iter().copied().zip(chart.parts.iter().map(colour)).collect(),
        note: bar.note.clone(),
    };
    let drawn: Vec<Bar> = chart.bars.iter().map(bar).collect();
    figure(
        charts::bars(&drawn),
        &chart.title,
        html! {
            @for part in &chart.parts { (key(colour(part), &part.name)) " " }
        },
    )
}

fn table_of(table: &Table) -> Markup {
    let class = |column: &Column| (column.unit != Unit::Text).then_some("number");
    html! {
        div class="wide" { table {
            tr { @for column in &table.columns { th class=[class(column)] { (column.name) } } }
            @for row in table.rows.iter().take(MAX_ROWS) {
                tr class=[row.total.then_some("total")] {
                    @for (place, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
                        td class=[class(column).or((place == 0).then_some("name"))] { (text_of(cell, column.unit)) }
                    }
                }
            }
        } }
    }
}

/// As people read it; here with counts in groups of three digits.
fn text_of(cell: &Cell, unit: Unit) -> String {
    match (cell, unit) {
        (Cell::Number(count), Unit::Count) if *count >= 0.0 => text::count(*count as u64),
        _ => cell.text(unit),
    }
}

pub(super) fn training(report: &Report) -> Markup {
    let all = trainings(report);
    let held_out = all.iter().any(|training| training.value_of("held-out loss").is_some());
    let last = format!("loss, last {LAST_STEPS} steps");
    let mut heads = vec!["parameters", "steps", "tokens", "loss, first", last.as_str()];
    heads.extend(held_out.then_some(["held-out loss", "bits per byte"]).into_iter().flatten());
    heads.extend(["tokens/s", "time"]);
    section(
        "Training",
        (!all.is_empty()).then(|| {
            html! {
                div class="wide" { table {
                    tr {
                        th { "stage" }
                        @for name in &heads { th class="number" { (name) } }
                    }
                    @for training in &all { (training_row(training, held_out)) }
                } }
                @let (families, single) = Family::among(all);
                @for one in &families { (compare::family(one)) }
                @for training in &single { (training_plots(training)) }
            }
        }),
    )
}

fn training_row(training: &Training<'_>, held_out: bool) -> Markup {
    let stage = training.stage;
    let count =
        |name: &str| stage.counts.get(name).map_or("–".into(), |count| text::short_count(*count as f64));
    let curve = training.curves.iter().find(|(name, _)| *name == "loss").or(training.curves.first());
    let first = curve.and_then(|(_, points)| points.first()).map(|(_, loss)| *loss);
    let loss = |loss: Option<f64>| loss.map_or("–".into(), |loss| format!("{loss:.3}"));
    let of = |name: &str| training.value_of(name);
    html! {
        tr {
            td class="name" { (stage.name) }
            td class="number" { (count("parameters")) }
            td class="number" { (stage.counts.get("steps").map_or("–".into(), |count| text::count(*count))) }
            td class="number" { (count("tokens")) }
            td class="number" { (loss(first)) }
            td class="number" { (loss(of("loss").or(training.came_to().first().map(|came| came.value)))) }
            @if held_out {
                td class="number" { (loss(of("held-out loss"))) }
                td class="number" { (loss(of("held-out bits per byte"))) }
            }
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
