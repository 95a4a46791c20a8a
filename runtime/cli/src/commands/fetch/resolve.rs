//! From what stages ask for to the addresses of files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use llmp_compiler::graph::Stage;
use llmp_compiler::source::Span;
use llmp_net::{Error, Limits, Url, common_crawl};
use llmp_planning::{Lack, Lacking, Request};
use llmp_store::Entry;

use super::site::Site;
use super::work::Stopping;
use super::{FetchError, Fetcher};

/// A file to be fetched.
pub(super) struct Task {
    /// Where it is asked for.
    pub(super) span: Span,
    /// Where it is.
    pub(super) url: Url,
    /// As it stands in the lock file.
    pub(super) address: String,
    /// The section and number there; `None` for an address by itself.
    pub(super) numbered: Option<(String, u64)>,
    /// What it is, where the lock file says so.
    pub(super) entry: Option<Entry>,
}

/// Names the server that `hf://` stands for, as Hugging Face's own programs know it.
const HF: (&str, &str) = ("HF_ENDPOINT", "https://huggingface.co/");

/// A list of a crawl's files, as it comes.
const LIST: Limits = Limits { bytes: 64 << 20, time: Duration::from_secs(3_600) };

impl Fetcher<'_> {
    /// The files that stages lack, each once, and the sites to be crawled.
    pub(super) fn tasks(&self, lacks: &[Lack]) -> Result<(Vec<Task>, Vec<Site>), Vec<FetchError>> {
        let (mut tasks, mut sites, mut troubles) = (Vec::new(), Vec::<Site>::new(), Vec::new());
        let mut lists = BTreeMap::new();
        for lack in lacks {
            let stage = self.pipeline.compilation.graph.stage(lack.stage);
            if let Lacking::Unknown(request, _) = &lack.what
                && stage.kind == "crawl.site"
            {
                match self.site(stage, request, setting_span(stage, "start").unwrap_or(lack.span)) {
                    Ok(site) if sites.iter().any(|other| other.section == site.section) => {}
                    Ok(site) => sites.push(site),
                    Err(trouble) => troubles.push(trouble),
                }
                continue;
            }
            match self.of_lack(lack, &mut lists) {
                Ok(found) => tasks.extend(found),
                Err(trouble) => troubles.push(trouble),
            }
        }
        let mut seen = BTreeSet::new();
        tasks.retain(|task: &Task| seen.insert((task.address.clone(), task.numbered.clone())));
        if troubles.is_empty() { Ok((tasks, sites)) } else { Err(troubles) }
    }

    fn of_lack(&self, lack: &Lack, lists: &mut BTreeMap<Url, Vec<Url>>) -> Result<Vec<Task>, FetchError> {
        let stage = self.pipeline.compilation.graph.stage(lack.stage);
        let span = lack.span;
        match &lack.what {
            Lacking::Address(address) => {
                self.refuse_removed(address, span)?;
                let url = self.url(address, span)?;
                Ok(vec![Task { span, url, address: address.clone(), numbered: None, entry: None }])
            }
            Lacking::Known(locked, of) => {
                let (address, entry) = (locked.address.clone(), Some(locked.entry.clone()));
                self.refuse_removed(&address, span)?;
                let (url, numbered) = match of {
                    None => (self.url(&address, span)?, None),
                    Some((request, number)) => {
                        let url = match base_of(stage) {
                            Some(base) => self.elsewhere(&address, base, span)?,
                            None => return Err(gone(stage, &self.lock_name(), span)),
                        };
                        (url, Some((request.section(), *number)))
                    }
                };
                Ok(vec![Task { span, url, address, numbered, entry }])
            }
            Lacking::Unknown(request, range) => match stage.kind.as_str() {
                "crawl.common_crawl" => self.of_crawl(stage, request, *range, "warc", span, lists),
                "crawl.common_crawl_wet" => self.of_crawl(stage, request, *range, "wet", span, lists),
                kind => Err(FetchError {
                    span,
                    message: format!("this llmp does not know how to fetch what `{kind}` asks for"),
                    help: Some("only stages of the standard library are fetched for".to_owned()),
                }),
            },
        }
    }

    /// What `llmp forget` put on the list is not fetched again.
    fn refuse_removed(&self, address: &str, span: Span) -> Result<(), FetchError> {
        let list = llmp_planning::forget::list(&self.pipeline.main);
        if !removed(&list).has("", address, address) {
            return Ok(());
        }
        Err(FetchError {
            span,
            message: format!("{address} is on the list of removed sources `{}`", list.display()),
            help: Some("take it out of the pipeline, or its line out of the list".to_owned()),
        })
    }

    /// Files of a crawl that the lock file does not know yet.
    fn of_crawl(
        &self,
        stage: &Stage,
        request: &Request,
        range: Option<(u64, u64)>,
        kind: &str,
        span: Span,
        lists: &mut BTreeMap<Url, Vec<Url>>,
    ) -> Result<Vec<Task>, FetchError> {
        let snapshot = request.settings.get("snapshot").and_then(|it| it.as_str()).unwrap_or_default();
        let span = setting_span(stage, "snapshot").unwrap_or(span);
        let base = self.base(stage, base_of(stage).unwrap_or_default(), span)?;
        let Some(list) = common_crawl::list(&base, snapshot, kind) else {
            return Err(FetchError {
                span,
                message: format!("`{snapshot}` is no name of a crawl"),
                help: Some("crawls are called like `CC-MAIN-2026-30`".to_owned()),
            });
        };
        if !lists.contains_key(&list) {
            let bytes = self.client.get(&list, LIST, &mut Stopping(self.stop));
            let bytes = bytes.map_err(|error| match error {
                Error::Status { status: 404, .. } => FetchError {
                    span,
                    message: format!("there is no crawl `{snapshot}` at {base}: `{list}` answers 404"),
                    help: Some("https://commoncrawl.org/overview lists all crawls by name".to_owned()),
                },
                error => trouble(&error, span),
            })?;
            let files = common_crawl::files(&base, &bytes).map_err(|why| FetchError {
                span,
                message: format!("the list `{list}` cannot be used: {why}"),
                help: Some("the base must be a server with the layout of Common Crawl's".to_owned()),
            })?;
            lists.insert(list.clone(), files);
        }
        let files = lists.get(&list).map_or(&[][..], Vec::as_slice);
        let section = request.section();
        self.same_list(&section, &base, files, span)?;
        let (first, last) = range.unwrap_or((1, files.len() as u64));
        let file = |number: u64| {
            let url = usize::try_from(number).ok().and_then(|number| files.get(number.checked_sub(1)?));
            let url = url.ok_or_else(|| FetchError {
                span: setting_span(stage, "files").unwrap_or(span),
                message: format!(
                    "file {number} of {kind} is asked for, and `{snapshot}` has {} at {base}",
                    files.len()
                ),
                help: Some(format!("take files of 1..{}", files.len())),
            })?;
            let numbered = Some((section.clone(), number));
            Ok(Task { span, url: url.clone(), address: url.to_string(), numbered, entry: None })
        };
        (first..=last).map(file).collect()
    }

    /// A list must not have changed under what is locked: two halves of a crawl that do not belong together
    /// would be one input.
    fn same_list(&self, section: &str, base: &Url, files: &[Url], span: Span) -> Result<(), FetchError> {
        for (number, locked) in self.lock.section(section) {
            let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let Some(listed) = at.and_then(|at| files.get(at)) else { continue };
            let below = listed.as_str().strip_prefix(base.as_str()).unwrap_or(listed.as_str());
            if !locked.address.ends_with(below) {
                return Err(FetchError {
                    span,
                    message: format!(
                        "{base} has another list of this crawl than {} was made with: its file {number} is `{below}`, \
                         and {} is locked",
                        self.lock_name(),
                        locked.address
                    ),
                    help: Some(
                        "set `base` to the server of the lock file, or remove the section from it to begin anew"
                            .to_owned(),
                    ),
                });
            }
        }
        Ok(())
    }

    fn lock_name(&self) -> String {
        llmp_planning::LockFile::path(&self.pipeline.main).display().to_string()
    }

    /// Where a locked file is at the base that the stage names now: another mirror gives the same path.
    fn elsewhere(&self, address: &str, base: &str, span: Span) -> Result<Url, FetchError> {
        let base = self.parsed(base, span)?;
        match address.split_once("crawl-data/") {
            Some((_, path)) => base.join(&format!("crawl-data/{path}")).map_err(|_| no_url(address, span)),
            None => self.url(address, span),
        }
    }

    fn base(&self, stage: &Stage, base: &str, span: Span) -> Result<Url, FetchError> {
        let span = setting_span(stage, "base").unwrap_or(span);
        self.parsed(base, span)
    }

    /// A base, which ends in a slash.
    fn parsed(&self, base: &str, span: Span) -> Result<Url, FetchError> {
        let slash = if base.ends_with('/') { "" } else { "/" };
        self.url(&format!("{base}{slash}"), span)
    }

    /// An address as a URL that may be asked for.
    pub(super) fn url(&self, address: &str, span: Span) -> Result<Url, FetchError> {
        let plain = match address.strip_prefix("hf://") {
            Some(rest) => hf(rest).ok_or_else(|| FetchError {
                span,
                message: format!("`{address}` names no file of Hugging Face's hub"),
                help: Some("write `hf://datasets/OWNER/NAME/PATH@REVISION`".to_owned()),
            })?,
            None => address.to_owned(),
        };
        let url = Url::parse(&plain).map_err(|_| no_url(address, span))?;
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "http" && !self.network.allow_host.iter().any(|allowed| allowed == host) {
            return Err(FetchError {
                span,
                message: format!("`{address}` would be fetched without encryption"),
                help: Some(format!("write `https://`, or allow the host: `--allow-host {host}`")),
            });
        }
        if !["http", "https"].contains(&url.scheme()) {
            return Err(no_url(address, span));
        }
        Ok(url)
    }
}

