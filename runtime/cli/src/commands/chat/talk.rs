//! A conversation in the making, and the commands that change it.

use std::io::Write;
use std::path::Path;

use llmp_artifacts::conversations::{Message, Role, from_row, to_row};
use llmp_records::text::plural;

/// Largest file that `/load` reads, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Nothing,
    Help,
    Exit,
    Clear,
    Retry,
    Edit(&'a str),
    Model(&'a str),
    System(&'a str),
    Save(&'a str),
    Load(&'a str),
    /// A command without what it needs.
    Missing(&'static str),
    Unknown(&'a str),
    Say(&'a str),
}

/// Reads a line: a command begins with `/`; a blank before it makes it something to say.
pub(super) fn command(line: &str) -> Command<'_> {
    let said = line.trim();
    if said.is_empty() {
        return Command::Nothing;
    }
    if !line.starts_with('/') {
        return Command::Say(said);
    }
    let (name, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
    let rest = rest.trim();
    match (name, rest) {
        ("/help" | "/?", _) => Command::Help,
        ("/exit" | "/quit", _) => Command::Exit,
        ("/clear", _) => Command::Clear,
        ("/retry", _) => Command::Retry,
        ("/edit", "") => Command::Missing("say what to ask instead: /edit QUESTION"),
        ("/edit", question) => Command::Edit(question),
        ("/model", "") => Command::Missing("name a stage: /model STAGE"),
        ("/model", name) => Command::Model(name),
        ("/system", text) => Command::System(text),
        ("/save", "") => Command::Missing("name a file: /save FILE"),
        ("/save", file) => Command::Save(file),
        ("/load", "") => Command::Missing("name a file: /load FILE"),
        ("/load", file) => Command::Load(file),
        _ => Command::Unknown(name),
    }
}

/// The messages, a system's first where there is one.
#[derive(Debug, Default)]
pub(super) struct Talk(Vec<Message>);

impl Talk {
    pub(super) fn new(system: Option<&str>) -> Self {
        let mut talk = Self::default();
        talk.set_system(system.unwrap_or_default());
        talk
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.0
    }

    pub(super) fn ask(&mut self, question: &str) {
        self.0.push(Message::new(Role::User, question));
    }

    pub(super) fn answered(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.0.extend(messages);
    }

    fn system(&self) -> usize {
        usize::from(self.0.first().is_some_and(|message| message.role == Role::System))
    }

    /// Puts a text above the conversation in place of the one before; an empty one takes that away.
    pub(super) fn set_system(&mut self, text: &str) {
        self.0.drain(..self.system());
        if !text.trim().is_empty() {
            self.0.insert(0, Message::new(Role::System, text.trim()));
        }
    }

    /// Forgets what was said; the system's text stays.
    pub(super) fn clear(&mut self) {
        self.0.truncate(self.system());
    }

    /// Takes back the answer to the last question; whether there is one to answer again.
    pub(super) fn unanswer(&mut self) -> bool {
        let asked = self.0.iter().rposition(|message| message.role == Role::User);
        self.0.truncate(asked.map_or(self.0.len(), |at| at + 1));
        asked.is_some()
    }

    /// Takes back the last question with all behind it.
    pub(super) fn take_back(&mut self) {
        if let Some(at) = self.0.iter().rposition(|message| message.role == Role::User) {
            self.0.truncate(at);
        }
    }

    /// Writes the conversation as a line of JSON; a file that is there is never written over.
    pub(super) fn save(&self, path: &Path) -> Result<String, String> {
        let cannot = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!("`{}` exists already", path.display()),
            _ => format!("cannot write `{}`: {error}", path.display()),
        };
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
        writeln!(file, "{}", to_row(&self.0)).map_err(cannot)?;
        Ok(format!("{} in `{}`", plural(self.0.len() as u64, "message"), path.display()))
    }

    /// Reads the first conversation of a file in place of this one.
    pub(super) fn load(&mut self, path: &Path) -> Result<String, String> {
        let cannot = |why: String| format!("cannot read `{}`: {why}", path.display());
        let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
        if size > MAX_FILE {
            return Err(cannot("it is larger than 16 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let row = serde_json::from_str(line).map_err(|_| cannot("its first line is no JSON".to_owned()))?;
        self.0 = from_row(&row).map_err(cannot)?;
        Ok(format!("{} of `{}`", plural(self.0.len() as u64, "message"), path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_said() {
        for (line, meant) in [
            ("  ", Command::Nothing),
            ("/help", Command::Help),
            ("/exit", Command::Exit),
            ("/quit ", Command::Exit),
            ("/system You are a pirate. ", Command::System("You are a pirate.")),
            ("/system", Command::System("")),
            ("/save a b.jsonl", Command::Save("a b.jsonl")),
            ("/edit Who else?", Command::Edit("Who else?")),
            ("/model honest", Command::Model("honest")),
            ("/save", Command::Missing("name a file: /save FILE")),
            ("/retyr", Command::Unknown("/retyr")),
            (" /retyr", Command::Say("/retyr")),
            ("Hello", Command::Say("Hello")),
        ] {
            assert_eq!(command(line), meant, "{line:?}");
        }
    }

    #[test]
    fn a_talk_is_saved_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("talk.jsonl");
        let mut talk = Talk::new(Some("Be brief."));
        talk.ask("Where is Lae?");
        talk.answered([
            Message::search("Lae"),
            Message::new(Role::Tool, "Lae lies in Papua."),
            Message::new(Role::Assistant, "Papua."),
        ]);
        let before = talk.messages().to_vec();
        talk.save(&file).unwrap();
        assert!(talk.save(&file).unwrap_err().contains("exists already"));
        let mut again = Talk::new(None);
        again.load(&file).unwrap();
        assert_eq!(again.messages(), before);
        assert!(again.unanswer(), "the searches go with the answer");
        assert_eq!(again.messages().len(), 2);
        again.set_system("");
        again.take_back();
        assert!(again.messages().is_empty() && !again.unanswer());
        talk.clear();
        assert_eq!(talk.messages(), [Message::new(Role::System, "Be brief.")]);
        assert!(talk.load(&folder.path().join("none")).is_err());
        assert_eq!(talk.messages().len(), 1, "what cannot be read changes nothing");
    }
}
