//! What must not change the graph: comments, order, names, layout, imports, functions, params, and how
//! quantities are written. A pipeline is drawn at random and written down twice in different styles.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::Options;
use llmp_compiler::graph::{Graph, Producer};
use proptest::prelude::*;

use crate::render;
use crate::support::compile_files;

/// A value, and the ways to write it.
#[derive(Clone, Debug)]
enum Value {
    Int(u32),
    Percent(u32),
    Words(Vec<&'static str>),
}

/// A stage from documents to documents, or a source of documents.
#[derive(Clone, Debug)]
struct Node {
    kind: &'static str,
    /// An earlier node, or a file of this number.
    from: Result<usize, u32>,
    settings: Vec<(&'static str, Value)>,
}

fn node() -> impl Strategy<Value = (Option<u16>, u32, u8, u32, u32, u8)> {
    (prop::option::weighted(0.8, any::<u16>()), 0..4_u32, 0..4_u8, 0..100_000_u32, 50..=100_u32, any::<u8>())
}

fn pipeline() -> impl Strategy<Value = Vec<Node>> {
    prop::collection::vec(node(), 1..8).prop_map(|drawn| {
        let mut nodes = Vec::new();
        for (from, file, kind, number, percent, bits) in drawn {
            let at = nodes.len();
            let Some(from) = from.filter(|_| at > 0) else {
                nodes.push(Node { kind: "crawl.docs", from: Err(file), settings: Vec::new() });
                continue;
            };
            let given = |bit: u8| bits >> bit & 1 == 1;
            let mut settings = Vec::new();
            let kind = match kind {
                0 => {
                    let words = ["email", "phone", "ip"].into_iter().enumerate();
                    let words = words.filter(|&(at, _)| given(at as u8)).map(|(_, word)| word);
                    settings.push(("mask", Value::Words(words.collect())));
                    "filter.pii"
                }
                1 => {
                    settings.push(("min_words", Value::Int(number)));
                    if given(0) {
                        settings.push(("rules", Value::Words(vec!["c4", "gopher"])));
                    }
                    "filter.quality"
                }
                2 => {
                    settings.push(("min_score", Value::Percent(percent)));
                    if given(1) {
                        settings.push(("keep", Value::Words(vec!["de", "zh"])));
                    }
                    "filter.language"
                }
                _ => {
                    settings.push(("similarity", Value::Percent(percent)));
                    "dedup.minhash"
                }
            };
            nodes.push(Node { kind, from: Ok(usize::from(from) % at), settings });
        }
        nodes
    })
}

/// Choices of style, from a seed.
struct Style(u64);

impl Style {
    fn pick(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn flip(&mut self) -> bool {
        self.pick(2) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.pick(last + 1);
            items.swap(last, other);
        }
    }

    fn value(&mut self, value: &Value) -> String {
        match value {
            Value::Int(number) => match self.pick(5) {
                0 => number.to_string(),
                1 => format!("{}.{:03}k", number / 1000, number % 1000),
                2 => format!("{}_{}e0", number / 10, number % 10),
                3 => format!("{number} * 2 - {number}"),
                _ => format!("{number}.0"),
            },
            Value::Percent(percent) => match self.pick(3) {
                0 => format!("{percent}%"),
                1 => format!("{percent}.00%"),
                _ => format!("{percent}0e-1%"),
            },
            Value::Words(words) => format!("[{}]", words.join([", ", ",", " , "][self.pick(3)])),
        }
    }

    fn type_of(value: &Value) -> &'static str {
        match value {
            Value::Int(_) => "Int",
            Value::Percent(_) => "Ratio",
            Value::Words(_) => "[email | phone | ip]",
        }
    }

    fn noise(&mut self) -> &'static str {
        ["", "", "\n", "// a remark\n", "\n\n"][self.pick(5)]
    }
}

