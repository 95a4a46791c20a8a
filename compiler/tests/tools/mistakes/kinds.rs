//! The kinds of mistakes, and where a text has room for each.

use llmp_compiler::syntax::{NodeId, NodeKind, Tree, tree};

/// A change of text: what is replaced, and by what.
pub(super) type Edit = (std::ops::Range<usize>, String);

/// A mistake: its kind, and the edits that make it.
pub(super) struct Mistake {
    pub(super) kind: &'static str,
    pub(super) edits: Vec<Edit>,
}

/// Everywhere that each kind of mistake can be made.
pub(super) fn mistakes(text: &str) -> Vec<Mistake> {
    let Some(tree) = tree(text) else { return Vec::new() };
    let mut places = Places { text, tree: &tree, mistakes: Vec::new() };
    for id in tree.ids() {
        places.of(id);
    }
    places.mistakes
}

struct Places<'t> {
    text: &'t str,
    tree: &'t Tree,
    mistakes: Vec<Mistake>,
}

impl Places<'_> {
    fn str(&self, id: NodeId) -> &str {
        &self.text[self.tree.range(id)]
    }

    fn parent(&self, id: NodeId) -> NodeKind {
        self.tree.parent(id).map_or(NodeKind::File, |parent| self.tree.kind(parent))
    }

    fn make(&mut self, kind: &'static str, edits: Vec<Edit>) {
        self.mistakes.push(Mistake { kind, edits });
    }

    fn replace(&mut self, kind: &'static str, id: NodeId, new: impl Into<String>) {
        self.make(kind, vec![(self.tree.range(id), new.into())]);
    }

    fn of(&mut self, id: NodeId) {
        let kind = self.tree.kind(id);
        let text = self.str(id).to_owned();
        if kind.is_token() && !kind.is_trivia() {
            self.replace("a token deleted", id, "");
        }
        match kind {
            NodeKind::Name => self.name(id, &text),
            NodeKind::Keyword if text.len() > 2 => {
                self.replace("a keyword misspelt", id, misspelt(&text));
            }
            NodeKind::Text => {
                self.replace("an open quote", id, &text[..text.len() - 1]);
                self.replace("an open quote", id, &text[1..]);
                self.replace("another sign", id, format!("'{}'", text.trim_matches('"')));
            }
            NodeKind::Sign if "()[]{}<>".contains(text.as_str()) => self.replace("a bracket missing", id, ""),
            NodeKind::Sign if text == "," => {
                self.replace("a comma missing", id, "");
                self.replace("another sign", id, ";");
            }
            NodeKind::Assign => {
                self.replace("another sign", id, ":");
                self.replace("another sign", id, ":=");
                self.replace("another sign", id, "==");
            }
            NodeKind::Pipe => {
                self.replace("another sign", id, "|");
                self.replace("another sign", id, "->");
                self.swapped(id);
            }
            NodeKind::Comment => self.replace("another sign", id, text.replacen("//", "#", 1)),
            NodeKind::Number => self.number(id, &text),
            NodeKind::List if self.parent(id) == NodeKind::Expr => {
                self.replace("another type", id, "3");
                self.replace("another type", id, text.trim_matches(['[', ']']));
            }
            NodeKind::Arg => self.forgotten(id),
            NodeKind::Field => {
                let end = self.tree.range(id).end;
                self.make("a setting twice", vec![(end..end, format!(", {text}"))]);
                self.removed("a setting forgotten", id);
            }
            NodeKind::Expr
                if matches!(self.parent(id), NodeKind::Field | NodeKind::Arg | NodeKind::Param) =>
            {
                if text.starts_with(|sign: char| sign.is_ascii_lowercase()) {
                    self.replace("another type", id, "3");
                    self.replace("another type", id, "\"three\"");
                }
                if text.starts_with('"') {
                    self.replace("another type", id, "3");
                }
                if text.starts_with('{') {
                    self.replace("another type", id, "[1, 2]");
                }
            }
            NodeKind::Call => self.callee(id),
            NodeKind::Binding if self.parent(id) == NodeKind::File => {
                let range = self.tree.range(id);
                self.make("a binding lost", vec![(range.clone(), String::new())]);
                let first = text.lines().next().map_or(range.end, |line| range.start + line.len());
                self.make("another sign", vec![(first..first, ";".to_owned())]);
            }
            _ => {}
        }
    }

    fn name(&mut self, id: NodeId, text: &str) {
        if text.len() > 3 {
            self.replace("a name misspelt", id, misspelt(text));
            self.replace("a name misspelt", id, format!("{text}s"));
            let mut other = text.to_owned();
            other.remove(text.len() / 2);
            self.replace("a name misspelt", id, other);
        }
        let upper = text[..1].to_uppercase() + &text[1..];
        if upper != text {
            self.replace("a name misspelt", id, upper);
        }
        self.replace("another name", id, "something");
    }

    fn number(&mut self, id: NodeId, text: &str) {
        self.replace("a text for a number", id, format!("\"{text}\""));
        let digits: String =
            text.chars().take_while(|sign| sign.is_ascii_digit() || "._-".contains(*sign)).collect();
        for unit in ["", "%", " tokens", " GiB", " words", "min", "kb"] {
            if digits.clone() + unit != text {
                self.replace("another unit", id, digits.clone() + unit);
            }
        }
    }

    /// The callee is another stage, or none.
    fn callee(&mut self, id: NodeId) {
        let Some(path) = self.tree.children(id).find(|&part| self.tree.kind(part) == NodeKind::Path) else {
            return;
        };
        let is_called = self.tree.children(id).count() > 1
            || self.tree.parent(id).is_some_and(|parent| {
                self.tree.children(parent).any(|other| self.tree.kind(other) == NodeKind::Pipe && other < id)
            });
        if is_called {
            let text = self.str(path).to_owned();
            let family = text.split('.').next().unwrap_or("");
            self.replace("an unknown stage", path, format!("{family}.everything"));
            self.replace("an unknown stage", path, "prepare");
            self.replace("an unknown stage", path, text.rsplit('.').next().unwrap_or("").to_owned() + "_v2");
        }
    }

    /// Two steps of a pipe in the other order.
    fn swapped(&mut self, id: NodeId) {
        let Some(parent) = self.tree.parent(id) else { return };
        let calls: Vec<NodeId> = (self.tree.children(parent))
            .filter(|&part| self.tree.kind(part) == NodeKind::Call && part > id)
            .take(2)
            .collect();
        if let [first, second] = calls[..] {
            let edits = vec![
                (self.tree.range(first), self.str(second).to_owned()),
                (self.tree.range(second), self.str(first).to_owned()),
            ];
            self.make("steps in another order", edits);
        }
    }

    fn forgotten(&mut self, id: NodeId) {
        self.removed("an argument forgotten", id);
    }

    /// An entry without it and the comma behind or before it.
    fn removed(&mut self, kind: &'static str, id: NodeId) {
        let range = self.tree.range(id);
        let rest = &self.text[range.end..];
        let before = self.text[..range.start].trim_end();
        let range = match (rest.strip_prefix(','), before.strip_suffix(',')) {
            (Some(rest), _) => range.start..self.text.len() - rest.trim_start_matches(' ').len(),
            (None, Some(before)) => before.len()..range.end,
            (None, None) => range,
        };
        self.make(kind, vec![(range, String::new())]);
    }
}

/// Two letters in the other order.
fn misspelt(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = (0..letters.len() - 1).rev().find(|&at| letters[at] != letters[at + 1]);
    if let Some(at) = at {
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}
