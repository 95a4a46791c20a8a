//! Sources that are not to be read again: the list that `llmp forget` writes beside a pipeline.

use std::collections::BTreeSet;

/// The role under which stages that start a pipeline are given the list.
pub const ROLE: &str = "forget";

/// A list of removed sources: one a line, `#` starts a remark.
///
/// An entry is a URL in any of its usual spellings, the start of URLs with `*` behind it, an id (`urn:…`), or
/// the path of a file as the pipeline writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    entries: BTreeSet<String>,
}

impl Removed {
    /// Reads a list.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
        let entries = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned);
        Self { entries: entries.collect() }
    }

    /// The entries, as they are written.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(String::as_str)
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a document is on it, by its id, its URL or the file that it comes from.
    #[must_use]
    pub fn has(&self, id: &str, url: &str, file: &str) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let known = plain(url);
        let bare = |id: &str| id.trim_matches(['<', '>']).to_owned();
        self.entries.iter().any(|entry| match entry.strip_suffix('*') {
            Some(start) => !url.is_empty() && known.starts_with(&plain(start)),
            None => {
                (!url.is_empty() && plain(entry) == known)
                    || (!id.is_empty() && bare(entry) == bare(id))
                    || (!file.is_empty() && entry == file)
            }
        })
    }
}

/// A URL without what people leave out or spell differently: scheme, `www.`, capitals of the host, fragment,
/// final `/`.
#[must_use]
pub fn plain(url: &str) -> String {
    let url = url.trim();
    let scheme = |name: &str| url.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let rest = match () {
        () if scheme("https://") => url.get(8..),
        () if scheme("http://") => url.get(7..),
        () => Some(url),
    };
    let rest = rest.unwrap_or(url).split('#').next().unwrap_or_default().trim_end_matches('/');
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let host = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host);
    format!("{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_url_id_and_file() {
        let list = Removed::read(
            "# removed\nhttps://A.example/one/\nb.example/* # all of it\nurn:uuid:7\ndata/x.jsonl\n\n",
        );
        assert_eq!(list.entries().count(), 4);
        assert!(list.has("", "http://www.a.example/one#top", ""));
        assert!(list.has("", "https://b.example/any", "") && list.has("<urn:uuid:7>", "", ""));
        assert!(list.has("", "", "data/x.jsonl"));
        assert!(!list.has("", "https://a.example/one/more", "") && !list.has("", "", "x.jsonl"));
        assert!(!list.has("", "", "") && !Removed::read("# nothing\n").has("1", "a", "b"));
    }
}
