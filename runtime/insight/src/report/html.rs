//! The report as one page: no scripts, nothing from outside, everything escaped by `maud`.

mod compare;
mod models;

use llmp_records::{StageStatus, text};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::charts::{self, Bar, Span};
use super::summary::{Chain, RootCauses, Step, chains, root_causes};
use super::{Report, StageReport};
use crate::html_head;

pub(super) use compare::page as compared;

const STYLE: &str = include_str!("style.css");
/// Only the page's own style may act; the hash is that of `style.css`.
const POLICY: &str = "default-src 'none'; style-src 'sha256-4Sa1YkSQfhk9xLc6T5WnypEllnW/XFDL4m46dSAFNKY='; \
                      base-uri 'none'; form-action 'none'";

/// Rows of the table of stages, of the Gantt chart, and lowered stages that are shown; the JSON has all.
const MAX_ROWS: usize = 500;
const MAX_SPANS: usize = 60;
pub(super) const MAX_LOWERED: usize = 300;
/// Letters of a message or a value that are shown.
const MAX_TEXT: usize = 600;

pub(super) fn page(report: &Report) -> String {
    let title = format!("Run {} of {}", report.run, report.title());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (html_head(&title, POLICY, STYLE)) }
            body {
                (head(report, &title))
                (problems(report))
                (expectations(report))
                (models::evaluations(report))
                (models::training(report))
                (funnel(report))
                (timings(report))
                (stages(report))
                (lowered(report))
                (environment(report))
                footer {
                    "Written by llmp " (report.environment.version) ". The same as JSON: "
                    code { "llmp report " (report.run) " --json" }
                }
            }
        }
    };
    page.into_string()
}

/// A heading and what stands below it, where there is anything.
fn section(title: &str, content: Option<Markup>) -> Markup {
    html! {
        @if let Some(content) = content {
            section { h2 { (title) } (content) }
        }
    }
}

fn head(report: &Report, title: &str) -> Markup {
    let cached = report.count(StageStatus::Cached) + report.count(StageStatus::Skipped);
    // Several ends have no number in common.
    let documents = match chains(report).as_slice() {
        [chain] => chain.steps.last().map(|step| step.kept),
        _ => None,
    };
    let cards = [
        Some((text::duration(report.seconds), "wall-clock time")),
        Some((report.count(StageStatus::Ran).to_string(), "stages ran")),
        Some((cached.to_string(), "from the store")),
        Some((report.count(StageStatus::Failed).to_string(), "failed"))
            .filter(|_| report.count(StageStatus::Failed) > 0),
        Some((report.remarks().to_string(), "warnings")).filter(|_| report.remarks() > 0),
        documents.map(|count| (text::count(count), "documents kept")),
        peak(report).map(|bytes| (text::bytes(bytes), "peak memory")),
    ];
    html! {
        h1 {
            (title)
            span class={ "status " (report.status) } { (report.status) }
        }
        p class="soft" {
            (text::moment(report.started)) " · on " (report.device)
            @if !report.environment.host.is_empty() { " of " (report.environment.host) }
            @if !report.profiles.is_empty() { " · profile " (report.profiles.join(", ")) }
            @if !report.environment.version.is_empty() { " · llmp " (report.environment.version) }
        }
        div class="cards" {
            @for (value, name) in cards.into_iter().flatten() {
                div class="card" { b { (value) } span { (name) } }
            }
        }
    }
}

fn peak(report: &Report) -> Option<u64> {
    let ran = report.stages.iter().filter(|stage| stage.status == StageStatus::Ran);
    ran.filter_map(|stage| stage.peak_memory).max()
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT).chain(['…']).collect()
}

