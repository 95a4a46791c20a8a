//! What stages that take over rows of people's files share.

use llmp_artifacts::rows;
use llmp_stage::{Context, Error, Result};
use serde_json::Value;

/// Calls `each` with every row of the input `files` and its place.
pub(crate) fn each_row(ctx: &dyn Context, mut each: impl FnMut(Value, &str) -> Result<()>) -> Result<()> {
    for file in ctx.inputs("files").iter().flat_map(|input| &input.files) {
        rows::read(file, |row, place| {
            ctx.proceed()?;
            each(row, place)
        })?;
    }
    Ok(())
}

/// Says how many rows of `what` were taken over; none are an error.
pub(crate) fn loaded(ctx: &dyn Context, what: &str, loaded: u64) -> Result<()> {
    if loaded == 0 {
        return Err(Error::new(format!("the files hold no {what}")));
    }
    ctx.count(what, loaded);
    ctx.show(&format!("{loaded} {what}"));
    Ok(())
}
