//! Why a request has no result.

use lsp_server::{ErrorCode, ResponseError};

/// An answer, or why there is none.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// Why a request has no result.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: ErrorCode,
    message: String,
}

impl Refusal {
    /// The params are not what the method takes.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidParams, message: message.into() }
    }

    /// It cannot be done, and the user should know why.
    pub(crate) fn cannot(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::RequestFailed, message: message.into() }
    }

    /// A bug of the server.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::InternalError, message: message.into() }
    }

    /// There is no such method.
    pub(crate) fn unknown(method: &str) -> Self {
        Self { code: ErrorCode::MethodNotFound, message: format!("there is no method `{method}`") }
    }

    /// The client does not want it any more.
    pub(crate) fn cancelled() -> Self {
        Self { code: ErrorCode::RequestCanceled, message: "cancelled by the client".into() }
    }

    /// The text has changed since.
    pub(crate) fn outdated() -> Self {
        Self { code: ErrorCode::ContentModified, message: "the text has changed since".into() }
    }

    /// It comes at the wrong time.
    pub(crate) fn order(message: &str) -> Self {
        Self { code: ErrorCode::InvalidRequest, message: message.into() }
    }
}

impl From<Refusal> for ResponseError {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code as i32, message: refusal.message, data: None }
    }
}
