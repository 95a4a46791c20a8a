//! `llmp calibrate`: measures how quick this machine is, for the times that plans foretell.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use llmp_planning::{Calibration, calibration};
use llmp_records::text;

use super::Outcome;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let time = Duration::try_from_secs_f64(arguments.seconds.clamp(0.0, 600.0)).unwrap_or_default();
    let found = Calibration::measure(time, llmp_model::speed::of_core);
    let (tensors, bytes) = found.quickness();
    let mut out = crate::output::stdout();
    writeln!(out, "{}", found.processor)?;
    let speed = text::short_count(found.operations);
    writeln!(out, "matrix products  {speed}FLOP/s a core, {tensors:.2} times the reference machine")?;
    let speed = text::short_count(found.bytes);
    writeln!(out, "text             {speed}B/s a core, {bytes:.2} times the reference machine")?;
    match calibration::path().filter(|_| found.keep()) {
        Some(path) => writeln!(out, "plans on this machine start from it: {}", text::path(&path))?,
        None => writeln!(
            out,
            "it cannot be kept: XDG_CACHE_HOME or HOME has to name a folder that can be written to"
        )?,
    }
    Ok(0)
}
