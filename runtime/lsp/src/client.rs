//! What the client can do. Its `initialize` params are read as plain JSON, so that a client that says one
//! thing strangely is still served.

use std::path::PathBuf;

use gen_lsp_types::Uri;
use serde_json::Value;

use super::lines::Encoding;

/// The client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    capabilities: Value,
    /// What columns count.
    pub(crate) encoding: Encoding,
    /// The folders that are open, sorted.
    pub(crate) folders: Vec<PathBuf>,
    /// The commands that it performs itself.
    pub(crate) commands: Vec<String>,
}

impl Client {
    pub(crate) fn new(params: &Value) -> Self {
        let capabilities = params.get("capabilities").cloned().unwrap_or(Value::Null);
        let encodings = capabilities.pointer("/general/positionEncodings").and_then(Value::as_array);
        let encodings: Vec<&str> = encodings.into_iter().flatten().filter_map(Value::as_str).collect();
        // Bytes are what we count; else what the client likes best.
        let encoding = match encodings.first() {
            _ if encodings.contains(&"utf-8") => Encoding::Utf8,
            Some(&"utf-32") => Encoding::Utf32,
            _ => Encoding::Utf16,
        };
        let many = params.get("workspaceFolders").and_then(Value::as_array);
        let many = many.into_iter().flatten().filter_map(|folder| folder.get("uri"));
        let uris: Vec<&Value> = many.chain(params.get("rootUri")).collect();
        let mut folders: Vec<PathBuf> = uris.into_iter().filter_map(folder).collect();
        folders.sort();
        folders.dedup();
        let commands = params.pointer("/initializationOptions/commands").and_then(Value::as_array);
        let commands = commands.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { capabilities, encoding, folders, commands }
    }

    /// Whether the capability at this JSON pointer is `true`, e.g. `/textDocument/hover/dynamicRegistration`.
    pub(crate) fn can(&self, pointer: &str) -> bool {
        self.capabilities.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether there is anything at this JSON pointer.
    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.capabilities.pointer(pointer).is_some_and(|value| !value.is_null())
    }

    /// Whether the list at this JSON pointer holds `wanted`.
    pub(crate) fn lists(&self, pointer: &str, wanted: &str) -> bool {
        let list = self.capabilities.pointer(pointer).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|one| one == wanted))
    }

    /// Whether it asks for diagnostics itself, so that they need not be sent.
    pub(crate) fn pulls_diagnostics(&self) -> bool {
        self.has("/textDocument/diagnostic")
    }
}

/// The folder that a URI names.
pub(crate) fn folder(uri: &Value) -> Option<PathBuf> {
    Uri::parse(uri.as_str()?).ok()?.to_file_path().ok()
}
