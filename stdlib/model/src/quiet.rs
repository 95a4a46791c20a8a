//! What drivers print while a device is looked for stays off the screen.
//!
//! Libraries in C write to the process's standard output and error themselves, warnings of Mesa into the
//! middle of a progress bar for one. Both lead to a file meanwhile, and what came is handed back.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::sync::Mutex;

use rustix::io::{dup, dup2};

/// Bytes of what was printed that are handed back.
const MOST: u64 = 4_096;

/// Does `work`; gives what was printed meanwhile, by whomever: so it is for a time at which nobody else
/// prints.
///
/// Where the output cannot be led away it is done all the same.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> (T, String) {
    /// Two at once would lead back to each other's file.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let flush = || (io::stdout().flush(), io::stderr().flush());
    let _ = flush();
    let Ok(mut away) = Away::lead() else { return (work(), String::new()) };
    let done = work();
    let _ = flush();
    let said = away.back();
    (done, said)
}

/// Standard output and error, led to a file. They are led back when it is dropped.
struct Away {
    file: File,
    kept: [(i32, OwnedFd); 2],
}

impl Away {
    fn lead() -> io::Result<Self> {
        let file = nameless()?;
        let kept = [(1, dup(io::stdout().as_fd())?), (2, dup(io::stderr().as_fd())?)];
        let away = Self { file, kept };
        for (number, _) in &away.kept {
            point(*number, away.file.as_fd())?;
        }
        Ok(away)
    }

    fn back(&mut self) -> String {
        let mut said = Vec::new();
        let _ = self.file.rewind();
        let _ = (&self.file).take(MOST).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        for (number, fd) in &self.kept {
            let _ = point(*number, fd.as_fd());
        }
    }
}

/// Makes the descriptor `number` mean what `fd` means.
fn point(number: i32, fd: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: 1 and 2 are open as long as the process is, and it is not closed here.
    let mut target = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(dup2(fd, &mut target)?)
}

/// A file that no folder names.
fn nameless() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("llmp-said-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a library in C would, past Rust's own buffers. Tests of this crate print to no terminal, so nobody
    /// misses a line.
    #[test]
    fn what_is_printed_meanwhile_is_handed_back() {
        let print = |number: i32, text: &str| {
            // SAFETY: as above.
            let file = ManuallyDrop::new(unsafe { File::from_raw_fd(number) });
            (&*file).write_all(text.as_bytes()).unwrap();
        };
        let (done, said) = quietly(|| {
            print(1, "to the output; ");
            print(2, "to the error");
            7
        });
        assert_eq!(done, 7);
        // The harness may print a line of its own in between.
        assert!(said.contains("to the output; ") && said.contains("to the error"), "{said}");
        let (_, nothing) = quietly(|| ());
        assert!(!nothing.contains("to the"), "{nothing}");
    }

    #[test]
    fn a_panic_leads_the_output_back() {
        let before = dup(io::stderr().as_fd()).unwrap();
        let same = || {
            let stat = |fd: &OwnedFd| File::from(fd.try_clone().unwrap()).metadata().unwrap();
            use std::os::unix::fs::MetadataExt;
            stat(&dup(io::stderr().as_fd()).unwrap()).ino() == stat(&before).ino()
        };
        let caught = std::panic::catch_unwind(|| quietly(|| std::panic::resume_unwind(Box::new(1))).0);
        assert!(caught.is_err() && same());
    }
}
