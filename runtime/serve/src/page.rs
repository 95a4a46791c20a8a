//! The page: one HTML text with its style, its script and what it shows first; nothing comes from elsewhere.

use llmp_insight::html_head;
use maud::{DOCTYPE, PreEscaped, html};

use super::Scene;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Only the page's own style and script may act; the hashes are those of the two files.
const STYLE_HASH: &str = "sha256-XAi1hcZW5DVHOPXsGDVWz9KCCO4JCmeVpejh5iadLFk=";
const SCRIPT_HASH: &str = "sha256-GnwBAAkBQ22Y2klbHIFhxqmC2mQtKd4RxI8WyhaOQM4=";

/// States in the order of the legend.
const STATES: [&str; 5] = ["cached", "re-run", "new", "blocked", "running"];

/// Where the page learns what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: it stays as it is.
    Nothing,
    /// Its file is written anew: it reads itself again every two seconds.
    File,
    /// The server that it came from, by server-sent events.
    Server,
}

/// The page that shows `scene`.
#[must_use]
pub fn page(scene: &Scene, source: Source) -> String {
    // Inside of a script only `<` could end it.
    let data = serde_json::to_string(scene).unwrap_or_default().replace('<', "\\u003c");
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; connect-src {}; base-uri 'none'; \
         form-action 'none'",
        if source == Source::Server { "'self'" } else { "'none'" }
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (html_head(&scene.title, &policy, STYLE))
                @if source == Source::File { meta http-equiv="refresh" content="2"; }
            }
            body data-live[source == Source::Server] {
                header {
                    h1 id="title" { (scene.title) }
                    span id="summary" role="status" {}
                    ul id="legend" {
                        @for state in STATES { li class=(state) { (state) } }
                    }
                }
                div id="problems" role="alert" {}
                main {
                    div id="drawing" tabindex="-1" {}
                    div id="text" tabindex="-1" {}
                }
                noscript { p { "The drawing needs JavaScript; " code { "llmp graph --format svg" } " makes one that does not." } }
                script type="application/json" id="scene" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_style_and_script() {
        for (text, known) in [(STYLE, STYLE_HASH), (SCRIPT, SCRIPT_HASH)] {
            let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
            assert_eq!(known, format!("sha256-{hash}"));
        }
    }

    #[test]
    fn data_cannot_act_on_the_page() {
        let bad = "</script><script>alert(1)</script><img src=x onerror=y>";
        let scene = Scene { title: bad.into(), problems: vec![bad.into()], ..Scene::default() };
        let page = page(&scene, Source::Nothing);
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
    }
}
