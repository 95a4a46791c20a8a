//! `dedup.substring`: passages that stand twice word for word.
//!
//! A window is a sequence of so many words. Each has an anchor: of the sequences of half its length within
//! it, the one with the least hash, as winnowing chooses fingerprints (Schleimer, Wilkerson and Aiken 2003).
//! Equal windows have equal anchors, and there are few of those: about four among a hundred words. So three
//! passes find all windows that come again: the first sorts anchors, the second the windows whose anchor
//! comes more than once, the third writes what is left. The result is that of comparing all windows with each
//! other.

use std::collections::VecDeque;

use llmp_artifacts::docs::{Doc, Reader, Writer};
use llmp_artifacts::random::mix;
use llmp_artifacts::words;
use llmp_stage::{Context, Dropped, Input, Result, Rule};
use serde::Deserialize;

use super::seen::{Asked, Seen};

/// The settings of `dedup.substring`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Words of a window.
    pub tokens: usize,
    /// Words that must be left.
    pub min_words: usize,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[Rule {
        name: "substring.nothing_left",
        drops: "passages of it stand before, and what is left has less than `min_words` words",
        setting: Some("min_words"),
        off: None,
        source: "ExactSubstr: Lee et al. (2022)",
    }]
}

/// Runs the stage.
///
/// # Errors
/// Where documents or the files of hashes cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let input = ctx.input("docs")?;
    let folder = ctx.state().join("seen");

    let mut anchors = Seen::sorted(&folder)?;
    each(ctx, input, |doc| {
        Windows::new(&doc.text, settings.tokens)
            .anchors(|hash, new| if new { anchors.add(hash) } else { Ok(()) })
    })?;
    let anchors = anchors.finish(ctx, Asked::Repeated)?.repeated;

    let mut windows = Seen::sorted(&folder)?;
    let mut anchor = 0;
    each(ctx, input, |doc| {
        let of = Windows::new(&doc.text, settings.tokens);
        let mut start = 0;
        of.anchors(|_, new| {
            anchor += u64::from(new);
            if anchors.get(anchor - 1) {
                windows.add(of.hash(start, settings.tokens))?;
            }
            start += 1;
            Ok(())
        })
    })?;
    let found = windows.finish(ctx, Asked::Later)?.later;

    let (mut anchor, mut window) = (0, 0);
    for file in input.with_suffix(".parquet") {
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        let mut removed = 0;
        for doc in reader {
            ctx.proceed()?;
            bar.add(1);
            let doc = doc?;
            let of = Windows::new(&doc.text, settings.tokens);
            let mut gone = vec![false; of.spans.len()];
            let (mut start, mut until) = (0, 0);
            of.anchors(|_, new| {
                anchor += u64::from(new);
                if anchors.get(anchor - 1) {
                    if found.get(window) {
                        gone[until.max(start)..start + settings.tokens].fill(true);
                        until = start + settings.tokens;
                    }
                    window += 1;
                }
                start += 1;
                Ok(())
            })?;
            let count = gone.iter().filter(|gone| **gone).count();
            if count == 0 {
                writer.write(doc)?;
                continue;
            }
            removed += count as u64;
            let (text, left) = (of.without(&doc.text, &gone), gone.len() - count);
            if left < settings.min_words || text.is_empty() {
                let value = format!("{left} words are left of {}", gone.len());
                let rule = "substring.nothing_left".into();
                ctx.dropped(Dropped { id: doc.id, url: doc.url, rule, value });
            } else {
                ctx.count("changed", 1);
                writer.write(Doc { text, token_count: None, ..doc })?;
            }
        }
        ctx.count("documents", writer.finish()?);
        ctx.count("removed.words", removed);
    }
    Ok(())
}

fn each(ctx: &dyn Context, input: &Input, mut each: impl FnMut(&Doc) -> Result<()>) -> Result<()> {
    for file in input.with_suffix(".parquet") {
        let reader = Reader::open(&file.path)?;
        let bar = ctx.bar(reader.rows(), "documents");
        for doc in reader {
            ctx.proceed()?;
            each(&doc?)?;
            bar.add(1);
        }
    }
    Ok(())
}

/// The base of both hashes: an odd number without a pattern, and its companion. A sequence's hash is a
/// polynomial of the hashes of its words, so that it follows from those of the text's beginnings.
const BASES: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];

