//! Reads a file and says what is wrong with it and how long reading took, the best of `N` (20) times; prints
//! its typed tree or its formatted text on demand: `cargo run --release --example syntax FILE [--ast |
//! --format]`.

#![allow(clippy::disallowed_methods, reason = "it reads a file and measures")]

use std::error::Error;
use std::time::{Duration, Instant};

use llmp_compiler::source::Sources;
use llmp_compiler::syntax::parse;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("name a file")?;
    let text = std::fs::read_to_string(&path)?;
    let mut sources = Sources::default();
    let file = sources.add(path, text.as_str());
    let mut took = Duration::MAX;
    for _ in 0..std::env::var("N").map_or(20, |n| n.parse().unwrap_or(20)) {
        let start = Instant::now();
        std::hint::black_box(parse(file, &text));
        took = took.min(start.elapsed());
    }
    let parse = parse(file, &text);
    match args.next().as_deref() {
        Some("--ast") => println!("{:#?}", parse.file),
        Some("--format") => print!("{}", llmp_compiler::format::format(&text)),
        _ => {}
    }
    for diagnostic in &parse.diagnostics {
        println!("{} {} {}", sources.place(diagnostic.span()), diagnostic.code, diagnostic.message);
        for label in &diagnostic.labels {
            println!("    {} {:?} {}", sources.place(label.span), sources.text(label.span), label.text);
        }
        println!("    help: {}", diagnostic.help.as_deref().unwrap_or("-"));
    }
    println!(
        "{} bytes, {} items, {} diagnostics, {took:?}",
        text.len(),
        parse.file.items.len(),
        parse.diagnostics.len()
    );
    Ok(())
}
