//! A file that may be large: straight to the disk, and after a cut only what is missing, within a run and
//! between runs.
//!
//! While `NAME` is incomplete its bytes lie in `NAME.part`, and `NAME.part.version` says which version of the
//! file at which address they belong to. A server that cannot tell versions apart, or has another one by now,
//! gives the whole again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use url::Url;

use crate::redirect::{Step, follow};
use crate::retry::{Tries, may_change, retry_after};
use crate::transport::Answer;
use crate::{Client, Error, Limits, Observer};

/// So much at once is progress: a server that cuts again and again after less is given up.
const PROGRESS: u64 = 64 << 10;

/// A file that has come whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Its length in bytes.
    pub bytes: u64,
    /// Those that came over the network in this call.
    pub received: u64,
    /// The entity tag or date of the version, if the server gives one.
    pub version: Option<String>,
    /// Where redirects led.
    pub from: Url,
}

impl Client {
    /// Fetches a file to `to`, which appears whole or not at all. A file that an earlier call began goes on
    /// where it stopped.
    ///
    /// # Errors
    ///
    /// If it is not to be had within the limits and the tries of [`crate::Options`]. What has come is kept,
    /// but where the file is too large.
    pub fn download(
        &self,
        url: &Url,
        to: &Path,
        limits: Limits,
        observer: &mut dyn Observer,
    ) -> Result<Downloaded, Error> {
        let mut part = Part::open(to, url).map_err(|source| cannot_write(to, source))?;
        let mut tries = Tries::new(url, self, limits);
        let mut received = 0;
        loop {
            let before = part.length;
            let version = part.version.clone();
            let step = follow(&*self.transport, url, part.length, version.as_deref(), tries.left()?)?;
            let (cause, asked) = match step {
                Step::Cut(cause) => (cause, None),
                Step::Answered(answer, at) => match answer.status {
                    200 | 206 => {
                        let came = part.take(answer, limits, observer, &at)?;
                        received += came.bytes;
                        let Some(cause) = came.cut else {
                            part.finish(to).map_err(|source| cannot_write(to, source))?;
                            return Ok(Downloaded {
                                bytes: part.length,
                                received,
                                version: part.version,
                                from: at,
                            });
                        };
                        (cause, None)
                    }
                    // A length that was wrong: the version is still the same (`If-Range`), and all of it has
                    // come.
                    416 if part.length > 0 && answer.size_of_whole() == Some(part.length) => {
                        part.finish(to).map_err(|source| cannot_write(to, source))?;
                        let (bytes, version) = (part.length, part.version);
                        return Ok(Downloaded { bytes, received, version, from: at });
                    }
                    // What is there is not the beginning of what the server has.
                    416 if part.length > 0 => {
                        part.begin(None).map_err(|source| cannot_write(to, source))?;
                        ("it has less than had come".to_owned(), None)
                    }
                    status if may_change(status) => {
                        (format!("it answers {status}"), retry_after(&answer, self.clock.date()))
                    }
                    status => return Err(Error::Status { url: at.into(), status }),
                },
            };
            if part.length >= before + PROGRESS {
                tries.gained();
            }
            tries.again(cause, asked, observer)?;
        }
    }
}

fn cannot_write(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}

/// How much an answer brought, and why it ended early if it did.
struct Came {
    bytes: u64,
    cut: Option<String>,
}

/// The beginning of a file.
struct Part {
    file: File,
    path: PathBuf,
    note: PathBuf,
    url: Url,
    version: Option<String>,
    length: u64,
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Part {
    /// What an earlier call left, if it belongs to this address and its version is known; else an empty file.
    fn open(to: &Path, url: &Url) -> io::Result<Self> {
        let (path, note) = (beside(to, ".part"), beside(to, ".part.version"));
        let known = match fs::read_to_string(&note) {
            Ok(text) => {
                text.split_once('\n').filter(|(of, _)| *of == url.as_str()).map(|(_, it)| it.to_owned())
            }
            Err(_) => None,
        };
        let file = OpenOptions::new().create(true).truncate(false).append(true).open(&path)?;
        // Two fetches of one file would write it twice over.
        file.try_lock()?;
        let length = file.metadata()?.len();
        let mut part = Self { file, path, note, url: url.clone(), version: known, length };
        if part.version.is_none() && length > 0 {
            part.begin(None)?;
        }
        Ok(part)
    }

    /// Empties it: what comes now belongs to `version`. The note is written before any byte that it speaks
    /// of.
    fn begin(&mut self, version: Option<&str>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        self.version = version.map(str::to_owned);
        match version {
            Some(version) => fs::write(&self.note, format!("{}\n{version}", self.url)),
            None => match fs::remove_file(&self.note) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// Appends what an answer has.
    fn take(
        &mut self,
        answer: Answer,
        limits: Limits,
        observer: &mut dyn Observer,
        url: &Url,
    ) -> Result<Came, Error> {
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        let due = match (answer.status, answer.range()) {
            (206, Some((start, whole))) if start == self.length => {
                whole.or_else(|| answer.length().map(|length| start + length))
            }
            (206, _) => {
                self.begin(None).map_err(write(&self.path))?;
                return Ok(Came { bytes: 0, cut: Some("it answers with another range".to_owned()) });
            }
            _ => {
                let version = answer.version().map(str::to_owned);
                self.begin(version.as_deref()).map_err(write(&self.path))?;
                answer.length()
            }
        };
        if due.is_some_and(|due| due > limits.bytes) {
            return Err(self.too_large(url, limits));
        }
        let mut came = Came { bytes: 0, cut: None };
        let mut body = answer.body;
        let mut piece = vec![0; 256 << 10];
        loop {
            if observer.stopped() {
                return Err(Error::Stopped);
            }
            let count = match body.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    came.cut = Some(error.to_string());
                    return Ok(came);
                }
            };
            if self.length + count as u64 > limits.bytes {
                return Err(self.too_large(url, limits));
            }
            self.file.write_all(&piece[..count]).map_err(write(&self.path))?;
            self.length += count as u64;
            came.bytes += count as u64;
            observer.received(self.length, due);
        }
        if let Some(due) = due.filter(|&due| due != self.length) {
            came.cut = Some(format!("{} of {due} bytes came", self.length));
            if self.length > due {
                self.begin(None).map_err(write(&self.path))?;
            }
        }
        Ok(came)
    }

    /// Takes the bytes away, which are of no use to anybody.
    fn too_large(&mut self, url: &Url, limits: Limits) -> Error {
        // What cannot be taken away is overwritten the next time.
        let _ = (self.begin(None), fs::remove_file(&self.path));
        Error::TooLarge { url: url.to_string(), limit: limits.bytes }
    }

    fn finish(&mut self, to: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, to)?;
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
