//! What the report's sections show, computed from the stages: the funnel of documents, trainings,
//! evaluations.

use std::collections::BTreeMap;

use llmp_compiler::plan::Reason;
use llmp_planning::reasons::{self, is_consequence};
use llmp_records::{PACE, StageStatus};
use llmp_stage::LAST_STEPS;

use super::{Report, StageReport};

/// Documents on their way through stages that keep or drop them.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain<'a> {
    /// Its steps in order; at least one.
    pub steps: Vec<Step<'a>>,
}

/// One stage of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<'a> {
    /// The stage.
    pub stage: &'a StageReport,
    /// `pages` or `documents`.
    pub unit: &'static str,
    /// What it was given, as far as it judged it.
    pub given: u64,
    /// What it kept.
    pub kept: u64,
    /// What it dropped, by rule, the most first.
    pub dropped: Vec<(&'a str, u64)>,
    /// What it passed over as nothing to judge (images, damaged records), by kind, the most first.
    pub skipped: Vec<(&'a str, u64)>,
}

impl Step<'_> {
    /// The share that was kept, from 0 to 1; 1 where nothing was given.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.given == 0 { 1.0 } else { self.kept as f64 / self.given as f64 }
    }
}

/// The chains of a run: one for each stage whose documents no other stage goes on with.
#[must_use]
pub fn chains(report: &Report) -> Vec<Chain<'_>> {
    let steps: BTreeMap<&str, Step<'_>> =
        report.stages.iter().filter_map(|stage| Some((stage.name.as_str(), step(stage)?))).collect();
    let before = |step: &Step<'_>| {
        let known = step.stage.inputs.iter().find_map(|(_, from)| steps.get_key_value(from.as_str()));
        known.map(|(name, _)| *name)
    };
    let followed: Vec<&str> = steps.values().filter_map(before).collect();
    let ends = report.stages.iter().map(|stage| stage.name.as_str()).filter(|name| !followed.contains(name));
    let chain = |end: &str| {
        let mut chain = vec![steps.get(end)?.clone()];
        // Inputs come before what they are given to, so this ends.
        while let Some(name) = chain.last().and_then(before) {
            chain.extend(steps.get(name).cloned());
        }
        chain.reverse();
        Some(Chain { steps: chain })
    };
    ends.filter_map(chain).collect()
}

fn step(stage: &StageReport) -> Option<Step<'_>> {
    let unit = stage.unit?;
    // A stage that kept nothing counted nothing.
    let kept = stage.counts.get(unit).copied().unwrap_or(0);
    let (dropped, skipped) = (under(stage, "dropped."), under(stage, "skipped."));
    if stage.counts.is_empty() {
        return None;
    }
    let given = kept + dropped.iter().map(|(_, count)| count).sum::<u64>();
    Some(Step { stage, unit, given, kept, dropped, skipped })
}

fn under<'a>(stage: &'a StageReport, prefix: &str) -> Vec<(&'a str, u64)> {
    let found = stage.counts.iter().filter_map(|(name, count)| Some((name.strip_prefix(prefix)?, *count)));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    found
}

/// Why stages of a run ran: causes of their own, without what only followed from another stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootCauses<'a> {
    /// Each with its stage.
    pub told: Vec<(&'a str, String)>,
    /// Stages that had never run.
    pub new: usize,
    /// Stages of which an earlier version kept words only, which do not say what was a cause and what
    /// followed: all that it said is told.
    pub in_words: usize,
}

/// Why the stages of a run ran.
#[must_use]
pub fn root_causes(report: &Report) -> RootCauses<'_> {
    let ran =
        report.stages.iter().filter(|stage| matches!(stage.status, StageStatus::Ran | StageStatus::Failed));
    let mut causes = RootCauses::default();
    for stage in ran {
        let name = stage.name.as_str();
        if stage.causes.is_empty() && !stage.reasons.is_empty() {
            causes.in_words += 1;
            causes.told.extend(stage.reasons.iter().map(|text| (name, text.clone())));
        }
        for cause in stage.causes.iter().filter(|cause| !is_consequence(cause)) {
            match cause {
                Reason::New => causes.new += 1,
                cause => causes.told.push((name, reasons::text(cause))),
            }
        }
    }
    causes
}

/// A stage that trained a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Training<'a> {
    /// The stage.
    pub stage: &'a StageReport,
    /// Its loss curves by name; each has points.
    pub curves: Vec<(&'a str, &'a [(f64, f64)])>,
    /// Tokens a second by tokens seen, where it ran long enough.
    pub pace: Option<&'a [(f64, f64)]>,
}

/// A number that a training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// The curve that it belongs to: `loss`, `held-out loss`.
    pub name: String,
    /// What it is: `loss, last 50 steps`.
    pub label: String,
    /// In nats a token, or as the name says.
    pub value: f64,
}

