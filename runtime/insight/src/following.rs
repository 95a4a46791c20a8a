//! Follows a run that is going on, from outside of its process, by the events it writes. Nothing is locked or
//! changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use llmp_planning::host_name;
use llmp_records::{Event, LogEntry, RunStatus, text};
use llmp_store::Store;

/// Runs that are looked through for one that is going on, when nothing is known yet.
const NEWEST: usize = 8;

/// Bytes of events that are read at once.
const CHUNK: u64 = 1 << 20;

/// Longest first line of an event log.
const MAX_HEAD: u64 = 64 << 10;

/// A run that is going on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Going {
    /// Its number.
    pub run: u64,
    /// Stages at work.
    pub working: BTreeMap<String, Work>,
    /// Stages that have failed.
    pub failed: BTreeSet<String>,
    /// How many have finished.
    pub finished: usize,
}

/// A stage at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Seconds since the Unix epoch at its start.
    started: f64,
    /// When something was last heard of it.
    heard: f64,
    /// What it says about itself.
    note: String,
    /// Units done and, where that is known, in total, and what is counted, by shard.
    bars: BTreeMap<String, (u64, Option<u64>, String)>,
    /// Units of all shards that an earlier attempt had done.
    before: BTreeMap<String, u64>,
}

impl Work {
    /// The share that is done, where that is known.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let done: u64 = self.bars.values().map(|bar| bar.0).sum();
        let total = self.total().filter(|&total| total > 0)?;
        Some((done as f64 / total as f64).min(1.0))
    }

    /// Units of all shards, where those of each are known.
    fn total(&self) -> Option<u64> {
        self.bars.values().map(|bar| bar.1).sum()
    }

    /// `running 45% · 2m 05s left · loss 3.1`
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from("running");
        match self.share() {
            Some(share) => {
                text += &format!(" {:.0}%", share * 100.0);
                // What was done before says nothing of the speed.
                let total = self.total().unwrap_or_default();
                let before: u64 = self.before.values().sum();
                let now = share - before as f64 / total.max(1) as f64;
                let left = (self.heard - self.started) * (1.0 - share) / now;
                if now > 0.01 && left.is_finite() {
                    text += &format!(" · {} left", text::duration(left.max(0.0)));
                }
            }
            None => {
                let done: u64 = self.bars.values().map(|bar| bar.0).sum();
                if let Some((_, _, unit)) = self.bars.values().next() {
                    text += &format!(" · {} {unit}", text::count(done));
                }
            }
        }
        if !self.note.is_empty() {
            text += &format!(" · {}", self.note);
        }
        text
    }
}

/// Follows the runs of one pipeline.
pub struct Follower {
    store: Arc<Store>,
    pipeline: String,
    /// Runs up to this number are none of ours, or over.
    seen: u64,
    open: Option<Log>,
}

/// The event log of a run that is going on.
struct Log {
    file: File,
    offset: u64,
    /// The start of a line whose end is not written yet.
    rest: Vec<u8>,
    /// The process, where it is one of this machine.
    process: Option<i32>,
    going: Going,
}

impl Follower {
    /// Follows the runs of the pipeline with this [id](llmp_store::pipeline_id).
    #[must_use]
    pub fn new(store: Arc<Store>, pipeline: String) -> Self {
        let seen = store.runs().iter().rev().nth(NEWEST).copied().unwrap_or(0);
        Self { store, pipeline, seen, open: None }
    }

    /// Reads what was written since; the run that is going on.
    pub fn look(&mut self) -> Option<&Going> {
        for number in self.store.runs() {
            if number > self.seen {
                match self.head(number) {
                    // It is about to write its first line.
                    Head::Empty => break,
                    Head::Other => {}
                    Head::Ours(log) => self.open = Some(log),
                }
                self.seen = number;
            }
        }
        if self.open.as_mut().is_some_and(|log| log.read().is_none() || !log.is_alive()) {
            self.open = None;
        }
        self.open.as_ref().map(|log| &log.going)
    }

