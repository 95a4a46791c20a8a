//! `cargo xtask`.

use std::process::ExitCode;

use xtask::metadata::Crates;
use xtask::{cases, crates, files, generate, new, pages, root, width};

const USAGE: &str = "\
cargo xtask new-stage FAMILY.NAME     a signature, an implementation, and the lines that register them
cargo xtask new-code GROUP TITLE      the page of a diagnostic with the first free code, as of `E02`, and its row in the table
cargo xtask gen                       makes generated pages anew: stages, codes and kinds in spec/, the drawing of the crates
cargo xtask wrap                      fills comments that are wider than the formatter's width
cargo xtask crates                    prints that drawing
cargo xtask cases DIR [CASE…]         runs the cases of a folder with target/release/llmp, right or wrong in a table";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<bool, String> {
    let root = root();
    match arguments {
        ["new-stage", name] => {
            println!("{}", new::stage(&root, name)?.join("\n"));
            println!("now write both, `cargo test --release -p CRATE {name}`, and `cargo xtask gen`");
        }
        ["new-code", group, title] => {
            println!("{}", new::code(&root, group, title)?.join("\n"));
            println!(
                "now write the page's examples, which are its test, a constructor in the phase's `errors.rs`,"
            );
            println!("where it is found, and `cargo xtask gen`");
        }
        ["gen"] => {
            for made in generate::all(&root)? {
                let path = root.join(made.path);
                let stale = pages::text(&path).ok().as_ref() != Some(&made.text);
                if stale {
                    pages::write(&path, &made.text)?;
                }
                println!("{} {}", if stale { "made " } else { "fresh" }, made.path);
            }
        }
        ["wrap"] => {
            for path in files(&root, ".rs")? {
                let text = pages::text(&path)?;
                let wrapped = width::wrap(&text);
                if wrapped != text {
                    pages::write(&path, &wrapped)?;
                    println!("wrapped {}", path.strip_prefix(&root).unwrap_or(&path).display());
                }
            }
        }
        ["crates"] => print!("{}", crates::drawing(&Crates::read(&root)?)?),
        ["cases", folder, wanted @ ..] => return cases::run(&root, folder.as_ref(), wanted),
        _ => return Err(format!("nothing is called `{}`\n\n{USAGE}", arguments.join(" "))),
    }
    Ok(true)
}
