//! `llmp check`: mistakes, in the terminal's form, as JSON or as SARIF; `--fix` applies the certain repairs.

use std::collections::BTreeMap;
use std::io::Write;

use clap::{Args, ValueEnum};
use llmp_compiler::diagnostic::{Edit, Severity};
use llmp_planning::unstartable_commands;
use llmp_records::text;
use llmp_store::write_atomically;
use serde_json::json;

use super::{Failure, Outcome, PipelineArguments};
use crate::render;

/// How diagnostics are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people
    #[default]
    Text,
    /// For programs; the form is described in spec/
    Json,
    /// SARIF 2.1.0, for code-scanning services
    Sarif,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// How diagnostics are printed
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,
    /// Apply every fix that is certain
    #[arg(long)]
    fix: bool,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut pipeline = arguments.pipeline.compile()?;
    if arguments.fix {
        let fixed = apply_fixes(&pipeline)?;
        if fixed > 0 {
            let _ = writeln!(
                crate::output::stderr(),
                "applied {} {}",
                text::count(fixed as u64),
                if fixed == 1 { "fix" } else { "fixes" }
            );
            pipeline = arguments.pipeline.compile()?;
        }
    }
    if !pipeline.has_errors() {
        let missing = unstartable_commands(&pipeline.compilation.graph, &pipeline.folder());
        pipeline.compilation.diagnostics.splice(0..0, missing);
    }
    let compilation = &pipeline.compilation;
    let count =
        |severity| compilation.diagnostics.iter().filter(|one| one.severity == severity).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match arguments.format {
        CheckFormat::Json => {
            let all = render::json_diagnostics(&compilation.diagnostics, &compilation.sources);
            let whole =
                json!({"format_version": 1, "errors": errors, "warnings": warnings, "diagnostics": all});
            writeln!(crate::output::stdout(), "{whole:#}")?;
        }
        CheckFormat::Sarif => {
            writeln!(
                crate::output::stdout(),
                "{:#}",
                render::sarif(&compilation.diagnostics, &compilation.sources)
            )?;
        }
        CheckFormat::Text => {
            pipeline.print_diagnostics();
            let main = pipeline.main.display();
            if errors + warnings == 0 {
                let stages = compilation.graph.stages.len() as u64;
                writeln!(crate::output::stdout(), "{main}: no mistakes, {}", text::plural(stages, "stage"))?;
            } else {
                let told =
                    format!("{}, {}", text::plural(errors, "error"), text::plural(warnings, "warning"));
                writeln!(crate::output::stderr(), "{main}: {told}; `llmp explain CODE` says more")?;
            }
        }
    }
    Ok(u8::from(errors > 0 || (arguments.strict && warnings > 0)))
}

/// Applies all fixes that do not overlap, file by file, from the end to the start.
fn apply_fixes(pipeline: &super::pipeline::Pipeline) -> Result<usize, Failure> {
    let compilation = &pipeline.compilation;
    let mut by_file = BTreeMap::<_, Vec<&Edit>>::new();
    let mut fixed = 0;
    for fix in compilation.diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_ref()) {
        let free = |edit: &Edit| {
            by_file.get(&edit.span.file).is_none_or(|edits| {
                edits.iter().all(|other| edit.span.end < other.span.start || other.span.end < edit.span.start)
            })
        };
        // What came from the command line stands in no file.
        let in_file =
            |edit: &Edit| compilation.sources.get(edit.span.file).is_some_and(|source| !source.given);
        if fix.edits.iter().all(|edit| in_file(edit) && free(edit)) {
            fixed += 1;
            for edit in &fix.edits {
                by_file.entry(edit.span.file).or_default().push(edit);
            }
        }
    }
    for (file, mut edits) in by_file {
        let Some(source) = compilation.sources.get(file) else { continue };
        let mut text = source.text.to_string();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        for edit in edits {
            let range = edit.span.start as usize..edit.span.end as usize;
            if text.get(range.clone()).is_some() {
                text.replace_range(range, &edit.text);
            }
        }
        let path = pipeline.folder().join(&source.path);
        write_atomically(&path, text.as_bytes())?;
    }
    Ok(fixed)
}
