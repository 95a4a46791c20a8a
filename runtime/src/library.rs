//! All stages this program knows: what their signatures say and what implements them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use llmp_compiler::signature::Library;
use llmp_stage::{Signature, Stage};

/// Implementations by name.
pub struct Implementations(BTreeMap<&'static str, Arc<dyn Stage>>);

impl Implementations {
    /// Those of the standard library.
    #[must_use]
    pub fn standard() -> Self {
        Self::of(
            llmp_data::stages().into_iter().chain(llmp_model::stages()).chain(llmp_chat::stages()).collect(),
        )
    }

    /// Those given.
    #[must_use]
    pub fn of(stages: Vec<Box<dyn Stage>>) -> Self {
        Self(stages.into_iter().map(|stage| (stage.name(), Arc::from(stage))).collect())
    }

    /// The implementation of a signature.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Stage>> {
        self.0.get(name).cloned()
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Stage>)> {
        self.0.iter().map(|(name, stage)| (*name, stage))
    }
}

/// The standard library's signature files.
pub fn signatures() -> impl Iterator<Item = &'static Signature> {
    llmp_data::SIGNATURES.iter().chain(llmp_model::SIGNATURES).chain(llmp_chat::SIGNATURES)
}

/// The standard library as the compiler knows it; read once.
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let texts: Vec<_> = signatures().map(|signature| (signature.path, signature.text)).collect();
        Library::new(&texts).0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_right() {
        let texts: Vec<_> = signatures().map(|signature| (signature.path, signature.text)).collect();
        let (_, diagnostics, sources) = Library::new(&texts);
        let told: Vec<_> = diagnostics
            .iter()
            .map(|diagnostic| {
                format!("{} {} {}", sources.place(diagnostic.span()), diagnostic.code, diagnostic.message)
            })
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }

    #[test]
    fn every_signature_has_an_implementation_and_the_other_way_round() {
        let declared: Vec<_> = library().iter().map(|signature| signature.name.clone()).collect();
        let implemented: Vec<_> =
            Implementations::standard().iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(declared, implemented);
    }
}
