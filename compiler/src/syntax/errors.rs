//! What the parser says: one function a message, codes E0001 to E0099. Here is what is said of text that
//! stands there; what is said of text that does not, in [`missing`].

mod missing;

use super::signs;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

pub(super) use missing::{
    binding_without_value, endless_range, field_without_value, incomplete_if, incomplete_range,
    missing_arrow, missing_assign, missing_block, missing_brace, missing_colon, missing_comma,
    missing_condition, missing_def, missing_default_sign, missing_edition, missing_element_type,
    missing_list, missing_name, missing_open, missing_parameters, missing_path, missing_pipe, missing_reason,
    missing_result, missing_rule, missing_stage, missing_step, missing_type, missing_value,
};

/// The first line of `text` in backquotes, shortened.
pub(super) fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim_end();
    match line.char_indices().nth(40) {
        Some((at, _)) => format!("`{}…`", &line[..at]),
        None => format!("`{line}`"),
    }
}

/// E0001
pub(crate) fn too_large(span: Span) -> Diagnostic {
    let limit = super::MAX_BYTES >> 20;
    Diagnostic::error(code::FILE_TOO_LARGE, format!("the file is larger than {limit} MiB"), span)
        .label("not read any further")
        .help("data belongs into files that a stage reads, such as `crawl.warc(\"data/*.warc.gz\")`")
}

/// E0002, found before parsing.
pub(super) fn too_deep(file: FileId, at: usize) -> Diagnostic {
    let limit = super::MAX_DEPTH;
    let span = Span::new(file, at as u32, at as u32 + 1);
    Diagnostic::error(code::TEXT_TOO_DEEP, format!("the text nests deeper than {limit} levels"), span)
        .label("one level too many; the file is not read any further")
        .help("give an inner part a name with `name = …` and use the name")
}

/// E0002, for a chain of operators or pipes.
pub(super) fn too_long(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error(code::TEXT_TOO_DEEP, format!("the expression has more than {limit} levels"), span)
        .label("too many operators or pipes")
        .help("give a part of it a name with `name = …` and use the name")
}

/// E0003
pub(super) fn unclosed(
    open: Span,
    sign: char,
    before: Span,
    found: &str,
    end: Option<(Span, String)>,
) -> Diagnostic {
    let close = signs::closing(sign);
    let error = Diagnostic::error(code::BRACKET_NEVER_CLOSED, format!("`{sign}` is never closed"), open)
        .label(format!("opened here, without its `{close}`"))
        .also(before, format!("expected `{close}` before {found}"))
        .help(format!("add the missing `{close}`"));
    match end {
        Some((place, text)) => error.fix(format!("add `{close}`"), place, text),
        None => error,
    }
}

/// E0006
pub(super) fn bad_escape(span: Span, escape: &str) -> Diagnostic {
    Diagnostic::error(code::UNKNOWN_ESCAPE, format!("unknown escape {}", quoted(escape)), span)
        .label("not an escape")
        .help("the escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1F600}`; a backslash is written `\\\\`")
}

/// E0007
pub(super) fn single_quotes(span: Span, inner: &str) -> Diagnostic {
    let text = format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""));
    Diagnostic::error(code::SINGLE_QUOTES, "a text stands in double quotes", span)
        .label("single quotes")
        .help(format!("write {}", quoted(&text)))
        .fix("use double quotes", span, text)
}

/// E0009
pub(super) fn unexpected(span: Span, text: &str, expected: &str) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, format!("unexpected {}", quoted(text)), span)
        .label(format!("expected {expected}"))
        .help(match expected {
            // `pretrain(tokens) ( for = 1M )`
            "the end of the line" if text.starts_with('(') && text.contains('=') => {
                "settings stand in braces: `{ name = value }`".to_owned()
            }
            "the end of the line" => "remove it, or begin a new line".to_owned(),
            expected => format!("write {expected}, or remove it"),
        })
}

/// E0009 for `eahc [1, 2]`.
pub(super) fn misspelt_each(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, format!("unexpected `[` behind `{word}`"), span)
        .label("takes no list")
        .help("did you mean `each`?")
        .fix("replace by `each`", span, "each")
}

/// E0009 for `per shard` with a slip.
pub(super) fn misspelt_shard(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, format!("unexpected {}", quoted(text)), span)
        .label("begins no clause")
        .help("did you mean `per shard`?")
        .fix("replace by `per shard`", span, "per shard")
}

/// E0009 for a list without its brackets.
pub(super) fn bare_list(span: Span, text: &str) -> Diagnostic {
    let closed = text.ends_with(']') && !text.contains('[');
    let list = if closed { format!("[{text}") } else { format!("[{text}]") };
    Diagnostic::error(code::UNEXPECTED, "several values stand in a list", span)
        .label("a comma ends the value")
        .help(format!("write {}", quoted(&list)))
        .fix("make it a list", span, list)
}