    fn head(&self, number: u64) -> Head {
        let path: PathBuf = self.store.run(number).join("events.jsonl");
        let Ok(file) = File::open(&path) else { return Head::Empty };
        // A run's record says `started` until it ends.
        if self.store.read_run(number).is_some_and(|run| run.status != RunStatus::Started) {
            return Head::Other;
        }
        let mut head = Vec::new();
        if (&file).take(MAX_HEAD).read_to_end(&mut head).is_err() {
            return Head::Other;
        }
        let Some(end) = head.iter().position(|&byte| byte == b'\n') else { return Head::Empty };
        let first = head.get(..end).and_then(|line| serde_json::from_slice::<LogEntry>(line).ok());
        let Some(Event::RunStarted { id, host, process, .. }) = first.map(|told| told.event) else {
            return Head::Other;
        };
        if id != self.pipeline {
            return Head::Other;
        }
        let process = Some(process).filter(|_| host == host_name());
        Head::Ours(Log {
            file,
            offset: 0,
            rest: Vec::new(),
            process: process.and_then(|process| i32::try_from(process).ok()),
            going: Going { run: number, ..Going::default() },
        })
    }
}

/// What the first event of a run says.
enum Head {
    /// Nothing yet.
    Empty,
    /// It is another pipeline's, or over.
    Other,
    /// It is this pipeline's.
    Ours(Log),
}

