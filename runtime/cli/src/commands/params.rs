//! `llmp params`.

use std::io::Write;

use clap::Args;
use llmp_compiler::compile::{Origin, ParamInfo};
use llmp_compiler::source::Sources;
use serde_json::json;

use super::{Format, Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// How the list is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let pipeline = arguments.pipeline.checked()?;
    let params = &pipeline.compilation.params;
    let mut out = crate::output::stdout();
    if arguments.format == Format::Json {
        let all: Vec<_> = params
            .iter()
            .map(|param| {
                json!({"name": param.name, "type": param.ty, "range": param.range, "default": param.default,
                       "value": param.json, "origin": origin(param, &pipeline.compilation.sources), "docs": param.docs})
            })
            .collect();
        writeln!(out, "{:#}", json!({"format_version": 1, "params": all}))?;
        return Ok(0);
    }
    if params.is_empty() {
        writeln!(out, "{} has no params", pipeline.main.display())?;
    }
    for param in params {
        let range = param.range.as_ref().map_or(String::new(), |range| format!(" in {range}"));
        let value = param.value.as_deref().unwrap_or("none");
        writeln!(
            out,
            "{}: {}{range} = {value}  ({})",
            param.name,
            param.ty,
            origin(param, &pipeline.compilation.sources)
        )?;
        for line in param.docs.lines() {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(0)
}

/// Where a param's value comes from, with its place where it stands in a file.
fn origin(param: &ParamInfo, sources: &Sources) -> String {
    match &param.origin {
        Origin::Default => "default".into(),
        Origin::Profile(name) => format!("profile {name}, {}", sources.place(param.value_span)),
        Origin::ParamsFile => "params file".into(),
        Origin::Set => "--set".into(),
    }
}
