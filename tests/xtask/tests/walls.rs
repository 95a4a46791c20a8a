//! Who may know whom, and how much a newcomer builds. Cargo keeps circles out; these are the walls that it cannot know.

use std::collections::BTreeSet;

use xtask::metadata::Crates;
use xtask::root;

fn crates() -> Crates {
    Crates::read(&root()).expect("cargo's metadata")
}

/// The names of what is linked into a crate.
fn linked<'a>(crates: &'a Crates, name: &str) -> BTreeSet<&'a str> {
    crates.linked(crates.named(name).0).into_iter().map(|id| crates.get(id).name.as_str()).collect()
}

/// Crates with no heavier than these are built and tested without tensor, search, Parquet, tokenizer and extraction code.
const HEAVY: [&str; 6] = ["burn", "burn-flex", "tantivy", "parquet", "tokenizers", "trafilatura"];

#[test]
fn what_plans_and_explains_is_light() {
    let crates = crates();
    for name in [
        "llmp-compiler",
        "llmp-stage",
        "llmp-records",
        "llmp-store",
        "llmp-planning",
        "llmp-insight",
        "llmp-lsp",
    ] {
        let linked = linked(&crates, name);
        let heavy: Vec<_> = HEAVY.iter().filter(|it| linked.contains(**it)).collect();
        assert!(heavy.is_empty(), "`{name}` links {heavy:?}");
    }
}

/// Crates that open connections.
const CLIENTS: [&str; 12] = [
    "ureq",
    "reqwest",
    "hyper",
    "hyper-util",
    "curl",
    "isahc",
    "attohttpc",
    "minreq",
    "native-tls",
    "rustls",
    "tungstenite",
    "socket2",
];

/// Only `llmp-net` reaches other machines, and only what fetches on command may know it.
#[test]
fn only_net_connects() {
    let crates = crates();
    for (id, one) in crates.own() {
        let linked: BTreeSet<&str> = crates.linked(id).into_iter().collect();
        let net = one.name == "llmp-net" || linked.iter().any(|id| crates.get(id).name == "llmp-net");
        let clients: Vec<_> = linked
            .iter()
            .map(|id| crates.get(id).name.as_str())
            .filter(|name| CLIENTS.contains(name))
            .collect();
        assert!(net || clients.is_empty(), "`{}` links {clients:?} without `llmp-net`", one.name);
        let pure = ["llmp-compiler", "llmp-stage", "llmp-planning", "llmp-insight", "llmp-lsp"];
        assert!(!(net && pure.contains(&one.name.as_str())), "`{}` could reach the network", one.name);
    }
}

/// The agreed number: who wants a crate more says here what it is worth, and looks for one to leave out.
const MOST: usize = 420;

#[test]
fn the_first_build_stays_small() {
    let crates = crates();
    let (id, _) = crates.named("llmp");
    let count = crates.built(id).len() + 1;
    assert!(count <= MOST, "README's first command builds {count} crates, agreed are {MOST}");
    assert!(count + 10 >= MOST, "it builds {count} crates only: lower the agreed number from {MOST}");
}
