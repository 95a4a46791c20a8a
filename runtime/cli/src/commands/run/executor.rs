//! Who does a run's actions: threads of this process, or a cluster.

use llmp_compiler::place::executor_names;
use llmp_engine::{SlurmOptions, check_slurm};
use serde_json::Value;

use crate::commands::Failure;
use crate::commands::pipeline::Pipeline;

/// The cluster that is asked for, by the command line or else by a profile; `None` for this machine.
///
/// # Errors
/// Where there is no such executor, or Slurm would refuse what is asked for.
pub(super) fn slurm(on: Option<&str>, pipeline: &Pipeline) -> Result<Option<SlurmOptions>, Failure> {
    let chosen = pipeline.compilation.place.on.as_ref();
    let name = on.or(chosen.map(|executor| executor.name.as_str())).unwrap_or("local");
    if !executor_names().contains(&name) {
        return Err(Failure::new(format!("there is no executor `{name}`"))
            .help(format!("there are `{}`", executor_names().join("`, `"))));
    }
    if name != "slurm" {
        return Ok(None);
    }
    let settings = chosen.filter(|executor| executor.name == name).map(|executor| &executor.settings);
    let get = |name: &str| settings?.get(name).filter(|value| !value.is_null());
    let text = |name: &str| get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| get(name).and_then(Value::as_u64);
    let whole = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
    let more = get("options").and_then(Value::as_array).into_iter().flatten();
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("the program's own path is not known: {error}")))?;
    let options = SlurmOptions {
        partition: text("partition"),
        account: text("account"),
        qos: text("qos"),
        constraint: text("constraint"),
        time: get("time").and_then(Value::as_f64),
        cores: whole("cores"),
        memory: number("memory"),
        gres: text("gres"),
        at_most: whole("at_most"),
        more: more.filter_map(Value::as_str).map(str::to_owned).collect(),
        program,
    };
    check_slurm(&options)?;
    Ok(Some(options))
}
