//! What a rule of a filter compares, for people who look at where a threshold lies.

/// A value that a rule saw in a document, and its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// What the rule saw.
    pub value: f64,
    /// What it is compared with.
    pub limit: f64,
    /// Whether values below the limit are dropped, and not those above it.
    pub least: bool,
}

impl Asked {
    /// A value that must not be below `limit`.
    #[must_use]
    pub fn least(value: f64, limit: f64) -> Self {
        Self { value, limit, least: true }
    }

    /// A value that must not be above `limit`.
    #[must_use]
    pub fn most(value: f64, limit: f64) -> Self {
        Self { value, limit, least: false }
    }

    /// Whether the rule drops the document.
    #[must_use]
    pub fn broken(self) -> bool {
        if self.least { self.value < self.limit } else { self.value > self.limit }
    }
}