/// What the program expects of its reports, and whether they are so.
fn expectations(report: &Report) -> Markup {
    section(
        "Expectations",
        (!report.expectations.is_empty()).then(|| {
            html! {
                div class="wide" { table {
                    tr { th { "expectation" } th { "" } th class="number" { "found" } th { "expected" } th { "place" } }
                    @for one in report.expectations.iter().take(MAX_ROWS) {
                        tr {
                            td class="name" {
                                (one.text)
                                @if let Some(message) = one.message.as_ref().filter(|_| one.found.is_none()) {
                                    br; span class="soft" { (short(message)) }
                                }
                            }
                            td class={ "name " (if one.holds == Some(false) { "failed" } else { "" }) } { (one.word()) }
                            td class="number" { (one.found.as_deref().unwrap_or("–")) }
                            td { (one.expected.as_deref().unwrap_or("–")) }
                            td { (one.place) }
                        }
                    }
                } }
            }
        }),
    )
}

fn problems(report: &Report) -> Markup {
    let failed = report.stages.iter().filter(|stage| stage.status == StageStatus::Failed);
    let remarks =
        report.stages.iter().flat_map(|stage| stage.remarks.iter().map(move |remark| (stage, remark)));
    html! {
        @for stage in failed.take(MAX_ROWS) {
            div class="problem" {
                b class="failed" { (stage.name) " failed" }
                p { (short(stage.message.as_deref().unwrap_or("no message"))) }
                p class="soft" { "Its log: " code { "llmp log " (stage.name) " --run " (report.run) } }
            }
        }
        @for (stage, remark) in remarks.take(MAX_ROWS) {
            div class="problem" {
                b { (stage.name) }
                p { (short(&remark.message)) }
                @if let Some(help) = &remark.help { p class="soft" { (short(help)) } }
            }
        }
    }
}

/// A drawing with a sentence that says what it shows.
fn figure(drawing: Option<String>, label: &str, caption: Markup) -> Markup {
    html! {
        @if let Some(svg) = drawing {
            figure {
                div role="img" aria-label=(label) { (PreEscaped(svg)) }
                figcaption { (caption) }
            }
        }
    }
}

fn key(colour: usize, name: &str) -> Markup {
    html! { span class={ "key c" (colour % charts::SERIES.len()) } { span { (name) } } }
}

fn funnel(report: &Report) -> Markup {
    let all = chains(report);
    section(
        "Documents",
        (!all.is_empty()).then(|| {
            html! {
                @for chain in &all { (chain_of(chain, all.len() > 1)) }
            }
        }),
    )
}

fn chain_of(chain: &Chain<'_>, titled: bool) -> Markup {
    let bar = |step: &Step<'_>| Bar {
        label: step.stage.name.clone(),
        parts: vec![(step.kept as f64, 0), ((step.given - step.kept) as f64, 3)],
        note: format!("{} {}", text::count(step.kept), step.unit),
    };
    let bars: Vec<Bar> = chain.steps.iter().map(bar).collect();
    let end = chain.steps.last().map_or("", |step| &step.stage.name);
    html! {
        @if titled { h3 { (end) } }
        (figure(charts::bars(&bars), &format!("documents on their way to {end}"), html! {
            (key(0, "kept")) (key(3, "dropped"))
        }))
        div class="wide" { table {
            tr {
                th { "stage" } th class="number" { "in" } th class="number" { "kept" } th class="number" { "share" }
                th { "what was left out" }
            }
            @for step in &chain.steps {
                tr {
                    td class="name" { (step.stage.name) }
                    td class="number" { (text::count(step.given)) }
                    td class="number" { (text::count(step.kept)) }
                    td class="number" { (format!("{:.1} %", step.share() * 100.0)) }
                    td { (rules(step)) }
                }
            }
        } }
    }
}

/// The rules that dropped the most, and what was passed over.
fn rules(step: &Step<'_>) -> Markup {
    const TOP: usize = 6;
    let rest: u64 = step.dropped.iter().skip(TOP).map(|(_, count)| count).sum();
    let told = step.dropped.iter().take(TOP).map(|(rule, count)| format!("{rule} {}", text::count(*count)));
    let mut told: Vec<String> = told.collect();
    if rest > 0 {
        told.push(format!("{} by {} other rules", text::count(rest), step.dropped.len() - TOP));
    }
    let passed = step.skipped.iter().take(TOP).map(|(kind, count)| format!("{kind} {}", text::count(*count)));
    let passed: Vec<String> = passed.collect();
    html! {
        (told.join(" · "))
        @if !passed.is_empty() {
            span class="soft" { @if !told.is_empty() { " · " } "passed over: " (passed.join(" · ")) }
        }
    }
}