/// The windows of a text.
struct Windows {
    /// The places of its words.
    spans: Vec<std::ops::Range<usize>>,
    /// The hashes of its first words, from none to all.
    sums: Vec<[u64; 2]>,
    /// The powers of the bases, from 0.
    powers: Vec<[u64; 2]>,
    length: usize,
}

impl Windows {
    fn new(text: &str, length: usize) -> Self {
        let spans: Vec<_> = words::spans(text).collect();
        let mut sums = Vec::with_capacity(spans.len() + 1);
        let mut sum = [0_u64; 2];
        sums.push(sum);
        // What has no window needs no hashes.
        let hashed = if spans.len() < length { &[][..] } else { &spans[..] };
        for span in hashed {
            let word = word_hash(&text[span.clone()]);
            for ((sum, base), word) in sum.iter_mut().zip(BASES).zip([word, mix(!word)]) {
                *sum = sum.wrapping_mul(base).wrapping_add(word);
            }
            sums.push(sum);
        }
        let mut powers = vec![[1_u64; 2]];
        for _ in 0..length {
            let last = powers[powers.len() - 1];
            powers.push([last[0].wrapping_mul(BASES[0]), last[1].wrapping_mul(BASES[1])]);
        }
        Self { spans, sums, powers, length }
    }

    /// The hash of so many words from one on.
    fn hash(&self, start: usize, length: usize) -> u128 {
        let part = |half: usize| {
            let before = self.sums[start][half].wrapping_mul(self.powers[length][half]);
            mix(self.sums[start + length][half].wrapping_sub(before))
        };
        u128::from(part(0)) << 64 | u128::from(part(1))
    }

    /// Calls `each` for every window with the hash of its anchor, and with whether that is another one than
    /// the window before has.
    fn anchors(&self, mut each: impl FnMut(u128, bool) -> Result<()>) -> Result<()> {
        if self.spans.len() < self.length {
            return Ok(());
        }
        let part = self.length / 2;
        let parts = self.length - part + 1;
        // Places with the hashes of their parts, which grow from the front on: the first is the least of
        // those in the window.
        let mut least: VecDeque<(usize, u128)> = VecDeque::new();
        let mut last = usize::MAX;
        for end in 0..=self.spans.len() - part {
            let hash = self.hash(end, part);
            // Of equal ones the last counts, so that a run of one word has few anchors.
            while least.back().is_some_and(|(_, other)| *other >= hash) {
                least.pop_back();
            }
            least.push_back((end, hash));
            let Some(start) = (end + 1).checked_sub(parts) else { continue };
            while least.front().is_some_and(|(at, _)| *at < start) {
                least.pop_front();
            }
            if let Some((at, hash)) = least.front() {
                each(*hash, *at != last)?;
                last = *at;
            }
        }
        Ok(())
    }

    /// The text without the words that are gone, and what stands between them.
    fn without(&self, text: &str, gone: &[bool]) -> String {
        let mut left = String::with_capacity(text.len());
        let mut at = 0;
        let mut words = self.spans.iter().zip(gone).peekable();
        while let Some((span, gone)) = words.next() {
            if !gone {
                left.push_str(&text[at..span.end]);
                at = span.end;
                continue;
            }
            let mut end = span.end;
            while let Some((span, _)) = words.next_if(|(_, gone)| **gone) {
                end = span.end;
            }
            // What closes the last sentence of the passage goes with it; the lines' ends stay.
            let rest = &text[end..words.peek().map_or(text.len(), |(span, _)| span.start)];
            let closing: usize =
                rest.chars().take_while(|sign| !sign.is_whitespace()).map(char::len_utf8).sum();
            let before = text[at..span.start].trim_end();
            left.push_str(before);
            let between = [&text[at + before.len()..span.start], &rest[closing..]];
            let ends = between.iter().map(|between| between.matches('\n').count()).max().unwrap_or(0);
            match ends {
                0 => left.push(' '),
                ends => left.extend(std::iter::repeat_n('\n', ends)),
            }
            at = end + closing;
            at += text[at..].len() - text[at..].trim_start().len();
        }
        left.push_str(&text[at..]);
        left.trim().to_owned()
    }
}

