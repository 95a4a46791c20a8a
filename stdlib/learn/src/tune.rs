//! What every fine-tuning stage shares: the model that learns, conversations, replay, and the recipe.

use std::path::PathBuf;

use llmp_artifacts::conversations::{CONVERSATIONS_FILE, Message, Role, from_row};
use llmp_artifacts::model::Abilities;
use llmp_artifacts::model::Config;
use llmp_artifacts::probe::read_probe;
use llmp_artifacts::questions::Question;
use llmp_artifacts::rows;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_artifacts::tokens::TokenSet;
use llmp_assistant::render::Template;
use llmp_model::{Optimizer, Recipe, Row, Schedule, Start, Stretch, memory, train, work};
use llmp_stage::{Concern, Context, Cost, Counts, Error, Inputs, Remark, Result, remark::grouped};

use crate::blend::{Decision, Decisions, HeldBack};
use crate::mix::{Mix, Part, Replay, rows_of};
use crate::passes::Passes;

/// Bytes of memory for each byte of JSON that is read.
pub(crate) const READ: u64 = 3;

/// The model that a stage goes on from.
pub(crate) struct Student {
    pub(crate) folder: PathBuf,
    pub(crate) context: usize,
    pub(crate) template: Template,
    pub(crate) abilities: Abilities,
}

impl Student {
    /// The stage's input `model`.
    pub(crate) fn open(ctx: &dyn Context) -> Result<Self> {
        let folder = ctx.input("model")?.folder().to_owned();
        let context = Config::load(&folder)?.context;
        let template = Template::new(Tokenizer::load(&folder)?, context)?;
        let abilities = Abilities::load(&folder)?;
        Ok(Self { folder, context, template, abilities })
    }

    /// The row that teaches `messages`; what had to be cut off is counted.
    pub(crate) fn row(&self, ctx: &dyn Context, messages: &[Message]) -> Row {
        let rendered = self.template.learn(messages);
        ctx.count("examples", 1);
        if rendered.cut {
            ctx.count("examples.cut", 1);
        }
        rendered.row
    }

    /// Pretraining text for `share` of the steps, where the stage's input `replay` was given.
    pub(crate) fn replay(
        &self,
        ctx: &dyn Context,
        share: f64,
        batch: usize,
        seed: u64,
    ) -> Result<Option<Replay>> {
        let Some(input) = ctx.inputs("replay").first().filter(|_| share > 0.0) else { return Ok(None) };
        let tokens = TokenSet::open(input)?;
        let vocabulary = self.template.tokenizer().vocab_size();
        if tokens.info().vocab_size > vocabulary {
            return Err(Error::new(format!(
                "`{}` holds token ids below {}, the model knows those below {vocabulary}",
                input.label,
                tokens.info().vocab_size
            ))
            .help("replay the tokens that the model was pretrained on"));
        }
        if tokens.tokens() < 2 {
            return Err(Error::new(format!("`{}` holds no tokens to replay", input.label)));
        }
        Ok(Some(Replay::new(tokens, share, batch, self.context, seed)))
    }

    /// Where the model decides, for what is held back, between the answer and `way`, which begins what it
    /// does where it does not know.
    pub(crate) fn decisions(&self, held_back: &HeldBack, way: &[u32]) -> Decisions {
        let tokenizer = self.template.tokenizer();
        let prompt = |question: &Question| {
            Some(self.template.prompt(&[Message::new(Role::User, &question.question)])?.tokens)
        };
        let known = held_back.known.iter().filter_map(|question| {
            Decision::new(prompt(question), way, Some(&tokenizer.encode(&question.answer)))
        });
        let unknown = held_back.unknown.iter().filter_map(|it| Decision::new(prompt(it), way, None));
        let fits = |decision: &Decision| decision.fits(self.context);
        Decisions { known: known.filter(fits).collect(), unknown: unknown.filter(fits).collect() }
    }

    /// Trains, and writes the model to the stage's output. [`Abilities`] are left to the stage.
    pub(crate) fn train(&self, ctx: &dyn Context, mix: &Mix<'_>, tuning: &Tuning) -> Result<()> {
        let ids = self.template.ids;
        let recipe = Recipe {
            optimizer: Optimizer::AdamW,
            learning_rate: tuning.lr,
            embedding_learning_rate: tuning.lr,
            warmup: Stretch::Share(tuning.warmup),
            schedule: Schedule::Linear,
            decay: Stretch::Share(0.0),
            final_fraction: 0.0,
            weight_decay: 0.0,
            clip: Some(1.0),
            seed: tuning.seed,
            checkpoint_every: tuning.checkpoint_every,
            on_spike: llmp_model::OnSpike::Note,
            stop_tokens: Some(vec![ids.im_end, ids.end_of_text]),
        };
        let trained = train(ctx, Start::From(&self.folder), &self.folder, mix, &recipe)?;
        ctx.show(&trained.to_string());
        Ok(())
    }
}

