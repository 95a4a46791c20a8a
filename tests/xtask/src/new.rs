//! The files of something new, as far as they can be written without knowing what it does.

use std::path::{Path, PathBuf};

use llmp_compiler::explain;

use crate::{pages, stages};

/// Makes `FAMILY.NAME`: a signature and an implementation beside its family's, and the lines that register
/// it.
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
    let (first, second) = template(family, &folder).ok_or_else(|| {
        format!(
            "there is no template for the family `{family}`; copy a neighbour in `{}`",
            shown(root, &folder)
        )
    })?;
    let registered = register(&folder, name, own)?;
    let fill = |text: &str| text.replace("{name}", name).replace("{own}", own);
    pages::write(&signature, &fill(first))?;
    pages::write(&implementation, &fill(second))?;
    let mut touched = vec![
        format!("new    {}", shown(root, &signature)),
        format!("new    {}", shown(root, &implementation)),
    ];
    for (path, text) in registered {
        pages::write(&path, &text)?;
        touched.push(format!("edited {}", shown(root, &path)));
    }
    Ok(touched)
}

/// What a first stage of its sort looks like: it builds, runs, and does something simple of that sort.
fn template(family: &str, folder: &Path) -> Option<(&'static str, &'static str)> {
    let filters = folder.ancestors().any(|it| it.join("shards.rs").exists());
    match family {
        "eval" => Some((include_str!("../templates/eval.llmp"), include_str!("../templates/eval.rs"))),
        _ if filters => {
            Some((include_str!("../templates/filter.llmp"), include_str!("../templates/filter.rs")))
        }
        _ => None,
    }
}

/// Where the stages of a family stand: the folder of that name, or the one that has a stage of it.
fn family_folder(root: &Path, family: &str, name: &str) -> Result<PathBuf, String> {
    let mut found = None;
    for path in stages::files(root)? {
        let text = pages::text(&path)?;
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

/// The files that have to know of a new module, with their new text: the folder's `mod` line, and the table
/// of stages there or in the crate's `lib.rs`.
fn register(folder: &Path, name: &str, own: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let library = folder.ancestors().find(|it| it.ends_with("src")).unwrap_or(folder).join("lib.rs");
    let module = Some(folder.join("mod.rs")).filter(|it| it.exists()).unwrap_or_else(|| library.clone());
    let declared = with_module(&pages::text(&module)?, own);
    if let Some(both) = with_row(&declared, &format!("    \"{name}\" = {own},")) {
        return Ok(vec![(module, both)]);
    }
    let parent = folder.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let table = with_row(&pages::text(&library)?, &format!("    \"{name}\" = {parent}::{own},"))
        .ok_or_else(|| format!("found no `stages!` table in `{}`", library.display()))?;
    Ok(vec![(module, declared), (library, table)])
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

/// Makes the page of the first free code of a group such as `E02`, and its row in the compiler's table. A
/// code behind the last one: those between may have been in use before.
///
/// # Errors
///
/// If it is no group, or has no free code.
pub fn code(root: &Path, group: &str, title: &str) -> Result<Vec<String>, String> {
    let digits = group.strip_prefix(['E', 'W']).unwrap_or_default();
    if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("`{group}` is no group of codes such as E02"));
    }
    let taken =
        explain::pages().filter_map(|(code, _)| code.as_str().strip_prefix(group)?.parse::<u32>().ok()).max();
    let code = match taken.map_or(1, |last| last + 1) {
        number @ ..=99 => format!("{group}{number:02}"),
        _ => return Err(format!("`{group}99` is taken: begin another group")),
    };
    let page = root.join(format!("compiler/src/explain/{code}.md"));
    if page.exists() {
        return Err(format!("`{}` is there without a row in the table of codes", shown(root, &page)));
    }
    let table = "compiler/src/code.rs";
    let text = pages::read(root, table)?;
    let name: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let row = format!("    {code} {:<25} Plain", name.trim_matches('_'));
    let mut lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &&str| {
        line.trim_start().starts_with(['E', 'W'])
            && line.trim_start().get(1..5).is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()))
    };
    let last = lines.iter().rposition(is_row).ok_or_else(|| format!("found no codes in `{table}`"))?;
    let at = lines.iter().position(|line| is_row(line) && *line > row.as_str()).unwrap_or(last + 1);
    lines.insert(at, &row);
    pages::write(&page, &PAGE.replace("{code}", &code).replace("{title}", title))?;
    pages::write(&root.join(table), &(lines.join("\n") + "\n"))?;
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
