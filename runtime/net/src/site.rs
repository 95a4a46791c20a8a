//! A polite crawler for a few small sites: one question at a time to each, with pauses, as their owners
//! allow.
//!
//! Only pages of the hosts that the crawl starts at are asked for, from link to link and as sitemaps list
//! them. Redirects are not followed but taken as links, so that rules and bounds hold for where they lead,
//! too.

mod links;
mod robots;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use url::Url;

use crate::client::whole;
use crate::retry::{Tries, may_change, retry_after};
use crate::transport::{Failure, Request};
use crate::{Client, Error, Limits, Observer};
use robots::Robots;

/// What programs are called in `robots.txt`.
const NAME: &str = "llmp";

/// Sitemaps that are read of a host.
const MOST_SITEMAPS: usize = 50;

/// Addresses that wait to be asked for; more are counted and left out.
const MOST_WAITING: usize = 1_000_000;

/// Hosts that fail so often in a row are left alone.
const MOST_FAILURES: u32 = 10;

/// How far a crawl goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Pages that are kept.
    pub pages: u64,
    /// Bytes of them together.
    pub bytes: u64,
    /// Links between a start and a page.
    pub depth: u32,
    /// Bytes of one page.
    pub page: u64,
    /// The least pause between two questions to a host; sites may ask for longer ones.
    pub delay: Duration,
    /// Whether sitemaps are read.
    pub sitemaps: bool,
}

/// What came of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// HTTP's status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Page {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn is_html(&self) -> bool {
        let kind = self.header("content-type").unwrap_or("text/html").to_ascii_lowercase();
        kind.starts_with("text/html") || kind.starts_with("application/xhtml")
    }
}

/// What came of a crawl.
#[derive(Debug, Default)]
pub struct Crawled {
    /// Pages that were kept.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Addresses that gave no page, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// The first failure, for where nothing came at all.
    pub failure: Option<Error>,
}

impl Crawled {
    fn leave_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

/// A host as it is known to the crawl.
#[derive(Default)]
struct Host {
    robots: Option<Robots>,
    /// Not before this moment.
    next: Duration,
    waiting: VecDeque<(Url, u32)>,
    failures: u32,
}

impl Client {
    /// Crawls the sites that `starts` belong to; `keep` takes each page.
    ///
    /// # Errors
    /// Where it is stopped, or `keep` fails. What single addresses have against being fetched is counted.
    pub fn crawl(
        &self,
        starts: &[Url],
        bounds: Bounds,
        observer: &mut dyn Observer,
        keep: &mut dyn FnMut(&Page) -> Result<(), Error>,
    ) -> Result<Crawled, Error> {
        let mut crawl = Crawl {
            client: self,
            bounds,
            hosts: BTreeMap::new(),
            seen: BTreeSet::new(),
            waiting: 0,
            told: Crawled::default(),
        };
        for start in starts {
            crawl.hosts.entry(host_of(start)).or_default();
        }
        for start in starts {
            crawl.found(start.clone(), 0);
        }
        crawl.run(observer, keep)?;
        Ok(crawl.told)
    }

    /// Asks for one page, without following where it leads.
    fn page(&self, url: &Url, limits: Limits, observer: &mut dyn Observer) -> Result<Page, Error> {
        let mut tries = Tries::new(url, self, limits);
        loop {
            let request = Request { url, from: 0, unchanged: None, time: tries.left()? };
            let (cause, asked) = match self.transport.get(&request) {
                Err(Failure::Private { address, what }) => {
                    return Err(Error::Private { url: url.to_string(), address, what });
                }
                Err(Failure::Connection(cause)) => (cause, None),
                Ok(answer) if may_change(answer.status) => {
                    (format!("it answers {}", answer.status), retry_after(&answer, self.clock.date()))
                }
                Ok(answer) => {
                    let (status, headers) = (answer.status, answer.headers.clone());
                    let page = |body| Page { url: url.clone(), status, headers, body };
                    if status != 200 {
                        return Ok(page(Vec::new()));
                    }
                    match whole(answer, url, limits, observer)? {
                        Ok(body) => return Ok(page(body)),
                        Err(cause) => (cause, None),
                    }
                }
            };
            tries.again(cause, asked, observer)?;
        }
    }
}

/// What robots.txt and pauses hold for: scheme, name and port.
fn host_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

struct Crawl<'a> {
    client: &'a Client,
    bounds: Bounds,
    hosts: BTreeMap<String, Host>,
    seen: BTreeSet<String>,
    waiting: usize,
    told: Crawled,
}

