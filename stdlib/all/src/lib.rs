//! The standard library: every stage, every kind of artifact. The only crate that names them all.

use std::sync::OnceLock;

use llmp_stage::Registry;

/// All of it; made once.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let crates = [
            llmp_data::stages(),
            llmp_model::stages(),
            llmp_learn::stages(),
            llmp_assistant::stages(),
            llmp_eval::stages(),
        ];
        let forms = [llmp_artifacts::FORMS, llmp_assistant::FORMS].concat();
        Registry::new(crates.into_iter().flatten().collect(), forms)
    })
}
