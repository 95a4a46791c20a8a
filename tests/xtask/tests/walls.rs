//! Who may know whom, and how much a newcomer builds. Cargo keeps circles out; these are the walls that it
//! cannot know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use xtask::metadata::{Crates, Edges};
use xtask::{files, root};

fn crates() -> Crates {
    Crates::read(&root()).expect("cargo's metadata")
}

/// The names of all that is linked into a crate.
fn linked(crates: &Crates, name: &str) -> BTreeSet<String> {
    let tree = crates.tree(name, Edges::Links).expect("cargo's tree");
    tree.iter().filter_map(|it| it.split(' ').next()).map(str::to_owned).collect()
}

/// What a crate that only plans, explains and draws never waits for: tensors, the search index, Parquet,
/// tokenizers, extraction.
const HEAVY: [&str; 5] = ["burn", "burn-flex", "tantivy", "parquet", "tokenizers"];

/// Those crates, as far as they are there.
const LIGHT: [&str; 7] = [
    "llmp-compiler",
    "llmp-stage",
    "llmp-records",
    "llmp-store",
    "llmp-planning",
    "llmp-insight",
    "llmp-lsp",
];

#[test]
fn what_plans_and_explains_is_light() {
    let crates = crates();
    for one in crates.in_order().into_iter().filter(|one| LIGHT.contains(&one.name.as_str())) {
        let linked = linked(&crates, &one.name);
        let heavy: Vec<_> = HEAVY.iter().filter(|it| linked.contains(**it)).collect();
        assert!(heavy.is_empty(), "`{}` links {heavy:?}", one.name);
    }
}

/// Crates that open connections to other machines.
const CLIENTS: [&str; 10] = [
    "attohttpc",
    "curl",
    "hyper",
    "isahc",
    "minreq",
    "native-tls",
    "reqwest",
    "rustls",
    "tungstenite",
    "ureq",
];

/// Only `llmp-net` reaches other machines, and what checks, plans and edits never links it.
#[test]
fn only_net_connects() {
    let crates = crates();
    for one in crates.in_order() {
        let linked = linked(&crates, &one.name);
        let clients: Vec<_> = CLIENTS.iter().filter(|it| linked.contains(**it)).collect();
        assert!(
            linked.contains("llmp-net") || clients.is_empty(),
            "`{}` links {clients:?} without `llmp-net`",
            one.name
        );
        assert!(
            !(LIGHT.contains(&one.name.as_str()) && linked.contains("llmp-net")),
            "`{}` could reach the network",
            one.name
        );
    }
}

/// The permit to connect is taken out where a command begins that fetches, and nowhere else.
#[test]
fn only_commands_that_fetch_take_out_a_permit() {
    let root = root();
    for path in files(&root, ".rs").expect("the sources") {
        let inside = path.strip_prefix(&root).expect("below the root");
        let may = inside.starts_with("runtime/net")
            || ["run.rs", "fetch.rs"]
                .iter()
                .any(|name| inside == Path::new("runtime/cli/src/commands").join(name))
            || inside == Path::new(file!());
        let text = fs::read_to_string(&path).expect("UTF-8");
        assert!(may || !text.contains("of_a_fetching_command"), "`{}` takes out a permit", inside.display());
    }
}

/// The agreed number. Who wants a crate more says in the commit what it is worth, and looks for one to leave
/// out.
const MOST: usize = 385;

#[test]
fn the_first_build_stays_small() {
    let crates = crates();
    let own: BTreeSet<_> = crates.in_order().into_iter().map(|one| one.name.as_str()).collect();
    let mut built = crates.tree("llmp", Edges::Builds).expect("cargo's tree");
    built.retain(|it| !it.split(' ').next().is_some_and(|name| own.contains(name)));
    let count = built.len();
    assert!(count <= MOST, "README's first command builds {count} crates of registries, agreed are {MOST}");
    assert!(count + 5 >= MOST, "it builds {count} crates of registries only: lower the agreed {MOST}");
}
