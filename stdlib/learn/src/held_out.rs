//! What a stage never learns from and is measured with.

use std::collections::BTreeSet;

use llmp_artifacts::random::mix;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_artifacts::tokens::TokenSet;
use llmp_model::{HeldOut, Row};
use llmp_stage::{Context, Error, Input, Result};

/// How what is held out is used.
pub(crate) struct Watching {
    /// Share of the steps between measurements.
    pub(crate) every: f64,
    /// Measurements without a lower loss, after which training ends.
    pub(crate) stop: Option<u32>,
    /// Rows measured at a time.
    pub(crate) batch: usize,
}

impl Watching {
    fn held_out(&self, rows: Vec<Row>, bytes: Option<u64>, steps: u64) -> HeldOut {
        let every = ((steps as f64 * self.every).round() as u64).max(1);
        HeldOut { rows, batch: self.batch, bytes, every, patience: self.stop }
    }
}

/// Rows of the stage's input `held_out`, where it is given: windows of up to `context` tokens, evenly over
/// the set, with at most `limit` tokens in all.
pub(crate) fn of_tokens(
    ctx: &dyn Context,
    trained: &Input,
    [context, vocabulary]: [usize; 2],
    limit: u64,
    watching: &Watching,
    steps: u64,
) -> Result<Option<HeldOut>> {
    let Some(input) = ctx.inputs("held_out").first() else { return Ok(None) };
    apart(trained, input)?;
    let set = TokenSet::open(input)?;
    if set.info().vocab_size as usize > vocabulary {
        let message = format!(
            "`{}` holds token ids below {}, the model knows those below {vocabulary}",
            input.label,
            set.info().vocab_size
        );
        return Err(Error::new(message).help("encode what is held out with the model's tokenizer"));
    }
    if set.tokens() < 2 {
        return Err(Error::new(format!("`{}` holds no tokens to measure with", input.label)));
    }
    let predicted = set.tokens() - 1;
    let length = predicted.min(context as u64);
    let windows = predicted.div_ceil(length);
    let wanted = (limit / length).clamp(1, windows);
    let tokenizer = Tokenizer::load(input.folder())?;
    let special: BTreeSet<u32> = tokenizer.specials().values().copied().collect();
    let (mut rows, mut bytes, mut tokens) = (Vec::new(), 0, 0);
    for number in 0..wanted {
        let start = number * windows / wanted * length;
        let mut ids = vec![0; (length.min(predicted - start) + 1) as usize];
        set.read(start, &mut ids)?;
        let text = ids.iter().skip(1).filter(|id| !special.contains(id));
        bytes += text.map(|&id| tokenizer.token_bytes(id).map_or(0, <[u8]>::len) as u64).sum::<u64>();
        tokens += ids.len() as u64 - 1;
        rows.push(Row { learn: vec![true; ids.len()], tokens: ids });
    }
    ctx.count("held_out.tokens", tokens);
    ctx.log(&format!("held out: {tokens} of {} tokens, {bytes} bytes of text", set.tokens()));
    Ok(Some(watching.held_out(rows, Some(bytes), steps)))
}

/// What is trained on says nothing of how well a model does: refuses a shard that stands in both.
fn apart(trained: &Input, held_out: &Input) -> Result<()> {
    const IDS: &str = ".tokens.bin";
    let known: BTreeSet<&str> = trained.with_suffix(IDS).map(|file| file.digest.as_str()).collect();
    let empty = blake3::hash(&[]).to_hex();
    let both = held_out
        .with_suffix(IDS)
        .find(|file| known.contains(file.digest.as_str()) && file.digest != empty.as_str());
    match both {
        Some(file) => Err(Error::new(format!(
            "`{}` holds what `{}` trains on, too: the shard `{}`",
            held_out.label, trained.label, file.name
        ))
        .help("hold out documents of their own, which training never sees")),
        None => Ok(()),
    }
}

/// Takes the share `share` of `examples` out, by their content, so that the same conversation is held out in
/// every run and its copies with it; at least one where the share is not 0.
pub(crate) fn of_examples(examples: &mut Vec<Row>, share: f64, seed: u64) -> Option<Vec<Row>> {
    if share <= 0.0 || examples.len() < 2 {
        return None;
    }
    let hashes: Vec<u64> = examples.iter().map(|row| hash(row, seed)).collect();
    let least = hashes.iter().copied().min()?;
    let limit = ((share * 2f64.powi(64)) as u64).max(least.saturating_add(1));
    let mut held_out = Vec::new();
    let mut kept = Vec::new();
    for (row, hash) in std::mem::take(examples).into_iter().zip(hashes) {
        if hash < limit { held_out.push(row) } else { kept.push(row) }
    }
    *examples = kept;
    Some(held_out)
}

/// A hash of what a row says.
fn hash(row: &Row, seed: u64) -> u64 {
    row.tokens.iter().fold(mix(seed), |hash, &id| mix(hash ^ u64::from(id)))
}

/// What was taken out, as it is measured.
pub(crate) fn of_rows(rows: Vec<Row>, watching: &Watching, steps: u64) -> HeldOut {
    watching.held_out(rows, None, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_held_out_by_their_content() {
        let row = |id: u32| Row { tokens: vec![1, id, id * 7], learn: vec![true; 3] };
        let mut first: Vec<Row> = (0..1_000).map(row).chain((0..1_000).map(row)).collect();
        let held = of_examples(&mut first, 0.1, 3).unwrap();
        assert!((100..300).contains(&held.len()) && held.len() + first.len() == 2_000, "{}", held.len());
        assert!(held.iter().all(|row| !first.contains(row)), "a copy is held out, too");
        let mut other: Vec<Row> = (500..1_500).rev().map(row).collect();
        let again = of_examples(&mut other, 0.1, 3).unwrap();
        let both = held.iter().filter(|row| row.tokens[1] >= 500);
        assert!(both.clone().count() > 50 && both.clone().all(|row| again.contains(row)));
        let mut few: Vec<Row> = (0..3).map(row).collect();
        assert_eq!(of_examples(&mut few, 1e-9, 1).unwrap().len(), 1);
        assert!(of_examples(&mut few, 0.0, 1).is_none() && few.len() == 2);
    }
}
