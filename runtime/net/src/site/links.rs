//! Where a page or a sitemap leads to.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use url::Url;

/// Links that are taken of a page.
const MOST_LINKS: usize = 2_000;

/// Bytes of a sitemap, once decompressed (sitemaps.org: 50 MB and 50,000 addresses).
const MOST_SITEMAP: u64 = 50 << 20;

/// The addresses that the links of a page lead to, without fragments; none where the page asks not to follow
/// them.
pub(super) fn of_page(html: &[u8], at: &Url) -> Vec<Url> {
    let mut base = at.clone();
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.iter().position(|byte| *byte == b'<') {
        rest = rest.get(open + 1..).unwrap_or_default();
        if rest.starts_with(b"!--") {
            let end = rest.windows(3).position(|bytes| bytes == b"-->").unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let Some((name, after)) = rest.split_at_checked(name) else { break };
        let name = name.to_ascii_lowercase();
        rest = after;
        match name.as_slice() {
            b"a" | b"area" | b"base" | b"meta" => {}
            b"script" | b"style" => {
                let end = [b"</".as_slice(), &name].concat();
                let at = rest.windows(end.len()).position(|bytes| bytes.eq_ignore_ascii_case(&end));
                rest = rest.get(at.unwrap_or(rest.len())..).unwrap_or_default();
                continue;
            }
            _ => continue,
        }
        let (attributes, behind) = attributes(rest);
        rest = behind;
        let value =
            |name: &str| attributes.iter().find(|(found, _)| found == name).map(|(_, it)| it.as_str());
        match name.as_slice() {
            b"base" => base = value("href").and_then(|href| at.join(href).ok()).unwrap_or(base),
            b"meta" => {
                let robots = value("name").is_some_and(|name| name.eq_ignore_ascii_case("robots"));
                let content = value("content").unwrap_or_default().to_ascii_lowercase();
                if robots && content.split(',').any(|word| ["nofollow", "none"].contains(&word.trim())) {
                    return Vec::new();
                }
            }
            _ => {
                let rel = value("rel").unwrap_or_default().to_ascii_lowercase();
                let follow = !rel.split_ascii_whitespace().any(|word| word == "nofollow");
                let link = value("href").filter(|_| follow).and_then(|href| base.join(href.trim()).ok());
                found.extend(link.and_then(plain));
                if found.len() >= MOST_LINKS {
                    return found;
                }
            }
        }
    }
    found
}

/// An address of a page, without its fragment.
fn plain(mut url: Url) -> Option<Url> {
    url.set_fragment(None);
    ["http", "https"].contains(&url.scheme()).then_some(url)
}

/// The attributes of a tag, names in lower case, and what is behind the tag.
fn attributes(mut rest: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut found = Vec::new();
    loop {
        rest = skip(rest, |byte| byte.is_ascii_whitespace() || byte == b'/');
        if rest.first().is_none_or(|byte| *byte == b'>') || found.len() > 100 {
            return (found, rest);
        }
        let (name, after) = take(rest, |byte| !byte.is_ascii_whitespace() && !b"=>/".contains(&byte));
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        rest = skip(after, |byte| byte.is_ascii_whitespace());
        let Some(after) = rest.strip_prefix(b"=") else {
            if name.is_empty() {
                rest = rest.get(1..).unwrap_or_default();
            }
            found.push((name, String::new()));
            continue;
        };
        rest = skip(after, |byte| byte.is_ascii_whitespace());
        let (value, after) = match rest.first() {
            Some(&quote @ (b'"' | b'\'')) => {
                let (value, after) = take(rest.get(1..).unwrap_or_default(), |byte| byte != quote);
                (value, after.get(1..).unwrap_or_default())
            }
            _ => take(rest, |byte| !byte.is_ascii_whitespace() && byte != b'>'),
        };
        rest = after;
        found.push((name, unescaped(&String::from_utf8_lossy(value))));
    }
}

fn take(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| wanted(**byte)).count())
}

