//! What a running stage may use: inputs, an output folder, progress, counts, a private state folder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Asked, Error, Input, Result};

/// A document that a stage left out, kept so that `llmp trace` can say why.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dropped {
    /// The document's id (`<urn:uuid:…>` of its WARC record).
    pub id: String,
    /// Its URL.
    pub url: String,
    /// The rule that dropped it, e.g. `gopher.min_words`.
    pub rule: String,
    /// The value that the rule saw, as people read it, e.g. `31 words`.
    pub value: String,
}

impl Dropped {
    /// The value of a rule that drops a document for being like another, which is kept.
    #[must_use]
    pub fn like(id: &str) -> String {
        format!("{LIKE}{id}")
    }

    /// Whether it is the document with this id and URL. A user's own stage may tell ids alone.
    #[must_use]
    pub fn is(&self, id: &str, url: &str) -> bool {
        self.id == id && (self.url == url || self.url.is_empty())
    }

    /// The id of the document that was kept in its place, where [a rule](Self::like) says so.
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        self.value.strip_prefix(LIKE)
    }
}

/// Stands before an id in the value of [`Dropped::like`].
const LIKE: &str = "like ";

/// Steps of a training whose mean loss is what the loss came to; all of them where they are fewer. A single
/// batch says little.
pub const LAST_STEPS: usize = 50;

/// What a stage runs in. Implemented by `runtime`, and by [`crate::testing::TestContext`] for unit tests.
///
/// All methods may be called from several threads.
pub trait Context: Sync {
    /// The artifacts given for the parameter `role` of the stage's signature: one, or many for a list
    /// parameter, in the order in which they were written. Empty when an optional parameter was left out.
    fn inputs(&self, role: &str) -> &[Input];

    /// The name of the shard that is worked on, for a stage that runs shard by shard: what it makes is called
    /// after it.
    fn shard(&self) -> Option<&str> {
        None
    }

    /// The folder that becomes the artifact. Empty at the start; everything in it is published when the stage
    /// returns `Ok`.
    fn output(&self) -> &Path;

    /// A private folder that belongs to this stage's key and outlives a crash: checkpoints. Removed after
    /// success.
    fn state(&self) -> &Path;

    /// A folder for what follows from inputs alone and takes long to make, such as a compiled list: whichever
    /// action needs it first makes it there, in a file that is called after the content it was made of, and
    /// the others find it. It may be deleted whenever nothing runs. `None` where there is no such folder, and
    /// each action makes its own.
    fn shared(&self) -> Option<&Path> {
        None
    }

    /// The device as chosen on the command line: `cpu`, `wgpu`, `cuda:0`.
    fn device(&self) -> &str;

    /// How many threads the stage may keep busy. Results must not depend on it.
    fn threads(&self) -> usize;

    /// Whether the run was asked to stop. Long loops ask at every step; see [`Context::proceed`].
    fn cancelled(&self) -> bool;

    /// Starts a progress bar over `total` units, where their number is known; stages call `bar`.
    fn start_bar(&self, total: Option<u64>, unit: &str) -> Box<dyn Bar>;

    /// Writes a line to the stage's log.
    fn log(&self, line: &str);

    /// Adds to a count that the ledger keeps and the report shows, e.g. `documents`,
    /// `dropped.gopher.min_words`.
    fn count(&self, name: &str, add: u64);

    /// Appends a point to a curve, e.g. `("loss", step, value)`.
    fn point(&self, curve: &str, x: f64, y: f64);

    /// Notes a number that a result is judged by, for the ledger, the report, `llmp diff` and `llmp runs`:
    /// once for each name, the last one counts. `("loss", 2.961)`; the number of a curve's name is what the
    /// curve came to.
    fn measure(&self, name: &str, value: f64);

    /// Says that earlier attempts did a part of this work, from whose state it goes on: they took `seconds`,
    /// which are part of what the result took.
    fn resumed(&self, seconds: f64);

    /// Keeps a dropped document's fate, and counts it under `dropped.<rule>`.
    fn dropped(&self, dropped: Dropped);

    /// Whether somebody looks at what rules see: then a filter tells [`asked`](Self::asked) the value of each
    /// of its rules in every document, whatever becomes of it.
    fn looks(&self) -> bool {
        false
    }

    /// What a rule saw in the document `id`, where somebody [looks](Self::looks).
    fn asked(&self, _id: &str, _rule: &'static str, _asked: Asked) {}

    /// A short result for the screen once the stage has ended: one line, or a table for evaluations.
    fn show(&self, text: &str);

    /// The single artifact given for `role`.
    ///
    /// # Errors
    /// Where none was given.
    fn input(&self, role: &str) -> Result<&Input> {
        self.inputs(role).first().ok_or_else(|| Error::new(format!("no `{role}` was given")))
    }

    /// `Err` once the run was asked to stop: `ctx.proceed()?` in every long loop.
    ///
    /// # Errors
    /// [`Error::cancelled`] then.
    fn proceed(&self) -> Result<()> {
        if self.cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }
}

impl dyn Context + '_ {
    /// Starts a progress bar over `total` units (`"pages"`, `"tokens"`): a number, or `None` where it is
    /// unknown.
    pub fn bar(&self, total: impl Into<Option<u64>>, unit: &str) -> Box<dyn Bar> {
        self.start_bar(total.into(), unit)
    }
}

/// A progress bar. Dropping it ends it.
pub trait Bar: Send + Sync {
    /// Work done since the last call.
    fn add(&self, units: u64);
    /// Work that was done before this bar began: it counts as done, and not towards the speed.
    fn resume(&self, units: u64);
    /// A short remark behind the bar, e.g. `loss 2.31`.
    fn note(&self, text: &str);
}