impl Training<'_> {
    /// What it came to, the loss that it was trained for first. A loss is the mean of the last steps, what is
    /// held out is measured as a whole. Of results of earlier versions only the last point of each curve is
    /// known.
    #[must_use]
    pub fn came_to(&self) -> Vec<Came> {
        let measured = self.stage.measures.iter().map(|(name, value)| {
            let label = match name.starts_with("held-out") {
                true => name.clone(),
                false => format!("{name}, last {LAST_STEPS} steps"),
            };
            Came { name: name.clone(), label, value: *value }
        });
        let mut came: Vec<Came> = measured.collect();
        if came.is_empty() {
            let last = |(name, points): &(&str, &[(f64, f64)])| {
                let value = points.last()?.1;
                Some(Came { name: (*name).to_owned(), label: format!("{name}, last point"), value })
            };
            came = self.curves.iter().filter_map(last).collect();
        }
        came.sort_by_key(|came| came.name != "loss");
        came
    }

    /// What a curve came to.
    #[must_use]
    pub fn value_of(&self, curve: &str) -> Option<f64> {
        self.came_to().into_iter().find(|came| came.name == curve).map(|came| came.value)
    }

    /// The number by which trainings are compared: the held-out loss, or else the loss.
    #[must_use]
    pub fn decisive(&self) -> Option<Came> {
        let mut came = self.came_to();
        let held_out = came.iter().position(|came| came.name == "held-out loss").unwrap_or(0);
        (held_out < came.len()).then(|| came.swap_remove(held_out))
    }

    /// Tokens a second on the whole.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        let tokens = *self.stage.counts.get("tokens")? as f64;
        (self.stage.seconds > 0.0).then(|| tokens / self.stage.seconds)
    }
}

/// The trainings of a run.
#[must_use]
pub fn trainings(report: &Report) -> Vec<Training<'_>> {
    let training = |stage| {
        let curves = losses(stage);
        let pace = stage.curves.get(PACE).map(Vec::as_slice).filter(|points| points.len() > 2);
        (!curves.is_empty()).then_some(Training { stage, curves, pace })
    };
    report.stages.iter().filter_map(training).collect()
}

fn losses(stage: &StageReport) -> Vec<(&str, &[(f64, f64)])> {
    let named = stage.curves.iter().filter(|(name, points)| name.contains("loss") && !points.is_empty());
    named.map(|(name, points)| (name.as_str(), points.as_slice())).collect()
}

#[cfg(test)]
mod tests {
    use llmp_compiler::key::ComponentName;

    use super::*;

    fn stage(name: &str, unit: Option<&'static str>, from: &str, counts: &[(&str, u64)]) -> StageReport {
        StageReport {
            name: name.into(),
            unit,
            inputs: vec![("docs".into(), from.into())],
            counts: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            ..StageReport::default()
        }
    }

    #[test]
    fn root_causes_are_told_once() {
        let changed = |name: ComponentName, old: &str, new: &str| {
            let (old, new) = (Some(old.to_owned()), Some(new.to_owned()));
            Reason::Changed { name, old, new, span: None }
        };
        let setting = |name: &str, old, new| changed(ComponentName::Setting(name.into()), old, new);
        let ran = |name: &str, causes: &[Reason]| StageReport {
            status: StageStatus::Ran,
            causes: causes.to_vec(),
            ..stage(name, None, "", &[])
        };
        let stages = vec![
            ran("a", &[setting("min_words", "1", "2")]),
            ran("b", &[setting("seed", "1", "2"), changed(ComponentName::Input("docs".into()), "a", "a")]),
            ran("c", &[Reason::New]),
            ran("d", &[Reason::Waits { stage: "a".into() }]),
            StageReport { reasons: vec!["forced".into()], ..ran("old", &[]) },
        ];
        let report = Report { stages, ..Report::default() };
        let RootCauses { told, new, in_words } = root_causes(&report);
        let causes: Vec<_> = told.iter().map(|(name, cause)| (*name, cause.as_str())).collect();
        assert_eq!(causes, [("a", "min_words 1 → 2"), ("b", "seed 1 → 2"), ("old", "forced")]);
        assert_eq!((new, in_words), (1, 1));
    }

    #[test]
    fn chains_follow_documents_to_each_end() {
        let report = Report {
            stages: vec![
                stage("crawl", Some("pages"), "\"web/*\"", &[("pages", 10), ("skipped.not_html", 90)]),
                stage("text", Some("documents"), "crawl", &[("documents", 8), ("dropped.empty", 2)]),
                stage("vocab", None, "text", &[("documents", 8)]),
                stage("short", Some("documents"), "text", &[("dropped.long", 5), ("dropped.longer", 3)]),
                stage(
                    "clean",
                    Some("documents"),
                    "text",
                    &[("documents", 6), ("dropped.a", 1), ("dropped.b", 1)],
                ),
            ],
            ..Report::default()
        };
        let chains = chains(&report);
        let told: Vec<Vec<_>> = chains
            .iter()
            .map(|chain| {
                chain.steps.iter().map(|step| (step.stage.name.as_str(), step.given, step.kept)).collect()
            })
            .collect();
        assert_eq!(
            told,
            [
                vec![("crawl", 10, 10), ("text", 10, 8), ("short", 8, 0)],
                vec![("crawl", 10, 10), ("text", 10, 8), ("clean", 8, 6)]
            ]
        );
        assert_eq!(chains[0].steps[2].dropped, [("long", 5), ("longer", 3)]);
        assert_eq!(chains[0].steps[0].skipped, [("not_html", 90)]);
    }
}
