//! Messages about what goes into stages and functions.

use crate::artifact::ArtifactKind;
use crate::code::{self, Code};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::source::Span;
use crate::types::{Artifact, Pattern, SettingType, describe_ability};

fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(code, message, span)
}

/// Kinds of which one is due, as a signature writes them: `Questions | Docs`.
fn names(kinds: &[ArtifactKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" | ")
}

/// What an argument is for.
#[derive(Clone, Copy)]
pub(crate) struct Role<'a> {
    /// The stage or function.
    pub(crate) callee: &'a str,
    /// The parameter that it fills, `docs`.
    pub(crate) role: &'a str,
}

/// `converter` is a stage that makes what is due from what is found, `makers` are those that make it from
/// anything.
pub(crate) fn wrong_kind(
    place: Role<'_>,
    due: &[ArtifactKind],
    found: &str,
    converter: Option<&str>,
    makers: &[&str],
    span: Span,
) -> Diagnostic {
    let (Role { callee, role }, due) = (place, names(due));
    let error =
        error(code::WRONG_KIND, format!("`{callee}` needs `{due}` for `{role}`, found `{found}`"), span);
    match (converter, makers) {
        (Some(converter), _) => error.help(format!("`{converter}` makes `{due}` of it")),
        (None, []) => error.help(format!("give it `{due}`")),
        (None, makers) => error.help(format!("these make `{due}`: `{}`", makers.join("`, `"))),
    }
}

/// `names` are those of two steps in the order in which they should stand; `edits` bring them into it.
pub(crate) fn swapped_steps(
    place: Role<'_>,
    due: &[ArtifactKind],
    found: &str,
    names: (&str, &str),
    span: Span,
    edits: [(Span, String); 2],
) -> Diagnostic {
    let edits = edits.map(|(span, text)| Edit { span, text }).to_vec();
    let fix = Fix { title: format!("put `{}` first", names.0), edits };
    let help = format!("put `{}` before `{}`", names.0, names.1);
    Diagnostic { fix: Some(fix), ..wrong_kind(place, due, found, None, &[], span).help(help) }
}

/// Each is the kind, the place and the text of an input.
pub(crate) fn swapped_inputs(
    callee: &str,
    one: (&str, Span, String),
    other: (&str, Span, String),
) -> Diagnostic {
    let message = format!("two inputs of `{callee}` stand in each other's place");
    let edits = vec![Edit { span: one.1, text: other.2 }, Edit { span: other.1, text: one.2 }];
    let fix = Fix { title: "swap them".to_owned(), edits };
    let error = error(code::WRONG_KIND, message, one.1)
        .label(format!("this is `{}`", one.0))
        .also(other.1, format!("this is `{}`", other.0))
        .help("swap them");
    Diagnostic { fix: Some(fix), ..error }
}

/// Adds the fix of a wrong kind: a pipe through `converter`.
pub(crate) fn piped_through(error: Diagnostic, converter: &str, span: Span) -> Diagnostic {
    let end = Span { start: span.end, ..span };
    error.fix(format!("pipe it through `{converter}`"), end, format!(" |> {converter}"))
}

/// `name` is the argument as written, `maker` a stage that teaches the ability.
pub(crate) fn lacks_ability(
    place: Role<'_>,
    ability: &str,
    found: &Artifact,
    name: &str,
    maker: Option<&str>,
    span: Span,
) -> Diagnostic {
    let Role { callee, .. } = place;
    let need = describe_ability(ability);
    // A long expression says nothing in the middle of a sentence.
    let (subject, given) = match name.contains(['{', '…', '|']) {
        true => ("this".to_owned(), "…"),
        false => (format!("`{name}`"), name),
    };
    let error = error(
        code::MISSING_ABILITY,
        format!("`{callee}` needs {need}, {subject} is {}", found.describe()),
        span,
    );
    let help = match (maker, ability) {
        (Some(maker), "chat") => format!("train it on conversations first: `{maker}({given}, …)`"),
        (Some(maker), _) => format!("`{maker}` makes one: `{maker}({given}, …)`"),
        (None, _) => format!("give it {need}"),
    };
    error.label(found.describe()).help(help)
}

