//! Stages that come after others are several stages of the graph.

use std::sync::Arc;

use llmp_compiler::graph::Producer;
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Library, Options, compile};

const STAGES: &str = "
stage load(files: Files) -> Docs
stage clean.mark(docs: Docs) -> Docs {
  per shard docs
  least: Int = 1
}
stage clean.sort(docs: Docs) -> Docs { most: Int = 1 }
stage clean(docs: Docs) -> Docs {
  epoch = 2
  after mark sort
  least: Int = 2
  most: Int = 3
}
";

#[test]
fn steps_stand_before_their_stage_and_take_its_settings() {
    let (library, diagnostics, _) = Library::new(&[("stages.llmp", STAGES)]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let main = "docs = load(\"a.txt\")\nonce = clean(docs) { least = 5 }\ntwice = clean(once)\nother = clean(docs) { least = 5, most = 4 }\n";
    let files = [("main.llmp".to_owned(), Arc::from(main))].into_iter().collect();
    let compiled = compile(&MemoryWorld { files }, &library, "main.llmp", &Options::default());
    assert!(compiled.is_ok(), "{:?}", compiled.diagnostics);
    let graph = &compiled.graph;
    let shown: Vec<String> = graph
        .ids()
        .map(|id| {
            let stage = graph.stage(id);
            let inputs = stage.inputs.iter().map(|input| match &input.from {
                Producer::Stage(from) => graph.stage(*from).name.clone(),
                Producer::Files(_) => "files".to_owned(),
            });
            let settings = stage.settings.iter().map(|setting| format!("{}={}", setting.name, setting.value));
            let (inputs, settings): (Vec<_>, Vec<_>) = (inputs.collect(), settings.collect());
            format!("{}: {}({}) {}", stage.name, stage.kind, inputs.join(", "), settings.join(" "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "docs: load(files) ",
            "once/mark: clean.mark(docs) least=5",
            "once/sort: clean.sort(once/mark) most=3",
            "once: clean(once/sort) least=5 most=3",
            "twice/mark: clean.mark(once) least=2",
            "twice/sort: clean.sort(twice/mark) most=3",
            "twice: clean(twice/sort) least=2 most=3",
            "other/sort: clean.sort(once/mark) most=4",
            "other: clean(other/sort) least=5 most=4",
        ]
    );
    assert_eq!(graph.bindings["once"].iter().map(|id| id.0).collect::<Vec<_>>(), [3]);
    assert_eq!(graph.stage(graph.bindings["twice"][0]).name, "twice");
    let mark = graph.stages.iter().find(|stage| stage.name == "once/mark").expect("a step");
    assert_eq!((mark.per_shard.as_deref(), mark.epoch), (Some("docs"), 1));
}