impl Crawl<'_> {
    /// Takes in an address, unless it is known or belongs to another host.
    fn found(&mut self, url: Url, depth: u32) {
        let Some(host) = self.hosts.get_mut(&host_of(&url)) else {
            return self.told.leave_out("another host");
        };
        if depth > self.bounds.depth {
            return self.told.leave_out("too deep");
        }
        if self.waiting >= MOST_WAITING || url.as_str().len() > 2_000 {
            return self.told.leave_out("too many or too long addresses");
        }
        if self.seen.insert(url.to_string()) {
            host.waiting.push_back((url, depth));
            self.waiting += 1;
        }
    }

    fn run(
        &mut self,
        observer: &mut dyn Observer,
        keep: &mut dyn FnMut(&Page) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while self.told.pages < self.bounds.pages && self.told.bytes < self.bounds.bytes {
            // Whoever may be asked first; by name where that is the same.
            let open = self.hosts.iter().filter(|(_, host)| !host.waiting.is_empty());
            let Some((name, next)) = open.map(|(name, host)| (name.clone(), host.next)).min_by_key(|it| it.1)
            else {
                return Ok(());
            };
            self.wait(next, observer)?;
            if self.hosts.get(&name).is_some_and(|host| host.robots.is_none()) {
                self.learn(&name, observer)?;
                continue;
            }
            let Some((url, depth)) = self.hosts.get_mut(&name).and_then(|host| host.waiting.pop_front())
            else {
                continue;
            };
            self.waiting -= 1;
            self.visit(&name, url, depth, observer, keep)?;
        }
        Ok(())
    }

    /// Lets time pass until `moment`.
    fn wait(&self, moment: Duration, observer: &dyn Observer) -> Result<(), Error> {
        loop {
            if observer.stopped() {
                return Err(Error::Stopped);
            }
            match moment.checked_sub(self.client.clock.now()) {
                None | Some(Duration::ZERO) => return Ok(()),
                Some(left) => self.client.clock.wait(left.min(Duration::from_millis(100))),
            }
        }
    }

    /// The next question to a host comes after its pause.
    fn asked(&mut self, name: &str) {
        let now = self.client.clock.now();
        if let Some(host) = self.hosts.get_mut(name) {
            let own = host.robots.as_ref().and_then(|robots| robots.delay).unwrap_or_default();
            host.next = now + self.bounds.delay.max(own);
        }
    }

    /// Reads a host's rules and its sitemaps.
    fn learn(&mut self, name: &str, observer: &mut dyn Observer) -> Result<(), Error> {
        let limits = Limits { bytes: robots::MOST_BYTES, time: Duration::from_secs(120) };
        let Ok(base) = Url::parse(name) else { return Ok(()) };
        let asked = base.join("/robots.txt").map(|url| self.client.get(&url, limits, observer));
        let robots = match asked {
            Ok(Ok(bytes)) => Robots::read(&String::from_utf8_lossy(&bytes), NAME),
            Ok(Err(Error::Stopped)) => return Err(Error::Stopped),
            // Who has no rules allows all.
            Ok(Err(Error::Status { status: 400..=499, .. })) => Robots::default(),
            Ok(Err(error)) => {
                self.told.failure.get_or_insert(error);
                Robots::nothing()
            }
            Err(_) => Robots::nothing(),
        };
        let maps = robots.sitemaps.clone();
        let host = self.hosts.entry(name.to_owned()).or_default();
        host.robots = Some(robots);
        self.asked(name);
        if self.bounds.sitemaps { self.read_sitemaps(name, &maps, observer) } else { Ok(()) }
    }

    /// Takes in what the sitemaps of a host list, those that sitemaps name included.
    fn read_sitemaps(
        &mut self,
        name: &str,
        maps: &[String],
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let limits = Limits { bytes: 50 << 20, time: Duration::from_secs(300) };
        let mut maps: VecDeque<Url> = maps.iter().filter_map(|map| Url::parse(map).ok()).collect();
        let mut read = BTreeSet::new();
        while let Some(map) = maps.pop_front() {
            if host_of(&map) != name || read.len() >= MOST_SITEMAPS || !read.insert(map.to_string()) {
                continue;
            }
            let next = self.hosts.get(name).map_or(Duration::ZERO, |host| host.next);
            self.wait(next, observer)?;
            let bytes = self.client.get(&map, limits, observer);
            self.asked(name);
            match bytes {
                Ok(bytes) => {
                    let found = links::of_sitemap(&bytes);
                    maps.extend(found.maps);
                    for page in found.pages {
                        self.found(page, 1);
                    }
                }
                Err(Error::Stopped) => return Err(Error::Stopped),
                Err(_) => self.told.leave_out("sitemaps that could not be read"),
            }
        }
        Ok(())
    }

    fn visit(
        &mut self,
        name: &str,
        url: Url,
        depth: u32,
        observer: &mut dyn Observer,
        keep: &mut dyn FnMut(&Page) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let path =
            url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let Some(host) = self.hosts.get(name) else { return Ok(()) };
        if !host.robots.as_ref().is_none_or(|robots| robots.allow(&path)) {
            self.told.leave_out("robots.txt");
            return Ok(());
        }
        if host.failures >= MOST_FAILURES {
            self.told.leave_out("a host that fails");
            return Ok(());
        }
        let limits = Limits { bytes: self.bounds.page, time: Duration::from_secs(600) };
        let page = self.client.page(&url, limits, observer);
        self.asked(name);
        let failed = matches!(page, Err(Error::GaveUp { .. } | Error::Later { .. } | Error::TooLong { .. }));
        if let Some(host) = self.hosts.get_mut(name) {
            host.failures = if failed { host.failures + 1 } else { 0 };
        }
        match page {
            Ok(page) if page.status == 200 && page.is_html() => {
                keep(&page)?;
                self.told.pages += 1;
                self.told.bytes += page.body.len() as u64;
                observer.received(self.told.bytes, None);
                for link in links::of_page(&page.body, &page.url) {
                    self.found(link, depth + 1);
                }
            }
            Ok(page) if page.status == 200 => self.told.leave_out("no HTML"),
            Ok(page) if (300..400).contains(&page.status) => {
                match page.header("location").and_then(|to| url.join(to).ok()) {
                    // A chain of redirects ends by the depth, too.
                    Some(to) => self.found(to, depth + 1),
                    None => self.told.leave_out("redirects to nowhere"),
                }
            }
            Ok(page) => self.told.leave_out(&format!("status {}", page.status)),
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(error) => {
                self.told.leave_out(match error {
                    Error::Private { .. } => "private addresses",
                    Error::TooLarge { .. } => "too large",
                    _ => "no answer",
                });
                self.told.failure.get_or_insert(error);
            }
        }
        Ok(())
    }
}
