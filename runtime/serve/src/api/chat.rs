//! `POST /v1/chat/completions`: an answer in a conversation, with what is looked up on the way.

use std::sync::Arc;

use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::Fields;
use super::grammar::{self, Form};
use super::messages::SEARCH;
pub(crate) use super::messages::said;
use super::sampling::{Sampling, Usage};
use super::text::Writing;
use super::tokens::name;
use super::writing::Rows;
use super::{Api, Client, Ended, now, send};
use crate::engine::News;
use crate::http::Reply;
use crate::model::{About, End, Hit, Job, Marks, Model, Scored, Step};

/// Likeliest tokens that are told, at most.
const MAX_TOP: i64 = 20;
/// Searches of an answer, at most: as in training.
const MAX_SEARCHES: usize = 2;

/// Who looks things up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// Nobody.
    Off,
    /// The server, while it answers.
    Server,
    /// The client, which is handed the call; whether the model must make one.
    Client { must: bool },
}

pub(crate) fn answer(
    api: &Api,
    mut fields: Fields,
    client: Client<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), Ended> {
    let model = api.named(fields.text("model")?.as_deref(), true)?;
    let about = model.about();
    let marks = model.marks().filter(|_| about.chat).ok_or_else(|| {
        let message =
            format!("`{}` is a base model, which holds no conversations: ask `/v1/completions`", about.name);
        Fault::bad("model", message)
    })?;
    let messages = fields.take("messages").unwrap_or_default();
    let sampling = Sampling::read(api, &mut fields, about)?;
    let logprobs = fields.flag("logprobs")?.unwrap_or(false);
    let top = fields.whole("top_logprobs", 0, MAX_TOP)?.map(|top| top as usize);
    if top.is_some() && !logprobs {
        return Err(Fault::bad("top_logprobs", "`top_logprobs` goes with `logprobs: true` only").into());
    }
    let forgets = match fields.text("truncation")?.as_deref() {
        None | Some("disabled") => false,
        Some("auto") => true,
        Some(_) => return Err(Fault::bad("truncation", "`truncation` must be `auto` or `disabled`").into()),
    };
    let mut search = search(&mut fields, about)?;
    let form = form(&mut fields)?;
    if form.is_some() {
        if let Search::Client { .. } = search {
            return Err(Fault::bad("response_format", "`response_format` does not go with `tools`").into());
        }
        // What is looked up is no JSON.
        search = Search::Off;
    }
    fields.end()?;
    let said = said(&messages)?;
    if said.iter().any(|one| one.query.is_some()) && !about.searches {
        let message = format!("`{}` was not taught to search", about.name);
        return Err(Fault::unsupported("messages", message).into());
    }
    let prompt = model.prompt(&said);
    let mut prompt = match prompt {
        Some(prompt) if prompt.forgotten == 0 || forgets => prompt,
        _ => {
            let tokens = said.iter().map(|one| model.encode(&one.text, false).map_or(0, |it| it.len() + 4));
            return Err(Fault::too_long(
                "messages",
                tokens.sum::<usize>() + about.context / 4,
                about.context,
            )
            .into());
        }
    };
    let must = search == Search::Client { must: true };
    if must {
        prompt.tokens.push(marks.search[0]);
    }
    let room = about.context - prompt.tokens.len().min(about.context);
    if room == 0 {
        return Err(Fault::too_long("messages", prompt.tokens.len() + 1, about.context).into());
    }
    let talk = Talk {
        model: Arc::clone(&model),
        marks,
        search,
        form,
        room: sampling.max_tokens.unwrap_or(room).min(room).max(1),
        top: logprobs.then_some(top.unwrap_or(0)),
        id: api.id("chatcmpl"),
        created: now(),
        forgotten: prompt.forgotten,
        sampling,
    };
    talk.hold(api, prompt.tokens, client, reply)
}

