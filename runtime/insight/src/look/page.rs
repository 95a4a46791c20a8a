//! A filter as one page: nothing from outside, everything escaped by `maud`. Its script hides what does not
//! fit, and does nothing else.

use llmp_records::text;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Look, Other, RuleLook, Shown, Values, number};
use crate::html_head;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("filter.js");
/// Only the page's own style and script may act; the hashes are those of the files beside this one.
const POLICY: &str = "default-src 'none'; style-src 'sha256-hxuln/6kidr97Ozfnf22R/Ym4a6ofjPDCS/QCMR5lyk='; \
                      script-src 'sha256-CzryEbWk3k7c7gYIDZV6nAhNSTdLzq4RkMth9rz16Kc='; base-uri 'none'; \
                      form-action 'none'";

/// The size of a drawing.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;

pub(super) fn page(look: &Look) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { (html_head(&format!("{} ({})", look.stage, look.kind), POLICY, STYLE)) }
            body {
                h1 { (look.stage) " " span class="soft" { (look.kind) } }
                p {
                    "The run kept " (text::count(look.kept)) " documents and dropped " (text::count(look.dropped)) ". "
                    @if look.sampled > 0 {
                        "Values are those of " (text::count(look.sampled as u64)) " documents, chosen by chance, of which "
                        (text::count(look.sampled_kept as u64)) " are kept."
                    }
                }
                p class="filter" {
                    label { "rule " select id="rule" {
                        option value="" { "all" }
                        @for rule in &look.rules { option { (rule.rule) } }
                    } }
                    " " label { "text " input id="text" type="search" size="40"; }
                }
                @for rule in &look.rules { (one(rule, look.sampled)) }
                section data-rule="" {
                    h2 { "Kept" }
                    (samples(&look.samples))
                }
                footer { "Written by " code { "llmp look" } }
            }
            script { (PreEscaped(SCRIPT)) }
        }
    };
    page.into_string()
}

fn one(rule: &RuleLook, sampled: usize) -> Markup {
    html! {
        section data-rule=(rule.rule) {
            h2 { (rule.rule) " " span class="soft" { (text::count(rule.dropped)) " dropped" } }
            @if !rule.drops.is_empty() {
                p {
                    "Drops a document where " (rule.drops) "."
                    @if let Some(setting) = &rule.setting { " Set by " code { (setting) } "." }
                    @if let Some(off) = &rule.off { " Off with " code { (off) } "." }
                }
            }
            @if let Some(values) = &rule.values { (drawing(values)) (others(values, sampled)) }
            @if !rule.samples.is_empty() {
                h3 { "Dropped" @if rule.values.is_some() { ", nearest to the threshold" } }
                (samples(&rule.samples))
            }
            @if !rule.near.is_empty() {
                h3 { "Only just kept" }
                (samples(&rule.near))
            }
        }
    }
}

fn samples(list: &[Shown]) -> Markup {
    html! {
        @for shown in list {
            details class="document" {
                summary {
                    @if !shown.value.is_empty() { b { (shown.value) } " · " }
                    (if shown.url.is_empty() { &shown.id } else { &shown.url })
                    @if let Some(text) = &shown.text {
                        span class="soft" { " " (text.chars().take(100).collect::<String>()) }
                    }
                }
                pre { (shown.text.as_deref().unwrap_or("its text is in no input")) }
            }
        }
    }
}

fn others(values: &Values, sampled: usize) -> Markup {
    let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / sampled.max(1) as f64);
    let row = |other: &Other| {
        html! {
            tr class=(if other.present { "present" } else { "" }) {
                td class="number" { (number(other.limit)) @if other.present { " (now)" } }
                td class="number" { (share(other.passes)) }
                td class="number" { (share(other.kept)) }
            }
        }
    };
    html! {
        p class="soft" {
            (text::count(values.broken as u64)) " of " (text::count(values.asked as u64)) " break it, "
            (text::count(values.alone as u64)) " of them no other rule."
        }
        table {
            tr {
                th class="number" { (if values.least { "at least" } else { "at most" }) }
                th class="number" { "pass this rule" }
                th class="number" { "pass all" }
            }
            @for other in &values.others { (row(other)) }
        }
    }
}

/// The histogram: what the rule lets through and what it drops, and a line at the threshold.
fn drawing(values: &Values) -> Markup {
    let most = values.bars.iter().map(|bar| bar.kept + bar.dropped).max().unwrap_or(0).max(1) as f64;
    let width = WIDTH / values.bars.len().max(1) as f64;
    let height = |count: usize| count as f64 / most * (HEIGHT - 30.0);
    let at = |value: f64| {
        let found =
            values.bars.iter().position(|bar| value < bar.to).unwrap_or(values.bars.len().saturating_sub(1));
        let bar = values.bars.get(found)?;
        let inside = if bar.to > bar.from { (value - bar.from) / (bar.to - bar.from) } else { 0.0 };
        Some((found as f64 + inside.clamp(0.0, 1.0)) * width)
    };
    let limits = if values.limit.0 == values.limit.1 {
        vec![values.limit.0]
    } else {
        vec![values.limit.0, values.limit.1]
    };
    let last = values.bars.len().saturating_sub(1);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" {
            @for (index, bar) in values.bars.iter().enumerate() {
                @let (x, kept, dropped) = (index as f64 * width, height(bar.kept), height(bar.dropped));
                rect class="kept" x=(cut(x)) y=(cut(HEIGHT - 20.0 - kept)) width=(cut(width - 1.0)) height=(cut(kept)) {
                    title { (number(bar.from)) " to " (number(bar.to)) ": " (bar.kept) " kept, " (bar.dropped) " dropped" }
                }
                rect class="dropped" x=(cut(x)) y=(cut(HEIGHT - 20.0 - kept - dropped)) width=(cut(width - 1.0)) height=(cut(dropped)) {
                    title { (number(bar.from)) " to " (number(bar.to)) ": " (bar.kept) " kept, " (bar.dropped) " dropped" }
                }
                @if index % 6 == 0 || index == last {
                    text x=(cut(x)) y=(HEIGHT - 5.0) { (number(if index == last { bar.to } else { bar.from })) }
                }
            }
            @for limit in limits {
                @if let Some(x) = at(limit) {
                    line class="limit" x1=(cut(x)) x2=(cut(x)) y1="0" y2=(HEIGHT - 20.0) {}
                    text class="limit" x=(cut((x + 4.0).min(WIDTH - 60.0))) y="12" { (number(limit)) }
                }
            }
        }
    }
}

fn cut(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_knows_style_and_script() {
        for (name, text) in [("style.css", STYLE), ("filter.js", SCRIPT)] {
            let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
            assert!(POLICY.contains(&format!("'sha256-{hash}'")), "the hash of {name} is {hash}");
        }
    }
}
