//! What can be wrong with types and signatures.

use crate::artifact::ArtifactKind;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

pub(crate) fn not_a_stage(span: Span) -> Diagnostic {
    Diagnostic::error(code::NOT_A_STAGE, "a signature file declares stages and nothing else", span)
        .help("move it to a pipeline, or write `stage name(…) -> Type { … }`")
}

pub(crate) fn stage_twice(name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("the stage `{name}` is declared twice"), span)
        .also(first, "first declared here")
        .help("give one of them another name")
}

pub(crate) fn name_twice(what: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("the {what} `{name}` is declared twice"), span)
        .also(first, "first declared here")
        .help("give one of them another name")
}

/// Such a setting could not be told from the property, nor from the component of keys that has its name.
pub(crate) fn name_of_property(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("`{name}` means something else for every stage"), span)
        .label("it cannot be a setting")
        .help("give the setting another name")
}

/// The content of a file counts for settings, not for fields.
pub(crate) fn path_in_record(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::MISPLACED_TYPE, format!("the field `{name}` cannot be a `Path`"), span)
        .label("the content of the file would not count")
        .help("declare it as a setting of its own, outside of the record")
}

pub(crate) fn unknown_type(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_TYPE, format!("there is no type `{name}`"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => {
            let kinds: Vec<String> =
                ArtifactKind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
            let (last, others) = kinds.split_last().map_or(("", &[][..]), |(last, it)| (last.as_str(), it));
            error.help(format!("artifacts are {} and {last}; values are {VALUES}", others.join(", ")))
        }
    }
}

const VALUES: &str =
    "`Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, `Bytes`, `Count<unit>` and `Range`";

/// What is wrong with the arguments of a type.
#[derive(Clone, Copy)]
pub(crate) enum Problem {
    /// It takes none.
    Arguments,
    /// It has no vocabulary.
    Vocabulary,
    /// It names two vocabularies.
    TwoVocabularies,
    /// `+` before a vocabulary.
    AddedVocabulary,
    /// It is no model.
    Abilities,
    /// It counts one thing twice.
    SameUnit,
    /// It counts nothing itself: `Count<x parameters>`.
    OnlyTimes,
    /// A multiple of nothing: `Count<tokens, x>`.
    TimesNothing,
    /// A list of lists, or of what may be absent.
    NestedList,
}

pub(crate) fn type_arguments(name: &str, problem: Problem, span: Span) -> Diagnostic {
    let model = "write `Model<chat, V>` for a model with an ability and a vocabulary";
    let without = format!("leave it out: write `{name}`");
    let (says, help) = match problem {
        Problem::Arguments => ("has no arguments", without.as_str()),
        Problem::Vocabulary => ("has no vocabulary", "leave it out: tokenizers, tokens and models have one"),
        Problem::TwoVocabularies => ("has one vocabulary", model),
        Problem::AddedVocabulary => ("has a vocabulary, to which nothing can be added", model),
        Problem::Abilities => ("has no abilities", "leave it out: models have abilities"),
        Problem::SameUnit => ("has this unit already", "name each unit once"),
        Problem::OnlyTimes => {
            ("counts something itself", "write the unit first, like `Count<tokens, x parameters>`")
        }
        Problem::TimesNothing => (
            "is a multiple of nothing",
            "write what is counted behind the `x`, like `Count<tokens, x parameters>`",
        ),
        Problem::NestedList => (
            "is a list of something that is no artifact",
            "a list holds artifacts that are there: write `[Docs]`, or `[Docs]?` where all of it may be left out",
        ),
    };
    Diagnostic::error(code::TYPE_ARGUMENTS, format!("`{name}` {says}"), span).help(help)
}

/// Where a type stands.
#[derive(Clone, Copy)]
pub(crate) enum TypePlace {
    Input,
    Output,
    Measure,
    Parameter,
    Value,
}

