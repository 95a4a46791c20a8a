//! `$/progress`: how far a run is that goes on in a terminal.

use std::path::Path;

use gen_lsp_types::{
    ProgressNotification, ProgressParams, WorkDoneProgressCreateParams, WorkDoneProgressCreateRequest,
};
use llmp_insight::following::Going;
use serde_json::{Value, json};

use super::server::Server;

/// What the client calls the progress of a run.
fn token(main: &Path, going: &Going) -> String {
    format!("{} run {}", main.display(), going.run)
}

/// `base: running 45% · 2m 05s left`
fn message(going: &Going) -> String {
    let parts: Vec<_> =
        going.working.iter().map(|(stage, work)| format!("{stage}: {}", work.text())).collect();
    if parts.is_empty() { format!("{} finished", going.finished) } else { parts.join(", ") }
}

/// Percent of the one stage at work.
fn percentage(going: &Going) -> Option<u32> {
    let mut working = going.working.values();
    match (working.next(), working.next()) {
        (Some(work), None) => work.share().map(|share| (share * 100.0) as u32),
        _ => None,
    }
}

impl Server {
    /// Tells the client how far the run of a program is.
    pub(super) fn tell_progress(&mut self, main: &Path, old: Option<&Going>, going: Option<&Going>) {
        if !self.client.can("/window/workDoneProgress") {
            return;
        }
        if let Some(old) = old.filter(|old| going.is_none_or(|going| going.run != old.run)) {
            self.progress(token(main, old), json!({"kind": "end"}));
        }
        let Some(going) = going else { return };
        let token = token(main, going);
        let mut value = json!({"kind": "report", "message": message(going)});
        if old.is_none_or(|old| old.run != going.run) {
            let params = WorkDoneProgressCreateParams { token: token.clone().into() };
            self.request::<WorkDoneProgressCreateRequest>(params, |_, _| {});
            let name = main.file_name().unwrap_or_default().to_string_lossy();
            value["kind"] = json!("begin");
            value["title"] = json!(format!("llmp run {name}"));
        }
        if let Some(percentage) = percentage(going) {
            value["percentage"] = json!(percentage);
        }
        self.progress(token, value);
    }

    fn progress(&self, token: String, value: Value) {
        self.notify::<ProgressNotification>(ProgressParams { token: token.into(), value });
    }
}
