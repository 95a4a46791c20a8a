//! `llmp explain CODE`, `llmp explain RULE`.

use std::io::Write;

use clap::Args;
use llmp_stage::Rule;

use super::{Failure, Outcome, did_you_mean};
use crate::library::{library, standard};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A diagnostic's code, e.g. E0201, or a rule that drops documents, e.g. c4.curly_bracket; without it,
    /// all codes are listed
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut out = crate::output::stdout();
    let Some(name) = &arguments.code else {
        for (_, page) in llmp_compiler::explain::pages() {
            writeln!(out, "{}", page.lines().next().unwrap_or_default().trim_start_matches("# "))?;
        }
        return Ok(0);
    };
    let code = name.to_uppercase();
    if let Some(page) = llmp_compiler::explain::explain(&code) {
        writeln!(out, "{}", page.trim_end())?;
        return Ok(0);
    }
    let found: Vec<(&str, &Rule)> = rules().into_iter().filter(|(_, rule)| is_called(rule, name)).collect();
    if found.is_empty() {
        return Err(unknown(name, &code));
    }
    for (at, (stage, rule)) in found.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        explain(&mut out, stage, rule)?;
    }
    Ok(0)
}

/// All rules with the stage of each.
fn rules() -> Vec<(&'static str, &'static Rule)> {
    let mut all = Vec::new();
    for stage in standard().stages() {
        all.extend(stage.rules().iter().map(|rule| (stage.name(), rule)));
    }
    all
}

/// A rule is called by its name, or by the second part of it; reports count it under `dropped.`.
fn is_called(rule: &Rule, name: &str) -> bool {
    let name = name.strip_prefix("dropped.").unwrap_or(name);
    rule.name == name || rule.name.split_once('.').is_some_and(|(_, short)| short == name)
}

fn unknown(name: &str, code: &str) -> Failure {
    let is_code = name.len() > 1 && name[1..].chars().all(|letter| letter.is_ascii_digit());
    if is_code {
        return Failure::new(format!("there is no diagnostic `{code}`"))
            .help("`llmp explain` lists all codes");
    }
    let failure = Failure::new(format!("there is no diagnostic and no rule `{name}`"));
    match did_you_mean(name, rules().iter().map(|(_, rule)| rule.name)) {
        Some(close) => failure.help(format!("did you mean `{close}`?")),
        None => failure
            .help("`llmp explain` lists all codes; rules are named in reports, e.g. `gopher.min_words`"),
    }
}

fn explain(out: &mut impl Write, stage: &str, rule: &Rule) -> Result<(), Failure> {
    writeln!(out, "{}: a rule of `{stage}`", rule.name)?;
    writeln!(out, "  drops a document where {}", rule.drops)?;
    writeln!(out, "  from {}", rule.source)?;
    if let Some(setting) = rule.setting {
        let field = library().stage(stage).and_then(|stage| stage.setting(setting));
        let docs = field.map(|field| field.docs.replace('\n', " ")).unwrap_or_default();
        writeln!(out, "  changed by `{setting}`: {docs}")?;
    }
    match rule.off {
        Some(off) => writeln!(out, "  switched off by `{stage} {{ {off} }}`")?,
        None => writeln!(out, "  cannot be switched off by itself")?,
    }
    writeln!(out, "  what it dropped: `llmp show STAGE --dropped --rule {}`", rule.name)?;
    Ok(())
}