/// The sources on a list; none where it cannot be read.
pub(super) fn removed(list: &std::path::Path) -> llmp_stage::removed::Removed {
    llmp_stage::removed::Removed::read(&std::fs::read_to_string(list).unwrap_or_default())
}

/// `datasets/owner/name/path@revision` as the address that gives the file; the revision is `main` where none
/// is named.
fn hf(rest: &str) -> Option<String> {
    let (path, revision) = rest.rsplit_once('@').unwrap_or((rest, "main"));
    let parts: Vec<&str> = path.split('/').collect();
    let whole = |parts: &[&str]| parts.iter().all(|part| !part.is_empty() && *part != "..");
    let (kind, rest) = match parts.split_first()? {
        (kind @ (&"datasets" | &"spaces"), rest) => (format!("{kind}/"), rest),
        (&"models", rest) => (String::new(), rest),
        _ => (String::new(), parts.as_slice()),
    };
    let (of, file) = rest.split_at_checked(2)?;
    let good = whole(of) && whole(file) && !file.is_empty() && !revision.is_empty();
    let end = std::env::var(HF.0).ok().filter(|it| !it.is_empty()).unwrap_or_else(|| HF.1.to_owned());
    let end = end.trim_end_matches('/');
    good.then(|| {
        format!("{end}/{kind}{}/resolve/{}/{}", of.join("/"), revision.replace('/', "%2F"), file.join("/"))
    })
}

