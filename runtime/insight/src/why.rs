//! Why a stage is cached, runs or cannot run: one screen, root cause first.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::path::Path;

use llmp_compiler::compile::Compilation;
use llmp_compiler::graph::{Producer, StageId};
use llmp_compiler::key::{ComponentName, Key};
use llmp_compiler::plan::{Blocked, Decision, Reason};
use llmp_planning::reasons::{self, file_changes};
use llmp_planning::{Past, Row};
use llmp_records::{FileRecord, Record, Run, StageRun, StageStatus, text};
use llmp_store::pipeline_id;
use serde_json::{Value, json};

/// Lines of one kind that are shown: all of it is one screen.
const MAX_LINES: usize = 8;
/// Components of a cached stage's key that are shown.
const MAX_COMPONENTS: usize = 24;
/// Names of files that are shown of each kind.
const MAX_FILES: usize = 3;

/// One stage of a pipeline, and all that says why it is cached, runs or cannot run.
pub struct Why<'a> {
    compilation: &'a Compilation,
    past: &'a Past,
    rows: &'a [Row],
    id: StageId,
    /// The newest runs of the pipeline that ended: the last that went through all of it, and those since that
    /// went to some stage only.
    last: Vec<Run>,
}

/// A stage that runs for a cause of its own, and the way from it to the stage in question.
struct Root<'a> {
    id: StageId,
    reasons: Vec<&'a Reason>,
    /// Stages between the two, in order.
    way: Vec<StageId>,
}

impl<'a> Why<'a> {
    /// Of the stage `id` of the pipeline whose main file is `main`.
    #[must_use]
    pub fn new(
        compilation: &'a Compilation,
        main: &Path,
        past: &'a Past,
        rows: &'a [Row],
        id: StageId,
    ) -> Self {
        let pipeline = pipeline_id(past.store(), main);
        let mut last = Vec::new();
        for run in past.store().ended_runs().filter(|run| run.pipeline_id == pipeline) {
            let whole = run.targets.is_empty();
            last.push(run);
            if whole {
                break;
            }
        }
        Self { compilation, past, rows, id, last }
    }

