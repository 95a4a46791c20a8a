//! A model that is measured, and texts as it reads them.

use llmp_artifacts::tokenizer::Tokenizer;
use llmp_model::Sampler;
use llmp_stage::{Context, Error, Input, Result};

/// The token that llmp's vocabularies end every document with.
const END_OF_TEXT: &str = "<|endoftext|>";

/// A loaded model with its vocabulary.
pub(crate) struct Subject {
    /// What it is called in the report.
    pub(crate) name: String,
    pub(crate) sampler: Sampler,
    pub(crate) tokenizer: Tokenizer,
}

impl Subject {
    /// Loads the model number `number` of `models`.
    pub(crate) fn load(ctx: &dyn Context, models: &[Input], number: usize) -> Result<Self> {
        let folder = models.get(number).ok_or_else(|| Error::new("no model was given"))?.folder();
        Ok(Self {
            name: name(models, number),
            tokenizer: Tokenizer::load(folder)?,
            sampler: Sampler::load(folder, ctx.device())?,
        })
    }

    /// Tokens that it reads at most.
    pub(crate) fn context(&self) -> usize {
        self.sampler.config().context
    }

    /// The tokens that end a text.
    pub(crate) fn ends(&self) -> Vec<u32> {
        let end = self.tokenizer.special(END_OF_TEXT).filter(|end| !self.sampler.config().eos.contains(end));
        self.sampler.config().eos.iter().copied().chain(end).collect()
    }

    /// What stands before the first token of a text: the token that starts texts, or else the one that ends
    /// them.
    pub(crate) fn start(&self) -> Result<u32> {
        let config = self.sampler.config();
        let end = || self.tokenizer.special(END_OF_TEXT).or(config.eos.first().copied());
        config.bos.or_else(end).ok_or_else(|| {
            Error::new(format!("the vocabulary of `{}` has no token that starts or ends a text", self.name))
                .help("use a tokenizer with `<|endoftext|>`")
        })
    }
}

/// The name of the model number `number`; a number is behind one that stands there twice.
pub(crate) fn name(models: &[Input], number: usize) -> String {
    let label = models.get(number).map_or("", |model| model.label.as_str());
    match models.iter().take(number).any(|other| other.label == label) {
        true => format!("{label} ({})", number + 1),
        false => label.to_owned(),
    }
}
