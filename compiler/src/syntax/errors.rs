//! What the parser says: one function a message, codes E0001 to E0099.

use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::source::{FileId, Span};

/// What can stand at the top of a file, for suggestions.
const ITEMS: [&str; 5] = ["import", "param", "profile", "def", "stage"];

fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim_end();
    match line.char_indices().nth(40) {
        Some((at, _)) => format!("`{}…`", &line[..at]),
        None => format!("`{line}`"),
    }
}

/// E0001
pub(super) fn too_large(file: FileId, text: &str) -> Diagnostic {
    let limit = super::MAX_BYTES >> 20;
    let size = text.len().div_ceil(1 << 20);
    Diagnostic::error("E0001", format!("the file is larger than {limit} MiB"), Span::new(file, 0, 0))
        .label(format!("about {size} MiB"))
        .help("data belongs into files that a stage reads, such as `crawl.warc(\"data/*.warc.gz\")`")
}

/// E0002, found before parsing.
pub(super) fn too_deep(file: FileId, at: usize) -> Diagnostic {
    let limit = super::scan::MAX_DEPTH;
    let span = Span::new(file, at as u32, at as u32 + 1);
    Diagnostic::error("E0002", format!("the text nests deeper than {limit} levels"), span)
        .label("one level too many; the file is not read any further")
        .help("give an inner part a name with `name = …` and use the name")
}

/// E0002, for a chain of operators or pipes.
pub(super) fn too_long(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error("E0002", format!("the expression has more than {limit} levels"), span)
        .label("too many operators or pipes")
        .help("give a part of it a name with `name = …` and use the name")
}

/// E0003
pub(super) fn unclosed(open: Span, sign: char, before: Span, found: &str) -> Diagnostic {
    let close = match sign {
        '(' => ')',
        '[' => ']',
        '<' => '>',
        _ => '}',
    };
    Diagnostic::error("E0003", format!("`{sign}` is never closed"), open)
        .label(format!("opened here, without its `{close}`"))
        .also(before, format!("expected `{close}` before {found}"))
        .help(format!("add the missing `{close}`"))
}

/// E0004
pub(super) fn stray(span: Span, sign: &str) -> Diagnostic {
    Diagnostic::error("E0004", format!("unexpected `{sign}`"), span)
        .label("closes nothing")
        .help(format!("remove the `{sign}`, or add the bracket it should close"))
        .fix(format!("remove the `{sign}`"), span, "")
}

/// E0005
pub(super) fn unfinished_text(span: Span) -> Diagnostic {
    Diagnostic::error("E0005", "the text is never closed", span)
        .label("expected `\"` before the end of the line")
        .help("close it with `\"`; a line break inside a text is written `\\n`")
        .fix("close the text", Span { start: span.end, ..span }, "\"")
}

/// E0006
pub(super) fn bad_escape(span: Span, escape: &str) -> Diagnostic {
    Diagnostic::error("E0006", format!("unknown escape {}", quoted(escape)), span)
        .label("not an escape")
        .help("the escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1F600}`; a backslash is written `\\\\`")
}

/// E0007
pub(super) fn single_quotes(span: Span, inner: &str) -> Diagnostic {
    let text = format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""));
    Diagnostic::error("E0007", "a text stands in double quotes", span)
        .label("single quotes")
        .help(format!("write {}", quoted(&text)))
        .fix("use double quotes", span, text)
}

/// E0008
pub(super) fn not_an_item(span: Span, text: &str) -> Diagnostic {
    let word: String = text.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
    let error = Diagnostic::error("E0008", format!("expected an item, found {}", quoted(text)), span)
        .label("neither `name = …` nor an item");
    if text.starts_with("|>") {
        return error.help("a pipe goes on with the line before it; no other item may stand between");
    }
    match near(&word, &ITEMS).filter(|_| text.len() > word.len()) {
        Some(keyword) => {
            let at = Span { end: span.start + word.len() as u32, ..span };
            error.help(format!("did you mean `{keyword}`?")).fix(
                format!("replace by `{keyword}`"),
                at,
                keyword,
            )
        }
        None if word.is_empty() => error.help("an item starts with a name, as in `docs = …`"),
        None => error.help("write `name = …`, or start with `import`, `param`, `profile`, `def` or `stage`"),
    }
}

/// The candidate that is at most two edits away from `word`, and no other word.
fn near<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let limit = if word.len() < 4 { 1 } else { 2 };
    let rated = candidates.iter().map(|&candidate| (strsim::osa_distance(word, candidate), candidate));
    rated.filter(|&(distance, _)| (1..=limit).contains(&distance)).min().map(|(_, candidate)| candidate)
}