pub(crate) fn wrong_type_here(found: &str, place: TypePlace, span: Span) -> Diagnostic {
    let (place, help) = match place {
        TypePlace::Input => {
            ("an input", "inputs are artifacts, such as `Docs`; values are declared in braces")
        }
        TypePlace::Output => ("a stage's output", "a stage makes one artifact, such as `Docs`"),
        TypePlace::Measure => {
            ("a measure", "a measure is a number, such as `Ratio`, `Float` or `Count<questions>`")
        }
        TypePlace::Parameter => (
            "a parameter",
            "a function takes artifacts, such as `Docs` or `[Docs]`, and values, such as `Int`",
        ),
        TypePlace::Value => (
            "a value",
            "values are `Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, `Bytes`, `Count<unit>`, `Range`, \
             words (`a | b`), lists and records",
        ),
    };
    Diagnostic::error(code::MISPLACED_TYPE, format!("`{found}` is not the type of {place}"), span).help(help)
}

pub(crate) fn unknown_property(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error =
        Diagnostic::error(code::UNKNOWN_PROPERTY, format!("a signature has no property `{name}`"), span);
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help(format!(
            "properties are `epoch`, `resumes`, `run`, `documents`, `special_tokens`, `cores`, `memory`, `device`, `timeout` and \
             `per shard`; for a setting, write `{name}: Type = default`"
        )),
    }
}

pub(crate) fn bad_property(name: &str, due: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::BAD_PROPERTY, format!("`{name}` must be {due}"), span).help(match name {
        "run" => "for example `run = [\"python3\", \"clean.py\"]`",
        "reads" => "write `reads = jsonl` where the program reads documents as lines of JSON",
        "special_tokens" => "for example `special_tokens = [text, chat]`",
        "cores" => {
            "write `cores = 1` for a program that uses one core, or nothing where it can use any number"
        }
        "memory" => "write what one action takes at its peak, for example `memory = 8GiB`",
        "device" => {
            "write `device = true` where the stage has the device for itself, `device = 2 gpus` where it needs as many"
        }
        "timeout" => "a command that runs longer is stopped, for example `timeout = 10min`",
        "resumes" => "write `resumes = true` where the stage keeps checkpoints, else nothing",
        _ => "write `epoch = 1`, and raise it when the stage's output changes",
    })
}

/// A whole command line as one text.
pub(crate) fn command_line(line: &str, span: Span) -> Diagnostic {
    let error = bad_property("run", "a program and its arguments, in quotes", span);
    // What a shell would read otherwise is left to people.
    let plain = |sign: char| sign.is_ascii_alphanumeric() || " ._-/=:,".contains(sign);
    match line.chars().all(plain) && !line.trim().is_empty() {
        true => {
            let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            let list = format!("[{}]", words.join(", "));
            error.help(format!("write `run = {list}`")).fix("make it a list", span, list)
        }
        false => error,
    }
}

/// A program and its arguments in one word of a list.
pub(crate) fn several_words(line: &str, rest: &[String], span: Span) -> Diagnostic {
    let words: Vec<&str> = line.split_whitespace().chain(rest.iter().map(String::as_str)).collect();
    let list: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    let list = format!("[{}]", list.join(", "));
    bad_property("run", "a program and its arguments, each a text of its own", span)
        .label(format!("no program is called `{line}`"))
        .help(format!("split it: write `run = {list}`"))
        .fix("split it", span, list)
}

pub(crate) fn shard_of_nothing(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::SHARD_OF_NOTHING,
        format!("`per shard {name}` names no input of this stage"),
        span,
    )
    .help("name the parameter whose shards are processed one by one")
}

pub(crate) fn no_command(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::NO_COMMAND, format!("the stage `{name}` says nothing about how it runs"), span)
        .help("add `run = [\"python3\", \"script.py\"]`: the program and its arguments")
}

pub(crate) fn default_in_parentheses(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::ARTIFACT_DEFAULT,
        format!("the input `{name}` of a stage cannot have a default"),
        span,
    )
    .help("write `?` behind its type where it may be left out")
}

