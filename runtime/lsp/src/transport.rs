//! Messages over standard input and output.
//!
//! One thread reads, one writes. The server never waits for a client that does not listen, and reads ahead,
//! so that it knows what is taken back while it works on what came before; a client that talks faster than
//! the server thinks has to wait at some point. What cannot be read is answered with an error, as the
//! protocol says, and does not end the server.

use std::io::{self, BufRead, ErrorKind, Write};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use lsp_server::{Connection, ErrorCode, Message};
use serde_json::json;

use super::frames::Frames;

/// Messages that are read ahead.
const AHEAD: usize = 256;

/// Letters of an error about a message that is shown.
const SHOWN: usize = 200;

/// The threads that read and write.
pub(super) struct Threads {
    reader: JoinHandle<io::Result<()>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Waits until all is read and written; nobody may hold the connection any more.
    pub(super) fn join(self) -> io::Result<()> {
        let broken = |_| Err(io::Error::other("a bug in llmp: a thread ended"));
        let read = self.reader.join().unwrap_or_else(broken);
        let written = self.writer.join().unwrap_or_else(broken);
        read.and(written)
    }
}

/// A client at standard input and output.
pub(super) fn stdio() -> io::Result<(Connection, Threads)> {
    let (sender, outgoing) = unbounded();
    let (incoming, receiver) = bounded(AHEAD);
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let writer = named("writer").spawn(move || write(&outgoing))?;
    let reader = named("reader").spawn(move || read(&mut io::stdin().lock(), &incoming, io::stdout()))?;
    Ok((Connection { sender, receiver }, Threads { reader, writer }))
}

fn write(outgoing: &Receiver<Message>) -> io::Result<()> {
    outgoing.iter().try_for_each(|message| message.write(&mut io::stdout().lock()))
}

/// Reads messages until `exit` or the end; what is none is answered on `errors`.
fn read(input: &mut impl BufRead, incoming: &Sender<Message>, mut errors: impl Write) -> io::Result<()> {
    let mut frames = Frames::new(input);
    loop {
        match frames.next() {
            Ok(Some(message)) => {
                let is_last = matches!(&message, Message::Notification(one) if one.method == "exit");
                // Nobody listens any more where it cannot be sent.
                if incoming.send(message).is_err() || is_last {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidData => refuse(&error, &mut errors)?,
            Err(error) => return Err(error),
        }
    }
}

/// Says that something was no message.
fn refuse(error: &io::Error, output: &mut impl Write) -> io::Result<()> {
    let message: String = error.to_string().chars().take(SHOWN).collect();
    let error = json!({"code": ErrorCode::ParseError as i32, "message": message});
    let text = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
    // In one piece: the other thread writes to the same output.
    output.write_all(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_is_answered_and_skipped() {
        let call = |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"a\"}}");
        let input = [
            frame(&call(1)),
            frame("{\"jsonrpc\":\"2.0\",\"id\":"),
            frame("[]"),
            "no head\r\n".to_owned(),
            format!("content-length: {}\r\nContent-Type: utf-8\r\n\r\n{}", call(2).len(), call(2)),
            frame("{\"method\":\"exit\"}"),
            frame(&call(3)),
        ];
        let (sender, receiver) = unbounded();
        let mut errors = Vec::new();
        read(&mut input.concat().as_bytes(), &sender, &mut errors).expect("read to the end");
        drop(sender);
        let read: Vec<Message> = receiver.iter().collect();
        assert!(
            matches!(read.as_slice(), [Message::Request(_), Message::Request(two), Message::Notification(_)] if two.id == 2.into()),
            "{read:?}"
        );
        let errors = String::from_utf8(errors).expect("text");
        assert_eq!(errors.matches("\"code\":-32700").count(), 3, "{errors}");
    }

    #[test]
    fn an_input_that_ends_in_a_message_is_an_error() {
        let (sender, _receiver) = unbounded();
        let cut = frame("{}").replace('2', "9");
        assert!(read(&mut cut.as_bytes(), &sender, Vec::new()).is_err());
        assert!(read(&mut "".as_bytes(), &sender, Vec::new()).is_ok());
    }
}