/// E0013
pub(super) fn wrong_assign(span: Span, found: &str) -> Diagnostic {
    Diagnostic::error(code::EQUALS_SIGN, format!("expected `=`, found `{found}`"), span)
        .label(format!("`{found}`"))
        .help("a name gets its value with `=`")
        .fix("replace by `=`", span, "=")
}

/// E0013 for `name: Type = value`, where `span` is the type with its `:`.
pub(super) fn typed_binding(span: Span) -> Diagnostic {
    Diagnostic::error(code::EQUALS_SIGN, "expected `=`, found a type", span)
        .label("only params, parameters and settings of signatures declare a type")
        .help("leave the type out: it follows from the value")
        .fix("remove the type", span, " ")
}

/// E0009 for a range behind a function's parameter.
pub(super) fn range_of_parameter(span: Span) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, "unexpected `in` behind a parameter", span)
        .label("a function's parameters have no ranges")
        .help("leave it out: the setting that the value goes into has a range of its own")
        .fix("remove the range", span, "")
}

/// E0014
pub(super) fn hash_comment(span: Span) -> Diagnostic {
    Diagnostic::error(code::COMMENT_SIGN, "a comment starts with `//`", span)
        .label("`#` starts no comment")
        .help("write `//` instead of `#`")
        .fix("replace by `//`", Span { end: span.start + 1, ..span }, "//")
}

/// E0016
pub(super) fn wrong_pipe(span: Span, found: &str) -> Diagnostic {
    Diagnostic::error(code::PIPE_SIGN, format!("expected `|>`, found `{found}`"), span)
        .label("this does not lead to a stage")
        .help("data flows on with `|>`")
        .fix("replace by `|>`", span, "|>")
}

/// E0018
pub(super) fn prefix(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(code::WORD_BEFORE_NAME, format!("unexpected `{word}` before a name"), span)
        .label("not needed")
        .help("a binding is just `name = value`")
        .fix(format!("remove `{word}`"), span, "")
}

/// E0022
pub(super) fn not_last(span: Span, last: Span) -> Diagnostic {
    Diagnostic::error(code::TWO_RESULTS, "a function has one result", span)
        .label("this value is not used")
        .also(last, "the result")
        .help("give it a name with `name = …`, or remove it")
}

/// E0009 for `runtime` before a field.
pub(super) fn runtime_field(span: Span) -> Diagnostic {
    Diagnostic::error(code::UNEXPECTED, "unexpected `runtime`", span)
        .label("a field has no such word before it")
        .help("`runtime` stands before settings of a signature, and in profiles before `on` and `store`")
}

/// E0025 for `.5`.
pub(super) fn leading_point(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(
        code::NOT_QUITE_A_NUMBER,
        format!("a number starts with a digit, found {}", quoted(text)),
        span,
    )
    .label("no digit before the point")
    .help(format!("write {}", quoted(&format!("0{text}"))))
    .fix("insert `0`", Span { end: span.start, ..span }, "0")
}

/// E0025 for `-width`.
pub(super) fn negated(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::NOT_QUITE_A_NUMBER, "a sign can stand before a number only", span)
        .label("the `-` of something that is no number")
        .help(format!("subtract it from zero: `0 - {}`", text.trim_start_matches(['-', ' '])))
}

/// W0001
pub(super) fn lost_docs(span: Span) -> Diagnostic {
    Diagnostic::warning(code::LOST_DOCUMENTATION, "the documentation belongs to nothing", span)
        .label("it documents no item, and no setting of a signature")
        .help("write a comment with `//`, or move it before what it documents")
        .fix("make it a comment", Span { end: span.start + 3, ..span }, "//")
}

/// E0028
pub(super) fn extra_comma(span: Span, in_arguments: bool) -> Diagnostic {
    let error = Diagnostic::error(code::STRAY_COMMA, "unexpected `,`", span).label("nothing to separate");
    match in_arguments {
        // Arguments have places: one may be missing.
        true => error.help("give the argument that is missing before it, or remove the `,`"),
        false => error.help("remove the `,`").fix("remove the `,`", span, ""),
    }
}

/// E0030
pub(super) fn argument_in_choice(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(
        code::WORD_WITH_ARGUMENTS,
        format!("`{name}` stands for itself and takes no arguments"),
        span,
    )
    .label("a type with arguments among names")
    .help("`a | b` lists the words that a setting accepts")
}

/// E0004
pub(super) fn stray(span: Span, sign: char) -> Diagnostic {
    Diagnostic::error(code::BRACKET_CLOSES_NOTHING, format!("unexpected `{sign}`"), span)
        .label("closes nothing")
        .help(format!("remove the `{sign}`, or add the bracket that it should close"))
}

