//! Where Common Crawl's files are: each crawl has a list of its files for every kind, in an order that stays.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use url::Url;

/// Lists have about 100,000 lines of 140 bytes.
const MAX_LIST: u64 = 64 << 20;

/// The address of a crawl's list; `kind` is `warc` or `wet`. `None` where the name is none of a crawl.
#[must_use]
pub fn list(base: &Url, snapshot: &str, kind: &str) -> Option<Url> {
    let good = !snapshot.is_empty()
        && snapshot.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    good.then(|| base.join(&format!("crawl-data/{snapshot}/{kind}.paths.gz")).ok()).flatten()
}

/// The files of a list, as addresses, in its order.
///
/// # Errors
/// One sentence: what is wrong with the list.
pub fn files(base: &Url, list: &[u8]) -> Result<Vec<Url>, String> {
    let mut text = String::new();
    let read = MultiGzDecoder::new(list).take(MAX_LIST + 1).read_to_string(&mut text);
    read.map_err(|error| format!("it is no gzip file of lines: {error}"))?;
    if text.len() as u64 > MAX_LIST {
        return Err(format!("it has more than {} MiB", MAX_LIST >> 20));
    }
    let file = |(at, line): (usize, &str)| {
        // What is relative stays below the base, so that a list cannot lead elsewhere.
        let plain = line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte))
            && !line.starts_with('/')
            && !line.split('/').any(|part| part == "..");
        let url = base.join(line).ok().filter(|_| plain);
        url.ok_or_else(|| {
            format!("line {} is no path: `{}`", at + 1, line.chars().take(80).collect::<String>())
        })
    };
    text.lines().filter(|line| !line.is_empty()).enumerate().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lists_name_files_below_the_base() {
        let base = Url::parse("https://data.example/mirror/").unwrap();
        assert_eq!(
            list(&base, "CC-MAIN-2026-30", "wet").unwrap().as_str(),
            "https://data.example/mirror/crawl-data/CC-MAIN-2026-30/wet.paths.gz"
        );
        for snapshot in ["", "../secret", "a/b", "a?b"] {
            assert!(list(&base, snapshot, "warc").is_none(), "{snapshot}");
        }
        let found = files(&base, &gzip("crawl-data/a/1.warc.gz\ncrawl-data/a/2.warc.gz\n")).unwrap();
        assert_eq!(found[1].as_str(), "https://data.example/mirror/crawl-data/a/2.warc.gz");
        for line in ["https://elsewhere.example/x", "//elsewhere.example/x", "/x", "a/../../x", "a b"] {
            assert!(files(&base, &gzip(line)).is_err(), "{line}");
        }
        assert!(files(&base, b"<html>").is_err());
    }
}
