//! The language model: architecture, training, sampling, Hugging Face folders. The only crate that names burn.