pub(crate) fn two_vocabularies(callee: &str, found: (&str, Span), first: (&str, Span)) -> Diagnostic {
    let error = |message: String| error(code::TWO_VOCABULARIES, message, found.1);
    if first.0 == found.0 {
        return error(format!("`{callee}` gets two vocabularies, both made by `{}`", found.0))
            .label("made with another one")
            .also(first.1, "made with one")
            .help("token ids mean nothing in another vocabulary: give one a name and make both with it");
    }
    error(format!("`{callee}` gets two vocabularies, `{}` and `{}`", first.0, found.0))
        .label(format!("made with `{}`", found.0))
        .also(first.1, format!("made with `{}`", first.0))
        .help(format!("token ids mean nothing in another vocabulary: make both with `{}`", first.0))
}

pub(crate) fn result_vocabulary(def: &str, found: &str, due: &str, span: Span) -> Diagnostic {
    error(code::TWO_VOCABULARIES, format!("`{def}` promises the vocabulary `{due}`, found `{found}`"), span)
        .help("use another variable in the result type where the vocabulary is another")
}

/// `makers` are stages that make what is due.
pub(crate) fn missing_input(
    place: Role<'_>,
    due: &str,
    signature: &str,
    makers: &[&str],
    span: Span,
) -> Diagnostic {
    let Role { callee, role } = place;
    let error = error(code::INPUT_MISSING, format!("`{callee}` needs `{role}`"), span)
        .label(format!("`{role}: {due}` is missing"));
    match makers {
        [] => error.help(format!("it is declared as `{signature}`")),
        makers => {
            let makers = makers.join("`, `");
            error.help(format!("it is declared as `{signature}`; such a one is made by `{makers}`"))
        }
    }
}

pub(crate) fn too_many(callee: &str, takes: usize, signature: &str, span: Span) -> Diagnostic {
    let takes = match takes {
        0 => "no inputs".to_owned(),
        1 => "one input".to_owned(),
        many => format!("{many} inputs"),
    };
    error(code::TOO_MANY_ARGUMENTS, format!("`{callee}` takes {takes}"), span)
        .label("this is one too many")
        .help(format!("it is declared as `{signature}`"))
}

/// Elements of a list input, given one by one: `eval.factuality(base, chat, questions)`.
pub(crate) fn loose_elements(callee: &str, role: &str, elements: &[String], span: Span) -> Diagnostic {
    let list = elements.join(", ");
    error(code::TOO_MANY_ARGUMENTS, format!("`{callee}` takes a list for `{role}`"), span)
        .label(format!("{} stand by themselves", elements.len()))
        .help(format!("put them into a list: `[{list}]`"))
        .fix("put them into a list", span, format!("[{list}]"))
}

pub(crate) fn value_argument(callee: &str, setting: Option<&str>, span: Span) -> Diagnostic {
    let error = error(code::TOO_MANY_ARGUMENTS, format!("`{callee}` takes settings in braces"), span);
    match setting {
        Some(name) => error.help(format!("write `{callee}(…) {{ {name} = … }}`")),
        None => error.help("inputs go in parentheses, settings in braces"),
    }
}