/// How a stage tunes: AdamW without weight decay, the rate falling in a straight line to 0, gradients clipped
/// to norm 1.
pub(crate) struct Tuning {
    pub(crate) lr: f64,
    pub(crate) warmup: f64,
    pub(crate) seed: u64,
    pub(crate) checkpoint_every: u64,
}

/// What fine-tuning will need, on rows of what the inputs `from` hold, `batch` in a step; on full rows where
/// none are named. A step of replay has a quarter as many rows, which are full.
pub(crate) fn cost(batch: usize, inputs: &Inputs, from: &[&str]) -> Cost {
    let Some(config) = memory::config_of(inputs.get("model")) else { return Cost::default() };
    let context = config.context as u64;
    let row = from.iter().flat_map(|role| inputs.all(role));
    let row = row.map(|known| memory::longest_row(known, &config)).max().unwrap_or(context);
    let batch = batch as u64;
    // What is not known of its inputs is small beside the model.
    let read: u64 = ["conversations", "probe"]
        .iter()
        .filter_map(|role| inputs.get(role).bytes)
        .map(|bytes| READ * bytes)
        .sum();
    let memory = memory::of_training(&config, (batch * row).max(batch.div_ceil(4) * context)) + read;
    Cost { memory: Some(memory), parameters: Some(config.parameter_count()), ..Cost::default() }
}

/// The share of conversations that are cut off from which on it is said.
const MANY_CUT: f64 = 0.05;

/// What did not fit the context, of what fine-tuning learns from.
pub(crate) fn left_out(counts: &Counts) -> Vec<Remark> {
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let (useful, too_long, cut) =
        (count("conversations"), count("conversations.too_long"), count("conversations.cut"));
    let mut remarks = Vec::new();
    let help = "give the model a longer `context`, or use shorter conversations";
    if too_long > 0 {
        let message = format!(
            "{} of {} conversations were left out: they are longer than the model's context before the first answer",
            grouped(too_long),
            grouped(too_long + useful)
        );
        remarks.push(Remark::new(Concern::LeftOut, message).help(help));
    }
    if cut > 0 && cut as f64 >= MANY_CUT * useful as f64 {
        let message = format!(
            "{} of {} conversations were cut off at the context's end",
            grouped(cut),
            grouped(useful)
        );
        remarks.push(Remark::new(Concern::CutOff, message).help(help));
    }
    let (examples, cut) = (count("examples"), count("examples.cut"));
    if cut > 0 && cut as f64 >= MANY_CUT * examples as f64 {
        let message =
            format!("{} of {} examples were cut off at the context's end", grouped(cut), grouped(examples));
        remarks.push(Remark::new(Concern::CutOff, message).help(help));
    }
    remarks
}

/// What `steps` steps of `batch` rows of `row` tokens come to, in floating-point operations, where `share` of
/// them replay full rows, a quarter as many; `None` where the model or the rows are not known.
pub(crate) fn flops(inputs: &Inputs, steps: f64, batch: usize, share: f64, row: Option<f64>) -> Option<f64> {
    let (config, row) = (memory::config_of(inputs.get("model"))?, row?);
    let share = if inputs.all("replay").is_empty() { 0.0 } else { share };
    let replayed = batch.div_ceil(4) as f64 * config.context as f64;
    Some(work::of_training(&config, steps * ((1.0 - share) * batch as f64 * row + share * replayed)))
}

/// Tokens of a row, padded, of what a stage that teaches the border of knowledge learns from: as long as
/// conversations, or else as the probe's questions.
pub(crate) fn row(inputs: &Inputs) -> Option<f64> {
    let config = memory::config_of(inputs.get("model"))?;
    work::row_of_conversations(inputs.get("conversations"), &config)
        .or_else(|| work::row_of_questions(inputs.get("probe"), &config))
}

/// The conversations of the stage's input `conversations`; none where it was not given.
pub(crate) fn conversations(ctx: &dyn Context) -> Result<Vec<Vec<Message>>> {
    let mut conversations = Vec::new();
    if let Some(input) = ctx.inputs("conversations").first() {
        rows::read(input.file(CONVERSATIONS_FILE)?, |row, place| {
            let messages = from_row(&row).map_err(|fault| Error::new(format!("{place}: {fault}")))?;
            conversations.push(messages);
            Ok(())
        })?;
    }
    Ok(conversations)
}

