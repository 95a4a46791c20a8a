//! Formulas as their authors wrote them: the TeX that KaTeX, MathJax, LaTeXML and MediaWiki leave in the
//! page, or MathML in a line.

use super::tag::Tag;
use super::tree::{Attribute, NONE, Tree};

/// The deepest MathML that is read.
const DEEPEST: usize = 64;

/// Whether a script holds a formula, as MathJax 2 leaves them.
pub(super) fn is_source(tree: &Tree<'_>, script: u32) -> bool {
    tree.attribute(script, Attribute::Type)
        .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("math/tex"))
}

/// Whether these names are those of a formula's picture, whose source stands beside it.
pub(super) fn is_rendered(names: &str) -> bool {
    const PICTURES: [&str; 6] =
        ["katex-html", "MathJax", "MathJax_Display", "MathJax_Preview", "MathJax_SVG", "MathJax_CHTML"];
    names.split_ascii_whitespace().any(|name| PICTURES.contains(&name))
}

/// The source of a `math` element or of a script that holds a formula, in dollars where it is TeX.
pub(super) fn source(tree: &Tree<'_>, math: u32) -> String {
    if tree.node(math).tag == Tag::Script {
        return dollars(&content(tree, math));
    }
    let tex = tree.descendants(math).find(|at| {
        tree.node(*at).tag == Tag::Annotation
            && tree.attribute(*at, Attribute::Encoding).is_some_and(|encoding| {
                let encoding = encoding.to_ascii_lowercase();
                encoding.contains("tex") && !encoding.contains("text/html")
            })
    });
    let tex = tex.map(|at| content(tree, at)).filter(|tex| !tex.trim().is_empty());
    if let Some(tex) = tex.or_else(|| tree.attribute(math, Attribute::Alttext).map(String::from)) {
        return dollars(&tex);
    }
    let mut line = String::new();
    written(tree, math, 0, &mut line);
    line
}

/// TeX between dollars, without the wrapping that MediaWiki puts around it.
fn dollars(tex: &str) -> String {
    let tex = tex.trim();
    let inner =
        ["{\\displaystyle", "{\\textstyle"].iter().find_map(|open| tex.strip_prefix(open)?.strip_suffix('}'));
    let tex = inner.unwrap_or(tex).split_whitespace().collect::<Vec<_>>().join(" ");
    if tex.is_empty() { tex } else { format!("${tex}$") }
}

fn content(tree: &Tree<'_>, at: u32) -> String {
    tree.descendants(at).map(|below| tree.text(below)).collect()
}

fn written(tree: &Tree<'_>, at: u32, depth: usize, line: &mut String) {
    if depth > DEEPEST {
        return;
    }
    let node = tree.node(at);
    let elements: Vec<u32> = tree.children(at).filter(|child| tree.node(*child).tag != Tag::Text).collect();
    let part = |which: usize, line: &mut String| {
        let Some(child) = elements.get(which) else { return };
        let mut text = String::new();
        written(tree, *child, depth + 1, &mut text);
        let text = text.trim();
        match text.chars().nth(1) {
            None => line.push_str(text),
            Some(_) => line.extend(["(", text, ")"]),
        }
    };
    let joined = |signs: &[&str], line: &mut String| {
        for (which, sign) in signs.iter().enumerate() {
            line.push_str(sign);
            part(which, line);
        }
    };
    match node.tag {
        Tag::Annotation | Tag::AnnotationXml => {}
        Tag::Mfrac => joined(&["", "/"], line),
        Tag::Msup | Tag::Mover => joined(&["", "^"], line),
        Tag::Msub | Tag::Munder => joined(&["", "_"], line),
        Tag::Msubsup | Tag::Munderover => joined(&["", "_", "^"], line),
        Tag::Mroot => {
            line.push('√');
            part(0, line);
        }
        Tag::Msqrt => {
            line.push_str("√(");
            elements.iter().for_each(|child| written(tree, *child, depth + 1, line));
            line.push(')');
        }
        Tag::Mo | Tag::Mi | Tag::Mn | Tag::Mtext | Tag::Ms => {
            let text = content(tree, at);
            let text = text.trim();
            let spaced = node.tag == Tag::Mo
                && matches!(text, "=" | "+" | "−" | "-" | "<" | ">" | "≤" | "≥" | "≈" | "→" | "∈");
            let spaced = spaced && !line.is_empty();
            if spaced {
                line.push(' ');
            }
            line.extend(text.chars().filter(|letter| !matches!(letter, '\u{2061}'..='\u{2064}')));
            if spaced {
                line.push(' ');
            }
        }
        Tag::Mtr if node.next != NONE => {
            elements.iter().for_each(|child| written(tree, *child, depth + 1, line));
            line.push_str("; ");
        }
        Tag::Mtd if node.next != NONE => {
            elements.iter().for_each(|child| written(tree, *child, depth + 1, line));
            line.push_str(", ");
        }
        _ if elements.is_empty() => line.push_str(content(tree, at).trim()),
        _ => elements.iter().for_each(|child| written(tree, *child, depth + 1, line)),
    }
}
