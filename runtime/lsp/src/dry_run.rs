//! The server's side of the dry run: takes in plans and the progress of runs, and lets the client ask again.

use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{CodeLensRefreshRequest, InlayHintRefreshRequest, MessageType};
use llmp_insight::following::Going;

use super::plan::{Plan, Plans};
use super::server::Server;

impl Server {
    /// Plans the programs that are open now, in the background; what is known of others is forgotten.
    pub(super) fn plan(&mut self) {
        let roots = self.analyses.roots(&self.documents, &self.settings);
        let open = |main: &PathBuf| roots.iter().any(|root| root.main == *main);
        if self.plans.plans.keys().chain(self.plans.going.keys()).any(|main| !open(main)) {
            let Plans { plans, going } = Arc::make_mut(&mut self.plans);
            plans.retain(|main, _| open(main));
            going.retain(|main, _| open(main));
        }
        self.planner.plan(roots);
    }

    /// A plan is ready.
    pub(super) fn planned(&mut self, plan: Plan) {
        let main = plan.analysis.main.clone();
        if !self.documents.iter().any(|(path, _)| plan.analysis.file(path).is_some()) {
            return; // It was closed meanwhile.
        }
        let plan = Arc::new(plan);
        let old = Arc::make_mut(&mut self.plans).plans.insert(main, Arc::clone(&plan));
        if old.is_none_or(|old| !old.says_the_same(&plan)) {
            self.refresh(true);
            self.changed = None;
            self.due = true;
        }
    }

    /// A store cannot be read.
    pub(super) fn not_planned(&mut self, message: String) {
        self.log(MessageType::Warning, format!("nothing can be planned: {message}"));
    }

    /// A run has begun, has come further, or is over.
    pub(super) fn followed(&mut self, main: PathBuf, going: Option<Going>) {
        let known = &mut Arc::make_mut(&mut self.plans).going;
        let going = going.map(Arc::new);
        let old = match &going {
            Some(going) => known.insert(main.clone(), Arc::clone(going)),
            None => known.remove(&main),
        };
        self.tell_progress(&main, old.as_deref(), going.as_deref());
        self.refresh(false);
    }

    /// Lets the client ask again for what is drawn at stages.
    fn refresh(&mut self, lenses: bool) {
        if self.client.can("/workspace/inlayHint/refreshSupport") {
            self.request::<InlayHintRefreshRequest>((), |_, _| {});
        }
        if lenses && self.client.can("/workspace/codeLens/refreshSupport") {
            self.request::<CodeLensRefreshRequest>((), |_, _| {});
        }
    }
}
