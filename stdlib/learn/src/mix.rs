//! Which rows a fine-tuning step learns from: examples of several kinds in fixed shares, and pretraining text
//! in between.

use llmp_artifacts::random::Random;
use llmp_artifacts::tokens::TokenSet;
use llmp_model::{Batches, HeldOut, Row};
use llmp_stage::Result;

use crate::passes::Passes;

/// Examples of one kind.
pub(crate) struct Part<'a> {
    /// How many of them each batch holds.
    pub(crate) rows: usize,
    pub(crate) passes: Passes,
    /// Makes the row of an item; the second number differs each time that the item comes up.
    pub(crate) example: Box<dyn Fn(usize, u64) -> Row + Sync + 'a>,
}

/// Pretraining text, so that tuning does not wash out what pretraining taught.
pub(crate) struct Replay {
    tokens: TokenSet,
    /// Share of the steps.
    share: f64,
    windows: usize,
    /// Tokens of a window, the last of which is only predicted.
    length: usize,
    seed: u64,
}

impl Replay {
    /// Windows of `context` tokens at random places. Conversations are shorter than the context, so that a
    /// step of replay holds a quarter as many rows as a step of `batch` examples.
    pub(crate) fn new(tokens: TokenSet, share: f64, batch: usize, context: usize, seed: u64) -> Self {
        let length = usize::try_from(tokens.tokens()).unwrap_or(usize::MAX).min(context + 1);
        Self { tokens, share, windows: batch.div_ceil(4), length, seed }
    }

    fn batch(&self, number: u64) -> Result<Vec<Row>> {
        let mut random = Random::new(self.seed, number);
        let starts = self.tokens.tokens() - self.length as u64 + 1;
        let starts = usize::try_from(starts).unwrap_or(usize::MAX);
        (0..self.windows)
            .map(|_| {
                let mut tokens = vec![0; self.length];
                self.tokens.read(random.below(starts) as u64, &mut tokens)?;
                Ok(Row { learn: vec![true; tokens.len()], tokens })
            })
            .collect()
    }
}

/// The batches of a fine-tuning. `Batches::batch` is a function of the step alone.
pub(crate) struct Mix<'a> {
    pub(crate) steps: u64,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) replay: Option<Replay>,
    /// Examples that are measured with and never learned.
    pub(crate) held_out: Option<HeldOut>,
}

impl Mix<'_> {
    /// How many of the steps before `step` are replay: they are spread evenly.
    fn replayed(&self, step: u64) -> u64 {
        self.replay.as_ref().map_or(0, |replay| (step as f64 * replay.share) as u64)
    }

    /// Whether step `step` is replay.
    fn is_replay(&self, step: u64) -> bool {
        self.replayed(step + 1) > self.replayed(step)
    }
}

impl Batches for Mix<'_> {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        let replayed = self.replayed(step);
        if let Some(replay) = &self.replay
            && self.is_replay(step)
        {
            return replay.batch(replayed);
        }
        let number = step - replayed;
        let rows = self.parts.iter().flat_map(|part| {
            let first = number * part.rows as u64;
            (first..first + part.rows as u64)
                .filter_map(|nth| Some((part.example)(part.passes.nth(nth)?, nth)))
        });
        // A row of one token predicts nothing.
        Ok(rows.filter(|row| row.tokens.len() > 1).collect())
    }

    fn curve(&self, step: u64) -> &str {
        if self.is_replay(step) { "replay loss" } else { "loss" }
    }

    fn held_out(&self) -> Option<&HeldOut> {
        self.held_out.as_ref()
    }
}

/// Steps in all so that `examples` of them are left where a share of the steps is replay.
pub(crate) fn steps_with_replay(examples: u64, share: f64) -> u64 {
    (examples as f64 / (1.0 - share)).ceil() as u64
}

/// `share` of `rows`, but at least one row where the share is not zero, and never all where it is not one.
pub(crate) fn rows_of(rows: usize, share: f64) -> usize {
    let part = (rows as f64 * share).round() as usize;
    let least = usize::from(share > 0.0);
    let most = if share < 1.0 { rows.saturating_sub(1).max(least) } else { rows };
    part.clamp(least, most).min(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::tokens::{Dtype, TokenWriter, TokensInfo};
    use llmp_stage::Context as _;
    use llmp_stage::testing::TestContext;

    fn part(rows: usize, len: usize, mark: u32) -> Part<'static> {
        let example = move |item: usize, _| Row { tokens: vec![mark, item as u32], learn: vec![true; 2] };
        Part { rows, passes: Passes::new(len, 1), example: Box::new(example) }
    }

    #[test]
    fn parts_keep_their_shares_and_replay_comes_in_between() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tokens");
        std::fs::create_dir(&folder).unwrap();
        let info = TokensInfo { dtype: Dtype::Uint16, vocab_size: 1000, eot: 0 };
        info.save(&folder).unwrap();
        let mut writer = TokenWriter::create(&folder, "a", info).unwrap();
        writer.document(&(500..600).collect::<Vec<u32>>()).unwrap();
        writer.finish().unwrap();
        let ctx = TestContext::new(root.path()).with_folder("replay", &folder);
        let tokens = TokenSet::open(ctx.input("replay").unwrap()).unwrap();
        let replay = Replay::new(tokens, 0.25, 8, 16, 1);
        let mix = Mix {
            steps: 16,
            parts: vec![part(2, 3, 1), part(6, 9, 2)],
            replay: Some(replay),
            held_out: None,
        };
        let batches: Vec<_> = (0..16).map(|step| mix.batch(step).unwrap()).collect();
        let replays: Vec<_> = batches.iter().filter(|rows| rows[0].tokens[0] >= 500).collect();
        assert_eq!(replays.len(), 4);
        assert!(replays.iter().all(|rows| rows.len() == 2 && rows.iter().all(|row| row.tokens.len() == 17)));
        assert_ne!(replays[0], replays[1]);
        let mut seen = vec![0; 9];
        for rows in batches.iter().filter(|rows| rows[0].tokens[0] < 500) {
            assert_eq!(rows.iter().filter(|row| row.tokens[0] == 1).count(), 2);
            rows.iter().filter(|row| row.tokens[0] == 2).for_each(|row| seen[row.tokens[1] as usize] += 1);
        }
        assert!(
            seen.iter().all(|count| *count == 8),
            "12 steps of 6 rows are 8 passes over 9 items: {seen:?}"
        );
        assert_eq!(mix.batch(5).unwrap(), batches[5]);
        for (step, rows) in (0..).zip(&batches) {
            let is_replay = rows[0].tokens[0] >= 500;
            assert_eq!(mix.curve(step), if is_replay { "replay loss" } else { "loss" });
        }
    }

    #[test]
    fn shares_of_rows() {
        assert_eq!([0.0, 0.01, 0.6, 0.99, 1.0].map(|share| rows_of(24, share)), [0, 1, 14, 23, 24]);
        assert_eq!(rows_of(1, 0.5), 1);
        assert_eq!(steps_with_replay(150, 0.25), 200);
        assert_eq!(steps_with_replay(150, 0.0), 150);
    }
}
