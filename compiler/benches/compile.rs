//! Checking and planning: `cargo bench -p llmp-compiler`. `README.md` has the figures.

#![allow(clippy::disallowed_methods, reason = "benchmarks read files and the clock")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use llmp_compiler::format::format;
use llmp_compiler::plan::plan;
use llmp_compiler::source::FileId;
use llmp_compiler::syntax::parse;

mod workload;

use workload::{Memory, SHAPES, compiled, library, realistic, world};

/// As in `llmp`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A file of 2,000 lines with 500 stages: what an editor does at every key.
fn one_file(criterion: &mut Criterion) {
    let library = library();
    let text = realistic(500);
    let world = world(&text);
    let mut group = criterion.benchmark_group("500 stages");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| parse(FileId::default(), black_box(&text))));
    group.bench_function("format", |bencher| bencher.iter(|| format(black_box(&text))));
    group.bench_function("check", |bencher| bencher.iter(|| compiled(black_box(&world), &library)));
    group.finish();
}

/// Planning 1,000 stages that all have run, from their text.
fn plan_cached(criterion: &mut Criterion) {
    let library = library();
    let world = world(&realistic(1_000));
    let past = Memory::of(&compiled(&world, &library).graph);
    criterion.bench_function("check and plan 1000 cached stages", |bencher| {
        bencher.iter(|| plan(&compiled(black_box(&world), &library).graph, &past, &|_| false));
    });
}

/// Time per stage must not depend on how many there are.
fn growth(criterion: &mut Criterion) {
    let library = library();
    for shape in &SHAPES {
        let mut group = criterion.benchmark_group(shape.name);
        for stages in [10, 100, 1_000, 10_000] {
            let world = world(&(shape.text)(stages));
            group.sample_size(10).throughput(Throughput::Elements(stages as u64));
            group.bench_function(BenchmarkId::from_parameter(stages), |bencher| {
                bencher.iter(|| compiled(black_box(&world), &library));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, one_file, plan_cached, growth);
criterion_main!(benches);
