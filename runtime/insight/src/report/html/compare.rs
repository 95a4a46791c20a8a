//! Curves over each other: members of a family in a run's report, and the page of several runs.

use llmp_records::text;
use maud::{DOCTYPE, Markup, html};

use super::{MAX_ROWS, POLICY, STYLE, figure, key, section};
use crate::html_head;
use crate::report::charts::{self, Line};
use crate::report::compare::{Comparison, Family, on_axis};
use crate::report::{Report, trainings};

/// Curves of one drawing: more colours than this are not told apart.
const MAX_LINES: usize = charts::SERIES.len();
/// Columns of settings and of measures on a page.
const MAX_COLUMNS: usize = 24;

/// A curve among others.
#[derive(Clone)]
struct Series<'a> {
    label: String,
    points: &'a [(f64, f64)],
    /// What it came to.
    value: f64,
}

/// Curves in one drawing with a key: the lowest ones, where they are too many.
fn overlay(title: &str, y: &str, mut series: Vec<Series<'_>>) -> Markup {
    series.sort_by(|one, other| one.value.total_cmp(&other.value));
    let all = series.len();
    series.truncate(MAX_LINES);
    let lines = series.iter().enumerate();
    let lines = lines.map(|(colour, one)| Line { points: one.points, colour, smooth: one.points.len() > 60 });
    let lines: Vec<Line<'_>> = lines.collect();
    figure(
        charts::lines(&lines, "step", y),
        title,
        html! {
            @for (colour, one) in series.iter().enumerate() { (key(colour, &format!("{} ({:.3})", one.label, one.value))) " " }
            @if all > MAX_LINES { "The " (MAX_LINES) " lowest of " (all) "." }
        },
    )
}

/// The members of a family: a table with their axes as columns, and their curves.
pub(super) fn family(family: &Family<'_>) -> Markup {
    let labels: Vec<String> = family
        .members
        .first()
        .map_or_else(Vec::new, |one| one.came_to().into_iter().map(|came| came.label).collect());
    let label = |stage: &crate::report::StageReport| {
        let parts = family.axes.iter().filter_map(|axis| Some(format!("{axis} {}", on_axis(stage, axis)?)));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { stage.name.clone() } else { parts.join(", ") }
    };
    let curves = ["loss", "held-out loss"];
    html! {
        h3 { (family.name) ": " (text::plural(family.members.len() as u64, "member")) }
        div class="wide" { table {
            tr {
                th { "stage" }
                @for axis in &family.axes { th class="number" { (axis) } }
                @for label in &labels { th class="number" { (label) } }
                @for name in ["parameters", "tokens/s", "time"] { th class="number" { (name) } }
            }
            @for member in family.members.iter().take(MAX_ROWS) {
                @let came = member.came_to();
                tr {
                    td class="name" { (member.stage.name) }
                    @for axis in &family.axes { td class="number" { (on_axis(member.stage, axis).unwrap_or("–")) } }
                    @for label in &labels {
                        td class="number" {
                            (came.iter().find(|one| one.label == *label).map_or("–".into(), |one| format!("{:.3}", one.value)))
                        }
                    }
                    td class="number" { (member.stage.counts.get("parameters").map_or("–".into(), |count| text::short_count(*count as f64))) }
                    td class="number" { (member.rate().map_or("–".into(), text::short_count)) }
                    td class="number" { (text::duration(member.stage.seconds)) }
                }
            }
        } }
        @for curve in curves {
            @let series = family.members.iter().filter_map(|member| {
                let points = member.curves.iter().find(|(name, _)| *name == curve)?.1;
                Some(Series { label: label(member.stage), points, value: member.value_of(curve)? })
            });
            @let series: Vec<Series<'_>> = series.collect();
            @if series.len() > 1 { (overlay(&format!("{curve} of the members of {}", family.name), curve, series)) }
        }
    }
}

/// Runs as one page that needs nothing else: their table, and their curves over each other. `reports` are
/// those of the rows.
pub(in crate::report) fn page(comparison: &Comparison, reports: &[&Report]) -> String {
    let title = format!("{} compared", text::plural(comparison.rows.len() as u64, "run"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (html_head(&title, POLICY, STYLE)) }
            body {
                h1 { (title) }
                p class="soft" { "A loss is the mean of the last " (llmp_stage::LAST_STEPS) " steps, a held-out one the last measurement." }
                (section("Runs", Some(table(comparison))))
                (section("Curves", Some(drawings(reports))))
                footer { "Written by llmp. The same as JSON: " code { "llmp runs --json" } }
            }
        }
    };
    page.into_string()
}

