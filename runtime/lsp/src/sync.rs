//! What the client tells: texts that open, change and close, files that change on the disk, settings.

use std::path::PathBuf;

use gen_lsp_types::{
    ConfigurationItem, ConfigurationParams, ConfigurationRequest, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, MessageType,
    Registration, RegistrationParams, RegistrationRequest,
};
use lsp_server::Notification;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::documents::path_of;
use super::server::Server;
use super::settings::Settings;
use super::signatures;

/// Takes in a notification; unknown ones mean nothing.
pub(super) fn notified(server: &mut Server, notification: Notification) {
    let Notification { method, params } = notification;
    let told = match method.as_str() {
        "initialized" => {
            server.started();
            Ok(())
        }
        "textDocument/didOpen" => take(params, |params| opened(server, params)),
        "textDocument/didChange" => take(params, |params| changed(server, params)),
        "textDocument/didClose" => take(params, |params| closed(server, params)),
        "textDocument/didSave" => take(params, |params| saved(server, &params)),
        "workspace/didChangeWatchedFiles" => take(params, |params| changed_on_disk(server, params)),
        "workspace/didChangeConfiguration" => take(params, |params| configured(server, &params)),
        "workspace/didChangeWorkspaceFolders" => take(params, |params| moved(server, params)),
        _ => Ok(()),
    };
    if let Err(error) = told {
        server.log(MessageType::Warning, format!("{method}: {error}"));
    }
}

fn take<P: DeserializeOwned>(
    params: serde_json::Value,
    with: impl FnOnce(P) -> Result<(), String>,
) -> Result<(), String> {
    serde_json::from_value(params).map_err(|error| error.to_string()).and_then(with)
}

fn opened(server: &mut Server, params: DidOpenTextDocumentParams) -> Result<(), String> {
    let document = params.text_document;
    if document.uri.scheme() == signatures::SCHEME {
        // It is no program, and there is nothing to say about it.
        return Ok(());
    }
    let path = server.documents.open(document.uri, document.version, document.text);
    // Who opens a text waits for what is wrong with it, also where that is nothing new.
    server.published.remove(&path);
    server.touched(&path);
    Ok(())
}

fn changed(server: &mut Server, params: DidChangeTextDocumentParams) -> Result<(), String> {
    let path = path_of(&params.text_document.text_document_identifier.uri);
    let (version, encoding) = (params.text_document.version, server.client.encoding);
    let changed = server.documents.change(&path, version, params.content_changes, encoding);
    server.touched(&path);
    changed
}

fn closed(server: &mut Server, params: DidCloseTextDocumentParams) -> Result<(), String> {
    let path = path_of(&params.text_document.uri);
    server.documents.close(&path);
    server.tokens.forget(&path);
    server.touched(&path);
    Ok(())
}

/// A save changes nothing that counts, unless the file is read elsewhere; it is a good time to look at the
/// disk.
fn saved(server: &mut Server, _: &DidSaveTextDocumentParams) -> Result<(), String> {
    server.touched_all();
    Ok(())
}

fn changed_on_disk(server: &mut Server, params: DidChangeWatchedFilesParams) -> Result<(), String> {
    for change in params.changes {
        let path = path_of(&change.uri);
        // What is open counts as the client has it.
        if server.documents.get(&path).is_none() {
            server.touched(&path);
        }
    }
    Ok(())
}

fn configured(server: &mut Server, params: &DidChangeConfigurationParams) -> Result<(), String> {
    // Clients that are asked for their settings send `null` here.
    match params.settings.is_null() {
        true => server.ask_for_settings(),
        false => server.set(Settings::new(&params.settings)),
    }
    Ok(())
}

fn moved(server: &mut Server, params: DidChangeWorkspaceFoldersParams) -> Result<(), String> {
    let path = |folder: &gen_lsp_types::WorkspaceFolder| folder.uri.to_file_path().ok();
    let removed: Vec<PathBuf> = params.event.removed.iter().filter_map(path).collect();
    let mut client = (*server.client).clone();
    client.folders.retain(|folder| !removed.contains(folder));
    client.folders.extend(params.event.added.iter().filter_map(path));
    client.folders.sort();
    client.folders.dedup();
    server.client = std::sync::Arc::new(client);
    Ok(())
}

impl Server {
    /// The client is ready: asks it for its settings, and to tell when files change on the disk.
    fn started(&mut self) {
        if self.settings == Settings::default() {
            self.ask_for_settings();
        }
        if self.client.can("/workspace/didChangeWatchedFiles/dynamicRegistration") {
            let watchers = json!({"watchers": [{"globPattern": "**/*.llmp"}]});
            let registration = Registration {
                id: "files".to_owned(),
                method: "workspace/didChangeWatchedFiles".to_owned(),
                register_options: Some(watchers),
            };
            let params = RegistrationParams { registrations: vec![registration] };
            self.request::<RegistrationRequest>(params, |_, _| {});
        }
    }

    /// Asks the client for its section `llmp`, where it can be asked.
    fn ask_for_settings(&mut self) {
        if self.client.can("/workspace/configuration") {
            let section = ConfigurationItem { scope_uri: None, section: Some("llmp".to_owned()) };
            let params = ConfigurationParams { items: vec![section] };
            self.request::<ConfigurationRequest>(params, |server, sections| {
                // `null` is a client without such a section.
                let section = sections.ok().and_then(|mut sections| sections.get_mut(0).map(Value::take));
                if let Some(section) = section.filter(Value::is_object) {
                    server.set(Settings::new(&section));
                }
            });
        }
    }

    /// Takes over settings.
    pub(super) fn set(&mut self, settings: Settings) {
        if settings != self.settings {
            self.settings = settings;
            self.touched_all();
        }
    }
}
