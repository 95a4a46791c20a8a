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
        // Libraries that keep an error's text only leave the system's number in it.
        let text = self.to_string();
        let (_, number) = text.rsplit_once("(os error ")?;
        let number = number.split_once(')')?.0.parse().ok()?;
        Some(std::io::Error::from_raw_os_error(number).kind())
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
        let mut before = String::new();
        while let Some(error) = source {
            let text = error.to_string();
            // Some libraries tell in their own words what stands behind them, and give it away as well.
            if !before.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            before = text;
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

    /// An error whose text repeats its source's.
    #[derive(Debug)]
    struct External(io::Error);

    impl fmt::Display for External {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "External: {}", self.0)
        }
    }

    impl std::error::Error for External {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn nothing_is_told_twice() {
        let error = Error::new("cannot write").because(External(io::Error::from_raw_os_error(28)));
        assert_eq!(error.to_string(), "cannot write: External: No space left on device (os error 28)");
    }

    #[test]
    fn the_systems_reason_is_found_below_others() {
        let full = || Error::io("cannot write", std::path::Path::new("f"))(io::ErrorKind::StorageFull.into());
        assert_eq!(full().io_kind(), Some(io::ErrorKind::StorageFull));
        assert_eq!(Error::new("outer").because(full()).io_kind(), Some(io::ErrorKind::StorageFull));
        assert_eq!(Error::new("none").because("text").io_kind(), None);
        let told = Error::new("outer").because("External: No space left on device (os error 28)");
        assert_eq!(told.io_kind(), Some(io::ErrorKind::StorageFull), "the number in the text tells");
    }
}
