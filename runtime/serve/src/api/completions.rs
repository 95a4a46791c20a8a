//! `POST /v1/completions`: a text goes on.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::fields::Fields;
use super::sampling::{Sampling, Usage};
use super::text::{Piece, Writing};
use super::tokens::{detail, ids, name};
use super::writing::Rows;
use super::{Api, Client, Ended, now, send};
use crate::engine::News;
use crate::http::Reply;
use crate::model::{End, Job, Model, Scored, Step};

/// Prompts of a request, at most.
const MAX_PROMPTS: usize = 128;
/// Tokens that are written where the request does not say: OpenAI's default.
const MAX_TOKENS: usize = 16;
/// Likeliest tokens that are told, at most.
const MAX_TOP: i64 = 20;

/// A prompt, with how many of its tokens were put before what was sent.
struct Prompt {
    tokens: Vec<u32>,
    added: usize,
}

struct Choice {
    writing: Writing,
    finish: Option<&'static str>,
    text: String,
    scored: Vec<Scored>,
    /// Characters told, for `text_offset`.
    offset: usize,
    /// Prompt's tokens that are not told, since they were not sent.
    skip: usize,
}

pub(crate) fn answer(
    api: &Api,
    mut fields: Fields,
    client: Client<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Ended> {
    let model = api.named(fields.text("model")?.as_deref(), false)?;
    let about = model.about();
    let prompts = prompts(&*model, fields.take("prompt"))?;
    let sampling = Sampling::read(api, &mut fields, about)?;
    let top = fields.whole("logprobs", 0, MAX_TOP)?.map(|top| top as usize);
    let echo = fields.flag("echo")?.unwrap_or(false);
    if let Some(best) = fields.whole("best_of", 1, i64::MAX)?
        && best != sampling.n as i64
    {
        let message = "`best_of` is not supported here: all `n` texts are given";
        return Err(Fault::unsupported("best_of", message).into());
    }
    fields.end()?;
    let most = sampling.max_tokens.unwrap_or(MAX_TOKENS);
    if most == 0 && !echo {
        return Err(Fault::bad("max_tokens", "`max_tokens` must be at least 1, or `echo` be true").into());
    }
    for prompt in &prompts {
        if prompt.tokens.len() > about.context || (prompt.tokens.len() == about.context && !echo) {
            return Err(Fault::too_long("prompt", prompt.tokens.len() + 1, about.context).into());
        }
    }
    let end = model.marks().map(|marks| marks.end_of_text);
    let judged = echo && top.is_some();
    let shown = Shown { model: &*model, sampling: &sampling, top, id: api.id("cmpl"), created: now() };
    let mut rows = Rows::new(api, std::sync::Arc::clone(&model), client);
    let mut usage = Usage::default();
    let mut choices = Vec::new();
    for prompt in &prompts {
        usage.prompt += prompt.tokens.len();
        for of_prompt in 0..sampling.n {
            let index = choices.len();
            let stop: Vec<u32> = end.into_iter().collect();
            let job = Job {
                prompt: prompt.tokens.clone(),
                max_tokens: most,
                stop,
                top: top.or(sampling.ids.then_some(0)),
                prompt_too: judged,
                ..sampling.job(of_prompt)
            };
            rows.write(index, job)?;
            let writing = Writing::new(sampling.stops.clone());
            let mut choice = Choice {
                writing,
                finish: None,
                text: String::new(),
                scored: vec![],
                offset: 0,
                skip: prompt.added,
            };
            if echo && !judged {
                choice.text = text_of(&*model, &prompt.tokens[prompt.added..]);
            }
            choices.push(choice);
        }
    }
    if sampling.stream {
        reply.begin_events()?;
        for (index, choice) in choices.iter_mut().enumerate().filter(|(_, choice)| !choice.text.is_empty()) {
            let text = std::mem::take(&mut choice.text);
            choice.offset = text.chars().count();
            reply.event(&shown.chunk(index, &text, &[], 0, None))?;
        }
    }
    while (0..choices.len()).any(|index| rows.goes_on(index)) {
        let (index, news) = rows.next(reply)?;
        let choice = &mut choices[index];
        match news {
            News::Begun(cached) => usage.cached += cached,
            News::Step(step) => {
                let ended = take(&*model, choice, step, end, &mut usage)?;
                let piece = if ended { choice.writing.finish() } else { choice.writing.piece() };
                if ended {
                    rows.end(index);
                }
                tell(&shown, reply, index, choice, piece)?;
            }
        }
    }
    if sampling.stream {
        if sampling.usage {
            let mut last = shown.envelope(Vec::new());
            last["usage"] = usage.to_json();
            reply.event(&last.to_string())?;
        }
        reply.event("[DONE]")?;
        return Ok(reply.end_events()?);
    }
    let choices: Vec<Value> = (choices.iter().enumerate())
        .map(|(index, choice)| shown.choice(index, &choice.text, &choice.scored, 0, choice.finish))
        .collect();
    let mut whole = shown.envelope(choices);
    whole["usage"] = usage.to_json();
    send(reply, &whole)
}

/// Takes in a step; whether the row has ended.
fn take(
    model: &dyn Model,
    choice: &mut Choice,
    step: Step,
    end: Option<u32>,
    usage: &mut Usage,
) -> Result<bool, Fault> {
    for scored in step.prompt {
        if choice.skip > 0 {
            choice.skip -= 1;
        } else {
            let bytes = model.bytes(scored.token).unwrap_or_default();
            choice.text += &String::from_utf8_lossy(bytes);
            choice.scored.push(scored);
        }
    }
    if let Some(scored) = step.token {
        usage.written += 1;
        let silent = Some(scored.token) == end;
        choice.writing.push(model, scored, silent);
    }
    choice.finish = match (step.end, choice.writing.stopped) {
        (Some(End::Failed(why)), _) => return Err(Fault::failed(why)),
        (Some(End::Stop), _) | (_, true) => Some("stop"),
        (Some(End::Length), _) => Some("length"),
        (None, false) => None,
    };
    Ok(choice.finish.is_some())
}

/// Adds a piece to a choice, or tells it at once.
fn tell(
    shown: &Shown<'_>,
    reply: &mut Reply<'_>,
    index: usize,
    choice: &mut Choice,
    piece: Piece,
) -> Result<(), Ended> {
    choice.text += &piece.text;
    choice.scored.extend(piece.scored);
    let nothing = choice.text.is_empty() && choice.scored.is_empty() && choice.finish.is_none();
    if !shown.sampling.stream || nothing {
        return Ok(());
    }
    let (text, scored) = (std::mem::take(&mut choice.text), std::mem::take(&mut choice.scored));
    let offset = choice.offset;
    choice.offset += text.chars().count();
    Ok(reply.event(&shown.chunk(index, &text, &scored, offset, choice.finish))?)
}

fn text_of(model: &dyn Model, tokens: &[u32]) -> String {
    let bytes: Vec<u8> =
        tokens.iter().flat_map(|token| model.bytes(*token).unwrap_or_default()).copied().collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How an answer is written down.
struct Shown<'a> {
    model: &'a dyn Model,
    sampling: &'a Sampling,
    top: Option<usize>,
    id: String,
    created: u64,
}

impl Shown<'_> {
    fn envelope(&self, choices: Vec<Value>) -> Value {
        json!({
            "id": self.id, "object": "text_completion", "created": self.created,
            "model": self.model.about().name, "seed": self.sampling.seed, "choices": choices,
        })
    }

    fn chunk(
        &self,
        index: usize,
        text: &str,
        scored: &[Scored],
        offset: usize,
        finish: Option<&'static str>,
    ) -> String {
        self.envelope(vec![self.choice(index, text, scored, offset, finish)]).to_string()
    }

    fn choice(
        &self,
        index: usize,
        text: &str,
        scored: &[Scored],
        offset: usize,
        finish: Option<&'static str>,
    ) -> Value {
        let logprobs = self.top.map(|_| self.logprobs(scored, offset));
        let mut choice = json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish});
        if self.sampling.ids {
            choice["token_ids"] = json!(scored.iter().map(|it| it.token).collect::<Vec<_>>());
            choice["token_details"] = scored.iter().map(|it| detail(self.model, it)).collect();
        }
        choice
    }

    fn logprobs(&self, scored: &[Scored], mut offset: usize) -> Value {
        let names: Vec<String> = scored.iter().map(|it| name(self.model, it.token)).collect();
        let offsets: Vec<usize> = (scored.iter())
            .map(|it| {
                let here = offset;
                let bytes = self.model.bytes(it.token).unwrap_or_default();
                offset += String::from_utf8_lossy(bytes).chars().count();
                here
            })
            .collect();
        let tops: Vec<Value> = scored.iter().map(|it| self.top(it)).collect();
        let logprobs: Vec<Option<f32>> = scored.iter().map(|it| it.logprob).collect();
        json!({"tokens": names, "token_logprobs": logprobs, "top_logprobs": tops, "text_offset": offsets})
    }

    /// The likeliest by name, with the token itself; null for a text's first token.
    fn top(&self, scored: &Scored) -> Value {
        let Some(logprob) = scored.logprob else { return Value::Null };
        let mut map = Map::new();
        for (id, logprob) in &scored.top {
            map.insert(name(self.model, *id), json!(logprob));
        }
        map.entry(name(self.model, scored.token)).or_insert_with(|| json!(logprob));
        Value::Object(map)
    }
}