fn no_url(address: &str, span: Span) -> FetchError {
    let message = format!("`{address}` is no address that files are fetched from");
    FetchError { span, message, help: Some("write `https://HOST/PATH`".to_owned()) }
}

/// What a crawler brought once cannot be brought again.
fn gone(stage: &Stage, lock: &str, span: Span) -> FetchError {
    FetchError {
        span,
        message: format!("pages that `{}` fetched are not in the download cache any more", stage.name),
        help: Some(format!(
            "copy them from where they were fetched, or remove their section from {lock} to fetch the pages as they are now"
        )),
    }
}

fn base_of(stage: &Stage) -> Option<&str> {
    stage.settings.iter().find(|setting| setting.name == "base")?.value.as_str()
}

fn setting_span(stage: &Stage, name: &str) -> Option<Span> {
    stage.settings.iter().find(|setting| setting.name == name)?.span
}

/// What kept a file away, where it was asked for.
pub(super) fn trouble(error: &Error, span: Span) -> FetchError {
    FetchError { span, message: error.to_string(), help: error.help().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::hf;

    #[test]
    fn hub_addresses_lead_to_files() {
        let cases = [
            (
                "datasets/a/b/data/train.parquet@v1",
                Some("https://huggingface.co/datasets/a/b/resolve/v1/data/train.parquet"),
            ),
            ("models/a/b/config.json", Some("https://huggingface.co/a/b/resolve/main/config.json")),
            (
                "a/b/config.json@refs/pr/1",
                Some("https://huggingface.co/a/b/resolve/refs%2Fpr%2F1/config.json"),
            ),
            ("datasets/a/b", None),
            ("datasets/a/../b/c", None),
            ("a", None),
        ];
        for (rest, address) in cases {
            assert_eq!(hf(rest).as_deref(), address, "{rest}");
        }
    }
}
