//! Stage `knowledge.probe`: what a model knows, by its own samples.

use llmp_artifacts::probe::{Knowledge, PROBE_FILE, Probed};
use llmp_artifacts::questions::{Question, read_questions};
use llmp_artifacts::rows;
use llmp_assistant::assistant::{Assistant, Options};
use llmp_assistant::grade::{Grade, Match, grade};
use llmp_model::{memory, work};
use llmp_stage::remark::grouped;
use llmp_stage::{Concern, Context, Cost, Counts, Inputs, Known, Lint, Remark, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    samples: usize,
    temperature: f32,
    known: f64,
    unknown: f64,
    r#match: Match,
    max_tokens: usize,
    seed: u64,
    batch: usize,
}

/// What it will need.
pub(crate) fn cost(settings: &Settings, inputs: &Inputs) -> Cost {
    /// Bytes of memory for each byte of JSON that is read.
    const READ: u64 = 3;
    let questions = inputs.get("questions");
    let memory = memory::config_of(inputs.get("model")).map(|config| {
        // Questions whose size is not known are small beside the model.
        let samples = questions.bytes.unwrap_or(0) * settings.samples as u64;
        let prompt = memory::longest_row(questions, &config);
        memory::of_sampling(&config, settings.batch as u64, prompt) + READ * samples
    });
    let samples = settings.samples as u64;
    let flops = memory::config_of(inputs.get("model")).and_then(|config| {
        let prompt = work::prompt_of_questions(questions, &config)?;
        let sequences = questions.items? * samples;
        Some(work::of_writing(&config, sequences as f64, prompt, settings.max_tokens))
    });
    // Every question again, with its samples.
    const SAMPLE: u64 = 40;
    let bytes = questions.bytes.zip(questions.items).map(|(bytes, items)| bytes + SAMPLE * items * samples);
    let result = Known { items: questions.items, bytes, ..Known::default() };
    Cost { flops, memory, result, ..Cost::default() }
}

/// The share of known questions below which a model that is taught to refuse will refuse nearly everything.
const FEW_KNOWN: f64 = 0.1;

/// That the model knows hardly anything.
pub(crate) fn remarks(settings: &Settings, counts: &Counts) -> Vec<Remark> {
    // One sample is a trial of the pipeline and says little.
    if settings.samples < 2 {
        return vec![];
    }
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let (known, unknown, unsure) = (count("known"), count("unknown"), count("unsure"));
    let all = known + unknown + unsure;
    if all == 0 || known as f64 >= FEW_KNOWN * all as f64 {
        return vec![];
    }
    let message = format!(
        "{} of {} questions are known, {} are unknown: a model that learns to refuse from this refuses nearly everything",
        grouped(known),
        grouped(all),
        grouped(unknown)
    );
    let help = "train longer on documents that state each fact in several wordings (`for` of `pretrain`), tune longer \
                (`epochs` of `sft`), and let answers begin with the value";
    vec![Remark::new(Concern::FewKnown, message).help(help)]
}

/// A question cannot be known and unknown at once.
pub(crate) fn lint(settings: &Settings) -> Vec<Lint> {
    let percent = |share: f64| format!("{}%", (share * 1e6).round() / 1e4);
    let wrong = settings.unknown >= settings.known;
    let lint = wrong.then(|| {
        Lint::new("E0305", &["unknown"], "a question would be known and unknown at once")
            .label(format!("`unknown` is {}, `known` {}", percent(settings.unknown), percent(settings.known)))
            .help("choose `unknown` below `known`")
    });
    lint.into_iter().collect()
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    // Without an index: what the model knows is what it says by itself.
    let assistant = Assistant::load(ctx.input("model")?.folder(), None, ctx.device())?;
    let questions = read_questions(ctx.input("questions")?)?;
    let options = Options {
        max_tokens: settings.max_tokens,
        temperature: settings.temperature,
        seed: settings.seed,
        max_searches: 0,
        ..Options::default()
    };
    let mut writer = rows::Writer::create(&ctx.output().join(PROBE_FILE))?;
    let bar = ctx.bar(questions.len() as u64, "questions");
    let mut counts = [0u64; 3];
    let at_once = settings.batch.div_ceil(settings.samples);
    for (number, chunk) in questions.chunks(at_once).enumerate() {
        let asked: Vec<&str> = chunk
            .iter()
            .flat_map(|row| std::iter::repeat_n(row.question.as_str(), settings.samples))
            .collect();
        let first = (number * at_once * settings.samples) as u64;
        let replies = assistant.answers(&asked, &options, first, settings.batch, &mut |_| ctx.proceed())?;
        for (question, replies) in chunk.iter().zip(replies.chunks(settings.samples)) {
            let samples: Vec<String> = replies.iter().map(|reply| reply.text.clone()).collect();
            let refusal = assistant.abilities().refusal.as_deref();
            let row = judge(question.clone(), samples, refusal, &settings);
            counts[row.verdict as usize] += 1;
            writer.write(&row)?;
        }
        bar.add(chunk.len() as u64);
        bar.note(&format!("{} known, {} unknown", counts[0], counts[1]));
    }
    writer.finish()?;
    let [known, unknown, unsure] = counts;
    for (name, count) in [("known", known), ("unknown", unknown), ("unsure", unsure)] {
        ctx.count(name, count);
    }
    ctx.show(&format!("of {} questions {known} known, {unknown} unknown, {unsure} unsure", questions.len()));
    Ok(())
}

