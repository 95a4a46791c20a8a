//! What can be wrong with types and signatures.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

pub(crate) fn not_a_stage(span: Span) -> Diagnostic {
    Diagnostic::error("E0231", "a signature file declares stages and nothing else", span)
        .help("move it to a pipeline, or write `stage name(…) -> Type { … }`")
}

pub(crate) fn stage_twice(name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error("E0102", format!("the stage `{name}` is declared twice"), span)
        .also(first, "first declared here")
        .help("give one of them another name")
}

pub(crate) fn name_twice(what: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error("E0102", format!("the {what} `{name}` is declared twice"), span)
        .also(first, "first declared here")
        .help("give one of them another name")
}

/// Such a setting could not be told from the property, nor from the component of keys that has its name.
pub(crate) fn name_of_property(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0102", format!("`{name}` means something else for every stage"), span)
        .label("it cannot be a setting")
        .help("give the setting another name")
}

/// The content of a file counts for settings, not for fields.
pub(crate) fn path_in_record(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0234", format!("the field `{name}` cannot be a `Path`"), span)
        .label("the content of the file would not count")
        .help("declare it as a setting of its own, outside of the record")
}

pub(crate) fn unknown_type(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error("E0232", format!("there is no type `{name}`"), span);
    match meant {
        Some(meant) => {
            error.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
        }
        None => error.help(
            "artifacts are `Files`, `Pages`, `Docs`, `Tokenizer`, `Tokens`, `Model`, `Conversations`, `Questions`, \
             `Probe`, `Index` and `Report`; values are `Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, \
             `Bytes` and `Count<unit>`",
        ),
    }
}

pub(crate) fn type_arguments(name: &str, problem: &str, span: Span) -> Diagnostic {
    let help = match problem {
        "has no arguments" => format!("leave it out: write `{name}`"),
        "has no vocabulary" => "leave it out: tokenizers, tokens and models have one".to_owned(),
        "has no abilities" => "leave it out: models have abilities".to_owned(),
        "has one unit" => "write one unit, like `Count<tokens>`".to_owned(),
        "is a list of something that is no artifact" => {
            "a list holds artifacts that are there: write `[Docs]`, or `[Docs]?` where all of it may be left out".to_owned()
        }
        _ => "write `Model<chat, V>` for a model with an ability and a vocabulary".to_owned(),
    };
    Diagnostic::error("E0233", format!("`{name}` {problem}"), span).help(help)
}

pub(crate) fn wrong_type_here(found: &str, due: &str, span: Span) -> Diagnostic {
    let help = match due {
        "an input" => "inputs are artifacts, such as `Docs`; values are declared in braces",
        "a stage's output" => "a stage makes one artifact, such as `Docs`",
        "a parameter" => "a function takes artifacts, such as `Docs` or `[Docs]`, and values, such as `Int`",
        _ => {
            "values are `Int`, `Float`, `Bool`, `Text`, `Path`, `Ratio`, `Duration`, `Bytes`, `Count<unit>`, words \
              (`a | b`), lists and records"
        }
    };
    Diagnostic::error("E0234", format!("`{found}` is not the type of {due}"), span).help(help)
}

pub(crate) fn unknown_property(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error("E0236", format!("a signature has no property `{name}`"), span);
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
    Diagnostic::error("E0237", format!("`{name}` must be {due}"), span).help(match name {
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
    Diagnostic::error("E0238", format!("`per shard {name}` names no input of this stage"), span)
        .help("name the parameter whose shards are processed one by one")
}

pub(crate) fn no_command(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0239", format!("the stage `{name}` says nothing about how it runs"), span)
        .help("add `run = [\"python3\", \"script.py\"]`: the program and its arguments")
}

pub(crate) fn default_in_parentheses(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error("E0240", format!("the input `{name}` of a stage cannot have a default"), span)
        .help("write `?` behind its type where it may be left out")
}

pub(crate) fn unresolved_variable(variable: &str, result: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        "E0233",
        format!("`{result}` keeps the abilities of a model, and no model goes in"),
        span,
    )
    .label(format!("`+{variable}` adds to the abilities of the input"))
    .help(format!("write `{variable}` without `+`, or take a `Model`"))
}