/// E0004 where lines before it are further in, behind a line that seems to lack the bracket.
pub(super) fn unopened(span: Span, sign: char, head: Span) -> Diagnostic {
    let open = match sign {
        ')' => '(',
        ']' => '[',
        _ => '{',
    };
    let text = if open == '(' { "(".to_owned() } else { format!(" {open}") };
    Diagnostic::error(code::BRACKET_CLOSES_NOTHING, format!("unexpected `{sign}`"), span)
        .label("closes nothing")
        .also(head, format!("what follows is further in, without a `{open}` here"))
        .help(format!("add `{open}` at the end of that line"))
        .fix(format!("add `{open}`"), head, text)
}

/// E0005
pub(super) fn unfinished_text(span: Span, quote: char) -> Diagnostic {
    let error = Diagnostic::error(code::QUOTE_MISSING, "the text is never closed", span)
        .label("expected `\"` before the end of the line")
        .help("close it with `\"`; a line break inside a text is written `\\n`");
    match quote {
        '"' => error.fix("close the text", Span { start: span.end, ..span }, "\""),
        _ => error,
    }
}

/// E0005 for a text without its first quote.
pub(super) fn unopened_text(span: Span) -> Diagnostic {
    Diagnostic::error(code::QUOTE_MISSING, "the text is never opened", span)
        .label("expected `\"` before it")
        .help("texts stand in double quotes")
        .fix("open the text", Span { end: span.start, ..span }, "\"")
}

/// E0008
pub(super) fn not_an_item(span: Span, text: &str) -> Diagnostic {
    let error = Diagnostic::error(code::NO_ITEM, format!("expected an item, found {}", quoted(text)), span)
        .label("neither `name = …` nor an item");
    match text.starts_with("|>") {
        true => error.help("a pipe goes on with the value before it; no other item may stand between"),
        false => error.help("write `name = …`, or start with `import`, `param`, `profile`, `def` or `stage`"),
    }
}

/// E0008 for a word that is almost an item's keyword, or that other languages use.
pub(super) fn misspelt_item(span: Span, word: &str, keyword: &str) -> Diagnostic {
    Diagnostic::error(code::NO_ITEM, format!("unknown keyword `{word}`"), span)
        .label("starts no item")
        .help(format!("did you mean `{keyword}`?"))
        .fix(format!("replace by `{keyword}`"), span, keyword)
}

/// E0008 for a value at the top of a file.
pub(super) fn unnamed_value(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(code::NO_ITEM, format!("the value {} has no name", quoted(text)), span)
        .label("nothing can use it")
        .help("give it a name, as in `docs = …`")
        .fix("give it a name", Span { end: span.start, ..span }, "result = ")
}

/// E0014 for `/* … */`.
pub(super) fn block_comment(span: Span) -> Diagnostic {
    Diagnostic::error(code::COMMENT_SIGN, "a comment starts with `//`", span)
        .label("`/*` starts no comment")
        .help("write `//` at the start of each line of the comment")
}

/// E0015
pub(super) fn semicolon(span: Span, last: bool, in_brackets: bool) -> Diagnostic {
    let error = Diagnostic::error(code::SEMICOLON, "unexpected `;`", span);
    match (last, in_brackets) {
        (true, _) => {
            error.label("lines end without a sign").help("remove the `;`").fix("remove the `;`", span, "")
        }
        (_, true) => error.label("separates nothing").help("write `,`").fix("replace by `,`", span, ","),
        (_, false) => error.label("separates nothing").help("start a new line instead"),
    }
}

/// E0017
pub(super) fn wrong_operator(span: Span, found: &str, right: Option<&str>) -> Diagnostic {
    let error = Diagnostic::error(code::UNKNOWN_OPERATOR, format!("unknown operator `{found}`"), span)
        .label("not an operator");
    match right {
        // `!big` needs a space once it is `not big`.
        Some("not") => error.help("write `not`").fix("replace by `not`", span, "not "),
        Some(right) => {
            error.help(format!("write `{right}`")).fix(format!("replace by `{right}`"), span, right)
        }
        None => error.help("the operators are `+ - * /`, `== != < <= > >=`, `and`, `or` and `not`"),
    }
}

/// E0020 for a misspelt `then` or `else`.
pub(super) fn misspelt_branch(span: Span, word: &str, meant: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_IF, format!("expected `{meant}`, found {}", quoted(word)), span)
        .label("the value goes on here")
        .help(format!("did you mean `{meant}`?"))
        .fix(format!("replace by `{meant}`"), span, meant)
}

/// E0020 for a branch without its `if`.
pub(super) fn lost_branch(span: Span, word: &str) -> Diagnostic {
    Diagnostic::error(code::INCOMPLETE_IF, format!("`{word}` without `if`"), span)
        .label("belongs to no `if`")
        .help("write `if condition then a else b`")
}