pub(crate) fn unknown_argument(
    callee: &str,
    name: &str,
    signature: &str,
    span: Span,
    meant: Option<&str>,
) -> Diagnostic {
    let error = error(code::UNKNOWN_INPUT, format!("`{callee}` has no input `{name}`"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help(format!("it is declared as `{signature}`")),
    }
}

pub(crate) fn input_in_braces(callee: &str, name: &str, span: Span) -> Diagnostic {
    error(code::UNKNOWN_SETTING, format!("`{name}` is an input of `{callee}`, not a setting"), span)
        .help(format!("inputs go in parentheses: `{callee}(…, {name} = …)`"))
}

pub(crate) fn argument_twice(callee: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    error(code::INPUT_TWICE, format!("`{callee}` gets `{name}` twice"), span)
        .also(first, "first given here")
        .help("remove one of them")
}

pub(crate) fn positional_after_named(span: Span) -> Diagnostic {
    error(code::INPUT_TWICE, "an argument without a name follows one with a name", span)
        .help("name this one too, or move it to the front")
}

pub(crate) fn artifact_default(name: &str, span: Span) -> Diagnostic {
    error(code::ARTIFACT_DEFAULT, format!("the artifact `{name}` cannot have a default"), span)
        .help("leave it out: whoever calls the function gives one")
}

pub(crate) fn value_as_artifact(found: &str, due: &[ArtifactKind], span: Span) -> Diagnostic {
    let message = match due {
        [] => format!("expected the output of a stage, found {found}"),
        due => format!("expected `{}`, found {found}", names(due)),
    };
    error(code::NOT_AN_ARTIFACT, message, span).help("values are settings: they go in braces, behind a stage")
}

/// `reader` is the one stage that makes what is due of files.
pub(crate) fn unread_files(due: &[ArtifactKind], path: &str, reader: &str, span: Span) -> Diagnostic {
    let call = format!("{reader}({path:?})");
    error(code::NOT_AN_ARTIFACT, format!("expected `{}`, found text", names(due)), span)
        .help(format!("`{reader}` reads files: `{call}`"))
        .fix(format!("read it by `{reader}`"), span, call)
}

/// `name = value` at the top, where `ty` is the type that the value seems to have.
pub(crate) fn value_binding(name: &str, ty: Option<&str>, span: Span) -> Diagnostic {
    let error =
        error(code::VALUE_AS_BINDING, format!("`{name}` is a value, not the output of a stage"), span);
    match ty {
        // A path of files is given to stages, not to settings.
        Some("Text") => error.help(format!("declare it as a param: `param {name}: Files = …`")).fix(
            "make it a param",
            span,
            format!("param {name}: Files"),
        ),
        Some(ty) => error.help(format!("declare it as a param: `param {name}: {ty} = …`")).fix(
            "make it a param",
            span,
            format!("param {name}: {ty}"),
        ),
        None => error.help(format!("declare it as a param: `param {name}: Type = …`")),
    }
}

pub(crate) fn param_as_artifact(name: &str, ty: &SettingType, span: Span, defined: Span) -> Diagnostic {
    error(code::NOT_AN_ARTIFACT, format!("`{name}` is a value (`{ty}`), not the output of a stage"), span)
        .also(defined, "declared here")
        .help("values go in braces, as settings")
}

pub(crate) fn def_without_call(name: &str, span: Span) -> Diagnostic {
    error(code::NOT_AN_ARTIFACT, format!("`{name}` is a function, not the output of a stage"), span)
        .help(format!("call it: `{name}(…)`"))
}

pub(crate) fn stage_without_call(name: &str, span: Span) -> Diagnostic {
    error(code::NOT_AN_ARTIFACT, format!("`{name}` is a stage, not the output of one"), span)
        .help(format!("call it: `{name}(…)`"))
}

pub(crate) fn not_callable(name: &str, what: &str, span: Span, defined: Span) -> Diagnostic {
    error(code::UNKNOWN_CALLEE, format!("`{name}` is {what} and cannot be called"), span)
        .also(defined, "it is defined here")
        .help("stages and functions are called")
}

pub(crate) fn list_for_one(place: Role<'_>, due: &Pattern, span: Span) -> Diagnostic {
    let Role { callee, role } = place;
    error(
        code::LIST_FOR_ONE,
        format!("`{callee}` needs one `{}` for `{role}`, found a list", names(&due.kinds())),
        span,
    )
    .help("write `each [..]` to run it once for each")
}

pub(crate) fn bad_result(found: &str, span: Span) -> Diagnostic {
    error(code::MISPLACED_TYPE, format!("`{found}` is not what a function can yield"), span)
        .help("a function yields an artifact, such as `Docs`")
}

pub(crate) fn result_kind(def: &str, due: &str, found: &str, span: Span, declared: Span) -> Diagnostic {
    error(code::WRONG_KIND, format!("`{def}` yields `{due}`, found {found}"), span)
        .also(declared, "promised here")
        .help("change the result type or the last expression")
}

pub(crate) fn result_ability(
    def: &str,
    ability: &str,
    found: &Artifact,
    span: Span,
    declared: Span,
) -> Diagnostic {
    let message = format!("`{def}` yields {}, found {}", describe_ability(ability), found.describe());
    error(code::MISSING_ABILITY, message, span)
        .also(declared, "promised here")
        .help("change the result type or train the model on")
}

pub(crate) fn no_files(span: Span) -> Diagnostic {
    error(code::NOT_AN_ARTIFACT, "an empty path names no files", span)
        .help("write a path or a pattern, like `\"data/*.warc.gz\"`")
}
