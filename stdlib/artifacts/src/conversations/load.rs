//! Conversations in the forms of people's files, written in the artifact's: for `chat.load`, and for what a
//! command stage wrote.

use std::path::Path;

use llmp_stage::{Context, Dropped, Error, InputFile, Result};

use super::files::{self, Content};
use super::{Ignored, conversations, to_row};
use crate::rows::{self, Writer};

/// Bad rows that are told in the log.
const LOGGED_ROWS: u64 = 10;

/// What to do about a row that is not understood.
const HELP: &str = "a row is `{\"messages\": [{\"role\": \"user\", \"content\": …}, …]}`, or in the form of ShareGPT, Alpaca, \
                    TRL or OASST";

/// Writes the conversations of `files` to the file `to`, and counts them. Of the rows, the share `max_bad`
/// may be none: they are left out, with place and reason; where it is 0, or where there is no such setting,
/// the first is refused.
///
/// # Errors
/// Where a file cannot be read or `to` not written, and for rows that are not understood.
pub fn load<'a>(
    ctx: &dyn Context,
    files: impl IntoIterator<Item = &'a InputFile>,
    max_bad: Option<f64>,
    to: &Path,
) -> Result<()> {
    let mut writer = Writer::create(to)?;
    let (mut loaded, mut mended, mut bad) = (0, 0, 0);
    let mut ignored = Ignored::new();
    let tolerated = max_bad.unwrap_or(0.0);
    for file in files {
        mended += files::read(file, |place, content| {
            ctx.proceed()?;
            let talks = match content {
                Ok(Content::Talk(talk)) => Ok(vec![talk]),
                Ok(Content::Row(row)) => conversations(&row, &mut ignored),
                Err(fault) => Err(fault),
            };
            match talks {
                Ok(talks) => talks.iter().try_for_each(|talk| {
                    loaded += 1;
                    writer.write(&to_row(talk))
                }),
                Err(fault) if tolerated == 0.0 => {
                    let more = max_bad.map_or("", |_| "; `max_bad` tolerates some that are not");
                    Err(Error::new(format!("{place}: {fault}")).help(format!("{HELP}{more}")))
                }
                Err(fault) => {
                    if bad < LOGGED_ROWS {
                        ctx.log(&format!("{place}: {fault}"));
                    }
                    bad += 1;
                    let (id, url, rule) = (place.to_owned(), String::new(), "chat.bad_row".to_owned());
                    ctx.dropped(Dropped { id, url, rule, value: fault });
                    Ok(())
                }
            }
        })?;
    }
    writer.finish()?;
    let all = loaded + bad;
    // A single one is an accident in any file.
    if bad as f64 > (all as f64 * tolerated).max(1.0) {
        return Err(Error::new(format!("{bad} of {all} rows are no conversations, see the stage's log"))
            .help("`max_bad` says how large a share of the rows may be none"));
    }
    for (name, count) in [("mended".to_owned(), mended)]
        .into_iter()
        .chain(ignored.into_iter().map(|(field, count)| (format!("ignored.{field}"), count)))
        .filter(|(_, count)| *count > 0)
    {
        ctx.count(&name, count);
    }
    rows::loaded(ctx, "conversations", loaded)
}