fn skip(bytes: &[u8], unwanted: impl Fn(u8) -> bool) -> &[u8] {
    take(bytes, unwanted).1
}

/// The references that stand in addresses.
fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#39;", "'").replace("&#x27;", "'").replace("&lt;", "<");
    text.replace("&gt;", ">").replace("&#38;", "&").replace("&amp;", "&")
}

/// What a sitemap lists.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sitemap {
    /// Pages.
    pub(super) pages: Vec<Url>,
    /// More sitemaps.
    pub(super) maps: Vec<Url>,
}

/// Reads a sitemap, an index of sitemaps or a list of addresses, plain or gzip.
pub(super) fn of_sitemap(bytes: &[u8]) -> Sitemap {
    let mut text = Vec::new();
    let read = match bytes {
        // What can be read of a damaged one counts.
        [0x1f, 0x8b, ..] => MultiGzDecoder::new(bytes).take(MOST_SITEMAP).read_to_end(&mut text),
        _ => bytes.take(MOST_SITEMAP).read_to_end(&mut text),
    };
    drop(read);
    let text = String::from_utf8_lossy(&text);
    let address = |text: &str| Url::parse(&unescaped(text.trim())).ok().and_then(plain);
    if !text.contains("<loc>") {
        return Sitemap { pages: text.lines().take(50_000).filter_map(address).collect(), maps: vec![] };
    }
    let locations = text.split("<loc>").skip(1).take(50_000);
    let urls = locations.filter_map(|rest| {
        let text = rest.split('<').next()?;
        address(text.trim_start_matches("<![CDATA[").trim_end_matches("]]>"))
    });
    match text.contains("<sitemapindex") {
        true => Sitemap { pages: vec![], maps: urls.collect() },
        false => Sitemap { pages: urls.collect(), maps: vec![] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> String {
        let at = Url::parse("https://a.example/d/e.html").unwrap();
        of_page(html.as_bytes(), &at).iter().map(Url::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn links_are_found_as_browsers_find_them() {
        let html = "<A HREF='f.html#x'>a</a><a class=x href = /g?a=1&amp;b=2 >b</a><a href=\"//b.example/\">c</a>\
            <a href='mailto:x@a.example'>d</a><a rel='x nofollow' href=no>e</a><!-- <a href=no> --><a>f</a>\
            <script>'<a href=no>'</SCRIPT><a href=h><a href='unended";
        assert_eq!(
            links(html),
            "https://a.example/d/f.html https://a.example/g?a=1&b=2 https://b.example/ https://a.example/d/h \
             https://a.example/d/unended"
        );
        assert_eq!(links("<base href='/x/'><a href=y>"), "https://a.example/x/y");
        assert_eq!(links("<a href=y><meta name=ROBOTS content='noindex, NoFollow'>"), "");
        assert_eq!(
            links("<<a <a=b href='='>><a \"><a/href=z>"),
            "https://a.example/d/= https://a.example/d/z"
        );
    }

    #[test]
    fn sitemaps_list_pages_or_sitemaps() {
        let map =
            of_sitemap(b"<urlset><url><loc> https://a.example/1?a&amp;b </loc></url><url><loc>x</loc></url>");
        assert_eq!(map.pages[0].as_str(), "https://a.example/1?a&b");
        assert_eq!(map.pages.len(), 1);
        let index = of_sitemap(
            b"<sitemapindex><sitemap><loc>https://a.example/s.xml.gz</loc></sitemap></sitemapindex>",
        );
        assert_eq!((index.pages.len(), index.maps.len()), (0, 1));
        assert_eq!(of_sitemap(b"https://a.example/1\nhttps://a.example/2\nno\n").pages.len(), 2);
        assert_eq!(of_sitemap(&[0x1f, 0x8b, 8, 0]), Sitemap::default());
    }
}
