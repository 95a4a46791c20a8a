//! What the parser says where something is missing: a value, a name, a type, a bracket's content.

use super::{quoted, unexpected};
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// E0009 where a field, argument or element follows another on the same line.
pub(in crate::syntax) fn missing_comma(span: Span, text: &str) -> Diagnostic {
    unexpected(span, text, "`,` or a new line before it").help("separate it with a comma").fix(
        "insert `,`",
        Span { end: span.start, ..span },
        ", ",
    )
}

/// E0009 for `filter.quality min_words = 3 }`; `field` is the first one's name.
pub(in crate::syntax) fn missing_brace(span: Span, field: &str) -> Diagnostic {
    let span = Span { end: span.start + field.len() as u32, ..span };
    Diagnostic::error(code::UNEXPECTED, format!("expected `{{` before `{field}`"), span)
        .label("the first setting of braces that never open")
        .help("settings stand in braces")
        .fix("insert `{`", Span { end: span.start, ..span }, "{ ")
}

/// E0016 for a step of a pipe behind another on the same line.
pub(in crate::syntax) fn missing_step(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::PIPE_SIGN, format!("expected `|>` before {}", quoted(text)), span)
        .label("a stage that nothing leads to")
        .help("data flows on with `|>`")
        .fix("insert `|>`", Span { end: span.start, ..span }, "|> ")
}

/// E0009 for `crawl.docs"a")`.
pub(in crate::syntax) fn missing_open(span: Span, text: &str, closed: bool) -> Diagnostic {
    let error = Diagnostic::error(code::UNEXPECTED, format!("expected `(` before {}", quoted(text)), span)
        .label("follows a name without a bracket")
        .help("what goes into a stage stands in parentheses");
    match closed {
        true => error.fix("insert `(`", Span { end: span.start, ..span }, "("),
        false => error,
    }
}

/// E0008 for a function without its keyword; `name` is its name.
pub(in crate::syntax) fn missing_def(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(code::NO_ITEM, format!("the function `{name}` lacks its `def`"), span)
        .label("neither `name = …` nor an item")
        .help("write `def` before it")
        .fix("insert `def`", Span { end: span.start, ..span }, "def ")
}

/// E0010
pub(in crate::syntax) fn missing_value(at: Span, after: &str) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, format!("expected a value after `{after}`"), at)
        .label("the value is missing")
        .help("a value stands on the same line, such as `3`, `\"text\"`, `[a, b]` or `stage(input) { … }`")
}

/// E0011
pub(in crate::syntax) fn missing_name(at: Span, after: &str) -> Diagnostic {
    Diagnostic::error(code::NAME_MISSING, format!("expected a name after `{after}`"), at)
        .label("the name is missing")
        .help("a name consists of `a`-`z`, `A`-`Z`, `0`-`9` and `_`, and starts with a letter")
}

/// E0012
pub(in crate::syntax) fn missing_type(at: Span, after: &str, what: &str) -> Diagnostic {
    Diagnostic::error(code::TYPE_MISSING, format!("expected a type after `{after}`"), at)
        .label("the type is missing")
        .help(format!("a {what} has a type, as in `width: Int`"))
}

/// E0016 for a step of a pipe in the next line.
pub(in crate::syntax) fn missing_pipe(span: Span, text: &str) -> Diagnostic {
    let start = Span { end: span.start, ..span };
    Diagnostic::error(code::PIPE_SIGN, format!("expected `|>` before {}", quoted(text)), span)
        .label("further in than the line above, whose value it seems to go on with")
        .help("write `|>` before it; or give it a name, and begin it at the margin")
        .fix("insert `|>`", start, "|> ")
}

/// E0013 between a type and its default.
pub(in crate::syntax) fn missing_default_sign(span: Span, text: &str) -> Diagnostic {
    let start = Span { end: span.start, ..span };
    Diagnostic::error(code::EQUALS_SIGN, format!("expected `=` before {}", quoted(text)), span)
        .label("a default without `=`")
        .help("write `= …` behind the type")
        .fix("insert `=`", start, "= ")
}

/// E0019
pub(in crate::syntax) fn missing_stage(at: Span) -> Diagnostic {
    Diagnostic::error(code::STAGE_MISSING, "expected a stage after `|>`", at)
        .label("the stage is missing")
        .help("a stage stands on the same line, as in `|> extract.text`")
}

/// E0020
pub(in crate::syntax) fn incomplete_if(at: Span, missing: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_IF, format!("the `if` has no `{missing}`"), at)
        .label(format!("expected `{missing}`"))
        .help("both cases have a value: `if big then 24 else 6`")
}

/// E0021
pub(in crate::syntax) fn missing_block(at: Span, item: &str, example: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_DEFINITION, format!("the `{item}` has no block"), at)
        .label("expected `{`")
        .help(format!("write {example}"))
}

/// E0021 for a function's result.
pub(in crate::syntax) fn missing_result(at: Span, name: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_DEFINITION, format!("the function `{name}` has no result"), at)
        .label("expected an expression before `}`")
        .help("the last line of a function, without `name =`, is what it yields")
}

