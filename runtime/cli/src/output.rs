//! Standard output and standard error, as commands write to them.
//!
//! A reader that has seen enough (`llmp log | head`) ends no command: what it would have said is dropped, and
//! the exit code is the one that the work has earned.

use std::io::{self, ErrorKind, StdoutLock, Write};

/// Standard output. Only a reader that has gone is no error: what a full disk keeps from being written is
/// one.
#[must_use]
pub(crate) fn stdout() -> Out {
    Out(io::stdout().lock())
}

/// Standard error. Nothing that happens to it is an error: there is nowhere to tell it.
#[must_use]
pub(crate) fn stderr() -> Remarks {
    Remarks
}

/// See [`stdout`].
pub(crate) struct Out(StdoutLock<'static>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_gone(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_gone(self.0.flush(), ())
    }
}

/// See [`stderr`].
pub(crate) struct Remarks;

impl Write for Remarks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _ = io::stderr().lock().write_all(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unless_gone<T>(result: io::Result<T>, done: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(done),
        other => other,
    }
}
