//! A training that is done for what it tells, before the one that counts.

use std::path::{Path, PathBuf};

use llmp_stage::{Bar, Context, Dropped, Error, Input, Result};

/// The file that says that a trial has ended.
const DONE: &str = "done";

/// What a trial runs in: its model and checkpoints stand in the stage's private folder, so that it goes on
/// where it was, and what it counts and draws is not the stage's.
pub(crate) struct Trial<'a> {
    ctx: &'a dyn Context,
    folder: PathBuf,
    output: PathBuf,
    state: PathBuf,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(ctx: &'a dyn Context) -> Result<Self> {
        let folder = ctx.state().join("trial");
        let (output, state) = (folder.join("output"), folder.join("state"));
        for folder in [&output, &state] {
            std::fs::create_dir_all(folder).map_err(Error::io("cannot make", folder))?;
        }
        Ok(Self { ctx, folder, output, state })
    }

    /// Does it, unless an earlier attempt of the stage has.
    pub(crate) fn once(&self, run: impl FnOnce() -> Result<()>) -> Result<()> {
        let done = self.folder.join(DONE);
        if done.exists() {
            return Ok(());
        }
        run()?;
        std::fs::write(&done, "").map_err(Error::io("cannot write", &done))
    }
}

impl Context for Trial<'_> {
    fn inputs(&self, role: &str) -> &[Input] {
        self.ctx.inputs(role)
    }

    fn output(&self) -> &Path {
        &self.output
    }

    fn state(&self) -> &Path {
        &self.state
    }

    fn device(&self) -> &str {
        self.ctx.device()
    }

    fn threads(&self) -> usize {
        self.ctx.threads()
    }

    fn cancelled(&self) -> bool {
        self.ctx.cancelled()
    }

    fn start_bar(&self, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        self.ctx.start_bar(total, unit)
    }

    fn log(&self, line: &str) {
        self.ctx.log(&format!("trial: {line}"));
    }

    fn count(&self, _: &str, _: u64) {}

    fn point(&self, _: &str, _: f64, _: f64) {}

    fn measure(&self, _: &str, _: f64) {}

    fn resumed(&self, _: f64) {}

    fn dropped(&self, _: Dropped) {}

    fn show(&self, text: &str) {
        self.log(text);
    }
}
