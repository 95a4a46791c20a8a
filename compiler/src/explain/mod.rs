//! What every diagnostic means: one page each, with an example that is wrong and one that is right.

/// The page of a diagnostic, in Markdown.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    let at = PAGES.binary_search_by_key(&code, |&(code, _)| code).ok()?;
    PAGES.get(at).map(|&(_, page)| page)
}

/// All pages, by code.
pub fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.iter().copied()
}

macro_rules! pages {
    ($($code:ident)*) => {
        &[$((stringify!($code), include_str!(concat!(stringify!($code), ".md"))),)*]
    };
}

/// By code, sorted.
#[rustfmt::skip]
const PAGES: &[(&str, &str)] = pages! {
    E0001 E0002 E0003 E0004 E0005 E0006 E0007 E0008 E0009 E0010 E0011 E0012
    E0013 E0014 E0015 E0016 E0017 E0018 E0019 E0020 E0021 E0022 E0023 E0024
    E0025 E0026 E0028 E0029 E0030 E0031 E0032 E0033 E0101 E0102 E0103 E0104
    E0105 E0106 E0107 E0108 E0109 E0110 E0111 E0112 E0113 E0115 E0116 E0201
    E0202 E0203 E0204 E0205 E0206 E0207 E0208 E0209 E0210 E0211 E0212 E0213
    E0214 E0215 E0216 E0217 E0218 E0219 E0220 E0221 E0222 E0223 E0224 E0225
    E0226 E0228 E0229 E0230 E0231 E0232 E0233 E0234 E0236 E0237 E0238 E0239
    E0240 E0241 E0243 E0244 E0301 E0302 E0303 E0304 E0305 E0306 E0307 E0308
    E0401 E0402 W0001 W0100 W0101 W0102 W0103 W0104 W0105 W0106 W0107 W0108
    W0401
};