fn timings(report: &Report) -> Markup {
    let began = report.stages.iter().filter_map(|stage| Some((stage, stage.span?)));
    let mut began: Vec<(&StageReport, (f64, f64))> = began.collect();
    let all = began.len();
    began.sort_by(|(_, a), (_, b)| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
    began.truncate(MAX_SPANS);
    began.sort_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
    let end = began.iter().map(|(_, span)| span.1).fold(0.0, f64::max);
    let span = |(stage, at): &(&StageReport, (f64, f64))| Span {
        label: stage.name.clone(),
        at: *at,
        colour: if stage.status == StageStatus::Failed { 3 } else { 0 },
    };
    let spans: Vec<Span> = began.iter().map(span).collect();
    section(
        "Timings",
        (!spans.is_empty()).then(|| {
            figure(
                charts::gantt(&spans, end),
                "when each stage ran",
                html! {
                    @if all > MAX_SPANS { "The " (MAX_SPANS) " longest of " (all) " stages that ran." }
                },
            )
        }),
    )
}

fn stages(report: &Report) -> Markup {
    section(
        "Stages",
        Some(html! {
        (causes(report))
                   div class="wide" { table {
                       tr {
                           th { "stage" } th { "" } th { "why, and what came of it" } th class="number" { "work" } th class="number" { "result" }
                           th class="number" { "run" }
                       }
                       @for stage in report.stages.iter().take(MAX_ROWS) {
                           tr {
                               td class="name" { (stage.name) br; span class="soft" { (stage.kind) }
                                    @if let Some(kept) = &stage.kept { br; span class="soft" { (kept) } }
                                }
                               td class={ "name " (stage.status) } { (stage.status) }
                               td { (short(&why(stage))) br; span class="soft" { (counted(stage)) } }
                               td class="number" { @if stage.made_by.is_some() || stage.seconds > 0.0 { (text::duration(stage.seconds)) } }
                               td class="number" { @if stage.bytes > 0 { (text::bytes(stage.bytes)) } }
                               td class="number" { @if let Some(run) = stage.made_by { (run) } }
                           }
                       }
                   } }
                   p class="soft" { "Work is the time of all shards added up, when the result was made; run is the run that made it." }
                   @if report.stages.len() > MAX_ROWS {
                       p class="soft" { (report.stages.len() - MAX_ROWS) " more stages are in the JSON." }
                   }
               }),
    )
}

/// Why anything ran at all.
fn causes(report: &Report) -> Markup {
    const TOP: usize = 10;
    let RootCauses { told: causes, new, in_words } = root_causes(report);
    html! {
        @if !causes.is_empty() || new > 0 {
            p { "Root causes:" }
            ul {
                @for (stage, reason) in causes.iter().take(TOP) {
                    li { b { (stage) } ": " (short(reason)) }
                }
                @if causes.len() > TOP { li { (causes.len() - TOP) " more" } }
                @if new > 0 { li { (text::plural(new as u64, "stage")) " had never run" } }
            }
            @if in_words > 0 {
                p {
                    "An earlier version of llmp recorded " (text::plural(in_words as u64, "stage"))
                    " of these without telling causes from what followed: all that it said of them is listed."
                }
            }
        }
    }
}

fn why(stage: &StageReport) -> String {
    match (stage.status, &stage.message) {
        (StageStatus::Failed | StageStatus::Blocked, Some(message)) => message.clone(),
        (StageStatus::Cached, _) => {
            stage.made_by.map_or(String::new(), |run| format!("as run {run} left it"))
        }
        (StageStatus::Skipped, _) => "its inputs came out as they were".into(),
        _ => stage.reasons.join("; "),
    }
}

fn counted(stage: &StageReport) -> String {
    let counts = stage.counts.iter().filter(|(name, _)| !name.contains('.'));
    let counts: Vec<_> =
        counts.take(5).map(|(name, count)| format!("{} {name}", text::count(*count))).collect();
    let shards = stage
        .shards
        .filter(|_| stage.status == StageStatus::Ran)
        .map(|(ran, all)| format!("{ran} of {all} shards"));
    counts.into_iter().chain(shards).collect::<Vec<_>>().join(" · ")
}

fn lowered(report: &Report) -> Markup {
    section(
        "The pipeline, with every setting",
        (!report.lowered.is_empty()).then(|| {
            html! {
                @for stage in report.lowered.iter().take(MAX_LOWERED) {
                    @let text = |name: &str| stage.get(name).and_then(Value::as_str).unwrap_or_default();
                    details {
                        summary { b { (text("name")) } " " span class="soft" { (text("stage")) } }
                        pre { (format!("{stage:#}").chars().take(20_000).collect::<String>()) }
                    }
                }
                @if report.stages.len() > MAX_LOWERED {
                    p class="soft" { (report.stages.len() - MAX_LOWERED) " more stages are in the JSON." }
                }
            }
        }),
    )
}

fn environment(report: &Report) -> Markup {
    let environment = &report.environment;
    let cores = if environment.cores > 0 { environment.cores.to_string() } else { String::new() };
    let memory = environment.memory.map_or(String::new(), text::bytes);
    let rows = [
        ("llmp", environment.version.clone()),
        ("device", report.device.clone()),
        ("machine", environment.host.clone()),
        ("system", environment.system.clone()),
        ("processor", environment.processor.clone()),
        ("cores", cores),
        ("memory", memory),
    ];
    section(
        "Environment",
        Some(html! {
            table {
                @for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
                    tr { th { (name) } td { (value) } }
                }
            }
        }),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use llmp_compiler::artifact::{ArtifactKind, ArtifactType};
    use sha2::{Digest as _, Sha256};

    use llmp_stage::Shown;

    use super::*;

    #[test]
    fn the_policy_names_the_style() {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("'sha256-{hash}'")), "the hash of style.css is {hash}");
    }

    #[test]
    fn data_cannot_act_on_the_page() {
        let bad = "<script>alert(1)</script><img src=x onerror=y>\" '";
        let counts =
            BTreeMap::from([("documents".to_owned(), 3), (format!("dropped.{bad}"), 2), (bad.to_owned(), 1)]);
        let shown = serde_json::json!({"title": bad,
            "tables": [{"columns": [{"name": bad, "unit": "text"}], "rows": [{"cells": [bad]}]}],
            "charts": [{"title": bad, "parts": [{"name": bad, "better": "lower"}],
                "bars": [{"label": bad, "values": [1.0], "note": bad}]}],
            "examples": [{"of": bad, "fields": [[bad, bad]]}]});
        let stage = StageReport {
            name: bad.into(),
            kind: bad.into(),
            output: Some(ArtifactType::plain(ArtifactKind::Docs)),
            status: StageStatus::Failed,
            message: Some(bad.into()),
            reasons: vec![bad.into()],
            span: Some((0.0, 1.0)),
            counts,
            curves: BTreeMap::from([(format!("loss {bad}"), vec![(1.0, 2.0), (2.0, 1.0)])]),
            shown: Shown::of(&shown),
            report: Some(shown),
            ..StageReport::default()
        };
        let report = Report {
            pipeline: bad.into(),
            profiles: vec![bad.into()],
            device: bad.into(),
            seconds: 1.0,
            lowered: vec![serde_json::json!({"name": bad, "stage": bad})],
            stages: vec![stage],
            ..Report::default()
        };
        let page = page(&report);
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.matches("&lt;script&gt;").count() > 10);
        // Nothing is fetched: the one address is the name of SVG.
        let addresses: Vec<_> =
            page.match_indices("http").map(|(at, _)| &page[at..(at + 30).min(page.len())]).collect();
        assert!(
            addresses
                .iter()
                .all(|at| at.starts_with("http-equiv") || at.starts_with("http://www.w3.org/2000/svg"))
        );
    }

    #[test]
    fn an_empty_report_is_a_page() {
        assert!(page(&Report::default()).contains("</html>"));
    }
}
