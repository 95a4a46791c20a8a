//! What went wrong, in OpenAI's shape.

use serde_json::{Value, json};

/// A request that is not answered as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
}

impl Fault {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A parameter that cannot be what it is.
    pub(crate) fn bad(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), code: Some("invalid_value"), ..Self::new(400, message) }
    }

    /// A parameter that this server does not know, or not so.
    pub(crate) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self { code: Some("unsupported_parameter"), ..Self::bad(param, message) }
    }

    /// A body that is no JSON object.
    pub(crate) fn body(message: impl Into<String>) -> Self {
        Self { code: Some("invalid_json"), ..Self::new(400, message) }
    }

    /// More tokens than the model reads.
    pub(crate) fn too_long(param: &str, tokens: usize, context: usize) -> Self {
        let message = format!("this needs {tokens} tokens, and the model reads and writes {context} in all");
        Self { code: Some("context_length_exceeded"), ..Self::bad(param, message) }
    }

    /// A model that is not served.
    pub(crate) fn no_model(name: &str, names: &[String]) -> Self {
        let message = format!("there is no model `{name}`; there are: {}", names.join(", "));
        Self { param: Some("model".to_owned()), code: Some("model_not_found"), ..Self::new(404, message) }
    }

    /// A path that leads nowhere.
    pub(crate) fn no_path(method: &str, path: &str) -> Self {
        Self { code: Some("unknown_url"), ..Self::new(404, format!("there is no `{method} {path}`")) }
    }

    /// A path that takes other methods.
    pub(crate) fn method(method: &str, path: &str) -> Self {
        Self {
            code: Some("method_not_allowed"),
            ..Self::new(405, format!("`{path}` does not take {method}"))
        }
    }

    /// Too much is asked at once.
    pub(crate) fn busy() -> Self {
        let message = "too many requests wait already; try again in a moment";
        Self { code: Some("rate_limit_exceeded"), ..Self::new(429, message) }
    }

    /// There is no model to answer.
    pub(crate) fn empty() -> Self {
        Self { code: Some("no_model"), ..Self::new(503, "no model is served yet") }
    }

    /// The model could not write.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: Some("internal_error"), ..Self::new(500, message) }
    }

    /// What was refused before anybody read the body.
    pub(crate) fn refused(status: u16, message: &str) -> Self {
        let code = match status {
            401 => Some("invalid_api_key"),
            413 => Some("request_too_large"),
            _ => None,
        };
        Self { code, ..Self::new(status, message) }
    }

    pub(crate) fn to_json(&self) -> Value {
        let kind = match self.status {
            401 => "authentication_error",
            403 | 421 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}
