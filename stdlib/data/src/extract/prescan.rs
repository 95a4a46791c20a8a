//! The encoding that a page declares in itself, found as browsers find it: by a look at the tags of its head
//! (<https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding>).
//! As in Chromium, what stands in comments, scripts, styles and titles is not looked at.

/// So many bytes are looked at in any case, and more while tags of a head come.
const UNCONDITIONALLY: usize = 1024;

/// No page's head is longer.
const AT_MOST: usize = 64 << 10;

/// Elements that stand in a head.
const HEAD: [&str; 11] =
    ["html", "head", "title", "meta", "link", "script", "style", "noscript", "base", "object", "template"];

/// Elements whose content is no markup.
const RAW: [&str; 9] =
    ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript"];

/// The label of the first `meta` that declares an encoding, or else that of an XML declaration.
pub(super) fn declared(html: &[u8]) -> Option<String> {
    let html = &html[..html.len().min(AT_MOST)];
    let mut at = 0;
    while let Some(open) = html[at..].iter().position(|&byte| byte == b'<').map(|open| at + open) {
        let rest = &html[open..];
        at = open + 1;
        if rest.starts_with(b"<!--") {
            // `<!-->` is a comment, too.
            at = find(html, open + 2, b"-->")? + 3;
            continue;
        }
        let closing = rest.get(1) == Some(&b'/');
        let from = open + 1 + usize::from(closing);
        if !html.get(from).is_some_and(u8::is_ascii_alphabetic) {
            if matches!(rest.get(1), Some(b'!' | b'?' | b'/')) {
                at = find(html, open, b">")? + 1;
            }
            continue;
        }
        let (name, mut tag) = Tag::new(html, from);
        let mut meta = Meta::default();
        while let Some((key, value)) = tag.attribute() {
            meta.add(&key, value);
        }
        at = tag.at;
        if closing {
            continue;
        }
        if name == "meta"
            && let Some(label) = meta.label()
        {
            return Some(label);
        }
        if RAW.contains(&name.as_str()) {
            at = raw_end(html, at, &name)?;
        }
        if open > UNCONDITIONALLY && !HEAD.contains(&name.as_str()) {
            break;
        }
    }
    xml(html)
}

/// The `encoding` of an XML declaration at the start.
fn xml(html: &[u8]) -> Option<String> {
    let declaration = html.trim_ascii_start().strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(UNCONDITIONALLY).position(|&byte| byte == b'>')?;
    let text = String::from_utf8_lossy(&declaration[..end]).into_owned();
    let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value[1..].split_once(quote).map(|(label, _)| label.to_owned())
}

/// What the attributes of a `meta` say.
#[derive(Default)]
struct Meta {
    charset: Option<String>,
    content: Option<String>,
    content_type: bool,
}

impl Meta {
    /// Of attributes with the same name the first counts.
    fn add(&mut self, key: &str, value: String) {
        match key {
            "charset" => self.charset = self.charset.take().or(Some(value)),
            "content" => self.content = self.content.take().or(Some(value)),
            "http-equiv" => self.content_type |= value.trim().eq_ignore_ascii_case("content-type"),
            _ => {}
        }
    }

    fn label(self) -> Option<String> {
        let content = self.content.filter(|_| self.content_type);
        self.charset.or_else(|| in_content(&content?))
    }
}

/// The label behind `charset=` in the `content` of a `meta`.
fn in_content(content: &str) -> Option<String> {
    let lower = content.to_ascii_lowercase();
    let mut from = 0;
    loop {
        from += lower[from..].find("charset")? + "charset".len();
        let Some(value) = content[from..].trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        return match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split_once(quote).map(|(label, _)| label.to_owned()),
            _ => value
                .split(|letter: char| letter == ';' || letter.is_ascii_whitespace())
                .next()
                .map(str::to_owned),
        };
    }
}

/// The inside of a tag.
struct Tag<'a> {
    html: &'a [u8],
    at: usize,
}

impl<'a> Tag<'a> {
    /// The name of the tag that starts at `at`, in lower case, and what follows it.
    fn new(html: &'a [u8], at: usize) -> (String, Self) {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
        let end = html[at..].iter().position(ends).map_or(html.len(), |end| at + end);
        (String::from_utf8_lossy(&html[at..end]).to_ascii_lowercase(), Self { html, at: end })
    }

