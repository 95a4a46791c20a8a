//! What pages for browsers begin with.

use maud::{Markup, PreEscaped, html};

/// The head of a page that takes nothing from elsewhere: `policy` names what may act on it, `style` is its
/// own.
#[must_use]
pub fn html_head(title: &str, policy: &str, style: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content=(policy);
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="referrer" content="no-referrer";
        title { (title) " · llmp" }
        style { (PreEscaped(style)) }
    }
}
