//! The crates as cargo sees them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One crate of the workspace or of a registry.
#[derive(Debug, Clone)]
pub struct Crate {
    /// As in its `Cargo.toml`.
    pub name: String,
    /// Its first line of documentation there.
    pub description: String,
    /// Whether it belongs to this workspace.
    pub own: bool,
    /// Its folder, for own crates relative to the workspace's.
    pub folder: String,
    /// Ids of what it is built from and with, without what only its tests need.
    pub needs: Vec<String>,
    /// Ids of what is linked into it: `needs` without build scripts' crates.
    pub links: Vec<String>,
}

/// The crates by cargo's ids, with the default features, for the system this runs on.
#[derive(Debug)]
pub struct Crates(BTreeMap<String, Crate>);

impl Crates {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// If cargo cannot tell, for instance because `Cargo.lock` is stale.
    pub fn read(root: &Path) -> Result<Self, String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let host = host()?;
        let mut command = Command::new(cargo);
        command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host]);
        let output =
            command.current_dir(root).output().map_err(|error| format!("cannot start cargo: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let read = |error: serde_json::Error| format!("cargo's metadata are no JSON: {error}");
        Ok(Self::from(&serde_json::from_slice(&output.stdout).map_err(read)?, root))
    }

    fn from(metadata: &Value, root: &Path) -> Self {
        let mut crates = BTreeMap::new();
        for package in array(&metadata["packages"]) {
            let manifest = Path::new(text(&package["manifest_path"]));
            let folder = manifest.parent().unwrap_or(manifest);
            crates.insert(
                text(&package["id"]).to_owned(),
                Crate {
                    name: text(&package["name"]).to_owned(),
                    description: package["description"].as_str().unwrap_or_default().to_owned(),
                    own: package["source"].is_null(),
                    folder: folder.strip_prefix(root).unwrap_or(folder).display().to_string(),
                    needs: Vec::new(),
                    links: Vec::new(),
                },
            );
        }
        for node in array(&metadata["resolve"]["nodes"]) {
            let Some(one) = crates.get_mut(text(&node["id"])) else { continue };
            for dependency in array(&node["deps"]) {
                let id = text(&dependency["pkg"]).to_owned();
                let kinds: Vec<_> = array(&dependency["dep_kinds"]).map(|kind| &kind["kind"]).collect();
                if kinds.iter().any(|kind| kind.is_null()) {
                    one.links.push(id.clone());
                }
                if kinds.iter().any(|kind| kind.as_str() != Some("dev")) {
                    one.needs.push(id);
                }
            }
        }
        Self(crates)
    }

    /// The workspace's, each behind all that it links.
    #[must_use]
    pub fn own(&self) -> Vec<(&str, &Crate)> {
        let mut left: Vec<_> =
            self.0.iter().filter(|(_, one)| one.own).map(|(id, it)| (id.as_str(), it)).collect();
        // Shallow crates first, and within a level by folder, so that neighbours stay together.
        left.sort_by_key(|(id, one)| (self.depth(id), one.folder.clone()));
        left
    }

    /// The longest way down through own crates.
    fn depth(&self, id: &str) -> usize {
        let below = self.0[id].links.iter().filter(|id| self.0[*id].own);
        below.map(|id| self.depth(id) + 1).max().unwrap_or(0)
    }

    /// The crate of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn named(&self, name: &str) -> (&str, &Crate) {
        let own = |(_, one): &(&String, &Crate)| one.own && one.name == name;
        let (id, one) = self.0.iter().find(own).unwrap_or_else(|| panic!("there is no crate `{name}`"));
        (id, one)
    }

    /// A crate by cargo's id.
    #[must_use]
    pub fn get(&self, id: &str) -> &Crate {
        &self.0[id]
    }

    /// All that is linked into a crate, itself left out.
    #[must_use]
    pub fn linked(&self, id: &str) -> BTreeSet<&str> {
        self.behind(id, |one| &one.links)
    }

    /// All that a build of a crate compiles, itself left out.
    #[must_use]
    pub fn built(&self, id: &str) -> BTreeSet<&str> {
        self.behind(id, |one| &one.needs)
    }

    fn behind(&self, id: &str, next: impl Fn(&Crate) -> &Vec<String>) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut queue: VecDeque<&String> = next(&self.0[id]).iter().collect();
        while let Some(id) = queue.pop_front() {
            if found.insert(id.as_str()) {
                queue.extend(next(&self.0[id]));
            }
        }
        found
    }
}

fn host() -> Result<String, String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output =
        Command::new(rustc).arg("-vV").output().map_err(|error| format!("cannot start rustc: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it runs on".into())
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
