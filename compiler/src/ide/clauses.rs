//! What a stage's block can hold besides settings: how it is written, and what it says.

use super::callable::{Callable, declaration};
use super::context::Site;
use crate::graph::Amount;
use crate::syntax::{NodeId, NodeKind};
use crate::types::SettingSpec;

/// A clause that is no setting.
pub(super) struct Clause {
    /// The words that begin it.
    pub(super) words: &'static str,
    /// All of it, with places to fill.
    pub(super) snippet: &'static str,
    /// Whether a block may hold several.
    pub(super) many: bool,
    /// What it says of the stage.
    pub(super) about: &'static str,
}

const fn once(words: &'static str, snippet: &'static str, about: &'static str) -> Clause {
    Clause { words, snippet, many: false, about }
}

const fn many(words: &'static str, snippet: &'static str, about: &'static str) -> Clause {
    Clause { words, snippet, many: true, about }
}

/// All of them, those that are written most often first.
pub(super) const CLAUSES: &[Clause] = &[
    once("run", "run = [$1]", "The command that makes the artifact, a text for each argument."),
    once("reads", "reads = jsonl", "Documents go in as JSON lines instead of Parquet."),
    once(
        "per shard",
        "per shard ${1:docs}",
        "Shards of this input are processed one by one, and only new ones run.",
    ),
    once(
        "epoch",
        "epoch = ${1:1}",
        "Counts up where the same settings give other results: all of them run again.",
    ),
    once("resumes", "resumes = true", "After a stop it goes on from its last checkpoint."),
    many("runtime", "runtime ${1:name}: ${2:Int} = ${3:1}", "A setting on which the result cannot depend."),
    many(
        "require",
        "require ${1:condition} else \"$2\"",
        "What must hold of the settings, and what is wrong where it does not.",
    ),
    many(
        "measure",
        "measure ${1:wrong}[${2:model}]: ${3:Ratio}",
        "A number of the report, which programs can expect something of.",
    ),
    once("cleans pii", "cleans pii", "Personal data is masked in what is made."),
    once(
        "uses names",
        "uses names",
        "What is made depends on the names of the user's files that go in, too.",
    ),
    many("trains on", "trains on ${1:docs}", "A model learns from this input."),
    many("evaluates on", "evaluates on ${1:questions}", "A model is measured with this input."),
    many("keeps clear of", "keeps clear of ${1:questions}", "What is made holds nothing of this input."),
    once(
        "after",
        "after ${1:step}",
        "The stages called as this one, with these names behind, run before it, each with a key of its own.",
    ),
    once(
        "locked by",
        "locked by ${1:snapshot}",
        "What the stage reads is fetched before it runs, as these settings say, and kept in the lock file.",
    ),
    once(
        "stem without",
        "stem without ${1:for}",
        "Its course depends on these settings only towards its end: one with other ones goes on from what was before.",
    ),
    once(
        "device",
        "device = ${1:2} gpus",
        "The graphics processors that it has for itself; `true`: the run's device.",
    ),
    once("cores", "cores = ${1:1}", "The processor cores that it keeps busy."),
    once("memory", "memory = ${1:4GiB}", "The memory that it takes."),
    once("timeout", "timeout = ${1:10min}", "After this time a command is stopped and has failed."),
    once("special_tokens", "special_tokens = [${1:text}]", "The special tokens that its vocabulary needs."),
    many(
        "context from",
        "context from ${1:context}",
        "The model that is made reads as many tokens as the setting says.",
    ),
    many("horizon from", "horizon from ${1:for}", "It trains on as many tokens as the setting says."),
    many(
        "answer from",
        "answer from ${1:max_tokens}",
        "A model writes as many tokens at most as the setting says.",
    ),
    many(
        "passage from",
        "passage from ${1:passage}",
        "A passage of the index that is made has as many words at most, or tokens where a tokenizer goes in.",
    ),
    many("results from", "results from ${1:results}", "A model is given as many passages for one search."),
    many("memory from", "memory from ${1:batch}", "The setting decides on the memory that it takes."),
];

/// What stands between an input and a setting; the only words that do not begin their clause.
const REPLACES: &str =
    "The input, where it is given, says what the setting would have said, which is not written then.";

