//! The special tokens that every llmp tokenizer holds, and the chat format made of them.
//!
//! A message is `<|im_start|>role<|im_sep|>text<|im_end|>`. An assistant that searches writes, in one turn,
//! `<SEARCH_START>query<SEARCH_END>`, is given `<RESULT_START>result<RESULT_END>`, and answers. Only code
//! that renders a conversation writes these ids; text never encodes to them.

/// Ends a document.
pub const END_OF_TEXT: &str = "<|endoftext|>";
/// Begins a message; its role follows.
pub const IM_START: &str = "<|im_start|>";
/// Ends a message.
pub const IM_END: &str = "<|im_end|>";
/// Stands between a message's role and its text.
pub const IM_SEP: &str = "<|im_sep|>";
/// Begins a search query that the assistant writes.
pub const SEARCH_START: &str = "<SEARCH_START>";
/// Ends a search query.
pub const SEARCH_END: &str = "<SEARCH_END>";
/// Begins what the search found.
pub const RESULT_START: &str = "<RESULT_START>";
/// Ends what the search found.
pub const RESULT_END: &str = "<RESULT_END>";

/// All of them, in the order of their ids in a trained vocabulary.
pub const ALL: [&str; 8] =
    [END_OF_TEXT, IM_START, IM_END, IM_SEP, SEARCH_START, SEARCH_END, RESULT_START, RESULT_END];

/// The chat format as a Jinja template, for `tokenizer_config.json`.
pub const CHAT_TEMPLATE: &str = include_str!("chat_template.jinja");
