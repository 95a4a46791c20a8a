//! Whether stages can read the user's files, by the first bytes of these.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use llmp_compiler::key::Digest;
use llmp_stage::{Fit, Probe, Registry};

use super::files::Found;

/// Files of an input that are looked at: the rest is told when it is read.
const MOST: usize = 4_096;

/// What is known of first bytes, for one process.
pub(super) struct Probes {
    registry: &'static Registry,
    /// By stage, content and name.
    known: RefCell<HashMap<(String, Digest, String), Fit>>,
}

impl Probes {
    pub(super) fn new(registry: &'static Registry) -> Self {
        Self { registry, known: RefCell::default() }
    }

    /// Why a stage of this signature cannot read some of these files; `None` where nothing speaks against it.
    /// `others` says whether the input holds files that it has read before.
    pub(super) fn refused<'a>(
        &self,
        kind: &str,
        files: impl Iterator<Item = &'a Found>,
        others: bool,
    ) -> Option<String> {
        let probe = self.registry.stage(kind)?.probe()?;
        let (mut reads, mut passed) = (others, None);
        let mut known = self.known.borrow_mut();
        let mut files = files.peekable();
        for file in files.by_ref().take(MOST) {
            let of = (kind.to_owned(), file.digest, file.label.clone());
            let fit = known.entry(of).or_insert_with(|| look(probe, file));
            match fit {
                Fit::Reads => reads = true,
                Fit::PassesOver(why) => passed = passed.or_else(|| Some(why.clone())),
                Fit::Refuses(why) => return Some(why.clone()),
            }
        }
        passed.filter(|_| !reads && files.peek().is_none())
    }
}

/// A file that cannot be read is told by who reads it.
fn look(probe: Probe, file: &Found) -> Fit {
    let mut start = Vec::new();
    match File::open(&file.path).map(|open| open.take(Probe::BYTES).read_to_end(&mut start)) {
        Ok(Ok(_)) => (probe.0)(&file.label, &start),
        Ok(Err(_)) | Err(_) => Fit::Reads,
    }
}
