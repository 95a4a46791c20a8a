//! Crawling sites for `crawl.site`: the pages become WARC files of the download cache.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use llmp_artifacts::warc::{Headers, Record, Writer};
use llmp_compiler::graph::Stage;
use llmp_compiler::key::Digest;
use llmp_compiler::source::Span;
use llmp_engine::Observer as _;
use llmp_net::{Bounds, Error, Page, Url};
use llmp_planning::{Locked, Request};
use llmp_records::text;
use llmp_stage::Bar;
use llmp_store::{Entry, hash_file};

use super::resolve::trouble;
use super::work::Watch;
use super::{Done, FetchError, Fetcher};

/// A WARC file ends behind so many bytes of pages, so that there are shards to work on.
const ROLL: u64 = 32 << 20;

/// Hosts that the user has not allowed by name are never asked faster.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// A crawl to be made.
pub(super) struct Site {
    pub(super) span: Span,
    pub(super) section: String,
    starts: Vec<Url>,
    bounds: Bounds,
}

impl Fetcher<'_> {
    /// What a stage asks for.
    pub(super) fn site(&self, stage: &Stage, request: &Request, span: Span) -> Result<Site, FetchError> {
        let number =
            |name: &str| request.settings.get(name).and_then(|value| value.as_u64()).unwrap_or_default();
        let starts = request.settings.get("start").and_then(|value| value.as_array());
        let starts = starts.into_iter().flatten().filter_map(|start| start.as_str());
        let starts = starts.map(|start| self.url(start, span)).collect::<Result<Vec<_>, _>>()?;
        let delay = stage.settings.iter().find(|setting| setting.name == "delay");
        let delay = delay.and_then(|setting| setting.value.as_f64()).unwrap_or(1.0).clamp(0.0, 3_600.0);
        let own =
            |url: &Url| self.network.allow_host.iter().any(|host| Some(host.as_str()) == url.host_str());
        let least = if starts.iter().all(own) { Duration::ZERO } else { LEAST_PAUSE };
        let bounds = Bounds {
            pages: number("pages"),
            bytes: number("bytes"),
            depth: number("depth").try_into().unwrap_or(u32::MAX),
            page: number("max_page"),
            delay: Duration::from_secs_f64(delay).max(least),
            sitemaps: request.settings.get("sitemaps").and_then(|value| value.as_bool()).unwrap_or(true),
        };
        Ok(Site { span, section: request.section(), starts, bounds })
    }

    /// Crawls, and notes the files once all of them are whole.
    pub(super) fn crawl(&self, site: &Site, done: &mut Done) -> Result<(), Option<FetchError>> {
        let bar: Box<dyn Bar> = self.screen.bar("fetch", None, None, "bytes");
        let wrong = |message: String| Some(FetchError { span: site.span, message, help: None });
        let address = site.starts.first().map(Url::to_string).unwrap_or_default();
        let name = format!("{} {address}", site.section);
        let base = self.downloads.coming(&name).map_err(|error| wrong(error.to_string()))?;
        let guard =
            llmp_store::Lock::wait(&base.with_extension("lock")).map_err(|error| wrong(error.to_string()));
        let _guard = guard?;
        let mut files = Files { base, files: vec![], open: None };
        let mut watch = Watch { bar: &*bar, stop: self.stop, before: None };
        let removed = super::resolve::removed(&llmp_planning::forget::list(&self.pipeline.main));
        let mut keep = |page: &Page| {
            if removed.has("", page.url.as_str(), "") {
                return Ok(());
            }
            files.write(page).map_err(|message| Error::Keep { message })
        };
        let crawled = self.client.crawl(&site.starts, site.bounds, &mut watch, &mut keep);
        let crawled = crawled.map_err(|error| match error {
            Error::Stopped => None,
            error => Some(trouble(&error, site.span)),
        })?;
        let left: Vec<_> =
            crawled.left_out.iter().map(|(why, count)| format!("{} {why}", text::count(*count))).collect();
        let left = if left.is_empty() { String::new() } else { format!("; left out: {}", left.join(", ")) };
        let pages = text::plural(crawled.pages, "page");
        self.screen.line(&format!("fetch: {pages} of {address}, {}{left}", text::bytes(crawled.bytes)));
        if crawled.pages == 0 {
            return Err(Some(match crawled.failure {
                Some(error) => trouble(&error, site.span),
                None => FetchError {
                    span: site.span,
                    message: format!("no page came of {address}{left}"),
                    help: Some(
                        "look whether its robots.txt lets programs in, and whether it is HTML".to_owned(),
                    ),
                },
            }));
        }
        files.close().map_err(wrong)?;
        let mut locked = Vec::new();
        for path in &files.files {
            let kept = (|| {
                let entry =
                    Entry { digest: hash_file(path)?, size: fs::metadata(path).map_or(0, |meta| meta.len()) };
                self.downloads.keep(path, &format!("{name} {}", entry.digest.hex()), entry.clone())?;
                Ok::<_, llmp_store::StoreError>(Locked { address: address.clone(), entry })
            })();
            locked.push(kept.map_err(|error| wrong(error.to_string()))?);
        }
        // The same pages twice are one file.
        let mut seen = BTreeSet::<Digest>::new();
        locked.retain(|one| seen.insert(one.entry.digest));
        done.files += locked.len() as u64;
        done.received += crawled.bytes;
        self.note(|lock| {
            for (number, one) in (1..).zip(locked.clone()) {
                lock.insert(&site.section, number, one);
            }
        })
        .map_err(wrong)
    }
}