/// E0009
pub(super) fn unexpected(span: Span, text: &str, expected: &str) -> Diagnostic {
    Diagnostic::error("E0009", format!("unexpected {}", quoted(text)), span)
        .label(format!("expected {expected}"))
}

/// E0009 where a field, argument or element follows another on the same line.
pub(super) fn missing_comma(span: Span, text: &str) -> Diagnostic {
    unexpected(span, text, "`,` or a new line before it").help("separate it with a comma").fix(
        "insert `,`",
        Span { end: span.start, ..span },
        ", ",
    )
}

/// E0010
pub(super) fn missing_value(at: Span, after: &str) -> Diagnostic {
    Diagnostic::error("E0010", format!("expected a value after `{after}`"), at)
        .label("the value is missing")
        .help("a value stands on the same line, such as `3`, `\"text\"`, `[a, b]` or `stage(input) { … }`")
}

/// E0011
pub(super) fn missing_name(at: Span, after: &str) -> Diagnostic {
    Diagnostic::error("E0011", format!("expected a name after `{after}`"), at)
        .label("the name is missing")
        .help("a name consists of `a`-`z`, `A`-`Z`, `0`-`9` and `_`, and starts with a letter")
}

/// E0012
pub(super) fn missing_type(at: Span, after: &str, what: &str) -> Diagnostic {
    Diagnostic::error("E0012", format!("expected a type after `{after}`"), at)
        .label("the type is missing")
        .help(format!("a {what} has a type, as in `width: Int`"))
}

/// E0013
pub(super) fn wrong_assign(span: Span, found: &str) -> Diagnostic {
    Diagnostic::error("E0013", format!("expected `=`, found `{found}`"), span)
        .label(format!("`{found}`"))
        .help("a name gets its value with `=`")
        .fix("replace by `=`", span, "=")
}

/// E0014
pub(super) fn hash_comment(span: Span) -> Diagnostic {
    Diagnostic::error("E0014", "a comment starts with `//`", span)
        .label("`#` starts no comment")
        .help("write `//` instead of `#`")
        .fix("replace by `//`", Span { end: span.start + 1, ..span }, "//")
}

/// E0015
pub(super) fn semicolon(span: Span) -> Diagnostic {
    Diagnostic::error("E0015", "unexpected `;`", span)
        .label("lines end without a sign")
        .help("remove the `;`")
        .fix("remove the `;`", span, "")
}

/// E0016
pub(super) fn wrong_pipe(span: Span, found: &str) -> Diagnostic {
    Diagnostic::error("E0016", format!("expected `|>`, found `{found}`"), span)
        .label("this does not lead to a stage")
        .help("data flows on with `|>`")
        .fix("replace by `|>`", span, "|>")
}

/// E0017
pub(super) fn wrong_operator(span: Span, found: &str, right: &str) -> Diagnostic {
    // `!big` needs a space once it is `not big`.
    let text = if found == "!" { "not " } else { right };
    Diagnostic::error("E0017", format!("unknown operator `{found}`"), span)
        .label("no operator here")
        .help(format!("write `{right}`"))
        .fix(format!("replace by `{right}`"), span, text)
}

/// E0018
pub(super) fn prefix(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error("E0018", format!("unexpected `{word}` before a name"), span)
        .label("not needed")
        .help("a binding is just `name = value`")
        .fix(format!("remove `{word}`"), span, "")
}

/// E0019
pub(super) fn missing_stage(at: Span) -> Diagnostic {
    Diagnostic::error("E0019", "expected a stage after `|>`", at)
        .label("the stage is missing")
        .help("a stage stands on the same line, as in `|> extract.text`")
}

/// E0020
pub(super) fn incomplete_if(at: Span, missing: &str) -> Diagnostic {
    Diagnostic::error("E0020", format!("the `if` has no `{missing}`"), at)
        .label(format!("expected `{missing}`"))
        .help("both cases have a value: `if big then 24 else 6`")
}

/// E0021
pub(super) fn missing_block(at: Span, item: &str, example: &str) -> Diagnostic {
    Diagnostic::error("E0021", format!("the `{item}` has no block"), at)
        .label("expected `{`")
        .help(format!("write {example}"))
}

/// E0021 for a function's result.
pub(super) fn missing_result(at: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0021", format!("the function `{name}` has no result"), at)
        .label("expected an expression before `}`")
        .help("the last line of a function, without `name =`, is what it yields")
}