/// The nodes written down, over up to three files of which each imports the next.
fn write(nodes: &[Node], seed: u64) -> Vec<(String, String)> {
    let style = &mut Style(seed);
    let mut uses = vec![0; nodes.len()];
    for node in nodes {
        if let Ok(from) = node.from {
            uses[from] += 1;
        }
    }
    let mut numbers: Vec<usize> = (0..nodes.len()).collect();
    style.shuffle(&mut numbers);
    let name = |at: usize| format!("n{}", numbers[at]);
    // What stands in the place of a node where it is used, and in which file at most.
    let mut written: Vec<(String, usize)> = Vec::new();
    let mut items: Vec<Vec<String>> = vec![Vec::new(); 3];
    for (at, node) in nodes.iter().enumerate() {
        let (input, level) = match node.from {
            Ok(from) => written[from].clone(),
            Err(file) => (format!("\"f{file}.jsonl\""), 2),
        };
        let mut level = level;
        let mut settings = node.settings.clone();
        style.shuffle(&mut settings);
        let mut fields = Vec::new();
        for (setting, value) in &settings {
            let text = style.value(value);
            if style.pick(4) == 0
                && !matches!(value, Value::Words(words) if !words.iter().all(|word| ["email", "phone", "ip"].contains(word)))
            {
                let param = format!("p{at}_{setting}");
                items[2].push(format!("param {param}: {} = {text}\n", Style::type_of(value)));
                fields.push(format!("{setting} = {param}"));
            } else {
                fields.push(format!("{setting} = {text}"));
            }
        }
        let separator = [", ", "\n  "][style.pick(2)];
        let settings = match fields.is_empty() {
            true => String::new(),
            false => format!(" {{ {} }}", fields.join(separator)),
        };
        let expression = match style.pick(4) {
            0 => format!("{input} |> {}{settings}", node.kind),
            1 => format!("{input}\n  |> {}{settings}", node.kind),
            2 if node.from.is_ok() => {
                items[2]
                    .push(format!("def d{at}(docs: Docs) -> Docs {{ docs |> {}{settings} }}\n", node.kind));
                format!("d{at}({input})")
            }
            _ => format!("{}({input}){settings}", node.kind),
        };
        if uses[at] == 1 && style.flip() {
            // In parentheses a line break does not end the item.
            written.push((expression, level));
        } else {
            level = style.pick(level + 1);
            items[level].push(format!("{} = {expression}\n", name(at)));
            written.push((name(at), level));
        }
    }
    let paths = ["main.llmp", "parts/a.llmp", "parts/b.llmp"];
    let imports = ["import \"parts/a.llmp\"\n", "import \"b.llmp\"\n", ""];
    items
        .into_iter()
        .enumerate()
        .map(|(level, mut items)| {
            style.shuffle(&mut items);
            let mut text = imports[level].to_owned();
            for item in items {
                text.push_str(style.noise());
                text.push_str(&item);
            }
            (paths[level].to_owned(), text)
        })
        .collect()
}

/// What remains of a graph without names, places and order.
fn essence(graph: &Graph) -> BTreeSet<String> {
    let mut texts: BTreeMap<usize, String> = BTreeMap::new();
    for (at, stage) in graph.stages.iter().enumerate() {
        let inputs: Vec<String> = stage
            .inputs
            .iter()
            .map(|input| match &input.from {
                Producer::Stage(id) => format!("{}={}", input.role, texts[&(id.0 as usize)]),
                Producer::Files(files) => format!("{}={files}", input.role),
            })
            .collect();
        let settings: Vec<String> =
            stage.settings.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
        texts.insert(at, format!("{}({}){{{}}}", stage.kind, inputs.join(","), settings.join(",")));
    }
    texts.into_values().collect()
}

fn compiled(nodes: &[Node], seed: u64) -> (BTreeSet<String>, String) {
    let files = write(nodes, seed);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let compilation = compile_files(&files, &Options::default());
    let shown =
        format!("{files:#?}\n{}", render::diagnostics(&compilation.diagnostics, &compilation.sources));
    assert!(compilation.is_ok(), "{shown}");
    (essence(&compilation.graph), shown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn style_is_no_part_of_the_graph(nodes in pipeline(), one in any::<u64>(), other in any::<u64>()) {
        let (left, left_text) = compiled(&nodes, one);
        let (right, right_text) = compiled(&nodes, other);
        prop_assert_eq!(left, right, "{}\n{}", left_text, right_text);
    }

    /// Mangled programs give messages and never a panic; what they give is the same each time.
    #[test]
    fn mangled_programs_are_refused_in_peace(nodes in pipeline(), seed in any::<u64>(), cuts in prop::collection::vec((any::<u16>(), 0..12_u8), 1..6)) {
        let mut files = write(&nodes, seed);
        for (at, what) in cuts {
            let text = &mut files[usize::from(at) % 3].1;
            let mut at = usize::from(at) % (text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            match what {
                0 => text.truncate(at),
                1 => { let _ = text.split_off(at); }
                what => text.insert_str(at, ["{", "}", "(", ")", "|>", " = ", "each [", "if ", "1e99", "\"", ",", "docs"][usize::from(what)]),
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let once = compile_files(&files, &Options::default());
        let twice = compile_files(&files, &Options::default());
        prop_assert_eq!(&once.diagnostics, &twice.diagnostics);
        prop_assert_eq!(render::graph(&once.graph, true), render::graph(&twice.graph, true));
    }
}
