//! Questions of people's files, checked row by row: for `knowledge.load`, and for what a command stage wrote.

use std::collections::BTreeMap;
use std::path::Path;

use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use serde::Deserialize;
use serde_json::Value;

use super::Question;
use crate::rows::{self, Writer};

/// Answers that do not begin with a value and are told in the log.
const LOGGED: u64 = 3;

/// Writes the questions of `files` to the file `to`, and counts them.
///
/// # Errors
/// Where a file cannot be read or `to` not written, and for the first row that is no question or takes
/// another one's id.
pub fn load<'a>(ctx: &dyn Context, files: impl IntoIterator<Item = &'a InputFile>, to: &Path) -> Result<()> {
    let mut writer = Writer::create(to)?;
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let mut later = 0_u64;
    let mut each = |mut row: Value, place: &str| {
        ctx.proceed()?;
        give_values(&mut row);
        let made = give_id(&mut row);
        let question = Question::deserialize(&row)
            .map_err(|error| error.to_string())
            .and_then(|question| match question.fault() {
                Some(fault) => Err(fault.to_owned()),
                None => Ok(question),
            })
            .map_err(|fault| {
                Error::new(format!("{place}: {fault}"))
                    .help("a row is `{\"id\": …, \"question\": …, \"answer\": …, \"values\": [\"…\"]}`")
            })?;
        if made && places.contains_key(&question.id) {
            // The same question twice, and no id to tell them apart.
            let (id, url, rule) = (place.to_owned(), String::new(), "questions.repeated".to_owned());
            ctx.dropped(Dropped { id, url, rule, value: question.question });
            return Ok(());
        }
        if !question.begins_with_value() {
            if later < LOGGED {
                ctx.log(&format!("{place}: the answer begins with none of `values`: {}", question.answer));
            }
            later += 1;
        }
        writer.write(&question)?;
        match places.insert(question.id.clone(), place.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Error::new(format!("{place}: the id `{}` is taken by {first}", question.id))
                .help("give every question an `id` of its own")),
        }
    };
    for file in files {
        rows::read(file, &mut each)?;
    }
    writer.finish()?;
    if later > 0 {
        // A model that is taught to say something else first answers worse; the file may be meant so.
        ctx.count("answers.value_not_first", later);
        ctx.show(&format!("{later} answers begin with none of their `values`; write the value first"));
    }
    rows::loaded(ctx, "questions", places.len() as u64)
}

/// Gives a question in GSM8K's form its `values`: what stands behind the `####` of its `answer`.
fn give_values(row: &mut Value) {
    let Value::Object(fields) = row else { return };
    if fields.get("values").is_some_and(|values| !values.is_null()) {
        return;
    }
    let answer = fields.get("answer").and_then(Value::as_str);
    if let Some((_, value)) = answer.and_then(|answer| answer.rsplit_once("####")) {
        let value = value.trim().to_owned();
        fields.insert("values".into(), vec![value].into());
    }
}

/// Gives a question without an `id` one that follows from what it asks and what is right: `q-` and 16
/// hexadecimal digits. A number becomes a text. Says whether it was made.
fn give_id(row: &mut Value) -> bool {
    let Value::Object(fields) = row else { return false };
    match fields.get("id") {
        None | Some(Value::Null) => {}
        Some(Value::Number(number)) => {
            let id = number.to_string();
            fields.insert("id".into(), id.into());
            return false;
        }
        Some(_) => return false,
    }
    let mut hasher = blake3::Hasher::new();
    for part in
        ["question", "values"].map(|field| fields.get(field).map(Value::to_string).unwrap_or_default())
    {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let digits = hasher.finalize().to_hex();
    fields.insert("id".into(), format!("q-{}", digits.get(..16).unwrap_or(&digits)).into());
    true
}