/// E0021 for a list of parameters.
pub(in crate::syntax) fn missing_parameters(at: Span, item: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_DEFINITION, format!("the `{item}` has no parameters"), at)
        .label("expected `(`")
        .help("its inputs stand in parentheses, as in `(docs: Docs)`; write `()` if it has none")
}

/// E0024
pub(in crate::syntax) fn incomplete_range(span: Span) -> Diagnostic {
    Diagnostic::error(code::RANGE_MISSING, "expected a range after `in`", span)
        .label("not a range")
        .help("a range has two ends, as in `in 64..4096`; one may be left out, as in `in 1..`")
}

/// E0024 for `files = 1..`.
pub(in crate::syntax) fn endless_range(at: Span) -> Diagnostic {
    Diagnostic::error(code::RANGE_MISSING, "expected a number after `..`", at)
        .label("the end is missing")
        .help("a range that is a value has both ends, as in `files = 1..20`")
}

/// E0010 for `edition` alone.
pub(in crate::syntax) fn missing_edition(at: Span) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, "expected a number after `edition`", at)
        .label("the edition is missing")
        .help("write `edition 2026`, or leave it out")
}

/// E0010 for `expect` alone.
pub(in crate::syntax) fn missing_condition(at: Span) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, "expected a measure after `expect`", at)
        .label("what is expected is missing")
        .help("compare a measure of a report, as in `expect table.wrong[\"honest\", \"unseen\"] <= 8%`")
}

/// E0010 for `require` alone.
pub(in crate::syntax) fn missing_rule(at: Span) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, "expected a condition after `require`", at)
        .label("the condition is missing")
        .help("compare settings of the stage, as in `require least <= most else \"…\"`")
}

/// E0010 for `require` without `else`.
pub(in crate::syntax) fn missing_reason(at: Span) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, "expected `else` and a text after the condition", at)
        .label("what is wrong then is missing")
        .help("say what is wrong where it does not hold, as in `else \"`least` is above `most`\"`")
}

/// E0026
pub(in crate::syntax) fn missing_path(at: Span) -> Diagnostic {
    Diagnostic::error(code::IMPORT_PATH_MISSING, "expected a path after `import`", at)
        .label("the path is missing")
        .help("name a file in quotes, as in `import \"common.llmp\"`")
}

/// E0031
pub(in crate::syntax) fn missing_arrow(at: Span, item: &str) -> Diagnostic {
    Diagnostic::error(code::RESULT_TYPE_MISSING, format!("the `{item}` does not say what it yields"), at)
        .label("expected `->` and a type")
        .help("write the type behind the parameters, as in `(pages: Pages) -> Docs`")
}

/// E0010 for `each`.
pub(in crate::syntax) fn missing_list(at: Span) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, "expected a list after `each`", at)
        .label("the list is missing")
        .help("name the values to try, as in `each [1e-3, 3e-4]`")
}

/// E0010 for a name that stands alone at the top of a file.
pub(in crate::syntax) fn binding_without_value(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(code::VALUE_MISSING, format!("`{name}` has no value"), span)
        .label("expected `=` and a value behind it")
        .help(format!("write `{name} = …`"))
}

/// E0010, or E0013 where a value seems to follow.
pub(in crate::syntax) fn field_without_value(span: Span, text: &str, name: &str) -> Diagnostic {
    match text.len() == name.len() {
        true => binding_without_value(span, name),
        false => missing_assign(Span { end: span.start + name.len() as u32, ..span }, name, text),
    }
}

/// E0012 in a list's type.
pub(in crate::syntax) fn missing_element_type(at: Span) -> Diagnostic {
    Diagnostic::error(code::TYPE_MISSING, "expected a type after `[`", at)
        .label("the type is missing")
        .help("a list's type names what it holds, as in `[Text]` or `[en | zh]`")
}

/// E0012 for a declaration without `:`.
pub(in crate::syntax) fn missing_colon(name_span: Span, name: &str, rest: &str) -> Diagnostic {
    let error =
        Diagnostic::error(code::TYPE_MISSING, format!("expected `:` and a type after `{name}`"), name_span)
            .label("the type is missing")
            .help(format!("write `{name}: Type`"));
    match rest.starts_with(|sign: char| sign.is_ascii_alphabetic() || matches!(sign, '[' | '{')) {
        true => error.fix("insert `:`", Span { start: name_span.end, ..name_span }, ":"),
        false => error,
    }
}

/// E0013 where nothing stands between name and value.
pub(in crate::syntax) fn missing_assign(name_span: Span, name: &str, text: &str) -> Diagnostic {
    let rest = text[name.len().min(text.len())..].trim_start();
    let error = Diagnostic::error(
        code::EQUALS_SIGN,
        format!("expected `=` after `{name}`, found {}", quoted(rest)),
        name_span,
    )
    .label("a name without `=`")
    .help(format!("write `{name} = …`"));
    match rest.starts_with(|sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '[' | '"' | '_' | '{'))
    {
        true => error.fix("insert `=`", Span { start: name_span.end, ..name_span }, " ="),
        false => error,
    }
}