/// The hash of a word in small letters.
fn word_hash(word: &str) -> u64 {
    let letters = word.chars().flat_map(char::to_lowercase);
    mix(letters.fold(0xcbf2_9ce4_8422_2325, |hash, letter| {
        (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3)
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use llmp_artifacts::random::Random;
    use llmp_stage::testing::TestContext;

    use super::*;

    fn dedup(shards: &[Vec<String>], settings: Settings) -> (Vec<String>, TestContext) {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let docs = folder.join("docs");
        std::fs::create_dir(&docs).expect("made");
        for (number, texts) in shards.iter().enumerate() {
            let mut writer = Writer::create(&docs.join(format!("{number}.parquet"))).expect("made");
            for text in texts {
                writer
                    .write(Doc { id: text.clone(), text: text.clone(), ..Doc::default() })
                    .expect("written");
            }
            writer.finish().expect("written");
        }
        let ctx = TestContext::new(&folder.join("work")).with_folder("docs", &docs);
        run(&ctx, settings).expect("it runs");
        let mut left = Vec::new();
        for number in 0..shards.len() {
            let path = ctx.output().join(format!("{number}.parquet"));
            left.extend(Reader::open(&path).expect("opens").map(|doc| doc.expect("read").text));
        }
        (left, ctx)
    }

    #[test]
    fn a_passage_stays_where_it_stands_first() {
        let notice = "All rights reserved by the Company, which gives no warranty of any kind.";
        let texts = [
            format!("A story of geese.\n{notice}\nThe end of it."),
            format!(
                "Another story, of ducks.\n\n{}\nIt ends, too.",
                notice.to_uppercase().replace(' ', "  ")
            ),
            format!("In a line: {notice} And on."),
            "All rights reserved by the Company, or not.".to_owned(),
            notice.to_owned(),
        ];
        let (left, ctx) =
            dedup(&[texts[..2].to_vec(), texts[2..].to_vec()], Settings { tokens: 8, min_words: 1 });
        assert_eq!(
            left,
            [
                texts[0].as_str(),
                "Another story, of ducks.\n\nIt ends, too.",
                "In a line: And on.",
                texts[3].as_str(),
            ]
        );
        assert_eq!(
            (ctx.counted("removed.words"), ctx.counted("changed"), ctx.counted("documents")),
            (39, 2, 4)
        );
        assert_eq!(ctx.counted("dropped.substring.nothing_left"), 1);
    }

    /// What every window compared with all before it gives.
    fn slowly(texts: &[String], tokens: usize) -> Vec<usize> {
        let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
        texts
            .iter()
            .map(|text| {
                let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
                let mut gone = vec![false; words.len()];
                for start in 0..(words.len() + 1).saturating_sub(tokens) {
                    if !seen.insert(words[start..start + tokens].to_vec()) {
                        gone[start..start + tokens].fill(true);
                    }
                }
                gone.iter().filter(|gone| !**gone).count()
            })
            .collect()
    }

    #[test]
    fn anchors_find_what_comparing_all_windows_finds() {
        for seed in 0..40 {
            let mut random = Random::new(seed, 1);
            let tokens = 8 + random.below(9);
            // Few different words, so that passages of all lengths come again, within a text and across
            // texts.
            let words = 2 + random.below(30);
            let mut passages: Vec<Vec<String>> = Vec::new();
            let texts: Vec<String> = (0..30)
                .map(|_| {
                    let mut text: Vec<String> = Vec::new();
                    for _ in 0..random.below(6) {
                        if passages.is_empty() || random.chance(0.5) {
                            let length = 1 + random.below(40);
                            passages.push((0..length).map(|_| format!("w{}", random.below(words))).collect());
                        }
                        let passage = &passages[random.below(passages.len())];
                        text.extend_from_slice(&passage[random.below(passage.len())..]);
                    }
                    text.push("last".into());
                    text.join(" ")
                })
                .collect();
            let (left, _) =
                dedup(&[texts[..10].to_vec(), texts[10..].to_vec()], Settings { tokens, min_words: 0 });
            let left: Vec<usize> = left.iter().map(|text| words::spans(text).count()).collect();
            let expected: Vec<usize> = slowly(&texts, tokens).into_iter().filter(|left| *left > 0).collect();
            assert_eq!(left, expected, "seed {seed}");
        }
    }
}
