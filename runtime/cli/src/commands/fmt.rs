//! `llmp fmt`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use llmp_store::write_atomically;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files and folders; `-` formats standard input to standard output [default: this folder]
    paths: Vec<PathBuf>,
    /// Change nothing; exit with 1 where something would change
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    if arguments.paths.iter().any(|path| path == Path::new("-")) {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        write!(crate::output::stdout(), "{}", llmp_compiler::format::format(&text))?;
        return Ok(0);
    }
    let mut files = Vec::new();
    if arguments.paths.is_empty() {
        collect(Path::new("."), 0, &mut files)?;
    }
    for path in &arguments.paths {
        if path.is_dir() { collect(path, 0, &mut files)? } else { files.push(path.clone()) }
    }
    let mut changed = 0_u8;
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))?;
        if llmp_compiler::syntax::tree(&text).is_none() {
            return Err(Failure::new(format!(
                "cannot format `{}`: it is too large or nests too deep",
                file.display()
            ))
            .help("`llmp check` says where"));
        }
        let formatted = llmp_compiler::format::format(&text);
        if formatted != text {
            changed = 1;
            if arguments.check {
                writeln!(crate::output::stdout(), "{} would change", file.display())?;
            } else {
                write_atomically(&file, formatted.as_bytes())?;
                writeln!(crate::output::stderr(), "formatted {}", file.display())?;
            }
        }
    }
    Ok(if arguments.check { changed } else { 0 })
}

/// All `.llmp` files below a folder; hidden folders and links are left out.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", folder.display())))?;
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !hidden && depth < 32 && entry.file_name() != "target" {
            collect(&path, depth + 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "llmp") {
            files.push(path);
        }
    }
    Ok(())
}
