//! The process that a client names in `initialize`: when it ends, nobody is left to serve, though a pipe may
//! stay open that it shared with others.

use std::path::PathBuf;
use std::time::Duration;

use super::server::Poster;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Ends the server once the process has ended. One that is not there to begin with lives elsewhere, such as
/// outside of the server's container, and is not waited for.
pub(super) fn watch(process: u64, poster: Poster) {
    let stat = PathBuf::from(format!("/proc/{process}/stat"));
    let Some(started) = started(&stat) else { return };
    let look = move || {
        while self::started(&stat).is_some_and(|now| now == started) {
            std::thread::sleep(EVERY);
        }
        poster.post(|server| server.orphaned = true);
    };
    // Without the thread the server ends with its input, as it does without `processId`.
    let _ = std::thread::Builder::new().name("parent".to_owned()).spawn(look);
}

/// When a process started, which tells it from a later one of the same number; `None` where it has ended.
fn started(stat: &std::path::Path) -> Option<String> {
    let text = std::fs::read(stat).ok()?;
    // Its name stands in brackets and may hold anything; its state and, 19 fields on, its start come after
    // it.
    let text = String::from_utf8_lossy(&text);
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_has_ended_is_told_from_one_that_lives() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("start a process");
        let stat = PathBuf::from(format!("/proc/{}/stat", child.id()));
        let first = started(&stat);
        assert!(first.is_some() && first == started(&stat));
        child.kill().expect("kill it");
        // Nobody has waited for it yet.
        while started(&stat).is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait().expect("wait for it");
        assert_eq!(started(&stat), None);
        assert!(started(Path::new("/proc/self/stat")).is_some());
    }
}
