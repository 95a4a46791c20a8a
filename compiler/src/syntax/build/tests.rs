//! What the typed tree says; what the syntax tree and the messages look like is in `tests/syntax`.

use crate::ast::{Expr, ExprKind, Item, TypeKind};
use crate::source::FileId;
use crate::syntax::parse;

fn items(text: &str) -> Vec<Item> {
    let parse = parse(FileId::default(), text);
    assert_eq!(parse.diagnostics, [], "{text}");
    parse.file.items
}

/// An expression with all its parentheses.
fn shape(text: &str) -> String {
    match &items(&format!("x = {text}"))[..] {
        [Item::Binding(binding)] => binding.value.as_ref().map_or_else(String::new, print),
        other => panic!("{other:?}"),
    }
}

fn print(expr: &Expr) -> String {
    let all = |exprs: &[Expr]| exprs.iter().map(print).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Path(path) => path.text(),
        ExprKind::Number(number) => {
            let suffix = number.suffix.as_ref().map_or("", |suffix| &suffix.text);
            let unit = number.unit.as_ref().map_or(String::new(), |unit| format!("_{}", unit.text));
            format!("{}'{suffix}{unit}", number.digits)
        }
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::List(list) => format!("[{}]", all(list)),
        ExprKind::Record(record) => format!("{{{}}}", record.fields.len()),
        ExprKind::Each(list) => format!("each[{}]", all(list)),
        ExprKind::If(choice) => {
            let otherwise = choice.otherwise.as_ref().map_or_else(String::new, print);
            format!("(if {} {} {otherwise})", print(&choice.condition), print(&choice.then))
        }
        ExprKind::Call(call) => {
            let args = call.args.iter().map(|arg| print(&arg.value)).collect::<Vec<_>>().join(" ");
            format!("{}({args}){}", call.callee.text(), if call.settings.is_some() { "{}" } else { "" })
        }
        ExprKind::Pipe(pipe) => format!("({} |> {})", print(&pipe.left), print(&pipe.right)),
        ExprKind::Binary(binary) => {
            format!("({:?} {} {})", binary.operator, print(&binary.left), print(&binary.right))
        }
        ExprKind::Range(ends) => format!("({}..{})", print(&ends.0), print(&ends.1)),
        ExprKind::Measure(measure) => {
            format!("{}[{}]", measure.path.text(), all(measure.keys.as_deref().unwrap_or_default()))
        }
        ExprKind::Not(inner) => format!("(not {})", print(inner)),
        ExprKind::Error => "error".to_owned(),
    }
}

#[test]
fn operators_bind_by_strength_and_from_the_left() {
    let cases = [
        ("a + b * c - d", "(Subtract (Add a (Multiply b c)) d)"),
        ("a / b / c", "(Divide (Divide a b) c)"),
        ("a or b and c == d", "(Or a (And b (Equal c d)))"),
        ("not a == b and c", "(And (not (Equal a b)) c)"),
        ("a % b * c", "(Multiply (Remainder a b) c)"),
        ("1..n * 2", "(1'..(Multiply n 2'))"),
        ("not not a", "(not (not a))"),
        ("a - 2 - -2", "(Subtract (Subtract a 2') -2')"),
        ("(a + b) * c", "(Multiply (Add a b) c)"),
        ("a |> f |> g(b) { c = 1 }", "((a |> f) |> g(b){})"),
        ("if a then b else if c then d else e", "(if a b (if c d e))"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn numbers_keep_digits_suffix_and_unit() {
    let cases = [
        ("4_096", "4096'"),
        ("20M tokens", "20'M_tokens"),
        ("1.5GB", "1.5'GB"),
        ("3h", "3'h"),
        ("80%", "80'%"),
        ("1e-3", "1e-3'"),
        ("2.5E+4k", "2.5E+4'k"),
        ("2e", "2'e"),
        ("-1_0", "-10'"),
        ("[1 tokens, a]", "[1'_tokens a]"),
        ("if 3 < 4 then 1 else 2", "(if (Less 3' 4') 1' 2')"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn escapes_are_resolved() {
    assert_eq!(shape(r#""a\"b\\c\n\t\u{e9}""#), r#""a\"b\\c\n\té""#);
}

#[test]
fn documentation_finds_its_owner() {
    let text = "
/// before
/// two lines
param a: Int = 1 /// behind
stage s() -> D {
  /// above
  x: Int = 1
  y: Int = 2, /// beside
}
";
    match &items(text)[..] {
        [Item::Param(param), Item::Stage(stage)] => {
            assert_eq!(param.docs, "before\ntwo lines\nbehind");
            let docs: Vec<_> = stage.settings.iter().map(|setting| setting.docs.as_str()).collect();
            assert_eq!(docs, ["above", "beside"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn types_have_their_forms() {
    let text = "stage s(a: Model<+refuses, V>, b: [Docs]?) -> D { x: en | de, y: [en | de], z: { w: Int } }";
    match &items(text)[..] {
        [Item::Stage(stage)] => {
            let kind = |index: usize| stage.params[index].ty.as_ref().map(|ty| &ty.kind);
            assert!(matches!(kind(0), Some(TypeKind::Named(_, args)) if args.len() == 2 && args[0].plus));
            assert!(
                matches!(kind(1), Some(TypeKind::Optional(inner)) if matches!(inner.kind, TypeKind::List(_)))
            );
            let kind = |index: usize| stage.settings[index].ty.as_ref().map(|ty| &ty.kind);
            assert!(matches!(kind(0), Some(TypeKind::OneOf(names)) if names.len() == 2));
            assert!(
                matches!(kind(1), Some(TypeKind::List(inner)) if matches!(inner.kind, TypeKind::OneOf(_)))
            );
            assert!(matches!(kind(2), Some(TypeKind::Record(fields)) if fields.len() == 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_right_survives_what_is_wrong() {
    let text = "a = f(x) { b = 1\n\nc = = 3\nd = [1, 2\nparam e: Int = 3\nf = 4\n";
    let parse = parse(FileId::default(), text);
    let names: Vec<_> = parse
        .file
        .items
        .iter()
        .map(|item| match item {
            Item::Binding(binding) => binding.name.text.as_str(),
            Item::Param(param) => param.name.as_ref().map_or("", |name| &name.text),
            _ => "?",
        })
        .collect();
    assert_eq!(names, ["a", "c", "d", "e", "f"]);
    assert_eq!(parse.diagnostics.len(), 3);
}
