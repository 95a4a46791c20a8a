//! Models as the server knows them: tokens in, tokens out. What a tensor is stands elsewhere.

use std::collections::BTreeMap;

/// What a model is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Its name, by which requests choose it.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Tokens that it reads and writes at most.
    pub context: usize,
    /// Ids of its vocabulary.
    pub vocabulary: usize,
    /// Its parameters.
    pub parameters: u64,
    /// Whether it holds conversations.
    pub chat: bool,
    /// Whether it was taught to say when it does not know.
    pub refuses: bool,
    /// Whether it looks things up.
    pub searches: bool,
    /// Whether the server has what it looks things up in.
    pub index: bool,
}

/// Tokens that mean something to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Ends a document, and stands before one.
    pub end_of_text: u32,
    /// Ends a turn.
    pub end_of_turn: u32,
    /// Stands before what is looked up, and behind it.
    pub search: [u32; 2],
}

/// Who says something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Stands above the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a search found.
    Tool,
}

/// Something said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub by: Speaker,
    /// What.
    pub text: String,
    /// What an assistant looks up behind it.
    pub query: Option<String>,
}

/// A conversation as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Up to where the model begins to speak.
    pub tokens: Vec<u32>,
    /// How many of the oldest messages were left out to fit.
    pub forgotten: usize,
}

/// A passage that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The passage.
    pub text: String,
    /// The page it stands on.
    pub url: String,
}

/// A model that is served. Threads share it; what it computes stands in [`Rows`].
pub trait Model: Send + Sync {
    /// What it is.
    fn about(&self) -> &About;
    /// The tokens of a text; `specials` takes names of special tokens for these.
    ///
    /// # Errors
    /// Where special tokens cannot be looked for.
    fn encode(&self, text: &str, specials: bool) -> Result<Vec<u32>, String>;
    /// The bytes of a token; `None` where the id is no token.
    fn bytes(&self, token: u32) -> Option<&[u8]>;
    /// Whether a token is a special one.
    fn is_special(&self, token: u32) -> bool;
    /// Tokens with a meaning; `None` where the tokenizer lacks them.
    fn marks(&self) -> Option<Marks>;
    /// Tokens that a model never writes in a conversation.
    fn banned(&self) -> Vec<u32>;
    /// A conversation, up to where the model speaks next; the tokens of an answer that has begun stand last.
    /// `None` where not even the last message fits.
    fn prompt(&self, said: &[Said]) -> Option<Prompt>;
    /// Looks something up.
    ///
    /// # Errors
    /// Where the index is damaged.
    fn search(&self, query: &str) -> Result<Vec<Hit>, String>;
    /// What a search found, as the model reads it behind `used` tokens.
    fn result(&self, hits: &[Hit], used: usize) -> Vec<u32>;
    /// Where its rows are computed, by one thread.
    fn rows(&self) -> Box<dyn Rows>;
}

/// Changes logits before a token is drawn, given the tokens drawn so far.
pub type Mask = Box<dyn FnMut(&[u32], &mut [f32]) + Send>;

/// A row to be: one text that a model writes.
#[derive(Default)]
pub struct Job {
    /// Token ids before; at least one.
    pub prompt: Vec<u32>,
    /// Tokens to write at most; 0 where only the prompt's probabilities are wanted.
    pub max_tokens: usize,
    /// Divides the logits; 0 takes the likeliest token.
    pub temperature: f32,
    /// Draws among so many of the likeliest only.
    pub top_k: Option<usize>,
    /// Draws among the likeliest only that together reach this.
    pub top_p: Option<f32>,
    /// Draws among those only that are at least so likely as this share of the likeliest.
    pub min_p: Option<f32>,
    /// Decides the text, and nothing else does.
    pub seed: u64,
    /// Tokens that end it.
    pub stop: Vec<u32>,
    /// Tokens that are never drawn.
    pub banned: Vec<u32>,
    /// Added to logits.
    pub bias: BTreeMap<u32, f32>,
    /// Taken from a logit for each time that its token was drawn.
    pub frequency_penalty: f32,
    /// Taken from a logit where its token was drawn.
    pub presence_penalty: f32,
    /// What a grammar forbids.
    pub mask: Option<Mask>,
    /// How many of the likeliest tokens are told with each; `None` for no probabilities.
    pub top: Option<usize>,
    /// Whether the prompt's tokens are told, too.
    pub prompt_too: bool,
}

/// A token, and what the model gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// The token.
    pub token: u32,
    /// The natural logarithm of its probability.
    pub logprob: Option<f32>,
    /// The likeliest in its place.
    pub top: Vec<(u32, f32)>,
}

/// Why a row ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A token that ends it, which stands last.
    Stop,
    /// It is as long as it may be.
    Length,
    /// Nothing could be drawn.
    Failed(String),
}

/// What a step brought to a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Tokens of the prompt, where they are wanted.
    pub prompt: Vec<Scored>,
    /// The token that was drawn.
    pub token: Option<Scored>,
    /// Set with the last step.
    pub end: Option<End>,
}

/// Rows of one model that are computed together and come and go.
pub trait Rows {
    /// How many may be there at once.
    fn places(&self) -> usize;
    /// How many are there.
    fn count(&self) -> usize;
    /// Adds one: its number, and how many tokens of its prompt were computed before.
    ///
    /// # Errors
    /// Where the prompt does not fit, or is none.
    fn add(&mut self, job: Job) -> Result<(u64, usize), String>;
    /// Takes one away before its end.
    fn remove(&mut self, row: u64);
    /// One step of all.
    fn step(&mut self) -> Vec<(u64, Step)>;
}
