//! What happens in a run, told while it happens: a line each in `runs/N/events.jsonl` and of `llmp run
//! --format json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use llmp_compiler::key::Digest;
use llmp_compiler::plan::Reason;
use llmp_stage::Remark;
use serde::{Deserialize, Serialize};

use crate::{Expectation, RunStatus, path};

/// Something that happened, and when. A line that is none of these is another version's, and readers pass
/// over it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// What.
    #[serde(flatten)]
    pub event: Event,
    /// Seconds since the Unix epoch.
    pub at: f64,
}

/// Something that happened. The order of the fields is that of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of a run.
    RunStarted {
        /// Raised when the form of the events changes.
        format_version: u32,
        /// Counted from 1 in each store.
        run: u64,
        /// The main file as given.
        #[serde(with = "path")]
        pipeline: PathBuf,
        /// Profiles.
        profiles: Vec<String>,
        /// How far it goes; none for all of the pipeline.
        targets: Vec<String>,
        /// The device.
        device: String,
        /// The pipeline's name in the store.
        id: String,
        /// The machine's name.
        host: String,
        /// The process on that machine.
        process: u32,
    },
    /// A stage began to work.
    StageStarted {
        /// As the graph calls it: its binding, with the member of a family behind it.
        stage: String,
        /// Its signature.
        kind: String,
        /// The hash of the lowered stage and of its inputs' content.
        key: Digest,
        /// Why it runs, as people read it, root causes first.
        reasons: Vec<String>,
        /// The same for programs; none where an earlier version wrote it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        causes: Vec<Reason>,
    },
    /// A stage, or one of its shards, is so far; at most once a second.
    Progress {
        /// As the graph calls it: its binding, with the member of a family behind it.
        stage: String,
        /// The name of one of its shards; none where it is not run shard by shard.
        shard: Option<String>,
        /// Units there are, where that is known; before 0.2, 0 stood for what was not.
        total: Option<u64>,
        /// What is counted.
        unit: String,
        /// Units done.
        done: u64,
        /// Those of them that an earlier attempt had done, from whose state it goes on.
        #[serde(default, skip_serializing_if = "is_zero")]
        before: u64,
        /// What it says about itself.
        #[serde(default)]
        note: String,
    },
    /// A stage has its result.
    StageFinished {
        /// As the graph calls it: its binding, with the member of a family behind it.
        stage: String,
        /// The hash of the lowered stage and of its inputs' content.
        key: Digest,
        /// Its result.
        artifact: Digest,
        /// Seconds of work, those of its shards added up.
        seconds: f64,
        /// What it counted.
        counts: BTreeMap<String, u64>,
        /// Its shards, for a stage that works shard by shard.
        shards: Option<Shards>,
    },
    /// A stage's result, or what it is about to do, is to be looked at.
    Remark {
        /// As the graph calls it: its binding, with the member of a family behind it.
        stage: String,
        /// What about.
        #[serde(flatten)]
        remark: Remark,
    },
    /// A stage failed.
    StageFailed {
        /// As the graph calls it: its binding, with the member of a family behind it.
        stage: String,
        /// What went wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// An object of a result is missing or damaged, and is made again.
    Damage {
        /// The stage whose result it belongs to.
        stage: String,
        /// The object.
        object: Digest,
        /// What is wrong with it.
        message: String,
    },
    /// What came of an expectation of the program.
    Expectation(Expectation),
    /// The last event of a run, and the only one where there is [nothing to do](RunStatus::NothingToDo).
    RunFinished {
        /// Raised when the form of the events changes.
        format_version: u32,
        /// Its number; `None` where there was nothing to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<u64>,
        /// How.
        status: RunStatus,
        /// How far it would have gone, where there was nothing to do.
        #[serde(skip_serializing_if = "Option::is_none")]
        targets: Option<Vec<String>>,
        /// Stages that ran.
        #[serde(skip_serializing_if = "Option::is_none")]
        ran: Option<u64>,
        /// Stages whose results were there.
        cached: u64,
        /// Stages that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<u64>,
        /// Stages that did not run because others failed, or the run stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        not_run: Option<u64>,
        /// Wall-clock seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The shards of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// Those that ran.
    pub ran: usize,
    /// All.
    pub all: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: Event) -> String {
        serde_json::to_string(&LogEntry { event, at: 1.5 }).unwrap()
    }

    #[test]
    fn a_line_is_the_event_and_when() {
        let event = Event::Progress {
            stage: "docs".into(),
            shard: None,
            total: Some(10),
            unit: "pages".into(),
            done: 3,
            before: 0,
            note: String::new(),
        };
        let text = line(event.clone());
        assert_eq!(
            text,
            r#"{"event":"progress","stage":"docs","shard":null,"total":10,"unit":"pages","done":3,"note":"","at":1.5}"#
        );
        assert_eq!(serde_json::from_str::<LogEntry>(&text).unwrap(), LogEntry { event, at: 1.5 });

        let event = Event::RunFinished {
            format_version: 1,
            run: None,
            status: RunStatus::NothingToDo,
            targets: Some(vec![]),
            ran: None,
            cached: 4,
            failed: None,
            not_run: None,
            seconds: None,
        };
        let text = line(event.clone());
        assert_eq!(
            text,
            r#"{"event":"run_finished","format_version":1,"status":"nothing_to_do","targets":[],"cached":4,"at":1.5}"#
        );
        assert_eq!(serde_json::from_str::<LogEntry>(&text).unwrap().event, event);
    }

    #[test]
    fn lines_of_other_versions_are_read_or_passed_over() {
        let key = Digest::of(b"key").hex();
        // Before causes were kept; and with a field that this version does not know.
        let text = format!(
            r#"{{"event":"stage_started","stage":"docs","kind":"k","key":"{key}","reasons":["forced"],"mood":1,"at":2.0}}"#
        );
        let told: LogEntry = serde_json::from_str(&text).unwrap();
        assert!(matches!(told.event, Event::StageStarted { causes, .. } if causes.is_empty()));
        assert!(
            serde_json::from_str::<LogEntry>(r#"{"event":"stage_dreamt","stage":"docs","at":2.0}"#).is_err()
        );
    }
}