/// A part of each batch that is made of finished rows.
pub(crate) fn fixed_part<'a>(rows: usize, examples: Vec<Row>, seed: u64) -> Part<'a> {
    let passes = Passes::new(examples.len(), seed);
    Part { rows, passes, example: Box::new(move |item, _| examples[item].clone()) }
}

/// The share of each batch that are conversations: `share` where there are any.
fn chat_part<'a>(ctx: &dyn Context, student: &Student, rows: usize, seed: u64) -> Result<Option<Part<'a>>> {
    let conversations = conversations(ctx)?;
    let examples: Vec<Row> = conversations.iter().map(|messages| student.row(ctx, messages)).collect();
    Ok((!examples.is_empty() && rows > 0).then(|| fixed_part(rows, examples, seed)))
}

/// What a stage that teaches the border of knowledge learns from.
pub(crate) struct Border<'a> {
    pub(crate) known: Vec<Question>,
    pub(crate) unknown: Vec<Question>,
    /// Rows of a batch for either kind.
    pub(crate) known_rows: usize,
    pub(crate) unknown_rows: usize,
    /// Conversations for the rows that are left.
    pub(crate) chat: Option<Part<'a>>,
}

impl Border<'_> {
    /// The stage's input `probe`, counted, and how its questions share a batch.
    pub(crate) fn open(
        ctx: &dyn Context,
        student: &Student,
        batch: usize,
        [chat_share, known_share]: [f64; 2],
        seed: u64,
    ) -> Result<Self> {
        let (known, unknown) = read_probe(ctx.input("probe")?)?;
        ctx.count("known", known.len() as u64);
        ctx.count("unknown", unknown.len() as u64);
        let chat = chat_part(ctx, student, rows_of(batch, chat_share), seed)?;
        let rest = batch - chat.as_ref().map_or(0, |part| part.rows);
        let known_rows = rows_of(rest, known_share);
        let unknown_rows = rest - known_rows;
        require(known_rows, known.len(), "knows", "known")?;
        require(unknown_rows, unknown.len(), "does not know", "unknown")?;
        Ok(Self { known, unknown, known_rows, unknown_rows, chat })
    }
}

/// Refuses to teach from nothing.
fn require(rows: usize, found: usize, what: &str, setting: &str) -> Result<()> {
    if rows > 0 && found == 0 {
        return Err(Error::new(format!("the probe found no question that the model {what}")).help(format!(
            "probe more questions, loosen `{setting}` of the probe, or change `known_share`"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use llmp_stage::Known;

    use super::*;

    #[test]
    fn conversations_that_do_not_fit_are_said() {
        let said = |list: &[(&str, u64)]| -> Vec<(Concern, String)> {
            let counts = list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            left_out(&counts).into_iter().map(|it| (it.concern, it.message)).collect()
        };
        let remarks =
            said(&[("conversations", 1_381), ("conversations.too_long", 119), ("conversations.cut", 400)]);
        assert_eq!((remarks[0].0, remarks[1].0), (Concern::LeftOut, Concern::CutOff));
        assert!(remarks[0].1.starts_with("119 of 1,500 conversations were left out"), "{remarks:?}");
        assert!(remarks[1].1.starts_with("400 of 1,381 conversations were cut off"), "{remarks:?}");
        assert_eq!(said(&[("conversations", 1_000), ("conversations.cut", 40)]), []);
    }

    #[test]
    fn more_steps_on_longer_rows_are_more_work() {
        let model = Known { model: Some(llmp_artifacts::testing::tiny().to_json()), ..Known::default() };
        let mut inputs = Inputs([("model".to_owned(), vec![model])].into());
        let of = |inputs: &Inputs, steps: f64, row: Option<f64>| flops(inputs, steps, 32, 0.25, row);
        let once = of(&inputs, 100.0, Some(16.0)).unwrap();
        assert!(once > 0.0 && of(&inputs, 200.0, Some(16.0)).unwrap() == 2.0 * once);
        assert!(of(&inputs, 100.0, Some(24.0)).unwrap() > once);
        assert_eq!(of(&inputs, 100.0, None), None, "unknown rows are unknown work");
        inputs.0.insert("replay".into(), vec![Known::default()]);
        assert!(of(&inputs, 100.0, Some(16.0)).unwrap() != once, "steps of replay are of other rows");
    }
}
