//! Whole files into the download cache: each is fetched once, by one process at a time, and is seen once it
//! is whole and checked.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use flate2::bufread::GzDecoder;
use flate2::read::MultiGzDecoder;
use llmp_store::{Downloads, Entry, Lock, hash_file};
use url::Url;

use crate::{Client, Error, Limits, Observer};

/// A file that is in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its content and bytes.
    pub entry: Entry,
    /// Bytes that came over the network in this call; 0 where it was there.
    pub received: u64,
}

impl Client {
    /// Brings a file into the cache, unless it is there. A file that is on its way in another process is
    /// waited for.
    ///
    /// What comes is compared with what is expected; where nothing is known, a file whose name ends in `.gz`
    /// must be gzip that ends where a stream ends.
    ///
    /// # Errors
    /// If it is not to be had, is not what is expected, or cannot be written. What has come is kept for the
    /// next time.
    pub fn fetch(
        &self,
        url: &Url,
        into: &Downloads,
        expected: Option<&Entry>,
        limits: Limits,
        observer: &mut dyn Observer,
    ) -> Result<Fetched, Error> {
        let address = url.as_str();
        // A file that was fetched from this address before will do where nothing is known.
        let there = || match expected {
            Some(entry) => into.has(entry).then(|| entry.clone()),
            None => into.known(address),
        };
        if let Some(entry) = there() {
            return Ok(Fetched { entry, received: 0 });
        }
        let coming = into.coming(address)?;
        let lock_path = coming.with_extension("lock");
        let lock = loop {
            match Lock::try_take(&lock_path)? {
                Some(lock) => break lock,
                None if observer.stopped() => return Err(Error::Stopped),
                None => thread::sleep(Duration::from_millis(100)),
            }
        };
        // Another process may have been faster.
        let done = match there() {
            Some(entry) => Ok(Fetched { entry, received: 0 }),
            None => self.bring(url, &coming, into, expected, limits, observer),
        };
        // Whoever waits sees by the file that it is another one.
        let _ = fs::remove_file(&lock_path);
        drop(lock);
        done
    }

    fn bring(
        &self,
        url: &Url,
        coming: &Path,
        into: &Downloads,
        expected: Option<&Entry>,
        limits: Limits,
        observer: &mut dyn Observer,
    ) -> Result<Fetched, Error> {
        let mut received = 0;
        // A process that was killed between the last byte and the check leaves it whole.
        if !coming.is_file() {
            received = self.download(url, coming, limits, observer)?.received;
        }
        let check = || -> Result<Entry, Error> {
            if expected.is_none() && is_gzip_by_name(url) {
                gzip_ends(coming, observer)
                    .map_err(|source| cannot_read(coming, source))?
                    .map_err(|what| Error::Garbage { url: url.to_string(), what })?;
            }
            let size = fs::metadata(coming).map_err(|source| cannot_read(coming, source))?.len();
            Ok(Entry { digest: hash_file(coming)?, size })
        };
        let entry = match check() {
            Ok(entry) => entry,
            Err(error) => {
                if matches!(error, Error::Garbage { .. }) {
                    // It is of no use to anybody, and would be taken for whole the next time.
                    let _ = fs::remove_file(coming);
                }
                return Err(error);
            }
        };
        // What came is kept under its own name in any case: who means it need not fetch it again.
        into.keep(coming, url.as_str(), entry.clone())?;
        match expected {
            Some(due) if *due != entry => {
                Err(Error::Other { url: url.to_string(), due: Box::new(due.clone()), found: Box::new(entry) })
            }
            _ => Ok(Fetched { entry, received }),
        }
    }
}

fn cannot_read(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}

fn is_gzip_by_name(url: &Url) -> bool {
    url.path().ends_with(".gz")
}

/// The members of a WARC file are small, so that the last one begins within this many bytes of the end.
const TAIL: u64 = 8 << 20;

/// Whether a file is gzip that ends where a stream ends; what is wrong where it is not.
///
/// The last stream is found from behind and read to its checksum. Where none is found near the end, all of
/// the file is read.
fn gzip_ends(path: &Path, observer: &dyn Observer) -> io::Result<Result<(), &'static str>> {
    let mut file = File::open(path)?;
    let mut start = [0; 3];
    let length = file.metadata()?.len();
    if length < 18 || file.read_exact(&mut start).is_err() || start[..2] != MAGIC[..2] {
        return Ok(Err("is no gzip file, though its name says so"));
    }
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    // A few places look like the beginning of a stream and are none.
    let beginnings = tail.windows(3).enumerate().rev().filter(|(_, bytes)| *bytes == MAGIC);
    for (at, _) in beginnings.take(64) {
        let mut rest = tail.get(at..).unwrap_or_default();
        let whole = io::copy(&mut GzDecoder::new(&mut rest), &mut io::sink()).is_ok();
        if whole && rest.is_empty() {
            return Ok(Ok(()));
        }
    }
    file.rewind()?;
    let mut streams = MultiGzDecoder::new(io::BufReader::with_capacity(1 << 20, file));
    let mut piece = vec![0; 1 << 20];
    loop {
        if observer.stopped() {
            return Err(io::Error::other("stopped"));
        }
        match streams.read(&mut piece) {
            Ok(0) => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                return Ok(Err("is damaged or cut off: its gzip streams do not end where the file ends"));
            }
        }
    }
}

/// A gzip stream of the only method there is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn verdict(bytes: &[u8]) -> Result<(), &'static str> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        gzip_ends(file.path(), &()).unwrap()
    }

    #[test]
    fn a_cut_at_any_byte_is_seen() {
        let many: Vec<u8> = (0..50_u32).flat_map(|number| gzip(&number.to_le_bytes().repeat(99))).collect();
        let ends: Vec<usize> = (0..50_u32)
            .scan(0, |at, number| {
                *at += gzip(&number.to_le_bytes().repeat(99)).len();
                Some(*at)
            })
            .collect();
        for cut in 0..=many.len() {
            // A cut between two streams can be seen by the length only.
            assert_eq!(verdict(&many[..cut]).is_ok(), ends.contains(&cut), "{cut}");
        }
    }

    #[test]
    fn other_content_is_no_gzip() {
        assert!(verdict(b"<html>Service unavailable, please come back</html>").is_err());
        assert!(verdict(b"").is_err());
        let mut damaged = gzip(&[7; 5_000]);
        let at = damaged.len() - 6;
        damaged[at] ^= 1;
        assert!(verdict(&damaged).is_err());
        assert!(verdict(&[gzip(b"x"), b"behind it".to_vec()].concat()).is_err());
    }
}
