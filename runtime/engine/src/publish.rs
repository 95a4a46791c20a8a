//! A stage's parts put together: its artifact, and its record in the ledger.

use std::collections::BTreeSet;

use llmp_compiler::graph::{Graph, Producer, Stage};
use llmp_compiler::key::Digest;
use llmp_planning::{Past, reasons, settings};
use llmp_records::{FileRecord, InputRecord, Record, WentOn, text};
use llmp_stage::{Error, Remark, shard_of};
use llmp_store::{Kind, Manifest};

use super::job::{Job, Planned};
use super::perform::store_error;

/// What was known when a stage began.
#[derive(Clone, Default)]
pub(super) struct Said {
    /// What there was to say then.
    pub(super) remarks: Vec<Remark>,
    /// Its work as foretold, see [`Record::work`].
    pub(super) work: Option<f64>,
    /// Bytes that its actions were given.
    pub(super) read: u64,
    /// What another training left that it went on from.
    pub(super) went_on: Option<WentOn>,
    /// Whether there was anything in its inputs.
    pub(super) given: bool,
}

/// Writes a stage's result: its list of files to the store, and its record to the ledger. `parts` are what
/// its actions gave, `shards` how many of its shards ran now, of all.
pub(super) fn publish<'p>(
    job: &Job<'_>,
    stage: &Stage,
    planned: &Planned,
    parts: impl Iterator<Item = &'p (Manifest, Record)>,
    shards: Option<(usize, usize)>,
    said: Said,
) -> Result<(Digest, Record), Error> {
    let mut manifest = Manifest::default();
    let mut whole = Record { name: stage.name.clone(), kind: stage.kind.clone(), ..Record::default() };
    for (part, record) in parts {
        manifest.merge(part.clone()).map_err(store_error)?;
        for (name, count) in &record.counts {
            *whole.counts.entry(name.clone()).or_default() += count;
        }
        whole.labels.extend(record.labels.clone());
        whole.dropped.extend(&record.dropped);
        // Shards of earlier runs took their time then.
        if record.run == job.run {
            whole.seconds += record.seconds;
            whole.peak_memory = whole.peak_memory.max(record.peak_memory);
            if whole.started == 0.0 || record.started < whole.started {
                whole.started = record.started;
            }
        }
        if whole.shown.is_empty() {
            whole.shown.clone_from(&record.shown);
        }
        whole.curves.extend(record.curves.clone());
        whole.measures.extend(record.measures.clone());
        whole.device.clone_from(&record.device);
    }
    if stage.per_shard.is_none() {
        // A whole stage that reads shards passes their labels on, where it keeps their names.
        let kept: BTreeSet<&str> = manifest.files.keys().map(|name| shard_of(name)).collect();
        for (input, digest) in stage.inputs.iter().zip(&planned.digests) {
            if let Producer::Stage(from) = &input.from {
                let labels = job.labels(*from, digest).into_iter();
                whole.labels.extend(labels.filter(|(shard, _)| kept.contains(shard.as_str())));
            }
        }
    }
    whole.bytes = manifest.size();
    whole.components.clone_from(&planned.key.components);
    whole.inputs = inputs_of(job.graph, stage, &planned.digests, job.past);
    whole.reasons = planned.reasons.iter().map(reasons::text).collect();
    whole.causes.clone_from(&planned.reasons);
    whole.shards = shards;
    whole.work = said.work;
    whole.went_on = said.went_on;
    whole.read = Some(said.read);
    whole.remarks = said.remarks;
    let kind = stage.output.as_ref().map_or("", |output| output.kind.name());
    let registry = job.harness.registry;
    whole.remarks.extend(registry.remarks((&stage.kind, kind), &settings(stage), &whole.counts, said.given));
    let whole = job.stamp(whole);
    let artifact = job.past.store().objects.put(manifest.text().as_bytes()).map_err(store_error)?;
    let mut ledger = job.past.ledger();
    ledger.append(Kind::Stage, &planned.key.digest, &artifact, &whole).map_err(store_error)?;
    Ok((artifact, whole))
}

/// A stage's end in a few words: main counts, shards, time.
pub(super) fn told(record: &Record, units: impl Iterator<Item = &'static str>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for name in units {
        if let Some(count) = record.counts.get(name) {
            parts.push(match name.strip_suffix('s') {
                Some(one) => text::plural(*count, one),
                None => format!("{} {name}", text::count(*count)),
            });
        }
    }
    for word in ["dropped", "skipped"] {
        let of_word = |name: &str| name.strip_prefix(word).is_some_and(|rule| rule.starts_with('.'));
        let sum: u64 = record.counts.iter().filter(|(name, _)| of_word(name)).map(|(_, count)| count).sum();
        if sum > 0 {
            parts.push(format!("{} {word}", text::count(sum)));
        }
    }
    if let Some((ran, all)) = record.shards
        && ran < all
    {
        parts.push(format!("{ran} of {all} shards"));
    }
    parts.push(text::duration(record.seconds));
    parts.join(" · ")
}

/// The inputs of a stage for a record.
fn inputs_of(graph: &Graph, stage: &Stage, digests: &[Digest], past: &Past) -> Vec<InputRecord> {
    let mut records = Vec::new();
    for (input, digest) in stage.inputs.iter().zip(digests) {
        let (label, files) = match &input.from {
            Producer::Stage(from) => (graph.stage(*from).name.clone(), vec![]),
            Producer::Files(set) => {
                let found = past.find(set).unwrap_or_default();
                let kept = found.found.iter().take(10_000);
                let files = kept.map(|file| FileRecord { path: file.label.clone(), digest: file.digest });
                (set.to_string(), files.collect())
            }
        };
        records.push(InputRecord { role: input.role.clone(), label, digest: *digest, files });
    }
    records
}
