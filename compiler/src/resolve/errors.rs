//! What can be wrong with names and imports.

use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::{ReadError, Span};

pub(crate) fn unreadable(path: &str, error: &ReadError, span: Span) -> Diagnostic {
    let help = match error {
        ReadError::Missing => "the path is relative to the file that names it",
        ReadError::Outside => "move the file into the main file's folder",
        ReadError::TooLarge { .. } => "a pipeline is a small file; is this data?",
        ReadError::NotUtf8 { .. } => "save it as UTF-8",
        ReadError::Other(_) => "check the path and its permissions",
    };
    Diagnostic::error(code::FILE_UNREADABLE, format!("cannot read `{path}`: {error}"), span).help(help)
}

pub(crate) fn outside(path: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::IMPORT_OUTSIDE,
        format!("the import `{path}` leaves the main file's folder"),
        span,
    )
    .help("imports are relative to the importing file and stay below the main file's folder")
}

pub(crate) fn import_cycle(chain: &[(String, Span)]) -> Diagnostic {
    let message = match chain {
        [(name, _)] => format!("`{name}` imports itself"),
        _ => format!("these files import each other: {}", circle(chain)),
    };
    links(Diagnostic::error(code::IMPORT_CIRCLE, message, start(chain)), chain, "imports")
        .help("move what both need into a third file")
}

pub(crate) fn too_many_files(files: usize, bytes: usize, span: Span) -> Diagnostic {
    let limit = format!("the pipeline has more than {files} files or {} MiB of text", bytes >> 20);
    Diagnostic::error(code::TOO_MANY_FILES, limit, span).help("put what belongs together into one file")
}

pub(crate) fn twice(what: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("{what} `{name}` is defined twice"), span)
        .also(first, "first defined here")
        .help("give one of them another name")
}

pub(crate) fn shadows(name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("`{name}` already means something here"), span)
        .also(first, "it is defined here")
        .help("give it another name")
}

pub(crate) fn hides_stage(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, format!("`{name}` is a stage of the standard library"), span)
        .help("give yours another name, for example `my.stage`")
}

pub(crate) fn cycle(chain: &[(String, Span)]) -> Diagnostic {
    let message = match chain {
        [(name, _)] => format!("`{name}` is made from itself"),
        _ => format!("these are made from each other: {}", circle(chain)),
    };
    links(Diagnostic::error(code::CIRCLE, message, start(chain)), chain, "uses")
        .help("break the circle: what goes in must exist before what comes out")
}

pub(crate) fn recursion(chain: &[(String, Span)]) -> Diagnostic {
    let message = match chain {
        [(name, _)] => format!("the function `{name}` calls itself"),
        _ => format!("these functions call each other: {}", circle(chain)),
    };
    links(Diagnostic::error(code::RECURSION, message, start(chain)), chain, "calls").help(
        "functions are written out where they are called, so that the graph is known before anything runs",
    )
}

/// Links of a circle that are shown; nobody reads more.
const SHOWN: usize = 12;

fn start(chain: &[(String, Span)]) -> Span {
    chain.first().map(|&(_, span)| span).unwrap_or_default()
}

/// `a` → `b` → `a`
fn circle(chain: &[(String, Span)]) -> String {
    let mut names: Vec<String> = chain.iter().take(SHOWN).map(|(name, _)| format!("`{name}`")).collect();
    if chain.len() > SHOWN {
        names.push(format!("… ({} more)", chain.len() - SHOWN));
    }
    names.extend(names.first().cloned());
    names.join(" → ")
}

/// A label at every place where one refers to the next.
fn links(mut error: Diagnostic, chain: &[(String, Span)], verb: &str) -> Diagnostic {
    for (index, (_, span)) in chain.iter().take(SHOWN).enumerate() {
        let next = chain.get(index + 1).or(chain.first()).map_or("", |(name, _)| name.as_str());
        let text = format!("{verb} `{next}`");
        error = if index == 0 { error.label(text) } else { error.also(*span, text) };
    }
    error
}

pub(crate) fn unknown(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_NAME, format!("there is no `{name}` here"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help(format!(
            "define it: `{name} = …` for what a stage makes, `param {name}: Type = …` for a value; or write a value: a number \
             stands as it is, a text in quotes"
        )),
    }
}

/// `kin` are the names of stages that come nearest.
pub(crate) fn unknown_stage(name: &str, span: Span, meant: Option<&str>, kin: &[&str]) -> Diagnostic {
    let error =
        Diagnostic::error(code::UNKNOWN_CALLEE, format!("there is no stage or function `{name}`"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help(format!(
            "there {} `{}`; declare your own with `stage name(…) -> Type {{ … }}`",
            if kin.len() == 1 { "is only" } else { "are" },
            kin.join("`, `")
        )),
    }
}

/// `path` is what to import, where that is possible.
pub(crate) fn not_imported(name: &str, span: Span, defined: Span, path: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::NAME_NOT_IMPORTED,
        format!("`{name}` is defined in a file that is not imported here"),
        span,
    )
    .also(defined, "defined here");
    match path {
        Some(path) => error.help(format!("add `import \"{path}\"`")),
        None => {
            error.help(format!("that file imports this one: move `{name}` into a third, which both import"))
        }
    }
}

pub(crate) fn outer_binding(name: &str, def: &str, span: Span, defined: Span) -> Diagnostic {
    Diagnostic::error(code::BINDING_OUTSIDE, format!("the function `{def}` cannot see `{name}`"), span)
        .also(defined, "this stands outside of the function")
        .help(format!("pass it in: `def {def}({name}: …)`"))
}

pub(crate) fn unknown_profile(name: &str, known: &[&str], span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_PROFILE, format!("there is no profile `{name}`"), span);
    match (meant, known) {
        (Some(meant), _) => error.help(format!("did you mean `{meant}`?")),
        (None, []) => error.help("this pipeline has no profiles; write `profile name { … }`"),
        (None, [one]) => error.help(format!("there is only `{one}`")),
        (None, known) => error.help(format!("there are `{}`", known.join("`, `"))),
    }
}

pub(crate) fn unknown_override(name: &str, span: Span, meant: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(
        code::NOTHING_TO_OVERRIDE,
        format!("there is no param or binding `{name}` to override"),
        span,
    );
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help("name a param, like `width`, or a setting of a binding, like `base.model.width`"),
    }
}

pub(crate) fn no_stage_to_override(name: &str, span: Span, defined: Span) -> Diagnostic {
    Diagnostic::error(code::BINDING_WITHOUT_SETTINGS, format!("`{name}` has no settings of its own"), span)
        .also(defined, "this is another name for something else")
        .help("override the settings of the binding that it stands for")
}

pub(super) fn unknown_edition(number: &str, span: Span) -> Diagnostic {
    let known = super::EDITION;
    let is_later =
        number.parse::<u64>().ok().zip(known.parse().ok()).is_some_and(|(it, known): (_, u64)| it > known);
    let error = Diagnostic::error(code::UNKNOWN_EDITION, format!("the edition {number} is unknown"), span)
        .label(format!("this llmp reads {known}"));
    match is_later {
        true => error.help("the file is written for a later llmp: install that one"),
        false => error.help(format!("write `edition {known}`, or leave it out")),
    }
}

pub(super) fn edition_twice(span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(code::NAME_TAKEN, "a file states its edition once", span)
        .also(first, "first stated here")
        .help("remove one of them")
}