/// Who looks things up, as the request says.
fn search(fields: &mut Fields, about: &About) -> Result<Search, Fault> {
    let tools = fields.take("tools");
    let choice = fields.take("tool_choice");
    let named = |choice: &Value| {
        choice.get("function").and_then(|it| it.get("name")).and_then(Value::as_str) == Some(SEARCH)
    };
    let offered = match &tools {
        None => false,
        Some(Value::Array(tools)) if tools.is_empty() => false,
        Some(_) if !about.searches => {
            return Err(Fault::unsupported("tools", format!("`{}` was taught no tool", about.name)));
        }
        Some(Value::Array(tools)) => {
            let knows = |tool: &Value| {
                let query = tool.pointer("/function/parameters/properties/query");
                tool.pointer("/function/name").and_then(Value::as_str) == Some(SEARCH) && query.is_some()
            };
            match tools.as_slice() {
                [tool] if knows(tool) => true,
                _ => {
                    let message =
                        "the one tool that models know is a function `search` with the parameter `query`";
                    return Err(Fault::unsupported("tools", message));
                }
            }
        }
        Some(_) => return Err(Fault::bad("tools", "`tools` must be a list")),
    };
    match choice {
        None if offered => Ok(Search::Client { must: false }),
        None => Ok(if about.searches && about.index { Search::Server } else { Search::Off }),
        Some(Value::String(it)) if it == "none" => Ok(Search::Off),
        Some(Value::String(it)) if it == "auto" => match offered {
            true => Ok(Search::Client { must: false }),
            false => Ok(if about.searches && about.index { Search::Server } else { Search::Off }),
        },
        Some(Value::String(it)) if it == "required" && offered => Ok(Search::Client { must: true }),
        Some(choice) if offered && named(&choice) => Ok(Search::Client { must: true }),
        Some(_) => Err(Fault::bad(
            "tool_choice",
            "`tool_choice` must be `none`, `auto`, or with `tools` `required` or the function `search`",
        )),
    }
}

/// The form of the answer; `None` for text.
fn form(fields: &mut Fields) -> Result<Option<Form>, Fault> {
    let Some(form) = fields.take("response_format") else { return Ok(None) };
    match form.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(grammar::any_object())),
        Some("json_schema") => match form.pointer("/json_schema/schema") {
            Some(schema) => grammar::of_schema(schema).map(Some),
            None => Err(Fault::bad("response_format", "`response_format.json_schema.schema` is missing")),
        },
        Some(other) => {
            let message = format!("`response_format` of the type `{other}` is not supported here");
            Err(Fault::unsupported("response_format", message))
        }
        None => Err(Fault::bad("response_format", "`response_format` must have a `type`")),
    }
}

/// An answer in the making.
struct Choice {
    writing: Writing,
    /// The prompt, and everything since.
    turn: Vec<u32>,
    written: usize,
    /// Tokens of what is being looked up.
    query: Option<Vec<u32>>,
    calls: usize,
    text: String,
    scored: Vec<Scored>,
    searches: Vec<Value>,
    call: Option<Value>,
    ids: Vec<u32>,
    finish: Option<&'static str>,
    /// Whether the role was told.
    begun: bool,
}

struct Talk {
    model: Arc<dyn Model>,
    marks: Marks,
    search: Search,
    form: Option<Form>,
    sampling: Sampling,
    /// Tokens of an answer at most.
    room: usize,
    top: Option<usize>,
    id: String,
    created: u64,
    forgotten: usize,
}

