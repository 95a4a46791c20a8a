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
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => {
            let kinds: Vec<String> =
                ArtifactKind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
            let (last, others) = kinds.split_last().map_or(("", &[][..]), |(last, it)| (last.as_str(), it));
            error.help(format!("artifacts are {} and {last}; values are {VALUES}", others.join(", ")))
        }
    }
}

const VALUES: &str = "`Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, `Bytes` and `Count<unit>`";

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
    /// It counts two things.
    TwoUnits,
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
        Problem::TwoUnits => ("has one unit", "write one unit, like `Count<tokens>`"),
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
    Parameter,
    Value,
}

pub(crate) fn wrong_type_here(found: &str, place: TypePlace, span: Span) -> Diagnostic {
    let (place, help) = match place {
        TypePlace::Input => {
            ("an input", "inputs are artifacts, such as `Docs`; values are declared in braces")
        }
        TypePlace::Output => ("a stage's output", "a stage makes one artifact, such as `Docs`"),
        TypePlace::Parameter => (
            "a parameter",
            "a function takes artifacts, such as `Docs` or `[Docs]`, and values, such as `Int`",
        ),
        TypePlace::Value => (
            "a value",
            "values are `Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, `Bytes`, `Count<unit>`, words \
              (`a | b`), lists and records",
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
            "properties are `epoch`, `resumes`, `run`, `special_tokens`, `cores`, `memory`, `device`, `timeout` and \
             `per shard`; for a setting, write `{name}: Type = default`"
        )),
    }
}

pub(crate) fn bad_property(name: &str, due: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::BAD_PROPERTY, format!("`{name}` must be {due}"), span).help(match name {
        "run" => "for example `run = [\"python3\", \"clean.py\"]`",
        "special_tokens" => "for example `special_tokens = [text, chat]`",
        "cores" => {
            "write `cores = 1` for a program that uses one core, or nothing where it can use any number"
        }
        "memory" => "write what one action takes at its peak, for example `memory = 8GiB`",
        "device" => "write `device = true` where the stage needs the GPU for itself, else nothing",
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
