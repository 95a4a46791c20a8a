//! Why a stage stopped.

use std::fmt;

/// The result of a stage.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a stage: what went wrong, where, and what to do about it.
#[derive(Debug)]
pub struct Error {
    message: String,
    help: Option<String>,
    cancelled: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a message in llmp's voice: lower case, no full stop, names in backquotes.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, cancelled: false, source: None }
    }

    /// The run was asked to stop.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { message: "stopped".into(), help: None, cancelled: true, source: None }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what the user can do, where that is known.
    #[must_use]
    pub fn help_if(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// For `map_err`: `fs::read(path).map_err(Error::io("cannot read", path))`.
    pub fn io(what: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let message = format!("{what} `{}`", path.display());
        move |source| Self::new(message).because(source)
    }

    /// Whether the stage stopped because it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// What kind of error of the system stands behind it, where one does.
    #[must_use]
    pub fn io_kind(&self) -> Option<std::io::ErrorKind> {
        let mut source = self.source.as_deref().map(|error| error as &dyn std::error::Error);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return Some(error.kind());
            }
            source = match error.downcast_ref::<Self>() {
                // Its own source is not given away by the trait, since its text tells of it already.
                Some(own) => return own.io_kind(),
                None => error.source(),
            };
        }
        None
    }

    /// What the user can do, where that is known.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut source = self.source.as_deref().map(|error| error as &dyn std::error::Error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_systems_reason_is_found_below_others() {
        let full = || Error::io("cannot write", std::path::Path::new("f"))(io::ErrorKind::StorageFull.into());
        assert_eq!(full().io_kind(), Some(io::ErrorKind::StorageFull));
        assert_eq!(Error::new("outer").because(full()).io_kind(), Some(io::ErrorKind::StorageFull));
        assert_eq!(Error::new("none").because("text").io_kind(), None);
    }
}
