//! What a run says of results that are to be looked at, and what `--strict` makes of it.

use llmp_compiler::graph::{Producer, Stage, StageId};
use llmp_compiler::key::Digest;
use llmp_records::Event;
use llmp_stage::{Error, Form, Holds, Remark};

use super::job::Job;
use super::outcome::{StageOutcome, Status};
use super::perform::help_of;

/// Says what there is to be looked at.
pub(super) fn say(job: &Job<'_>, stage: &Stage, remarks: &[Remark]) {
    let observer = job.harness.observer;
    for remark in remarks {
        observer.line(&format!("! {:<26} warning: {}", stage.name, remark.message));
        if let Some(help) = &remark.help {
            observer.line(&format!("  {:<26} help: {help}", ""));
        }
        observer.tell(Event::Remark { stage: stage.name.clone(), remark: remark.clone() });
    }
}

/// Whether there is anything in a stage's inputs: an empty one has been told where it was made.
pub(super) fn given(job: &Job<'_>, stage: &Stage) -> bool {
    let Job { graph, past, harness, .. } = job;
    let empty = |from: StageId| {
        let producer = graph.stage(from);
        let form = harness.registry.form(producer.output.as_ref()?.kind.name())?;
        let unit = Some(form).filter(|form| form.holds() != Holds::Nothing).and_then(Form::unit)?;
        harness.registry.stage(&producer.kind)?;
        let (key, _) = past.last(&producer.name)?;
        let record = past.ledger().record(&key).ok()??;
        Some(record.counts.get(unit).copied().unwrap_or(0) == 0)
    };
    !stage.inputs.iter().any(|input| match input.from {
        Producer::Stage(from) => empty(from) == Some(true),
        Producer::Files(_) => false,
    })
}

/// What `--strict` makes of a result that is there: a failure, where there is something to be looked at.
pub(super) fn strictly(job: &Job<'_>, key: Digest) -> Option<StageOutcome> {
    if !job.options.strict {
        return None;
    }
    let record = job.past.ledger().record(&key).ok()??;
    let error = strict(record.remarks.first()?, "its result is kept");
    let (message, help) = (error.to_string(), help_of(&error).map(str::to_owned));
    Some(StageOutcome { status: Status::Failed { message, help }, key: Some(key), artifact: None })
}

/// What `--strict` fails with.
pub(super) fn strict(remark: &Remark, and: &str) -> Error {
    let help = remark.help.as_ref().map_or(String::new(), |help| format!("{help}; "));
    Error::new(format!("{}, and `--strict` stops at warnings; {and}", remark.message))
        .help(format!("{help}without `--strict` the run goes on"))
}