/// E0022 for a binding behind the result.
pub(super) fn result_not_last(span: Span, late: Span) -> Diagnostic {
    Diagnostic::error(code::TWO_RESULTS, "a function's result stands last", span)
        .label("not the last line of the function")
        .also(late, "this follows it")
        .help("move the result to the end, or give it a name with `name = …`")
}

/// E0023 in a record.
pub(super) fn dotted_field(span: Span, path: &str) -> Diagnostic {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    Diagnostic::error(code::NAME_WITH_DOTS, format!("a field's name has no dots, found `{path}`"), span)
        .label("a path, which only profiles take")
        .help(format!("write `{first} = {{ {rest} = … }}`"))
}

/// E0023 at the top of a file.
pub(super) fn dotted_binding(span: Span, path: &str) -> Diagnostic {
    Diagnostic::error(code::NAME_WITH_DOTS, format!("a binding's name has no dots, found `{path}`"), span)
        .label("a path, which only profiles take")
        .help(format!(
            "write the setting where the stage is called, or override it: `profile name {{ {path} = … }}`"
        ))
}

/// E0025 for `1,000`.
pub(super) fn thousands(span: Span, number: &str) -> Diagnostic {
    let right = number.replace(',', "_");
    Diagnostic::error(code::NOT_QUITE_A_NUMBER, format!("digits are grouped by `_`, found `{number}`"), span)
        .label("a comma separates values")
        .help(format!("write `{right}`"))
        .fix("replace `,` by `_`", span, right)
}

/// E0025 for `80 %`.
pub(super) fn spaced_percent(span: Span) -> Diagnostic {
    Diagnostic::error(code::NOT_QUITE_A_NUMBER, "`%` stands right behind its number", span)
        .label("space before `%`")
        .help("write it without space, as in `80%`")
        .fix("remove the space", span, "%")
}

/// E0029 for a text in quotes of some typography.
pub(super) fn typographic_quotes(span: Span, inner: &str) -> Diagnostic {
    let text = format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""));
    Diagnostic::error(code::UNKNOWN_SIGN, "a text stands in plain double quotes", span)
        .label("typographic quotes")
        .help(format!("write {}", quoted(&text)))
        .fix("use plain quotes", span, text)
}

/// E0029
pub(super) fn foreign_sign(span: Span, sign: char) -> Diagnostic {
    let (name, right) = match sign {
        sign if signs::is_quote(sign) => ("a typographic quote", None),
        '\u{a0}' | '\u{2002}'..='\u{200b}' | '\u{202f}' | '\u{3000}' | '\u{feff}' => {
            ("a space that is no plain one", Some(" "))
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("a dash", Some("-")),
        '\u{d7}' => ("a multiplication sign", Some("*")),
        '\u{2192}' | '\u{21d2}' | '\u{25b7}' => ("an arrow", Some("|>")),
        '\u{2026}' => ("an ellipsis", Some("..")),
        '\u{2260}' => ("an unequal sign", Some("!=")),
        '\u{2264}' => ("a comparison sign", Some("<=")),
        '\u{2265}' => ("a comparison sign", Some(">=")),
        '\u{ff01}'..='\u{ff5e}' => ("a full-width sign", None),
        _ => ("a sign that is not ASCII", None),
    };
    let full_width =
        char::from_u32(u32::from(sign).wrapping_sub(0xfee0)).filter(char::is_ascii).map(String::from);
    let right = right.map(str::to_owned).or(full_width);
    let error = Diagnostic::error(
        code::UNKNOWN_SIGN,
        format!("unexpected `{sign}` (U+{:04X})", u32::from(sign)),
        span,
    )
    .label(format!("{name}; outside of texts and comments, only ASCII is read"));
    match right.as_deref() {
        Some(" ") => error.help("write a plain space").fix("replace by a space", span, " "),
        Some(right) => {
            error.help(format!("write `{right}`")).fix(format!("replace by `{right}`"), span, right)
        }
        None => error.help("names consist of `a`-`z`, `A`-`Z`, `0`-`9` and `_`; put other text in quotes"),
    }
}

/// E0032
pub(super) fn keyword_as_name(span: Span, word: &str) -> Diagnostic {
    let what = if matches!(word, "true" | "false" | "none") { "value" } else { "keyword" };
    Diagnostic::error(code::KEYWORD_AS_NAME, format!("`{word}` is a {what}"), span)
        .label("cannot be a name, since no expression could use it")
        .help(format!("choose another name, such as `{word}_`"))
}

/// E0033
pub(super) fn sigil(span: Span, sign: char) -> Diagnostic {
    Diagnostic::error(code::SIGN_BEFORE_NAME, format!("unexpected `{sign}`"), span)
        .label("names are used as they are")
        .help(format!("write the name without `{sign}`"))
        .fix(format!("remove the `{sign}`"), span, "")
}