    /// For people: one screen, root cause first.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.print(&mut out);
        out
    }

    fn name(&self, id: StageId) -> &'a str {
        &self.compilation.graph.stage(id).name
    }

    fn decision(&self, id: StageId) -> Option<&'a Decision> {
        self.rows.get(id.0 as usize).map(|row| &row.decision)
    }

    /// The last run that had the stage, and what it did with it.
    fn in_last_run(&self, id: StageId) -> Option<(&Run, &StageRun)> {
        self.last.iter().find_map(|run| Some((run, run.stage(self.name(id))?)))
    }

    /// How the stage failed, where it did when it was last tried.
    fn failure(&self, id: StageId) -> Option<(u64, &str)> {
        let (run, stage) = self.in_last_run(id)?;
        (stage.status == StageStatus::Failed)
            .then(|| (run.run, stage.message.as_deref().unwrap_or("no message")))
    }

    /// Its record when it last ran.
    fn record(&self, id: StageId) -> Option<Record> {
        let (key, _) = self.past.last(self.name(id))?;
        self.past.ledger().record(&key).ok().flatten()
    }

    fn print(&self, out: &mut String) -> fmt::Result {
        let place = self.compilation.sources.place(self.compilation.graph.stage(self.id).span);
        let name = self.name(self.id);
        match self.decision(self.id) {
            None => {}
            Some(Decision::Cached { key, .. }) => {
                writeln!(out, "{name} is cached: nothing it depends on has changed.  {place}")?;
                self.print_cached(out, key)?;
            }
            Some(Decision::Run { reasons, may_skip, shards, .. }) => {
                let failed = self.failure(self.id);
                let word = match failed {
                    Some((run, _)) => format!("failed in run {run} and will be tried again"),
                    None if reasons.contains(&Reason::New) => "has not run yet".into(),
                    None => "will run again".into(),
                };
                writeln!(out, "{name} {word}.  {place}")?;
                if let Some((run, message)) = failed {
                    writeln!(out, "  it said     {message}")?;
                    writeln!(out, "  its log     llmp log {name} --run {run}")?;
                }
                self.print_run(out, reasons)?;
                if *may_skip {
                    writeln!(out, "  may be skipped: if what it waits for comes out as it was")?;
                }
                match shards {
                    Some((0, all)) => {
                        writeln!(out, "  shards      all {all} are there; only their list is made again")?
                    }
                    Some((todo, all)) => writeln!(out, "  shards      {todo} of {all} have to run")?,
                    None => {}
                }
                self.print_last(out)?;
            }
            Some(Decision::Blocked(blocked)) => {
                writeln!(out, "{name} cannot run.  {place}")?;
                self.print_blocked(out, blocked)?;
            }
        }
        Ok(())
    }

    fn print_cached(&self, out: &mut String, key: &Key) -> fmt::Result {
        let record = self.past.ledger().record(&key.digest).ok().flatten();
        if let Some(record) = &record {
            writeln!(
                out,
                "  made by     run {} in {} on {} of {}, llmp {}",
                record.run,
                text::duration(record.seconds),
                record.device,
                record.host,
                record.version
            )?;
            // That it had never run before tells nothing.
            if !record.reasons.is_empty() && record.causes != [Reason::New] {
                writeln!(out, "  it ran for  {}", record.reasons.join("; "))?;
            }
        }
        if let Some((run, stage)) = self.in_last_run(self.id)
            && stage.status == StageStatus::Skipped
        {
            writeln!(
                out,
                "  in run {}    stages before it ran, and gave what they had given before: it was skipped",
                run.run
            )?;
        }
        writeln!(out, "  key         {}", key.digest.short())?;
        writeln!(out, "  made from:")?;
        for component in key.components.iter().take(MAX_COMPONENTS) {
            writeln!(out, "    {:<28} {}", component.name, component.value)?;
        }
        if key.components.len() > MAX_COMPONENTS {
            let more = key.components.len() - MAX_COMPONENTS;
            writeln!(out, "    and {more} more: `llmp plan --lowered`")?;
        }
        Ok(())
    }

    fn print_run(&self, out: &mut String, reasons: &[Reason]) -> fmt::Result {
        let roots = self.roots();
        let causes = roots.iter().flat_map(|root| root.reasons.iter().map(move |reason| (root, *reason)));
        // What never ran needs no list of all that never ran before it.
        let told = |reason: &Reason| *reason != Reason::New;
        let causes: Vec<_> = causes.filter(|(_, reason)| told(reason)).collect();
        for (root, reason) in causes.iter().take(MAX_LINES) {
            let at = if root.id == self.id { String::new() } else { format!("{}: ", self.name(root.id)) };
            let place = reasons::place(reason, &self.compilation.sources);
            let place = place.map_or(String::new(), |place| format!("  {place}"));
            writeln!(out, "  root cause  {at}{}{place}", self.reason(root.id, reason))?;
            for line in self.files(root.id, reason) {
                writeln!(out, "              {line}")?;
            }
        }
        if causes.len() > MAX_LINES {
            writeln!(out, "  and {} more root causes: `llmp plan`", causes.len() - MAX_LINES)?;
        }
        for root in roots.iter().filter(|root| root.reasons.iter().any(|reason| told(reason))).take(3) {
            if root.id != self.id && !root.way.is_empty() {
                let way: Vec<_> = root.way.iter().map(|id| self.name(*id)).collect();
                writeln!(out, "  by way of   {}", shortened(&way))?;
            }
        }
        for reason in reasons.iter().filter(|reason| !reason.is_root()).take(MAX_LINES) {
            let mut line = reasons::text(reason);
            if let Reason::Waits { stage } = reason
                && let Some(id) = self.compilation.graph.named(stage)
            {
                if let Some((run, message)) = self.failure(id) {
                    line += &format!(", which failed in run {run}: {message}");
                } else if self.decision(id).is_some_and(|decision| {
                    matches!(decision, Decision::Run { reasons, .. } if reasons.contains(&Reason::New))
                }) {
                    line += ", which has not run yet";
                }
            }
            writeln!(out, "  because     {line}")?;
        }
        Ok(())
    }

    /// A reason in words, with what is known of a lost result.
    fn reason(&self, id: StageId, reason: &Reason) -> String {
        if *reason == Reason::Lost {
            let key = match self.decision(id) {
                Some(Decision::Run { key: Some(key), .. }) => Some(key.digest),
                _ => None,
            };
            let record = key.and_then(|key| self.past.ledger().record(&key).ok()?);
            let lost = record.map(|record| record.lost).filter(|lost| !lost.is_empty());
            return match lost {
                Some(lost) => format!("its result is gone: {lost}"),
                None => "its result is gone from the store".into(),
            };
        }
        reasons::text(reason)
    }

    /// Which files were added, removed or changed, where that is the reason.
    fn files(&self, id: StageId, reason: &Reason) -> Vec<String> {
        let Reason::Changed { name: ComponentName::Files(role), .. } = reason else { return vec![] };
        let stage = self.compilation.graph.stage(id);
        let input = stage.inputs.iter().find(|input| input.role == *role);
        let Some(Producer::Files(files)) = input.map(|input| &input.from) else { return vec![] };
        let (Ok(found), Some(record)) = (self.past.find(files), self.record(id)) else { return vec![] };
        let Some(then) = record.inputs.iter().find(|input| input.role == *role) else { return vec![] };
        let now: Vec<FileRecord> = found
            .found
            .iter()
            .map(|file| FileRecord { path: file.label.clone(), digest: file.digest })
            .collect();
        file_changes(&then.files, &now).lines(MAX_FILES)
    }

    fn print_last(&self, out: &mut String) -> fmt::Result {
        if let Some(record) = self.record(self.id) {
            let time = text::duration(record.seconds);
            writeln!(out, "  last made   in run {}, in {time} on {}", record.run, record.device)?;
        }
        let estimate = self.rows.get(self.id.0 as usize).map(|row| &row.estimate);
        if let Some((estimate, seconds)) = estimate.and_then(|estimate| Some((estimate, estimate.seconds?))) {
            writeln!(out, "  will take   about {} ({})", text::duration(seconds), estimate.basis)?;
        }
        Ok(())
    }

    fn print_blocked(&self, out: &mut String, blocked: &Blocked) -> fmt::Result {
        let mut way = Vec::new();
        let mut blocked = Some(blocked);
        while let Some(cause) = blocked {
            match cause {
                Blocked::Files { message, span, found, .. } => {
                    let at = way.last().map_or(String::new(), |id| format!("{}: ", self.name(*id)));
                    let place = self.compilation.sources.place(*span);
                    writeln!(out, "  root cause  {at}{message}  {place}")?;
                    if !found {
                        writeln!(out, "              paths are relative to the pipeline's folder")?;
                    }
                    break;
                }
                Blocked::By(id) => {
                    way.push(*id);
                    blocked = match self.decision(*id) {
                        Some(Decision::Blocked(next)) => Some(next),
                        _ => None,
                    };
                }
            }
        }
        if !way.is_empty() {
            let way: Vec<_> = way.iter().rev().map(|id| self.name(*id)).collect();
            writeln!(out, "  waits for   {}", shortened(&way))?;
        }
        Ok(())
    }

    /// The stages at or before this one that run for a cause of their own, in the pipeline's order.
    fn roots(&self) -> Vec<Root<'a>> {
        let graph = &self.compilation.graph;
        // Breadth first, so that the way is a shortest one.
        let mut next = BTreeMap::from([(self.id, None)]);
        let mut open = VecDeque::from([self.id]);
        while let Some(id) = open.pop_front() {
            for input in &graph.stage(id).inputs {
                if let Producer::Stage(from) = &input.from
                    && matches!(self.decision(*from), Some(Decision::Run { .. }))
                    && !next.contains_key(from)
                {
                    next.insert(*from, Some(id));
                    open.push_back(*from);
                }
            }
        }
        let root = |&id: &StageId| {
            let Some(Decision::Run { reasons, .. }) = self.decision(id) else { return None };
            let reasons: Vec<_> = reasons.iter().filter(|reason| reason.is_root()).collect();
            let mut way = Vec::new();
            let mut at = id;
            while let Some(Some(later)) = next.get(&at) {
                if *later != self.id {
                    way.push(*later);
                }
                at = *later;
            }
            (!reasons.is_empty()).then_some(Root { id, reasons, way })
        };
        next.keys().filter_map(root).collect()
    }

    /// For programs: the stage as it stands in the plan `whole`, with root causes.
    #[must_use]
    pub fn json(&self, whole: &Value) -> Value {
        let name = self.name(self.id);
        let stages = whole.get("stages").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut stage = stages.into_iter().find(|stage| stage.get("name") == Some(&json!(name)));
        let causes = self.roots().into_iter().flat_map(|root| {
            let causes = root.reasons.iter().map(move |reason| (root.id, *reason)).collect::<Vec<_>>();
            causes.into_iter().map(|(id, reason)| {
                json!({"stage": self.name(id), "text": self.reason(id, reason), "files": self.files(id, reason),
                    "place": reasons::place(reason, &self.compilation.sources)})
            })
        });
        let causes: Vec<_> = causes.collect();
        let last = self
            .in_last_run(self.id)
            .map(|(run, stage)| json!({"run": run.run, "status": stage.status, "message": stage.message}));
        if let Some(fields) = stage.as_mut().and_then(Value::as_object_mut) {
            fields.insert("root_causes".into(), json!(causes));
            fields.insert("last_run".into(), json!(last));
        }
        json!({"format_version": 1, "stage": stage})
    }
}

/// A way through stages; a long one without its middle.
fn shortened(way: &[&str]) -> String {
    match way {
        [first, second, .., last] if way.len() > 5 => {
            format!("{first} → {second} → {} more → {last}", way.len() - 3)
        }
        way => way.join(" → "),
    }
}
