//! A model that answers: generation that pauses at a search, shows the result to the model, and goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::{Abilities, Ability};
use llmp_artifacts::random::Random;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_model::{Completion, Request, Sampler};
use llmp_stage::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::render::Template;
use crate::search::{Hit, Search, shown};
use crate::utf8::Utf8Stream;

/// How an answer is sampled.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tokens that the model writes at most, searches included.
    pub max_tokens: usize,
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f32,
    /// Samples among the `k` most probable tokens only.
    pub top_k: Option<usize>,
    /// Samples among the most probable tokens only that together reach this probability.
    pub top_p: Option<f32>,
    /// Samples among the tokens only that are at least so probable as this share of the most probable one.
    pub min_p: Option<f32>,
    /// Decides the samples.
    pub seed: u64,
    /// Searches in one turn at most, where the model can search.
    pub max_searches: usize,
    /// Ends [`Assistant::reply`] at the next token once it is set; what was said until then is the answer.
    pub halt: Option<Arc<AtomicBool>>,
}

impl Options {
    fn halted(&self) -> bool {
        self.halt.as_ref().is_some_and(|halt| halt.load(Ordering::Relaxed))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            temperature: 0.0,
            top_k: None,
            top_p: None,
            min_p: None,
            seed: 0,
            max_searches: 2,
            halt: None,
        }
    }
}

/// A search that the model made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What it looked up.
    pub query: String,
    /// What it was shown, best first.
    pub results: Vec<Hit>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// What the model says.
    pub text: String,
    /// What it looked up on the way.
    pub calls: Vec<Call>,
    /// How many of the oldest messages did not fit its context.
    pub forgotten: usize,
    /// The turn as messages, to be put behind the conversation.
    pub messages: Vec<Message>,
}

