//! Checking ends quickly, whatever the program. The limits in seconds are generous, since machines may be
//! busy; what is tested is that nothing grows out of hand.

use std::time::{Duration, Instant};

use llmp_compiler::Compilation;
use llmp_compiler::diagnostic::MOST;

use crate::render;
use crate::support::compile_text;

/// Compiles within a time, on a thread with the stack that programs usually have.
fn within(limit: Duration, text: String) -> Compilation {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let started = Instant::now();
    let compilation = thread.spawn(move || compile_text(&text)).expect("a thread").join().expect("no panic");
    let took = started.elapsed();
    assert!(took < limit, "took {took:?}");
    compilation
}

fn codes(compilation: &Compilation) -> Vec<&'static str> {
    let mut codes: Vec<&str> =
        compilation.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    codes.dedup();
    codes
}

const SOON: Duration = Duration::from_secs(15);

fn numbers(count: usize) -> String {
    (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_large_program_is_checked_at_once() {
    let mut text = String::from("d0 = crawl.docs(\"a\")\n");
    for at in 1..500 {
        text.push_str(&format!(
            "d{at} = filter.quality(d{}) {{\n  min_words = {at}\n  rules = [gopher, c4]\n}}\n",
            at - 1
        ));
    }
    let compilation = within(SOON, text);
    assert!(compilation.is_ok(), "{}", render::diagnostics(&compilation.diagnostics, &compilation.sources));
    assert_eq!(compilation.graph.stages.len(), 500);
}

#[test]
fn ten_thousand_stages_are_allowed_and_no_more() {
    let sweep = |second: usize| {
        format!(
            "docs = crawl.docs(\"a\")\nindex = docs |> filter.quality {{ min_words = each [{}] }} |> dedup.minhash {{ threads = each [{}] }}\n",
            numbers(312),
            numbers(second),
        )
    };
    let compilation = within(SOON, sweep(31));
    assert!(compilation.is_ok(), "{}", render::diagnostics(&compilation.diagnostics, &compilation.sources));
    assert_eq!(compilation.graph.stages.len(), 1 + 312 + 312 * 31);
    assert_eq!(codes(&within(SOON, sweep(32))), ["E0303"]);
}

#[test]
fn huge_families_are_refused_before_they_are_expanded() {
    let all = numbers(60);
    let text = format!(
        "t = tokenize.encode(crawl.docs(\"a\"), tokenize.cl100k())\nbase = pretrain(t) {{\n  model = {{ layers = each [{all}], width = 32 }}\n  for = 1k tokens\n  seed = each [{all}]\n  batch = each [{all}]\n}}\nchat = sft(base, chat.load(\"c\")) {{ seed = each [{all}] }}\nmore = sft(chat, chat.load(\"c\")) {{ seed = each [{all}] }}\n"
    );
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn families_inside_of_lists_are_bounded() {
    let items = vec!["each [de, en, fr, zh]"; 40].join(", ");
    let text = format!("docs = crawl.docs(\"a\") |> filter.language {{ keep = [{items}] }}\n");
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn functions_that_double_are_bounded() {
    let mut text = String::from("def f0(docs: Docs) -> Docs { docs |> filter.pii }\n");
    for at in 1..60 {
        text.push_str(&format!("def f{at}(docs: Docs) -> Docs {{ f{0}(f{0}(docs)) }}\n", at - 1));
    }
    text.push_str("docs = f59(crawl.docs(\"a\"))\n");
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn functions_without_stages_are_bounded() {
    let mut text = String::from("def f0(docs: Docs) -> Docs { docs }\n");
    for at in 1..60 {
        text.push_str(&format!("def f{at}(docs: Docs) -> Docs {{ f{0}(f{0}(docs)) }}\n", at - 1));
    }
    text.push_str("docs = f59(crawl.docs(\"a\"))\n");
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn deep_functions_are_bounded() {
    let mut text = String::from("def f0(docs: Docs) -> Docs { docs |> filter.pii }\n");
    for at in 1..2_000 {
        text.push_str(&format!("def f{at}(docs: Docs) -> Docs {{ f{}(docs) }}\n", at - 1));
    }
    text.push_str("docs = f1999(crawl.docs(\"a\"))\n");
    assert_eq!(codes(&within(SOON, text)), ["E0304"]);
}

#[test]
fn long_chains_and_circles_need_no_call_stack() {
    let mut text = String::from("d0 = crawl.docs(\"a\")\n");
    for at in 1..9_000 {
        text.push_str(&format!("d{at} = filter.pii(d{})\n", at - 1));
    }
    let chain = within(SOON, text.clone());
    assert!(chain.is_ok());
    assert_eq!(chain.graph.stages.len(), 9_000);
    let circle = text.replacen("crawl.docs(\"a\")", "filter.pii(d8999)", 1);
    assert_eq!(codes(&within(SOON, circle)), ["E0107"]);
}

#[test]
fn many_mistakes_take_no_longer() {
    let mut text = String::new();
    for at in 0..8_000 {
        text.push_str(&format!("name_{at} = filter.qualty_{at}(nome_{at}) {{ min_word = {at} }}\n"));
    }
    let compilation = within(SOON, text);
    assert!(compilation.diagnostics.len() >= MOST);
}

#[test]
fn long_sums_are_bounded() {
    let sum = vec!["1"; 50_000].join(" + ");
    let compilation = within(SOON, format!("param a: Int = {sum}\n"));
    assert!(!compilation.is_ok());
}

#[test]
fn lists_of_thousands_are_fine() {
    let list = (0..20_000).map(|at| format!("\"host{at}.com\"")).collect::<Vec<_>>().join(", ");
    let compilation = within(
        SOON,
        format!("docs = crawl.warc(\"a\") |> filter.urls {{ hosts = [{list}] }} |> extract.text\n"),
    );
    assert!(compilation.is_ok());
}

#[test]
fn a_family_of_large_lists_is_bounded() {
    let list = (0..5_000).map(|at| format!("\"h{at}\"")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "docs = crawl.warc(\"a\") |> filter.urls {{ hosts = [each [{}], {list}] }} |> extract.text\n",
        (0..5_000).map(|at| format!("\"x{at}\"")).collect::<Vec<_>>().join(", ")
    );
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn collecting_families_is_bounded() {
    let text = format!(
        "q = knowledge.load(\"q\")\nm = sft(model.load(\"m\"), chat.load(\"c\")) {{ seed = each [{0}] }}\nq2 = knowledge.questions(crawl.docs(\"a\")) {{ count = each [{1}] }}\nr = eval.factuality(m, q2)\n",
        numbers(4_000),
        (1..4_000).map(|at| format!("{at} questions")).collect::<Vec<_>>().join(", "),
    );
    assert_eq!(codes(&within(SOON, text)), ["E0303"]);
}

#[test]
fn more_mistakes_than_anyone_reads_are_not_kept() {
    for text in ["x\n", "x = 1\n", "x = y {\n a = 1, a = 1 }\n", "x = \"\\q\"\n"] {
        let compilation = within(SOON, text.repeat(20_000));
        assert!(!compilation.is_ok());
        let kept = compilation.diagnostics.len();
        assert!(kept <= 2 * MOST + 1, "{kept} for {text:?}");
        assert_eq!(compilation.diagnostics.last().map(|last| last.code.as_str()), Some("W0100"), "{text:?}");
    }
}