fn table(comparison: &Comparison) -> Markup {
    let settings = comparison.settings.iter().take(MAX_COLUMNS);
    let measures = comparison.measures.iter().take(MAX_COLUMNS);
    let priced = comparison.rows.iter().any(|row| row.cost.is_some());
    let gated = comparison.rows.iter().any(|row| !row.gates.text().is_empty());
    let more = comparison.settings.len().saturating_sub(MAX_COLUMNS)
        + comparison.measures.len().saturating_sub(MAX_COLUMNS);
    html! {
        div class="wide" { table {
            tr {
                th { "run" } th { "" }
                @for name in settings.clone().chain(measures.clone()) { th class="number" { (name) } }
                @if gated { th { "gates" } }
                th class="number" { "time" } th class="number" { "work" }
                @if priced { th class="number" { "cost" } }
                th { "tags" } th { "note" }
            }
            @for row in comparison.rows.iter().take(MAX_ROWS) {
                tr {
                    td class="name" { (row.run) (row.member.as_deref().unwrap_or_default()) " " span class="soft" { (row.title) } }
                    td class={ "name " (row.status) } { (row.status) }
                    @for name in settings.clone() { td class="number" { (row.settings.get(name).map_or("–", String::as_str)) } }
                    @for name in measures.clone() { td class="number" { (row.measures.get(name).map_or("–".into(), |one| one.text())) } }
                    @if gated { td class=[(row.gates.failed > 0).then_some("failed")] { (row.gates.text()) } }
                    td class="number" { (text::duration(row.seconds)) }
                    td class="number" { (text::duration(row.work)) }
                    @if priced { td class="number" { (row.cost.map_or("–".into(), |cost| format!("{cost:.2}"))) } }
                    td { (row.notes.tags.iter().cloned().collect::<Vec<_>>().join(", ")) }
                    td { (row.notes.note.as_deref().unwrap_or_default()) }
                }
            }
        } }
        @if more > 0 { p class="soft" { (more) " more columns are in the JSON." } }
    }
}

/// For each stage that trains in any of the runs, its curves. Runs that share a result share a curve.
fn drawings(reports: &[&Report]) -> Markup {
    /// A curve's series, each with the runs that have it.
    type Curves<'a> = Vec<(Vec<u64>, Series<'a>)>;
    let mut drawings: std::collections::BTreeMap<(String, &str), Curves<'_>> =
        std::collections::BTreeMap::new();
    for report in reports {
        for training in trainings(report) {
            let (name, member) = match training.stage.name.split_once('[') {
                Some((name, member)) => (name, format!(" [{member}")),
                None => (training.stage.name.as_str(), String::new()),
            };
            for (curve, points) in &training.curves {
                let Some(value) = training.value_of(curve) else { continue };
                let drawing = drawings.entry((name.to_owned(), *curve)).or_default();
                match drawing.iter_mut().find(|(_, one)| one.points == *points && one.label == member) {
                    Some((runs, _)) => runs.push(report.run),
                    None => drawing.push((vec![report.run], Series { label: member.clone(), points, value })),
                }
            }
        }
    }
    let named = |(runs, one): &(Vec<u64>, Series<'_>)| {
        let numbers: Vec<String> = runs.iter().map(u64::to_string).collect();
        format!("run{} {}{}", if runs.len() > 1 { "s" } else { "" }, numbers.join(", "), one.label)
    };
    html! {
        @for ((stage, curve), all) in &drawings {
            h3 { (stage) }
            @let series = all.iter().map(|one| Series { label: named(one), ..one.1.clone() });
            (overlay(&format!("{curve} of {stage} by step"), curve, series.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use llmp_records::Notes;

    use super::*;
    use crate::report::compare::tests::{Trained, run};

    #[test]
    fn runs_lie_over_each_other_and_nothing_acts() {
        let bad = "<script>alert(1)</script>";
        let one = run(1, &[("base", &[("lr", "0.02")], 2.5)]);
        let two = run(2, &[("base", &[("lr", "0.05")], 2.25), (bad, &[(bad, bad)], 1.0)]);
        let again = Report { run: 3, ..one.clone() };
        let notes = Notes { note: Some(bad.into()), ..Notes::default() };
        let comparison =
            Comparison::of([(&one, notes), (&two, Notes::default()), (&again, Notes::default())]);
        let page = page(&comparison, &[&one, &two, &again]);
        assert!(page.contains("runs 1, 3 (2.500)") && page.contains("run 2 (2.250)"), "{page}");
        assert!(!page.contains("<script") && page.matches("&lt;script&gt;").count() > 2);
        assert_eq!(page.matches("<svg").count(), 2);
        let fetched = page.match_indices("http").map(|(at, _)| &page[at..(at + 26).min(page.len())]);
        assert!(
            fetched
                .clone()
                .all(|at| at.starts_with("http-equiv") || at.starts_with("http://www.w3.org/2000/svg"))
        );
    }

    #[test]
    fn a_familys_table_has_its_axes() {
        let members: &[Trained<'_>] =
            &[("base[lr=0.02]", &[("lr", "0.02")], 2.5), ("base[lr=0.05]", &[("lr", "0.05")], 2.25)];
        let report = run(1, members);
        let (families, _) = Family::among(trainings(&report));
        let page = family(&families[0]).into_string();
        assert!(
            page.contains("<th class=\"number\">lr</th>") && page.contains("loss, last 50 steps"),
            "{page}"
        );
        assert!(page.find("2.250").unwrap() < page.find("2.500").unwrap(), "the lowest first");
        assert_eq!(page.matches("<svg").count(), 1);
    }
}
