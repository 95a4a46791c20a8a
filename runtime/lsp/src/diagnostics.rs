//! Diagnostics: sent after every change, or asked for by the client.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{
    Diagnostic, DiagnosticRefreshRequest, DocumentDiagnosticParams, DocumentDiagnosticReport,
    FullDocumentDiagnosticReport, PublishDiagnosticsNotification, PublishDiagnosticsParams, RelatedDocument,
    RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport,
    UnchangedDocumentDiagnosticReport, Uri,
};

use super::analysis::Analysis;
use super::client::Client;
use super::convert;
use super::error::{Answer, Refusal};
use super::server::Server;
use super::snapshot::Snapshot;

/// Diagnostics by file.
pub(crate) type ByFile = BTreeMap<PathBuf, Vec<Diagnostic>>;

/// Adds what is wrong with a program; what several programs have in common is said once.
fn collect(analysis: &Analysis, client: &Client, all: &mut ByFile) {
    for one in &analysis.compilation.diagnostics {
        let Some(path) = analysis.path(one.span().file) else { continue };
        let Some(diagnostic) = convert::diagnostic(one, analysis, client) else { continue };
        let list = all.entry(path.to_owned()).or_default();
        if !list.contains(&diagnostic) {
            list.push(diagnostic);
        }
    }
}

/// What is wrong with the programs around the snapshot's document.
fn around(snapshot: &Snapshot) -> ByFile {
    let mut all = ByFile::new();
    for analysis in std::iter::once(&snapshot.analysis).chain(&snapshot.others) {
        collect(analysis, &snapshot.client, &mut all);
        if let Some(plan) = snapshot.plans.of(analysis) {
            plan.collect(analysis, &snapshot.client, &mut all);
        }
    }
    all
}

/// A report with its name: the same diagnostics have the same.
fn report(items: Vec<Diagnostic>) -> Answer<(String, FullDocumentDiagnosticReport)> {
    let json = serde_json::to_vec(&items).map_err(|error| Refusal::bug(error.to_string()))?;
    let id = blake3::hash(&json).to_hex().to_string();
    Ok((id.clone(), FullDocumentDiagnosticReport { result_id: Some(id), items }))
}

/// `textDocument/diagnostic`
pub(crate) fn pull(
    snapshot: &Snapshot,
    params: DocumentDiagnosticParams,
) -> Answer<DocumentDiagnosticReport> {
    let mut all = around(snapshot);
    let path = snapshot.analysis.path(snapshot.file);
    let (id, report) = report(path.and_then(|path| all.remove(path)).unwrap_or_default())?;
    let related_documents = related(snapshot, all)?;
    Ok(match params.previous_result_id {
        Some(known) if known == id => RelatedUnchangedDocumentDiagnosticReport {
            related_documents,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
        }
        .into(),
        _ => {
            RelatedFullDocumentDiagnosticReport { related_documents, full_document_diagnostic_report: report }
                .into()
        }
    })
}

/// What is wrong with closed files that the document imports, for clients that want to know; nobody asks for
/// them.
fn related(snapshot: &Snapshot, mut all: ByFile) -> Answer<Option<HashMap<Uri, RelatedDocument>>> {
    if !snapshot.client.can("/textDocument/diagnostic/relatedDocumentSupport") {
        return Ok(None);
    }
    let analysis = &snapshot.analysis;
    let closed = analysis
        .compilation
        .files
        .iter()
        .filter(|file| file.id != snapshot.file && analysis.version(file.id).is_none());
    let mut related = HashMap::new();
    for file in closed {
        let (Some(uri), Some(path)) = (analysis.uri(file.id), analysis.path(file.id)) else { continue };
        let (_, report) = report(all.remove(path).unwrap_or_default())?;
        related.insert(uri.clone(), report.into());
    }
    Ok(Some(related).filter(|related| !related.is_empty()))
}

impl Server {
    /// Sends what is wrong where that has changed; to a client that asks itself, only that it should ask
    /// again.
    pub(super) fn publish(&mut self) {
        let mut all: ByFile = self.documents.iter().map(|(path, _)| (path.to_owned(), Vec::new())).collect();
        let client = Arc::clone(&self.client);
        for analysis in self.analyses.roots(&self.documents, &self.settings) {
            collect(&analysis, &client, &mut all);
            if let Some(plan) = self.plans.of(&analysis) {
                plan.collect(&analysis, &client, &mut all);
            }
        }
        let known = std::mem::take(&mut self.published);
        for path in known.keys().filter(|path| !all.contains_key(*path)).cloned().collect::<Vec<_>>() {
            all.insert(path, Vec::new());
        }
        if client.pulls_diagnostics() {
            // The client asks for the document that it changes. Others may be parts of the same program.
            let others = all.iter().any(|(path, list)| {
                self.changed.as_ref() != Some(path) && known.get(path).is_none_or(|known| known != list)
            });
            if others && client.can("/workspace/diagnostics/refreshSupport") {
                self.request::<DiagnosticRefreshRequest>((), |_, _| {});
            }
        } else {
            for (path, list) in &all {
                let document = self.documents.get(path);
                let unchanged = known.get(path).is_some_and(|known| known == list);
                let (Some(uri), false) = (self.documents.uri(path), unchanged) else { continue };
                let version = document.map(|document| document.version);
                self.notify::<PublishDiagnosticsNotification>(PublishDiagnosticsParams {
                    uri,
                    version,
                    diagnostics: list.clone(),
                });
            }
        }
        // Closed files without diagnostics need not be remembered.
        all.retain(|path, list| !list.is_empty() || self.documents.get(path).is_some());
        self.published = all;
        self.changed = None;
    }
}
