//! What editors read from a compilation.

use llmp_compiler::Options;
use llmp_compiler::compile::Origin;

use crate::support::compile_files;

const MAIN: &str = r#"import "common.llmp"
param width: Int = 64 in 32..128   /// model width
tokens = tokenize.encode(docs, tokenize.cl100k())
base = pretrain(tokens) { model = { layers = 2, width = width }, for = 1k tokens }
profile wide { width = 128, base.lr = 2e-3 }
"#;

const COMMON: &str = r#"docs = clean(crawl.docs("a"))
def clean(raw: Docs) -> Docs { raw |> filter.pii }
"#;

fn compilation(options: &Options) -> llmp_compiler::Compilation {
    compile_files(&[("main.llmp", MAIN), ("common.llmp", COMMON)], options)
}

#[test]
fn references_lead_to_definitions() {
    let compilation = compilation(&Options::default());
    let text = |span| compilation.sources.text(span);
    let of = |at: &str| {
        let found = compilation.references.iter().filter(|reference| text(reference.at) == at);
        let mut places: Vec<String> =
            found.map(|reference| compilation.sources.place(reference.to)).collect();
        places.dedup();
        places
    };
    assert_eq!(of("docs"), ["common.llmp:1:1"]);
    assert_eq!(of("tokens"), ["main.llmp:3:1"]);
    assert_eq!(of("clean"), ["common.llmp:2:5"]);
    assert_eq!(of("raw"), ["common.llmp:2:11"]);
    assert_eq!(of("base"), ["main.llmp:4:1"]);
    assert!(of("pretrain")[0].starts_with("stdlib.llmp:"));
    assert!(of("for")[0].starts_with("stdlib.llmp:"), "settings lead to their declaration");
    let width = of("width");
    assert!(width.contains(&"main.llmp:2:7".to_owned()), "{width:?}");
}

#[test]
fn types_are_known_by_place() {
    let compilation = compilation(&Options::default());
    let of = |wanted: &str| {
        let found = compilation.types.find(|span| compilation.sources.text(span) == wanted);
        found.map(|ty| compilation.types.text(ty))
    };
    assert_eq!(of("base").as_deref(), Some("Model<base, tokenize.cl100k>"));
    assert_eq!(of("docs").as_deref(), Some("Docs"));
}

#[test]
fn params_say_where_their_values_come_from() {
    let value = |options: Options| {
        let compilation = compilation(&options);
        assert!(compilation.is_ok());
        let [param] = compilation.params.as_slice() else { panic!("one param") };
        assert_eq!(
            (param.name.as_str(), param.ty.as_str(), param.docs.as_str()),
            ("width", "Int", "model width")
        );
        assert_eq!((param.default.as_deref(), param.range.as_deref()), (Some("64"), Some("32..128")));
        (
            param.value.clone().expect("a value"),
            param.origin.clone(),
            compilation.sources.place(param.value_span),
        )
    };
    let main = |column| format!("main.llmp:{column}");
    assert_eq!(value(Options::default()), ("64".to_owned(), Origin::Default, main("2:20")));
    let wide = Options { profiles: vec!["wide".to_owned()], ..Options::default() };
    assert_eq!(value(wide.clone()), ("128".to_owned(), Origin::Profile("wide".to_owned()), main("5:24")));
    let file = Options { params: [("width".to_owned(), 96.into())].into(), ..wide };
    assert_eq!(value(file.clone()), ("96".to_owned(), Origin::ParamsFile, "params file width".to_owned()));
    let set = Options { set: vec![("width".to_owned(), "32".to_owned())], ..file };
    assert_eq!(value(set), ("32".to_owned(), Origin::Set, "--set width".to_owned()));
}

#[test]
fn settings_say_where_their_values_are_written() {
    let options = Options { profiles: vec!["wide".to_owned()], ..Options::default() };
    let compilation = compilation(&options);
    let base = compilation.graph.stages.iter().find(|stage| stage.name == "base").expect("base");
    let place = |name: &str| {
        let setting = base.settings.iter().find(|setting| setting.name == name).expect("a setting");
        setting.span.map(|span| compilation.sources.place(span))
    };
    assert_eq!(place("for").as_deref(), Some("main.llmp:4:66"));
    assert_eq!(place("lr").as_deref(), Some("main.llmp:5:39"));
    assert_eq!(place("batch"), None);
}

#[test]
fn a_missing_main_file_is_a_diagnostic() {
    let compilation = compile_files(&[("other.llmp", "")], &Options::default());
    assert!(compilation.is_ok());
    let world = llmp_compiler::source::MemoryWorld::default();
    let missing = llmp_compiler::compile(&world, crate::support::library(), "main.llmp", &Options::default());
    assert_eq!(missing.diagnostics.len(), 1);
    assert_eq!(missing.diagnostics[0].code.as_str(), "E0103");
    assert_eq!(missing.sources.place(missing.diagnostics[0].span()), "main.llmp:1:1");
}
