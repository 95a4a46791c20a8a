//! The page of `llmp serve`.

/// A page, and what it may do.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page.
    pub text: String,
    /// Its content security policy.
    pub policy: String,
}