/// E0021 for a list of parameters.
pub(super) fn missing_parameters(at: Span, item: &str) -> Diagnostic {
    Diagnostic::error("E0021", format!("the `{item}` has no parameters"), at)
        .label("expected `(`")
        .help("its inputs stand in parentheses, as in `(docs: Docs)`; write `()` if it has none")
}

/// E0022
pub(super) fn not_last(span: Span, last: Span) -> Diagnostic {
    Diagnostic::error("E0022", "a function has one result", span)
        .label("this value is not used")
        .also(last, "the result")
        .help("give it a name with `name = …`, or remove it")
}

/// E0023
pub(super) fn dotted_field(span: Span, path: &str, first: &str, rest: &str) -> Diagnostic {
    Diagnostic::error("E0023", format!("a field's name has no dots, found `{path}`"), span)
        .label("a path, which only a profile takes")
        .help(format!("write `{first} = {{ {rest} = … }}`"))
}

/// E0024
pub(super) fn incomplete_range(span: Span) -> Diagnostic {
    Diagnostic::error("E0024", "expected a range after `in`", span)
        .label("not a range")
        .help("a range has two ends, as in `in 64..4096`; one may be left out, as in `in 1..`")
}

/// E0025
pub(super) fn thousands(span: Span, digits: &str) -> Diagnostic {
    Diagnostic::error("E0025", "a comma separates values, not thousands", span)
        .label("read as a value of its own")
        .help(format!("write `{digits}`"))
        .fix(format!("write `{digits}`"), span, digits)
}

/// E0025 for `.5`.
pub(super) fn leading_point(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error("E0025", format!("a number starts with a digit, found {}", quoted(text)), span)
        .label("no digit before the point")
        .help(format!("write {}", quoted(&format!("0{text}"))))
        .fix("insert `0`", Span { end: span.start, ..span }, "0")
}

/// E0025 for `-width`.
pub(super) fn negated(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error("E0025", "a sign can stand before a number only", span)
        .label("the `-` of something that is no number")
        .help(format!("subtract it from zero: `0 - {}`", text.trim_start_matches(['-', ' '])))
}

/// E0026
pub(super) fn missing_path(at: Span) -> Diagnostic {
    Diagnostic::error("E0026", "expected a path after `import`", at)
        .label("the path is missing")
        .help("name a file in quotes, as in `import \"common.llmp\"`")
}

/// E0027
pub(super) fn lost_docs(span: Span) -> Diagnostic {
    Diagnostic::warning("E0027", "the documentation belongs to nothing", span)
        .label("nothing follows that has documentation")
        .help("write a comment with `//`, or move it before an item or a setting")
}

/// E0028
pub(super) fn extra_comma(span: Span) -> Diagnostic {
    Diagnostic::error("E0028", "unexpected `,`", span)
        .label("nothing to separate")
        .help("remove the `,`")
        .fix("remove the `,`", span, "")
}

/// E0029
pub(super) fn foreign_sign(span: Span, sign: char, name: &str, right: Option<&str>) -> Diagnostic {
    let error =
        Diagnostic::error("E0029", format!("unexpected {name} `{sign}` (U+{:04X})", u32::from(sign)), span)
            .label("outside of texts and comments, only ASCII is read");
    match right {
        Some(" ") => error.help("write a plain space").fix("replace by a space", span, " "),
        Some(right) => {
            error.help(format!("write `{right}`")).fix(format!("replace by `{right}`"), span, right)
        }
        None => error.help("names consist of `a`-`z`, `A`-`Z`, `0`-`9` and `_`; put anything else in quotes"),
    }
}

/// E0030
pub(super) fn argument_in_choice(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0030", format!("`{name}` stands for itself and takes no arguments"), span)
        .label("a type with arguments among names")
        .help("`a | b` lists the words that a setting accepts")
}

/// E0031
pub(super) fn missing_arrow(at: Span, item: &str) -> Diagnostic {
    Diagnostic::error("E0031", format!("the `{item}` does not say what it yields"), at)
        .label("expected `->` and a type")
        .help("write the type behind the parameters, as in `(pages: Pages) -> Docs`")
}

/// Fixes one place by two edits.
pub(super) fn both(mut diagnostic: Diagnostic, title: &str, edits: Vec<Edit>) -> Diagnostic {
    diagnostic.fix = Some(Fix { title: title.to_owned(), edits });
    diagnostic
}

/// E0010 for `each`.
pub(super) fn missing_list(at: Span) -> Diagnostic {
    Diagnostic::error("E0010", "expected a list after `each`", at)
        .label("the list is missing")
        .help("name the values to try, as in `each [1e-3, 3e-4]`")
}
