//! The run a user means: a number, `last`, `last-1`, a pin.

use llmp_records::{Run, text};
use llmp_store::Store;

use super::Failure;

/// The run called `name`. `last` is the newest that ended, `last-N` the N-th before it of the same pipeline.
pub(super) fn which_run(store: &Store, name: &str) -> Result<Run, Failure> {
    let ended: Vec<Run> = store.ended_runs().collect();
    let Some(newest) = ended.first() else {
        return Err(Failure::new("nothing has run yet").help("run a pipeline first: `llmp run FILE`"));
    };
    if let Ok(number) = name.parse() {
        return store.read_run(number).ok_or_else(|| {
            Failure::new(format!("there is no run {number}"))
                .help(format!("the newest is run {}; `llmp log` lists them", newest.run))
        });
    }
    if let Some(number) = store.pins().get(name) {
        return store
            .read_run(*number)
            .ok_or_else(|| Failure::new(format!("run {number}, which `{name}` names, is gone")));
    }
    let back = match name.strip_prefix("last") {
        Some("") => Some(0),
        Some(rest) => rest.strip_prefix('-').and_then(|back| back.parse().ok()),
        None => None,
    };
    let Some(back) = back else {
        return Err(Failure::new(format!("`{name}` is no run"))
            .help("give its number, `last`, `last-1` for the one before, or the name of a pin; `llmp log` lists the runs"));
    };
    let same: Vec<&Run> = ended.iter().filter(|run| run.pipeline_id == newest.pipeline_id).collect();
    same.get(back).map(|run| (*run).clone()).ok_or_else(|| {
        Failure::new(format!("there is no run `{name}`")).help(format!(
            "`{}` has {} that ended; `llmp log` lists them",
            newest.pipeline.display(),
            text::plural(same.len() as u64, "run")
        ))
    })
}