/// What happens while a reply is made.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many of the oldest messages do not fit the model's context and are left out.
    Forgot(usize),
    /// A piece of the answer.
    Text(&'a str),
    /// The model looks this up.
    Search(&'a str),
    /// What it is shown.
    Results(&'a [Hit]),
}

/// A loaded model with what it needs to answer.
pub struct Assistant {
    sampler: Sampler,
    template: Template,
    abilities: Abilities,
    search: Option<Search>,
}

impl Assistant {
    /// Loads a model folder onto a device, and the index that it searches. A model that searches and has no
    /// index finds nothing.
    ///
    /// # Errors
    /// Where a folder cannot be read or the device is missing.
    pub fn load(model: &Path, index: Option<&Path>, device: &str) -> Result<Self> {
        let abilities = Abilities::load(model)?;
        let sampler = Sampler::load(model, device)?;
        let template = Template::new(Tokenizer::load(model)?, sampler.config().context)?;
        let search = index.filter(|_| abilities.has(Ability::Searches)).map(Search::open).transpose()?;
        Ok(Self { sampler, template, abilities, search })
    }

    /// What the model has been taught.
    #[must_use]
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// Answers the last of `messages`, telling `on_event` about each step as it happens.
    ///
    /// # Errors
    /// Where the model is a base model, the last message does not fit its context, or generation fails.
    pub fn reply(
        &self,
        messages: &[Message],
        options: &Options,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Reply> {
        if !self.abilities.has(Ability::Chat) {
            return Err(Error::new("this is a base model, which holds no conversations")
                .help("run `sft` on it first"));
        }
        let prompt = self.template.prompt(messages).ok_or_else(|| {
            let room = self.sampler.config().context - self.template.answer_room();
            Error::new(format!("the message is too long: the model reads {room} tokens"))
                .help("ask in fewer words")
        })?;
        let mut turn = Turn::new(prompt.tokens, options.seed);
        turn.reply.forgotten = prompt.forgotten;
        if prompt.forgotten > 0 {
            on_event(Event::Forgot(prompt.forgotten));
        }
        while let Some(request) = self.request(&turn, options) {
            let mut stream = Stream::new(&self.template);
            let mut on_token = |_, token| {
                stream.token(token, &mut |text| on_event(Event::Text(text)));
                !options.halted()
            };
            let completions = self.sampler.generate(&[request], &|_| (), Some(&mut on_token))?;
            stream.utf8.finish(&mut |text| on_event(Event::Text(text)));
            let calls = turn.reply.calls.len();
            self.take(&mut turn, completions.into_iter().next().unwrap_or_default(), options)?;
            for call in &turn.reply.calls[calls..] {
                on_event(Event::Search(&call.query));
                on_event(Event::Results(&call.results));
            }
            turn.done |= options.halted();
        }
        if turn.reply.messages.last().is_some_and(|message| message.role == Role::Tool) {
            // Halted between a result and what the model would have said to it: the turn is closed all the
            // same.
            turn.reply.messages.push(Message::new(Role::Assistant, ""));
        }
        Ok(turn.reply)
    }

    /// Answers many questions, `batch` at a time, each by itself; question `i` samples with seed number
    /// `first + i`. A base model is asked by letting it go on with the text. A question that does not fit the
    /// context has an empty answer.
    ///
    /// # Errors
    /// Where generation fails, or `progress`, which is told after each batch how many questions it had.
    pub fn answers(
        &self,
        questions: &[&str],
        options: &Options,
        first: u64,
        batch: usize,
        progress: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Vec<Reply>> {
        let mut replies = Vec::with_capacity(questions.len());
        for (number, chunk) in questions.chunks(batch.max(1)).enumerate() {
            progress(0)?;
            let start = first + (number * batch.max(1)) as u64;
            let seeds = (start..).map(|number| Random::new(options.seed, number).next());
            let mut turns: Vec<Turn> =
                chunk.iter().zip(seeds).map(|(question, seed)| self.turn(question, seed)).collect();
            loop {
                let (open, requests): (Vec<usize>, Vec<Request>) = (turns.iter().enumerate())
                    .filter_map(|(row, turn)| Some((row, self.request(turn, options)?)))
                    .unzip();
                if open.is_empty() {
                    break;
                }
                let completions = self.sampler.generate(&requests, &|_| (), None)?;
                for (row, completion) in open.into_iter().zip(completions) {
                    self.take(&mut turns[row], completion, options)?;
                }
                progress(0)?;
            }
            progress(chunk.len())?;
            replies.extend(turns.into_iter().map(|turn| turn.reply));
        }
        Ok(replies)
    }

    fn turn(&self, question: &str, seed: u64) -> Turn {
        if !self.abilities.has(Ability::Chat) {
            return Turn { plain: true, ..Turn::new(self.template.plain(&format!("{question}\n")), seed) };
        }
        match self.template.prompt(&[Message::new(Role::User, question)]) {
            Some(prompt) => Turn::new(prompt.tokens, seed),
            None => Turn { done: true, ..Turn::new(Vec::new(), seed) },
        }
    }

    /// What the model shall write next; `None` at the end of the turn.
    fn request(&self, turn: &Turn, options: &Options) -> Option<Request> {
        let ids = self.template.ids;
        let max_tokens = options.max_tokens.checked_sub(turn.written).filter(|room| *room > 0)?;
        if turn.done || turn.tokens.len() >= self.sampler.config().context {
            return None;
        }
        let mut banned = vec![ids.im_start, ids.im_sep, ids.result_start, ids.result_end];
        let searches = turn.reply.calls.len() < options.max_searches && self.abilities.has(Ability::Searches);
        if turn.plain || !searches {
            banned.extend([ids.search_start, ids.search_end]);
        }
        Some(Request {
            prompt: turn.tokens.clone(),
            max_tokens,
            temperature: options.temperature,
            top_k: options.top_k,
            top_p: options.top_p,
            min_p: options.min_p,
            seed: turn.seed.wrapping_add(turn.reply.calls.len() as u64),
            stop: vec![ids.im_end, ids.end_of_text, ids.search_end],
            banned,
        })
    }

    /// Takes in what the model wrote, and answers its search.
    fn take(&self, turn: &mut Turn, completion: Completion, options: &Options) -> Result<()> {
        let ids = self.template.ids;
        turn.written += completion.tokens.len().max(1);
        turn.tokens.extend(&completion.tokens);
        let (said, query) = split(&completion.tokens, &ids);
        let said = self.template.tokenizer().decode(said);
        if turn.plain {
            turn.reply.text =
                said.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim().to_owned();
            turn.done = true;
            return Ok(());
        }
        turn.reply.text.push_str(&said);
        let query = query.filter(|_| turn.reply.calls.len() < options.max_searches);
        let Some(query) = query else {
            turn.done = true;
            turn.reply.messages.push(Message::new(Role::Assistant, said));
            return Ok(());
        };
        let query = self.template.tokenizer().decode(query).trim().to_owned();
        let results = match &self.search {
            Some(search) => search.find(&query, self.abilities.results.unwrap_or(1))?,
            None => Vec::new(),
        };
        let result = shown(&results);
        turn.tokens.extend(self.template.result(&result, turn.tokens.len()).0);
        turn.reply.messages.extend([
            Message { query: Some(query.clone()), ..Message::new(Role::Assistant, said) },
            Message::new(Role::Tool, result),
        ]);
        turn.reply.calls.push(Call { query, results });
        Ok(())
    }
}

/// One turn in the making.
struct Turn {
    /// The prompt, and everything since.
    tokens: Vec<u32>,
    /// Tokens that the model wrote.
    written: usize,
    seed: u64,
    /// Whether the model goes on with a text instead of holding a conversation.
    plain: bool,
    done: bool,
    reply: Reply,
}

impl Turn {
    fn new(tokens: Vec<u32>, seed: u64) -> Self {
        Self { tokens, written: 0, seed, plain: false, done: false, reply: Reply::default() }
    }
}

/// What is said before a search or the end of the turn, and the query of a search that is complete.
fn split<'a>(tokens: &'a [u32], ids: &crate::render::Ids) -> (&'a [u32], Option<&'a [u32]>) {
    let complete = tokens.last() == Some(&ids.search_end);
    let written = match tokens.last() {
        Some(last) if complete || [ids.im_end, ids.end_of_text].contains(last) => &tokens[..tokens.len() - 1],
        _ => tokens,
    };
    match written.iter().position(|token| *token == ids.search_start) {
        None => (written, None),
        Some(start) => (&written[..start], complete.then(|| &written[start + 1..])),
    }
}

/// Text of a turn as it comes: up to a search.
struct Stream<'a> {
    template: &'a Template,
    utf8: Utf8Stream,
    searching: bool,
}

impl<'a> Stream<'a> {
    fn new(template: &'a Template) -> Self {
        Self { template, utf8: Utf8Stream::default(), searching: false }
    }

    fn token(&mut self, token: u32, emit: &mut dyn FnMut(&str)) {
        let tokenizer = self.template.tokenizer();
        self.searching |= token == self.template.ids.search_start;
        if !self.searching && !tokenizer.is_special(token) {
            self.utf8.push(tokenizer.token_bytes(token).unwrap_or_default(), emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_split_at_its_search() {
        let template = Template::new(Tokenizer::cl100k(), 64).unwrap();
        let ids = template.ids;
        let (start, end) = (ids.search_start, ids.search_end);
        assert_eq!(split(&[1, 2, ids.im_end], &ids), (&[1, 2][..], None));
        assert_eq!(split(&[start, 5, 6, end], &ids), (&[][..], Some(&[5, 6][..])));
        assert_eq!(split(&[1, start, 5], &ids), (&[1][..], None), "a search that was cut off");
        assert_eq!(split(&[1, end], &ids), (&[1][..], None), "an end without a start");
        assert_eq!(split(&[], &ids), (&[][..], None));
    }

    #[test]
    fn a_stream_shows_text_only() {
        let template = Template::new(Tokenizer::cl100k(), 64).unwrap();
        let mut stream = Stream::new(&template);
        let mut text = String::new();
        let mut tokens = template.tokenizer().encode("Hello 😀");
        tokens.extend([template.ids.search_start, tokens[0], template.ids.search_end]);
        tokens.into_iter().for_each(|token| stream.token(token, &mut |piece| text.push_str(piece)));
        assert_eq!(text, "Hello 😀");
    }
}
