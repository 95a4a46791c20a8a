//! The page of `llmp serve`: one text with its style and its script; nothing comes from elsewhere, and what a
//! model says only ever becomes a text node.

use maud::{DOCTYPE, PreEscaped, html};

const STYLE: &str = include_str!("app/app.css");
const SCRIPT: &str = concat!(
    include_str!("app/words.js"),
    include_str!("app/base.js"),
    include_str!("app/chat.js"),
    include_str!("app/playground.js"),
    include_str!("app/compare.js"),
    include_str!("app/tokens.js"),
    include_str!("app/main.js"),
);

/// Only the page's own style and script may act; the hashes are those of the two.
const STYLE_HASH: &str = "sha256-/yUiWdi07w4mEhlfqPeV+HZPiC6Nl5L4UCwgUlHJLRg=";
const SCRIPT_HASH: &str = "sha256-n3+DQQDtn5DO9l+8/SXbkVIsUSg9uL95lUt/nmB+nLk=";

/// A page, and what it may do.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page.
    pub text: String,
    /// Its content security policy.
    pub policy: String,
}

impl Page {
    /// The page of the models that are served.
    #[must_use]
    pub fn of_models() -> Self {
        let policy = format!(
            "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "llmp" }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { "llmp" }
                        div id="tabs" role="tablist" {}
                        div id="end" class="end" {}
                    }
                    div id="problem" role="alert" {}
                    main {}
                    noscript { p { "The page needs JavaScript; programs use the API at " code { "/v1" } "." } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Self { text: page.into_string(), policy }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_style_and_script() {
        let hash = |text: &str| {
            format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
        };
        assert_eq!((hash(STYLE), hash(SCRIPT)), (STYLE_HASH.to_owned(), SCRIPT_HASH.to_owned()));
    }

    #[test]
    fn nothing_becomes_markup_or_comes_from_elsewhere() {
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "Function(",
            "http://",
            "https://",
        ] {
            assert!(!SCRIPT.contains(way) && !STYLE.contains(way), "{way}");
        }
        assert!(!SCRIPT.contains("</"), "the script would end there");
        assert!(!SCRIPT.to_lowercase().contains("<script"));
    }
}