impl Talk {
    fn hold(
        &self,
        api: &Api,
        prompt: Vec<u32>,
        client: Client<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Ended> {
        let mut usage = Usage { prompt: prompt.len(), ..Usage::default() };
        let mut rows = Rows::new(api, Arc::clone(&self.model), client);
        let must = self.search == Search::Client { must: true };
        let mut choices: Vec<Choice> = Vec::new();
        for index in 0..self.sampling.n {
            let choice = Choice {
                writing: Writing::new(self.sampling.stops.clone()),
                turn: prompt.clone(),
                written: 0,
                query: must.then(Vec::new),
                calls: 0,
                text: String::new(),
                scored: Vec::new(),
                searches: Vec::new(),
                call: None,
                ids: Vec::new(),
                finish: None,
                begun: false,
            };
            rows.write(index, self.job(&choice, index))?;
            choices.push(choice);
        }
        if self.sampling.stream {
            reply.begin_events()?;
        }
        while (0..choices.len()).any(|index| rows.goes_on(index)) {
            let (index, news) = rows.next(reply)?;
            let choice = &mut choices[index];
            match news {
                News::Begun(cached) if choice.calls == 0 => usage.cached += cached,
                News::Begun(_) => {}
                News::Step(step) => {
                    usage.written += usize::from(step.token.is_some());
                    self.take(choice, index, step, &mut rows)?;
                    self.tell(choice, index, reply)?;
                }
            }
        }
        if self.sampling.stream {
            if self.sampling.usage {
                let mut last = self.envelope("chat.completion.chunk", Vec::new());
                last["usage"] = usage.to_json();
                reply.event(&last.to_string())?;
            }
            reply.event("[DONE]")?;
            return Ok(reply.end_events()?);
        }
        let choices =
            choices.into_iter().enumerate().map(|(index, choice)| self.whole(choice, index)).collect();
        let mut whole = self.envelope("chat.completion", choices);
        whole["usage"] = usage.to_json();
        send(reply, &whole)
    }

    /// What the model shall write next.
    fn job(&self, choice: &Choice, index: usize) -> Job {
        let mut banned = self.model.banned();
        let searches = self.search != Search::Off && choice.calls < MAX_SEARCHES;
        if !searches {
            banned.extend(self.marks.search);
        }
        if choice.query.is_some() {
            // A call that the model has to make is made to its end.
            banned.extend([self.marks.end_of_turn, self.marks.end_of_text]);
        }
        let mut job = self.sampling.job(index);
        job.seed = job.seed.wrapping_add(choice.calls as u64);
        Job {
            prompt: choice.turn.clone(),
            max_tokens: self.room - choice.written,
            stop: vec![self.marks.end_of_turn, self.marks.end_of_text, self.marks.search[1]],
            banned,
            top: self.top,
            mask: self.form.as_ref().map(|form| grammar::mask(form, &self.model)),
            ..job
        }
    }

    /// Takes in a step, and goes on behind a search.
    fn take(&self, choice: &mut Choice, index: usize, step: Step, rows: &mut Rows<'_>) -> Result<(), Ended> {
        if let Some(scored) = step.token {
            let token = scored.token;
            choice.written += 1;
            choice.turn.push(token);
            choice.ids.push(token);
            match &mut choice.query {
                Some(query) if token != self.marks.search[1] => query.push(token),
                Some(_) => {}
                None if token == self.marks.search[0] => choice.query = Some(Vec::new()),
                // The end of a turn has no text; its probability is told where such are wanted.
                None => choice.writing.push(&*self.model, scored, self.model.is_special(token)),
            }
        }
        if choice.writing.stopped {
            choice.finish = Some("stop");
            rows.end(index);
            return Ok(());
        }
        let Some(end) = step.end else { return Ok(()) };
        rows.end(index);
        let complete = choice.turn.last() == Some(&self.marks.search[1]);
        let query = if complete { choice.query.take() } else { None };
        choice.finish = match (end, query) {
            (End::Failed(why), _) => return Err(Fault::failed(why).into()),
            (_, Some(query)) => return self.look_up(choice, index, &query, rows),
            (End::Stop, None) => Some("stop"),
            (End::Length, None) => Some("length"),
        };
        Ok(())
    }

    /// Looks something up and goes on, or hands the call to the client.
    fn look_up(
        &self,
        choice: &mut Choice,
        index: usize,
        query: &[u32],
        rows: &mut Rows<'_>,
    ) -> Result<(), Ended> {
        let bytes: Vec<u8> =
            query.iter().flat_map(|token| self.model.bytes(*token).unwrap_or_default()).copied().collect();
        let query = String::from_utf8_lossy(&bytes).trim().to_owned();
        if let Search::Client { .. } = self.search {
            let arguments = json!({ "query": query }).to_string();
            let id = format!("call_{}_{index}", self.id.trim_start_matches("chatcmpl-"));
            let function = json!({"name": SEARCH, "arguments": arguments});
            choice.call = Some(json!({"id": id, "type": "function", "function": function}));
            choice.finish = Some("tool_calls");
            return Ok(());
        }
        let hits = self.model.search(&query).map_err(Fault::failed)?;
        choice.calls += 1;
        choice.turn.extend(self.model.result(&hits, choice.turn.len()));
        let shown = |hit: &Hit| json!({"text": hit.text, "url": hit.url});
        let results: Vec<Value> = hits.iter().map(shown).collect();
        choice.searches.push(json!({"query": query, "results": results}));
        if choice.written >= self.room || choice.turn.len() >= self.model.about().context {
            choice.finish = Some("length");
            return Ok(());
        }
        Ok(rows.write(index, self.job(choice, index))?)
    }

    /// Adds what is new to the answer, or tells it at once.
    fn tell(&self, choice: &mut Choice, index: usize, reply: &mut Reply<'_>) -> Result<(), Ended> {
        let piece = if choice.finish.is_some() { choice.writing.finish() } else { choice.writing.piece() };
        if !self.sampling.stream {
            choice.text += &piece.text;
            choice.scored.extend(piece.scored);
            return Ok(());
        }
        if !choice.begun {
            choice.begun = true;
            self.event(reply, index, json!({"role": "assistant", "content": ""}), None, None)?;
        }
        for search in choice.searches.drain(..) {
            self.event(reply, index, json!({"searches": [search]}), None, None)?;
        }
        if !piece.is_empty() {
            let logprobs = self.top.map(|_| self.logprobs(&piece.scored));
            self.event(reply, index, json!({"content": piece.text}), logprobs, None)?;
        }
        if let Some(mut call) = choice.call.take() {
            // Clients put the parts of a call together by its index.
            call["index"] = 0.into();
            let arguments = std::mem::replace(&mut call["function"]["arguments"], "".into());
            self.event(reply, index, json!({"tool_calls": [call]}), None, None)?;
            let rest = json!({"index": 0, "function": {"arguments": arguments}});
            self.event(reply, index, json!({"tool_calls": [rest]}), None, None)?;
        }
        if choice.finish.is_some() {
            self.event(reply, index, json!({}), None, choice.finish)?;
        }
        Ok(())
    }

    fn event(
        &self,
        reply: &mut Reply<'_>,
        index: usize,
        delta: Value,
        logprobs: Option<Value>,
        finish: Option<&'static str>,
    ) -> Result<(), Ended> {
        let choice = json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish});
        Ok(reply.event(&self.envelope("chat.completion.chunk", vec![choice]).to_string())?)
    }

    fn whole(&self, choice: Choice, index: usize) -> Value {
        let content =
            if choice.call.is_some() && choice.text.is_empty() { Value::Null } else { choice.text.into() };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        if let Some(call) = choice.call {
            message["tool_calls"] = json!([call]);
        }
        if !choice.searches.is_empty() {
            message["searches"] = choice.searches.into();
        }
        let logprobs = self.top.map(|_| self.logprobs(&choice.scored));
        let mut whole =
            json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish});
        if self.sampling.ids {
            whole["token_ids"] = json!(choice.ids);
        }
        whole
    }

    fn envelope(&self, object: &str, choices: Vec<Value>) -> Value {
        let mut envelope = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model.about().name,
            "system_fingerprint": null, "seed": self.sampling.seed, "choices": choices,
        });
        if self.forgotten > 0 {
            envelope["forgotten"] = self.forgotten.into();
        }
        envelope
    }

    fn logprobs(&self, scored: &[Scored]) -> Value {
        let one = |token: u32, logprob: Option<f32>| {
            let bytes = self.model.bytes(token).unwrap_or_default();
            json!({"token": name(&*self.model, token), "logprob": logprob, "bytes": bytes})
        };
        let content = scored.iter().map(|it| {
            let mut told = one(it.token, it.logprob);
            told["top_logprobs"] = it.top.iter().map(|(id, logprob)| one(*id, Some(*logprob))).collect();
            told
        });
        json!({"content": content.collect::<Vec<_>>(), "refusal": null})
    }
}