/// What is known of a word of a clause that is no setting: code, and what it says.
pub(super) fn about(site: &Site<'_, '_>, leaf: NodeId) -> Option<(String, String)> {
    let clause = site.tree.parent(leaf)?;
    let word = site.str(leaf);
    match site.tree.kind(clause) {
        NodeKind::Property => {
            let is_name = site.child(clause, NodeKind::Name) == Some(leaf);
            let known = CLAUSES.iter().find(|clause| clause.words == word).filter(|_| is_name)?;
            Some((site.str(clause).to_owned(), known.about.to_owned()))
        }
        NodeKind::Phrase => {
            let words = words(site, clause);
            let texts: Vec<&str> = words.iter().map(|&word| site.str(word)).collect();
            let is_fixed = |at: usize| match texts.as_slice() {
                [_, "replaces", ..] => at == 1,
                ["after", ..] => at == 0,
                ["keeps", ..] => at < 3,
                _ => at < 2,
            };
            let at = words.iter().position(|&word| word == leaf)?;
            if !is_fixed(at) {
                return named(site, clause, &texts, at);
            }
            let text = match texts.as_slice() {
                [_, "replaces", ..] => REPLACES,
                written => {
                    let begins = |words: &str| {
                        words.split(' ').zip(0..).all(|(word, at)| written.get(at) == Some(&word))
                    };
                    CLAUSES.iter().find(|clause| begins(clause.words))?.about
                }
            };
            Some((texts.join(" "), text.to_owned()))
        }
        _ => None,
    }
}

/// The declaration of the input or setting that a phrase names with its word `at`.
fn named(site: &Site<'_, '_>, phrase: NodeId, texts: &[&str], at: usize) -> Option<(String, String)> {
    let word = texts.get(at)?;
    let stage = stage(site, phrase)?;
    let is_role = matches!(texts, ["trains" | "evaluates" | "keeps", ..]) || at == 0;
    if is_role {
        let (name, ty) = stage.inputs().into_iter().find(|(name, _)| name == word)?;
        let ty = ty.map_or_else(|| "?".to_owned(), ToString::to_string);
        return Some((format!("{name}: {ty}"), format!("An input of `{}`.", stage.name())));
    }
    let spec = settings(stage, texts, at).into_iter().find(|spec| spec.name == *word)?;
    Some((declaration(spec), spec.docs.clone()))
}

/// The words that can stand at the place of `leaf`, which is a word of a phrase.
pub(super) fn next_words(site: &Site<'_, '_>, leaf: NodeId) -> Option<Vec<String>> {
    let phrase = site.tree.parent(leaf).filter(|&phrase| site.tree.kind(phrase) == NodeKind::Phrase)?;
    let words = words(site, phrase);
    let at = words.iter().position(|&word| word == leaf)?;
    let texts: Vec<&str> = words.iter().map(|&word| site.str(word)).collect();
    let stage = stage(site, phrase);
    let roles = || -> Vec<String> {
        stage.into_iter().flat_map(|stage| stage.inputs()).map(|(name, _)| name.to_owned()).collect()
    };
    Some(match texts.get(..at)? {
        ["trains" | "evaluates", "on"] | ["keeps", "clear", "of"] => roles(),
        ["keeps", "clear"] => vec!["of".to_owned()],
        [_, "replaces"] | ["locked", "by", ..] | ["stem", "without", ..] | [_, "from", ..] => {
            let specs = stage.map_or_else(Vec::new, |stage| settings(stage, &texts, at));
            specs.into_iter().map(|spec| spec.name.clone()).collect()
        }
        [first] => {
            let behind = CLAUSES.iter().filter_map(|clause| {
                let mut words = clause.words.split(' ');
                words.next().filter(|start| start == first)?;
                words.next().map(str::to_owned)
            });
            let mut second: Vec<String> = behind.collect();
            second.extend(roles().iter().any(|role| role == first).then(|| "replaces".to_owned()));
            second
        }
        _ => Vec::new(),
    })
}

fn words(site: &Site<'_, '_>, phrase: NodeId) -> Vec<NodeId> {
    site.tree.children(phrase).filter(|&word| !site.tree.kind(word).is_trivia()).collect()
}

/// The stage whose clause this is.
fn stage<'a>(site: &Site<'a, '_>, clause: NodeId) -> Option<Callable<'a>> {
    let stage = site.around(clause, |kind| kind == NodeKind::Stage)?;
    site.view.callable(&site.path_of(stage))
}

/// The settings that the word `at` may name: behind `context from model`, the fields of `model`.
fn settings<'a>(stage: Callable<'a>, texts: &[&str], at: usize) -> Vec<&'a SettingSpec> {
    let mut specs = stage.settings();
    if texts.first().is_some_and(|word| Amount::called(word).is_some()) && texts.get(1) == Some(&"from") {
        for record in texts.get(2..at).unwrap_or_default() {
            specs = specs
                .into_iter()
                .filter(|spec| spec.name == *record)
                .flat_map(|spec| super::callable::fields(&spec.ty))
                .collect();
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{PHRASES, PROPERTIES};

    #[test]
    fn all_that_signatures_read_is_known() {
        let known: Vec<&str> = CLAUSES.iter().map(|clause| clause.words).collect();
        for phrase in PHRASES.into_iter().filter(|phrase| !phrase.starts_with("ROLE")) {
            let words = phrase.trim_end_matches(char::is_uppercase).trim_end();
            assert!(known.contains(&words), "{phrase}");
        }
        for property in PROPERTIES {
            assert!(known.contains(&property), "{property}");
        }
    }
}