pub(crate) fn unresolved_variable(variable: &str, result: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::TYPE_ARGUMENTS,
        format!("`{result}` keeps the abilities of a model, and no model goes in"),
        span,
    )
    .label(format!("`+{variable}` adds to the abilities of the input"))
    .help(format!("write `{variable}` without `+`, or take a `Model`"))
}

/// One of several kinds that is none.
pub(crate) fn no_kind(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_TYPE, format!("`{name}` is no kind of artifact"), span)
        .label("the others are kinds");
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help("kinds and words cannot be mixed: write kinds only, such as `Questions | Docs`"),
    }
}

pub(crate) fn files_among_kinds(span: Span) -> Diagnostic {
    Diagnostic::error(code::MISPLACED_TYPE, "`Files` cannot be one of several kinds", span)
        .help("a stage takes files, or what another stage makes: use two stages, or two inputs with `?`")
}

pub(crate) fn unknown_phrase(text: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_PROPERTY, format!("a signature says no `{text}`"), span);
    match meant {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => {
            let known: Vec<String> = super::PHRASES.iter().map(|phrase| format!("`{phrase}`")).collect();
            error
                .help(format!("it can say {}; a setting is written `name: Type = default`", known.join(", ")))
        }
    }
}

pub(crate) fn phrase_of_nothing(what: &str, role: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::SHARD_OF_NOTHING,
        format!("`{what} {role}` names no input of this stage"),
        span,
    );
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help("name an input of the stage"),
    }
}

pub(crate) fn replaces_nothing(setting: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let message = format!("the input replaces `{setting}`, which is no setting of this stage");
    let error = Diagnostic::error(code::SHARD_OF_NOTHING, message, span);
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help("name a setting of the stage"),
    }
}

pub(crate) fn names_of_nothing(span: Span) -> Diagnostic {
    Diagnostic::error(code::SHARD_OF_NOTHING, "`uses names` is about the user's files, and none go in", span)
        .help("take an input of type `Files`, or remove it")
}

pub(crate) fn locked_by_nothing(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::SHARD_OF_NOTHING,
        format!("`locked by {name}` names no setting that is part of the stage's key"),
        span,
    );
    match meant {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error.help("name the settings that say what is fetched; `runtime` settings cannot"),
    }
}

pub(crate) fn stem_without_nothing(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::SHARD_OF_NOTHING,
        format!("`stem without {name}` names no setting that is part of the stage's key"),
        span,
    );
    match meant {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => {
            error.help("name the settings that count towards the end only; `runtime` settings never count")
        }
    }
}

pub(crate) fn amount_of_nothing(word: &str, path: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::SHARD_OF_NOTHING,
        format!("`{word} from {path}` names no setting of this stage that is a whole number"),
        span,
    );
    match meant.filter(|meant| *meant != path) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error.help(format!("name a setting, or a field of one: `{word} from model {word}`")),
    }
}

pub(crate) fn measure_without_report(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::BAD_MEASURE,
        format!("`{name}` is measured by a stage that makes no report"),
        span,
    )
    .help("a stage that measures makes a `Report`")
}

pub(crate) fn key_of_measure(span: Span) -> Diagnostic {
    Diagnostic::error(code::BAD_MEASURE, "a measure is looked up by plain names", span)
        .help("name what tells its numbers apart, as in `measure wrong[model, group]: Ratio`")
}

pub(crate) fn message_of_rule(span: Span) -> Diagnostic {
    Diagnostic::error(code::WRONG_TYPE, "a rule says in a text what is wrong", span)
        .help("write it in quotes, as in `else \"`least` is above `most`\"`")
}

pub(crate) fn rule_of_nothing(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::UNKNOWN_SETTING,
        format!("the rule names no setting `{name}` of this stage"),
        span,
    );
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help("a rule is about settings of its stage, and fields of them: `model.width`"),
    }
}
