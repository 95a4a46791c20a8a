//! The files of something new, as far as they can be written without knowing what it does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{generate, stages};

/// Makes `FAMILY.NAME`: a signature and an implementation beside its family's, and the lines that register it.
///
/// # Errors
///
/// If the name is taken or no name, its family is unknown, or a file cannot be written.
pub fn stage(root: &Path, name: &str) -> Result<Vec<String>, String> {
    let is_word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let (family, own) = name
        .split_once('.')
        .filter(|(family, own)| is_word(family) && is_word(own))
        .ok_or_else(|| format!("`{name}` is no `family.name` in lower case"))?;
    let folder = family_folder(root, family, name)?;
    let (signature, implementation) = (folder.join(format!("{own}.llmp")), folder.join(format!("{own}.rs")));
    for path in [&signature, &implementation] {
        if path.exists() {
            return Err(format!("`{}` is there already", shown(root, path)));
        }
    }
    let registered = register(&folder, name, own)?;
    write(&signature, &SIGNATURE.replace("{name}", name))?;
    write(&implementation, &IMPLEMENTATION.replace("{name}", name))?;
    let mut touched = vec![
        format!("new    {}", shown(root, &signature)),
        format!("new    {}", shown(root, &implementation)),
    ];
    for (path, text) in registered {
        write(&path, &text)?;
        touched.push(format!("edited {}", shown(root, &path)));
    }
    Ok(touched)
}

const SIGNATURE: &str = "\
/// Says in one sentence what it does.
///
/// Then what a user has to know: what is kept, by which rule and from which source, what is not done.
stage {name}(docs: Docs) -> Docs {
  epoch = 1
  per shard docs
  /// What it decides; numbers have a unit and a range.
  limit: Int = 10 in 1..1_000
}
";

const IMPLEMENTATION: &str = r#"//! `{name}`: says in one sentence what it does.

use llmp_artifacts::docs::{Document, Reader, Writer};
use llmp_stage::{Context, Dropped, Result};
use serde::Deserialize;

/// As in the signature, which has their meaning, range and default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    limit: usize,
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    for file in &ctx.input("docs")?.files {
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let bar = ctx.bar(file.bytes, "bytes");
        for document in Reader::open(&file.path)? {
            ctx.proceed()?;
            let document = document?;
            match judge(&document, &settings) {
                None => writer.write(&document)?,
                Some(value) => ctx.dropped(Dropped { rule: "limit".into(), value, ..Dropped::of(&document) }),
            }
        }
        drop(bar);
        ctx.count("documents", writer.finish()?);
    }
    Ok(())
}

/// The value for which a document is left out.
fn judge(document: &Document, settings: &Settings) -> Option<f64> {
    let words = document.text.split_whitespace().count();
    (words > settings.limit).then_some(words as f64)
}
"#;

/// Where the stages of a family stand: the folder of that name, or the one that has a stage of it.
fn family_folder(root: &Path, family: &str, name: &str) -> Result<PathBuf, String> {
    let mut found = None;
    for path in stages::files(root)? {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if text.contains(&format!("stage {name}(")) {
            return Err(format!("there is a stage `{name}` in `{}`", shown(root, &path)));
        }
        if text.contains(&format!("stage {family}.")) {
            found = path.parent().map(Path::to_owned);
        }
    }
    found.ok_or_else(|| {
        format!(
            "no stage of the family `{family}` is known; write the first one by hand, beside those like it"
        )
    })
}

/// The files that have to know of a new module, with their new text: the folder's own `mod` line, and the crate's table.
fn register(folder: &Path, name: &str, own: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let library = folder.ancestors().find(|it| it.ends_with("src")).unwrap_or(folder).join("lib.rs");
    let module = folder.join("mod.rs");
    let inner = module != library && module.exists();
    let path = match folder.file_name().and_then(|it| it.to_str()) {
        Some(parent) if inner => format!("{parent}::{own}"),
        _ => own.to_owned(),
    };
    let row = format!("    \"{name}\" = {path},");
    let table = with_row(&read(&library)?, &row)
        .ok_or_else(|| format!("found no `stages!` table in `{}`", library.display()))?;
    if inner {
        let text = with_module(&read(&module)?, own);
        return Ok(vec![(module, text), (library, table)]);
    }
    Ok(vec![(library, with_module(&table, own))])
}

/// The table with a row more, in order.
fn with_row(text: &str, row: &str) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.contains("stages! {"))? + 1;
    let end = start + lines[start..].iter().position(|line| line.trim() == "}")?;
    let at = lines[start..end].iter().position(|line| *line > row).map_or(end, |at| start + at);
    lines.insert(at, row);
    Some(lines.join("\n") + "\n")
}

/// The file with a `mod` line more, in order among those there are.
fn with_module(text: &str, name: &str) -> String {
    let new = format!("mod {name};");
    let mut lines: Vec<&str> = text.lines().collect();
    let declared = |line: &str| {
        let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
        line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).map(str::to_owned)
    };
    let modules: Vec<usize> = (0..lines.len()).filter(|&at| declared(lines[at]).is_some()).collect();
    let behind = modules.iter().find(|&&at| declared(lines[at]).is_some_and(|other| other.as_str() > name));
    let at = behind.copied().or(modules.last().map(|at| at + 1)).unwrap_or(lines.len());
    lines.insert(at, &new);
    lines.join("\n") + "\n"
}

/// Makes the page of a code and its row in the compiler's table.
///
/// # Errors
///
/// If it is no code, or there is one already.
pub fn code(root: &Path, code: &str, title: &str) -> Result<Vec<String>, String> {
    let digits = code.strip_prefix(['E', 'W']).unwrap_or_default();
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("`{code}` is no code such as E0245"));
    }
    let page = root.join(format!("compiler/src/explain/{code}.md"));
    if page.exists() {
        return Err(format!("`{}` is there already", shown(root, &page)));
    }
    let table = "compiler/src/code.rs";
    let text = generate::read(root, table)?;
    let name: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let row = format!("    {code} {:<25} Plain", name.trim_matches('_'));
    let mut lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &&str| {
        line.trim_start().starts_with(['E', 'W'])
            && line.trim_start().get(1..5).is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()))
    };
    let last =
        lines.iter().rposition(|line| is_row(line)).ok_or_else(|| format!("found no codes in `{table}`"))?;
    let at = lines.iter().position(|line| is_row(line) && *line > row.as_str()).unwrap_or(last + 1);
    lines.insert(at, &row);
    write(&page, &PAGE.replace("{code}", code).replace("{title}", title))?;
    write(&root.join(table), &(lines.join("\n") + "\n"))?;
    Ok(vec![format!("new    {}", shown(root, &page)), format!("edited {table}")])
}

const PAGE: &str = "\
# {code}: {title}

What is wrong, why it matters, and what to write instead.

```llmp wrong
```

```llmp right
```
";

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_a_module_find_their_places() {
        let table = "mod b;\npub mod d;\n\nllmp_stage::stages! { \"data\":\n    \"a.b\" = b,\n    \"a.d\" = d { cost },\n}\n";
        let with = with_row(table, "    \"a.c\" = c,").unwrap();
        assert_eq!(with.lines().nth(5), Some("    \"a.c\" = c,"));
        assert_eq!(
            with_module(table, "c").lines().take(3).collect::<Vec<_>>(),
            ["mod b;", "mod c;", "pub mod d;"]
        );
        assert_eq!(with_module(table, "e").lines().nth(2), Some("mod e;"));
        assert_eq!(with_row(table, "    \"z.a\" = z,").unwrap().lines().nth(6), Some("    \"z.a\" = z,"));
    }
}
