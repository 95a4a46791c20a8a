//! The crates as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// As in its `Cargo.toml`.
    pub name: String,
    /// Its folder below the workspace's.
    pub folder: PathBuf,
    /// The crates of the workspace that it names itself, without what only its tests need.
    pub knows: BTreeSet<String>,
}

/// The workspace's crates by name.
#[derive(Debug)]
pub struct Crates {
    root: PathBuf,
    own: BTreeMap<String, Crate>,
}

/// What stands between two crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// What is linked.
    Links,
    /// What is compiled: that, and what build scripts and macros need.
    Builds,
}

impl Crates {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// If cargo cannot tell.
    pub fn read(root: &Path) -> Result<Self, String> {
        let said = cargo(root, &["metadata", "--format-version", "1", "--no-deps"])?;
        let metadata: Value =
            serde_json::from_str(&said).map_err(|error| format!("cargo's metadata are no JSON: {error}"))?;
        let mut own = BTreeMap::new();
        for package in array(&metadata["packages"]) {
            let manifest = Path::new(text(&package["manifest_path"]));
            let folder = manifest.parent().unwrap_or(manifest);
            let known = array(&package["dependencies"])
                .filter(|it| it["path"].is_string() && it["kind"].is_null() && it["optional"] == false);
            let one = Crate {
                name: text(&package["name"]).to_owned(),
                folder: folder.strip_prefix(root).unwrap_or(folder).to_owned(),
                knows: known.map(|it| text(&it["name"]).to_owned()).collect(),
            };
            own.insert(one.name.clone(), one);
        }
        Ok(Self { root: root.to_owned(), own })
    }

    /// All, each behind those that it knows; neighbours in the tree of folders stay together.
    #[must_use]
    pub fn in_order(&self) -> Vec<&Crate> {
        let mut all: Vec<_> = self.own.values().collect();
        all.sort_by_key(|one| (self.depth(one), one.folder.clone()));
        all
    }

    /// The longest way down.
    fn depth(&self, one: &Crate) -> usize {
        let below = one.knows.iter().filter_map(|name| self.own.get(name));
        below.map(|one| self.depth(one) + 1).max().unwrap_or(0)
    }

    /// The workspace's crates that one reaches, directly or not.
    #[must_use]
    pub fn reaches(&self, one: &Crate) -> BTreeSet<&str> {
        let below = one.knows.iter().filter_map(|name| self.own.get(name));
        below.flat_map(|one| self.reaches(one).into_iter().chain([one.name.as_str()])).collect()
    }

    /// The names and versions of all that stands behind a crate with its default features on this system,
    /// itself included.
    ///
    /// # Errors
    ///
    /// If cargo cannot tell, for instance because `Cargo.lock` is stale.
    pub fn tree(&self, name: &str, edges: Edges) -> Result<BTreeSet<String>, String> {
        let edges = if edges == Edges::Links { "normal" } else { "normal,build" };
        let said = cargo(
            &self.root,
            &["tree", "--locked", "-p", name, "-e", edges, "--prefix", "none", "-f", "{p}"],
        )?;
        // `serde v1.0.229`, perhaps with `(proc-macro)`, a folder or `(*)` behind it.
        let names = said.lines().filter(|line| !line.is_empty());
        Ok(names.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect())
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(root).output();
    let output = output.map_err(|error| format!("cannot start cargo: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