impl Log {
    /// Takes in new events; `None` where the run is over or cannot be read.
    fn read(&mut self) -> Option<()> {
        self.file.seek(SeekFrom::Start(self.offset)).ok()?;
        loop {
            let read = (&self.file).take(CHUNK).read_to_end(&mut self.rest).ok()? as u64;
            self.offset += read;
            let end = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let lines: Vec<u8> = self.rest.drain(..end).collect();
            for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                if let Ok(told) = serde_json::from_slice::<LogEntry>(line) {
                    self.take(told)?;
                }
            }
            if read < CHUNK {
                return Some(());
            }
        }
    }

    fn take(&mut self, LogEntry { event, at }: LogEntry) -> Option<()> {
        match event {
            Event::StageStarted { stage, .. } => {
                self.going.working.insert(stage, Work { started: at, heard: at, ..Work::default() });
            }
            Event::Progress { stage, shard, total, unit, done, before, note } => {
                let Some(work) = self.going.working.get_mut(&stage) else { return Some(()) };
                let shard = shard.unwrap_or_default();
                work.before.insert(shard.clone(), before);
                work.bars.insert(shard, (done, total, unit));
                work.heard = at;
                work.note = note;
            }
            Event::StageFinished { stage, .. } => {
                self.going.working.remove(&stage);
                self.going.finished += 1;
            }
            Event::StageFailed { stage, .. } => {
                self.going.working.remove(&stage);
                self.going.failed.insert(stage);
            }
            Event::RunFinished { .. } => return None,
            Event::RunStarted { .. }
            | Event::Remark { .. }
            | Event::Damage { .. }
            | Event::Expectation(_) => {}
        }
        Some(())
    }

    /// Whether the process may still be there; of other machines' nothing is known.
    fn is_alive(&self) -> bool {
        let process = self.process.and_then(rustix::process::Pid::from_raw);
        process
            .is_none_or(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use llmp_compiler::key::Digest;

    use super::*;

    struct World {
        _folder: tempfile::TempDir,
        store: Arc<Store>,
        events: File,
        number: u64,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(Store::open(&folder.path().join(".llmp")).unwrap());
            let (number, path) = store.new_run().unwrap();
            let events = File::create(path.join("events.jsonl")).unwrap();
            Self { _folder: folder, store, events, number }
        }

        fn tell(&mut self, at: f64, event: Event) {
            writeln!(self.events, "{}", line(at, event)).unwrap();
        }

        fn start(&mut self, id: &str, process: u32) {
            let event = Event::RunStarted {
                format_version: 1,
                run: self.number,
                pipeline: "main.llmp".into(),
                profiles: vec![],
                targets: vec![],
                device: "cpu".into(),
                id: id.into(),
                host: host_name(),
                process,
            };
            self.tell(99.0, event);
        }

        fn follower(&self) -> Follower {
            Follower::new(Arc::clone(&self.store), "main".into())
        }
    }

    fn line(at: f64, event: Event) -> String {
        serde_json::to_string(&LogEntry { event, at }).unwrap()
    }

    fn began(stage: &str) -> Event {
        let key = Digest::of(b"key");
        Event::StageStarted { stage: stage.into(), kind: "k".into(), key, reasons: vec![], causes: vec![] }
    }

    fn progress(
        stage: &str,
        shard: Option<&str>,
        (done, total): (u64, u64),
        unit: &str,
        note: &str,
    ) -> Event {
        let shard = shard.map(str::to_owned);
        let before = 0;
        Event::Progress {
            stage: stage.into(),
            shard,
            total: (total > 0).then_some(total),
            unit: unit.into(),
            done,
            before,
            note: note.into(),
        }
    }

    #[test]
    fn a_run_is_followed_to_its_end() {
        let mut world = World::new();
        let mut follower = world.follower();
        assert_eq!(follower.look(), None);
        world.start("main", std::process::id());
        assert_eq!(follower.look().map(|going| going.run), Some(world.number));
        world.tell(100.0, began("base"));
        assert_eq!(follower.look().unwrap().working["base"].text(), "running");
        // Another version may tell what this one has no word for.
        writeln!(world.events, r#"{{"event": "stage_dreamt", "stage": "base", "at": 105.0}}"#).unwrap();
        let first = line(110.0, progress("base", None, (25, 100), "steps", "loss 3.1"));
        // Half a line is kept for later.
        let (head, tail) = first.split_at(20);
        write!(world.events, "{head}").unwrap();
        assert_eq!(follower.look().unwrap().working["base"].text(), "running");
        writeln!(world.events, "{tail}").unwrap();
        assert_eq!(follower.look().unwrap().working["base"].text(), "running 25% · 30s left · loss 3.1");
        // What an earlier attempt did is no speed: a tenth in 11 s, and half is left.
        let mut resumed = progress("base", None, (50, 100), "steps", "");
        if let Event::Progress { before, .. } = &mut resumed {
            *before = 40;
        }
        world.tell(111.0, resumed);
        assert_eq!(follower.look().unwrap().working["base"].text(), "running 50% · 55s left");
        let (key, artifact) = (Digest::of(b"key"), Digest::of(b"result"));
        let (seconds, counts, shards) = (1.0, BTreeMap::new(), None);
        world.tell(
            120.0,
            Event::StageFinished { stage: "base".into(), key, artifact, seconds, counts, shards },
        );
        let going = follower.look().unwrap();
        assert!(going.working.is_empty() && going.finished == 1);
        writeln!(
            world.events,
            "{}",
            r#"{"event": "run_finished", "format_version": 1, "run": 1, "status": "done",
            "ran": 1, "cached": 0, "failed": 0, "not_run": 0, "seconds": 21.0, "at": 121.0, "mood": "good"}"#
                .replace('\n', "")
        )
        .unwrap();
        assert_eq!(follower.look(), None);
    }

    #[test]
    fn other_pipelines_and_dead_processes_are_no_runs_of_ours() {
        let mut world = World::new();
        world.start("other", std::process::id());
        assert_eq!(world.follower().look(), None);

        let mut world = World::new();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        world.start("main", child.id());
        assert_eq!(world.follower().look(), None);
    }

    #[test]
    fn shards_are_added_up() {
        let mut world = World::new();
        world.start("main", std::process::id());
        world.tell(100.0, began("docs"));
        for (shard, done) in [("a", 10), ("b", 20)] {
            world.tell(101.0, progress("docs", Some(shard), (done, 100), "pages", ""));
        }
        let mut follower = world.follower();
        assert_eq!(follower.look().unwrap().working["docs"].share(), Some(0.15));
        world.tell(102.0, progress("docs", Some("c"), (1234, 0), "pages", ""));
        assert_eq!(follower.look().unwrap().working["docs"].text(), "running · 1,264 pages");
    }
}