/// WARC files that are being written.
struct Files {
    base: PathBuf,
    files: Vec<PathBuf>,
    open: Option<(Writer, u64)>,
}

impl Files {
    fn write(&mut self, page: &Page) -> Result<(), String> {
        let told = |error: llmp_stage::Error| error.to_string();
        if self.open.as_ref().is_some_and(|(_, bytes)| *bytes >= ROLL) {
            self.close()?;
        }
        if self.open.is_none() {
            let path = self.base.with_extension(format!("{}.warc.gz", self.files.len() + 1));
            let mut writer = Writer::create(&path).map_err(told)?;
            writer.write(&info()).map_err(told)?;
            self.files.push(path);
            self.open = Some((writer, 0));
        }
        if let Some((writer, bytes)) = &mut self.open {
            writer.write(&response(page)).map_err(told)?;
            *bytes += page.body.len() as u64;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.open.take().map_or(Ok(()), |(writer, _)| writer.finish().map_err(|error| error.to_string()))
    }
}

fn headers(kind: &str, content: &str, id: &[u8], block: &[u8], more: &[(&str, &str)]) -> Headers {
    let id = Digest::of(id).hex();
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default().to_owned();
    // A UUID of version 8: made of a hash.
    let uuid = format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30));
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let length = block.len().to_string();
    let id = format!("<urn:uuid:{uuid}>");
    let mut all = vec![("WARC-Type", kind), ("WARC-Record-ID", id.as_str()), ("WARC-Date", date.as_str())];
    all.extend_from_slice(more);
    all.extend([("Content-Type", content), ("Content-Length", length.as_str())]);
    Headers(all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn info() -> Record {
    let block = format!(
        "software: llmp/{}\r\nformat: WARC File Format 1.1\r\nrobots: obey\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let headers = headers("warcinfo", "application/warc-fields", block.as_bytes(), block.as_bytes(), &[]);
    Record { headers, block: block.into_bytes() }
}

fn response(page: &Page) -> Record {
    let mut block = b"HTTP/1.1 200 OK\r\n".to_vec();
    // What came is whole and plain.
    let kept = page
        .headers
        .iter()
        .filter(|(name, _)| !["transfer-encoding", "content-length", "connection"].contains(&name.as_str()));
    for (name, value) in kept {
        block.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    block.extend_from_slice(format!("content-length: {}\r\n\r\n", page.body.len()).as_bytes());
    block.extend_from_slice(&page.body);
    let id = [page.url.as_str().as_bytes(), &page.body].concat();
    let uri = [("WARC-Target-URI", page.url.as_str())];
    Record { headers: headers("response", "application/http; msgtype=response", &id, &block, &uri), block }
}