fn judge(question: Question, samples: Vec<String>, refusal: Option<&str>, settings: &Settings) -> Probed {
    let right =
        |answer: &String| grade(answer, &question.values, refusal, settings.r#match) == Grade::Correct;
    let correct = samples.iter().filter(|answer| right(answer)).count();
    let share = correct as f64 / samples.len() as f64;
    let verdict = match share {
        share if share >= settings.known => Knowledge::Known,
        share if share <= settings.unknown => Knowledge::Unknown,
        _ => Knowledge::Unsure,
    };
    Probed { question, of: samples.len(), samples, correct, verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(samples: usize) -> Settings {
        Settings {
            samples,
            temperature: 1.0,
            known: 0.75,
            unknown: 0.1,
            r#match: Match::Begins,
            max_tokens: 8,
            seed: 1,
            batch: 4,
        }
    }

    #[test]
    fn no_question_is_known_and_unknown_at_once() {
        let found = |known: f64, unknown: f64| {
            let settings = serde_json::json!({
                "samples": 4, "temperature": 1.0, "known": known, "unknown": unknown, "match": "begins",
                "max_tokens": 8, "seed": 1, "batch": 8,
            });
            let lints = lint(&serde_json::from_value(settings).unwrap());
            lints.iter().map(|lint| (lint.code, lint.path.join("."))).collect::<Vec<_>>()
        };
        assert!(found(0.75, 0.1).is_empty());
        for (known, unknown) in [(0.2, 0.5), (0.5, 0.5)] {
            assert_eq!(found(known, unknown), [("E0305", "unknown".to_owned())]);
        }
    }

    #[test]
    fn hardly_anything_known_is_said() {
        let said = |samples, known: u64| {
            let counts = [("known", known), ("unknown", 663), ("unsure", 100)];
            let counts = counts.map(|(name, count)| (name.to_owned(), count)).into();
            remarks(&settings(samples), &counts).into_iter().map(|it| it.message).next()
        };
        assert!(said(4, 17).unwrap().starts_with("17 of 780 questions are known, 663 are unknown"));
        assert_eq!((said(4, 90), said(1, 0)), (None, None));
        assert_eq!(remarks(&settings(4), &Counts::new()), []);
    }

    #[test]
    fn a_verdict_follows_from_the_share_of_right_samples() {
        let settings = settings(4);
        let question = Question {
            id: "1".into(),
            question: "Where?".into(),
            answer: "Peru.".into(),
            values: vec!["Peru".into()],
            entity: None,
            attribute: None,
            tags: Default::default(),
        };
        let verdict = |samples: [&str; 4]| {
            let samples = samples.map(str::to_owned).to_vec();
            let row = judge(question.clone(), samples, None, &settings);
            (row.correct, row.verdict)
        };
        assert_eq!(verdict(["Peru", "Peru!", "Oman", "peru is it"]), (3, Knowledge::Known));
        assert_eq!(verdict(["Peru", "I don't know", "Oman", "Oman"]), (1, Knowledge::Unsure));
        assert_eq!(verdict(["I don't know", "I don't know", "Oman", ""]), (0, Knowledge::Unknown));
    }
}
