//! `llmp stages [NAME]`: what the signatures say.

use std::io::Write;

use clap::Args;

use super::{Failure, Outcome, did_you_mean};
use crate::library::{library, standard};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage, or a family of them (`filter`); without it, all are listed
    name: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut out = crate::output::stdout();
    let Some(name) = &arguments.name else {
        let width = library().iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        for stage in library().iter() {
            let summary = stage.docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
            writeln!(out, "{:<width$}  {summary}", stage.name)?;
        }
        return Ok(0);
    };
    let family: Vec<_> = library()
        .iter()
        .filter(|stage| stage.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.')))
        .collect();
    if !family.is_empty() && library().stage(name).is_none() {
        let width = family.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        for stage in family {
            let summary = stage.docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
            writeln!(out, "{:<width$}  {summary}", stage.name)?;
        }
        return Ok(0);
    }
    let text = library().stage(name).and_then(|_| signature_text(name)).ok_or_else(|| {
        let names: Vec<&str> = library().iter().map(|stage| stage.name.as_str()).collect();
        let help = match did_you_mean(name, names.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "`llmp stages` lists them".to_owned(),
        };
        Failure::new(format!("there is no stage `{name}`")).help(help)
    })?;
    writeln!(out, "{}", text.trim())?;
    Ok(0)
}

/// The signature as it stands in its file: the one place where settings are described.
fn signature_text(name: &str) -> Option<String> {
    standard().signatures().find_map(|signature| {
        let start = signature.text.find(&format!("stage {name}("))?;
        let before = signature.text.get(..start)?;
        // Documentation lines directly above belong to it.
        let docs: Vec<_> =
            before.lines().rev().take_while(|line| line.trim_start().starts_with("///")).collect();
        let mut text: Vec<&str> = docs.into_iter().rev().collect();
        let body = signature.text.get(start..)?;
        let mut depth = 0_i32;
        for line in body.lines() {
            text.push(line);
            depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
            if depth <= 0 && line.contains('}') {
                break;
            }
        }
        Some(text.join("\n"))
    })
}
