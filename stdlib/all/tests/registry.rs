//! Signatures, implementations, forms and the compiler's kinds agree.

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::signature::Library;
use llmp_compiler::types::{SettingSpec, SettingType};
use llmp_stdlib::registry;
use serde_json::{Value, json};

fn texts() -> Vec<(&'static str, &'static str)> {
    registry().signatures().map(|signature| (signature.path, signature.text)).collect()
}

#[test]
fn signatures_are_right() {
    let (_, diagnostics, sources) = Library::new(&texts());
    let told: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            format!("{} {} {}", sources.place(diagnostic.span()), diagnostic.code, diagnostic.message)
        })
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn every_signature_has_an_implementation_and_the_other_way_round() {
    let library = Library::new(&texts()).0;
    let declared: Vec<_> = library.iter().map(|signature| signature.name.as_str()).collect();
    let implemented: Vec<_> = registry().stages().map(|stage| stage.name()).collect();
    assert_eq!(declared, implemented);
}

#[test]
fn each_signature_file_declares_the_stage_of_its_name() {
    let files = registry().stages().filter_map(|stage| {
        let signature = stage.signature()?;
        Some((stage.name(), signature.path, signature.text))
    });
    let library = Library::of_stages(files);
    for name in library.names() {
        assert_eq!(library.stage(name).map(|signature| signature.name.as_str()), Some(name));
    }
}

#[test]
fn every_kind_has_a_form() {
    let mut forms: Vec<_> = registry().forms().iter().map(|form| form.kind()).collect();
    let mut kinds: Vec<_> = ArtifactKind::ALL.iter().map(|kind| kind.name()).collect();
    forms.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(forms, kinds);
}

/// A value of a setting's type: its default, or some value where it has none.
fn value(spec: &SettingSpec) -> Value {
    match &spec.default {
        Some(default) => default.to_json(&spec.ty),
        None => sample(&spec.ty),
    }
}

fn sample(ty: &SettingType) -> Value {
    match ty {
        SettingType::Int | SettingType::Count(_) | SettingType::Units(_) | SettingType::Bytes => json!(1),
        SettingType::Range => json!([1, 2]),
        SettingType::Float | SettingType::Ratio | SettingType::Duration => json!(0.5),
        SettingType::Bool => json!(true),
        SettingType::Text | SettingType::Path => json!("x"),
        SettingType::OneOf(words) => json!(words.first()),
        SettingType::List(inner) => json!([sample(inner)]),
        SettingType::Record(fields) => record(fields),
        SettingType::Optional(_) | SettingType::Unknown => Value::Null,
    }
}

fn record(fields: &[SettingSpec]) -> Value {
    Value::Object(fields.iter().map(|field| (field.name.clone(), value(field))).collect())
}

#[test]
fn settings_are_what_the_signature_says() {
    let library = Library::new(&texts()).0;
    for stage in registry().stages() {
        let settings = record(&library.stage(stage.name()).expect("its signature").settings);
        stage.check_settings(&settings).unwrap_or_else(|error| panic!("`{}`: {error}", stage.name()));
        let fields = settings.as_object().expect("a record");
        let mut more = fields.clone();
        more.insert("unheard_of".into(), json!(1));
        assert!(stage.check_settings(&more.into()).is_err(), "`{}` takes any setting", stage.name());
        for name in fields.keys().filter(|name| !fields[*name].is_null()) {
            let mut less = fields.clone();
            less.remove(name);
            let told = stage.check_settings(&less.into());
            assert!(told.is_err(), "`{}` has a default of its own for `{name}`", stage.name());
        }
    }
}
