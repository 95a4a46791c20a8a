//! A model as the server knows it, over the sampler, the chat template and the search index.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::model::{Abilities, Ability};
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_assistant::render::Template;
use llmp_assistant::search::{Hit as Passage, Search, shown};
use llmp_model::{Adjust, Batch, Sampler};
use llmp_serve::model::{About, End, Hit, Job, Marks, Model, Prompt, Rows, Said, Scored, Speaker, Step};

use super::Failure;

/// Bytes of caches of texts that were computed, which later ones that begin alike go on from.
const KEPT: usize = 512 << 20;
/// The file that tells when a model was made.
const WEIGHTS: &str = "model.safetensors";

/// A loaded model.
pub(super) struct Served {
    about: About,
    sampler: Arc<Sampler>,
    tokenizer: Tokenizer,
    /// `None` where the tokenizer has no tokens for conversations.
    template: Option<Template>,
    results: usize,
    search: Option<Search>,
}

impl Served {
    /// Loads a model folder onto a device, and the index that it searches.
    pub(super) fn load(
        name: &str,
        folder: &Path,
        index: Option<&Path>,
        device: &str,
    ) -> Result<Self, Failure> {
        let abilities = Abilities::load(folder)?;
        let sampler = Sampler::load(folder, device)?;
        let tokenizer = Tokenizer::load(folder)?;
        let config = sampler.config();
        let template = Template::new(tokenizer.clone(), config.context).ok();
        let searches = abilities.has(Ability::Searches);
        let search = index.filter(|_| searches).map(Search::open).transpose()?;
        let made = std::fs::metadata(folder.join(WEIGHTS)).and_then(|it| it.modified()).ok();
        let made = made.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let about = About {
            name: name.to_owned(),
            created: made.map_or(0, |time| time.as_secs()),
            context: config.context,
            vocabulary: config.vocabulary,
            parameters: config.parameter_count(),
            chat: abilities.has(Ability::Chat) && template.is_some(),
            refuses: abilities.has(Ability::Refuses),
            searches,
            index: search.is_some(),
        };
        let results = abilities.results.unwrap_or(1);
        Ok(Self { about, sampler: Arc::new(sampler), tokenizer, template, results, search })
    }
}

impl Model for Served {
    fn about(&self) -> &About {
        &self.about
    }

    fn encode(&self, text: &str, specials: bool) -> Result<Vec<u32>, String> {
        match specials {
            true => self.tokenizer.encode_with_specials(text).map_err(|error| error.to_string()),
            false => Ok(self.tokenizer.encode(text)),
        }
    }

    fn bytes(&self, token: u32) -> Option<&[u8]> {
        self.tokenizer.token_bytes(token)
    }

    fn is_special(&self, token: u32) -> bool {
        self.tokenizer.is_special(token)
    }

    fn marks(&self) -> Option<Marks> {
        let ids = self.template.as_ref()?.ids;
        let search = [ids.search_start, ids.search_end];
        Some(Marks { end_of_text: ids.end_of_text, end_of_turn: ids.im_end, search })
    }

    fn banned(&self) -> Vec<u32> {
        let ids = self.template.as_ref().map(|template| template.ids);
        ids.map_or_else(Vec::new, |ids| vec![ids.im_start, ids.im_sep, ids.result_start, ids.result_end])
    }

    fn prompt(&self, said: &[Said]) -> Option<Prompt> {
        let messages: Vec<Message> = said.iter().map(message).collect();
        let prompt = self.template.as_ref()?.prompt_within(&messages)?;
        Some(Prompt { tokens: prompt.tokens, forgotten: prompt.forgotten })
    }

    fn search(&self, query: &str) -> Result<Vec<Hit>, String> {
        let Some(search) = &self.search else { return Ok(Vec::new()) };
        let found = search.find(query, self.results).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|Passage { text, url, .. }| Hit { text, url }).collect())
    }

    fn result(&self, hits: &[Hit], used: usize) -> Vec<u32> {
        let passages: Vec<Passage> = hits
            .iter()
            .map(|hit| Passage { text: hit.text.clone(), url: hit.url.clone(), score: 0.0 })
            .collect();
        self.template.as_ref().map_or_else(Vec::new, |template| template.result(&shown(&passages), used).0)
    }

    fn rows(&self) -> Box<dyn Rows> {
        Box::new(Computed(Batch::new(Arc::clone(&self.sampler), KEPT)))
    }
}

fn message(said: &Said) -> Message {
    let role = match said.by {
        Speaker::System => Role::System,
        Speaker::User => Role::User,
        Speaker::Assistant => Role::Assistant,
        Speaker::Tool => Role::Tool,
    };
    Message { query: said.query.clone(), ..Message::new(role, said.text.clone()) }
}

/// Rows, computed.
struct Computed(Batch);

impl Rows for Computed {
    fn places(&self) -> usize {
        self.0.places()
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn add(&mut self, job: Job) -> Result<(u64, usize), String> {
        let request = llmp_model::Request {
            prompt: job.prompt,
            max_tokens: job.max_tokens,
            temperature: job.temperature,
            top_k: job.top_k,
            top_p: job.top_p,
            min_p: job.min_p,
            seed: job.seed,
            stop: job.stop,
            banned: job.banned,
        };
        let Job { bias, frequency_penalty, presence_penalty, mask, top, prompt_too, .. } = job;
        let adjust = Adjust { bias, frequency_penalty, presence_penalty };
        let job = llmp_model::Job { request, adjust, mask, top, prompt_too };
        self.0.add(job).map_err(|error| error.to_string())
    }

    fn remove(&mut self, row: u64) {
        self.0.remove(row);
    }

    fn step(&mut self) -> Vec<(u64, Step)> {
        let scored = |it: llmp_model::Scored| Scored { token: it.token, logprob: it.logprob, top: it.top };
        let steps = self.0.step().into_iter().map(|(row, step)| {
            let end = step.end.map(|end| match end {
                llmp_model::End::Stop => End::Stop,
                llmp_model::End::Length => End::Length,
                llmp_model::End::Failed(why) => End::Failed(why),
            });
            let prompt = step.prompt.into_iter().map(scored).collect();
            (row, Step { prompt, token: step.token.map(scored), end })
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests;
