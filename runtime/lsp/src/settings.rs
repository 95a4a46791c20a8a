//! What the user sets in the editor: `initializationOptions`, or the section `llmp` of the configuration.

use serde_json::Value;

/// The settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Profiles that programs are analysed with, the later ones winning.
    pub(crate) profiles: Vec<String>,
}

impl Settings {
    /// Reads them; what is not understood keeps its default.
    pub(crate) fn new(value: &Value) -> Self {
        let value = value.get("llmp").unwrap_or(value);
        let profiles = value.get("profiles").and_then(Value::as_array);
        let profiles = profiles.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Self { profiles: profiles.collect() }
    }
}
