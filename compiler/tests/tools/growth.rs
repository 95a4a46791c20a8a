//! How checking and planning grow with the pipeline, as a table in Markdown: `cargo run --release --example
//! growth`. Times are the best of several; the last column says how time per stage grew from the row before.

#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::time::{Duration, Instant};

use llmp_compiler::plan::plan;

#[path = "../../benches/workload/mod.rs"]
mod workload;

use workload::{Memory, SHAPES, compiled, library, world};

/// As in `llmp`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let library = library();
    println!("| shape | stages | KiB | check | plan, cached | plan, changed | µs a stage |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for shape in &SHAPES {
        for stages in [10, 100, 1_000, 10_000] {
            let text = (shape.text)(stages);
            let world = world(&text);
            let repeats = (20_000 / stages).clamp(5, 200);
            let (check, compilation) = best(repeats, || compiled(&world, &library));
            if let Some(error) = compilation.diagnostics.iter().find(|diagnostic| diagnostic.is_error()) {
                let place = compilation.sources.place(error.span());
                return Err(format!("{} × {stages}: {place} {}", shape.name, error.message).into());
            }
            let graph = &compilation.graph;
            let past = Memory::of(graph);
            let (cached, _) = best(repeats, || plan(graph, &past, &|_| false));
            // The same stages with another seed of everything: all differ from what ran.
            let mut changed = graph.clone();
            for stage in &mut changed.stages {
                stage.epoch += 1;
            }
            let (all, _) = best(repeats, || plan(&changed, &past, &|_| false));
            let each = (check + cached).as_secs_f64() * 1e6 / graph.stages.len() as f64;
            println!(
                "| {} | {} | {} | {} | {} | {} | {each:.1} |",
                shape.name,
                graph.stages.len(),
                text.len().div_ceil(1024),
                milliseconds(check),
                milliseconds(cached),
                milliseconds(all),
            );
        }
    }
    Ok(())
}

/// The shortest of several runs, and the result of the last.
fn best<T>(repeats: usize, work: impl Fn() -> T) -> (Duration, T) {
    let timed = || {
        let start = Instant::now();
        let result = std::hint::black_box(work());
        (start.elapsed(), result)
    };
    let (mut shortest, mut result) = timed();
    for _ in 1..repeats {
        let (took, next) = timed();
        shortest = shortest.min(took);
        result = next;
    }
    (shortest, result)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