/// Prompts: a text, token ids, or several of either. A text begins as documents do in training, behind the
/// token that ends a document; token ids are taken as they are.
fn prompts(model: &dyn Model, value: Option<Value>) -> Result<Vec<Prompt>, Fault> {
    let bad = || {
        Fault::bad(
            "prompt",
            "`prompt` must be a text, token ids, or a list of up to 128 texts or lists of token ids",
        )
    };
    let text = |text: &str| {
        let mut tokens: Vec<u32> = model.marks().map(|marks| marks.end_of_text).into_iter().collect();
        let added = tokens.len();
        tokens.extend(model.encode(text, false).map_err(|why| Fault::bad("prompt", why))?);
        if tokens.is_empty() { Err(bad()) } else { Ok(Prompt { tokens, added }) }
    };
    let tokens = |value: &Value| {
        let tokens = ids(value, model).filter(|tokens| !tokens.is_empty()).ok_or_else(bad)?;
        Ok(Prompt { tokens, added: 0 })
    };
    match value {
        None => Ok(vec![text("")?]),
        Some(Value::String(it)) => Ok(vec![text(&it)?]),
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_number) => {
            Ok(vec![tokens(&Value::Array(items))?])
        }
        Some(Value::Array(items)) if !items.is_empty() && items.len() <= MAX_PROMPTS => (items.iter())
            .map(|item| match item {
                Value::String(it) => text(it),
                item => tokens(item),
            })
            .collect(),
        Some(_) => Err(bad()),
    }
}