    fn peek(&self) -> Option<u8> {
        self.html.get(self.at).copied()
    }

    fn skip(&mut self, passes: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&passes) {
            self.at += 1;
        }
    }

    /// The next attribute, its name in lower case; `None` behind the last, and then `at` is behind the tag.
    fn attribute(&mut self) -> Option<(String, String)> {
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b'/');
        if self.peek()? == b'>' {
            self.at += 1;
            return None;
        }
        let start = self.at;
        // A `=` at the start belongs to the name.
        self.at += 1;
        self.skip(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'>' | b'/'));
        let name = String::from_utf8_lossy(&self.html[start..self.at]).to_ascii_lowercase();
        let behind = self.at;
        self.skip(|byte| byte.is_ascii_whitespace());
        if self.peek() != Some(b'=') {
            self.at = behind;
            return Some((name, String::new()));
        }
        self.at += 1;
        self.skip(|byte| byte.is_ascii_whitespace());
        let start = self.at;
        let value = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                self.skip(|byte| byte != quote);
                let value = &self.html[start + 1..self.at];
                self.at = (self.at + 1).min(self.html.len());
                value
            }
            _ => {
                self.skip(|byte| !byte.is_ascii_whitespace() && byte != b'>');
                &self.html[start..self.at]
            }
        };
        Some((name, String::from_utf8_lossy(value).into_owned()))
    }
}

/// Where the end tag of a raw element starts.
fn raw_end(html: &[u8], from: usize, name: &str) -> Option<usize> {
    let mut at = from;
    loop {
        at = find(html, at, b"</")?;
        let rest = &html[at + 2..];
        let named = rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
        if named && rest.get(name.len()).is_none_or(|next| !next.is_ascii_alphanumeric()) {
            return Some(at);
        }
        at += 2;
    }
}

fn find(html: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = html.get(from..)?;
    rest.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_found_where_browsers_look() {
        for (html, label) in [
            ("<meta charset=koi8-r>", "koi8-r"),
            ("<META CHARSET = 'KOI8-R' />", "KOI8-R"),
            ("<meta\nname=x\ncharset=\"koi8-r\">", "koi8-r"),
            ("<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>", "koi8-r"),
            ("<meta content='text/html;charset=\"koi8-r\"' http-equiv=\"content-type\">", "koi8-r"),
            ("<meta content='charset charset = koi8-r;x' http-equiv=content-type>", "koi8-r"),
            ("<?xml version='1.0' encoding='koi8-r'?><html>", "koi8-r"),
            ("<?xml version='1.0' encoding='koi8-r'?><html><meta charset=gbk>", "gbk"),
            ("<!-- <meta charset=gbk> --><meta charset=koi8-r>", "koi8-r"),
            ("<!--><meta charset=koi8-r>", "koi8-r"),
            ("<script>'<meta charset=gbk>'</script><meta charset=koi8-r>", "koi8-r"),
            ("<style>/*<meta charset=gbk>*/</style ><meta charset=koi8-r>", "koi8-r"),
            ("<title><meta charset=gbk></title><meta charset=koi8-r>", "koi8-r"),
            ("<a title='<meta charset=gbk>'><meta charset=koi8-r>", "koi8-r"),
            ("<meta name=description content='charset=gbk'><meta charset=koi8-r>", "koi8-r"),
            ("<meta name=description content='a charset=gbk'>", ""),
            ("<meta data-charset=gbk>", ""),
            ("<metadata charset=gbk>", ""),
            ("<!-- never ends <meta charset=gbk>", ""),
            ("<script><meta charset=gbk>", ""),
            ("charset=gbk", ""),
            ("<", ""),
            ("<meta charset=", ""),
            ("", ""),
        ] {
            assert_eq!(declared(html.as_bytes()).unwrap_or_default(), label, "{html}");
        }
    }

    #[test]
    fn a_long_head_is_read_to_its_end_and_no_body_is() {
        let long = "<link rel=x href=y>".repeat(200);
        assert!(declared(format!("{long}<meta charset=gbk>").as_bytes()).is_some());
        let text = "<p>text</p>".repeat(200);
        assert!(declared(format!("{text}<meta charset=gbk>").as_bytes()).is_none());
    }
}
