//! The reference of all stages as Markdown, `spec/stages.md`, made from their signatures.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use llmp_compiler::graph::DeviceKind;
use llmp_compiler::signature::{Library, Signature};
use llmp_compiler::types::{Bounds, SettingSpec, SettingType};

const HEAD: &str = "\
# Stages

Generated from the signatures by `cargo xtask gen`; edit those instead.
[3 Types and units](3-types-and-units.md) explains the types, [6 Signatures](6-signatures.md) the rest. A setting without a
default has to be given; a field of a record is written `record.field`.

| stage | does |
|---|---|
";

/// The signature files below `stdlib/`, sorted.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = crate::files(&root.join("stdlib"), ".llmp")?;
    found.retain(|path| path.components().any(|part| part.as_os_str() == "src"));
    Ok(found)
}

/// The whole page.
///
/// # Errors
///
/// If a signature cannot be read, or is wrong.
pub fn page(root: &Path) -> Result<String, String> {
    let read = |path: PathBuf| match fs::read_to_string(&path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
    };
    let texts: Vec<_> = files(root)?.into_iter().map(read).collect::<Result<_, _>>()?;
    let texts: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (library, diagnostics, sources) = Library::new(&texts);
    if let Some(first) = diagnostics.first() {
        return Err(format!("{}: {}", sources.place(first.span()), first.message));
    }
    let mut page = HEAD.to_owned();
    // Writing to a string cannot fail.
    for stage in library.iter() {
        let anchor = stage.name.replace('.', "");
        let _ = writeln!(page, "| [`{}`](#{anchor}) | {} |", stage.name, cell(summary(stage)));
    }
    for stage in library.iter() {
        describe(&mut page, stage);
    }
    Ok(page)
}

/// The first paragraph of a stage's documentation.
fn summary(stage: &Signature) -> &str {
    stage.docs.split("\n\n").next().unwrap_or_default()
}

fn describe(page: &mut String, stage: &Signature) {
    let _ = write!(page, "\n## {}\n\n`{}`\n\n{}\n", stage.name, stage.display(), stage.docs.trim());
    let mut traits = vec![format!("Epoch {}", stage.epoch)];
    traits.extend(stage.per_shard.as_ref().map(|role| format!("runs shard by shard of `{role}`")));
    traits.extend(stage.resumes.then(|| "goes on from its last checkpoint after a stop".to_owned()));
    traits.extend(stage.needs.devices.map(|devices| match devices.kind {
        DeviceKind::Any => "has the device for itself".to_owned(),
        DeviceKind::Gpu => format!("has {} GPUs for itself", devices.count),
    }));
    traits.extend(stage.flow.uses_names.then(|| "depends on the names of files".to_owned()));
    traits.extend(stage.flow.cleans_pii.then(|| "masks personal data".to_owned()));
    let _ = writeln!(page, "\n{}.", traits.join("; "));
    if !stage.measures.is_empty() {
        page.push_str("\n| measure | |\n|---|---|\n");
        for measure in &stage.measures {
            let _ = writeln!(page, "| `{}` | {} |", measure.display(), measure.docs.replace('\n', " "));
        }
    }
    if !stage.settings.is_empty() {
        page.push_str("\n| setting | type | default | range | |\n|---|---|---|---|---|\n");
        rows(page, "", &stage.settings);
    }
}

/// One row for a setting, or for each field of a record.
fn rows(page: &mut String, prefix: &str, settings: &[SettingSpec]) {
    for setting in settings {
        let name = format!("{prefix}{}", setting.name);
        if let SettingType::Record(fields) = &setting.ty {
            rows(page, &format!("{name}."), fields);
            continue;
        }
        let default =
            setting.default.as_ref().map_or(String::new(), |value| code(&value.display(&setting.ty)));
        let bounded = setting.bounds != Bounds::default();
        let range = setting
            .ty
            .dimension()
            .filter(|_| bounded)
            .map(|dimension| code(&setting.bounds.display(&dimension)));
        let runtime = if setting.runtime { " Runtime: no part of the key." } else { "" };
        let _ = writeln!(
            page,
            "| `{name}` | {} | {default} | {} | {}{runtime} |",
            code(&setting.ty.to_string()),
            range.unwrap_or_default(),
            cell(&setting.docs)
        );
    }
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}
