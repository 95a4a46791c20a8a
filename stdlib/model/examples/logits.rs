//! Prints the logits of a model folder as JSON, for `bench/check_logits.py`.
//!
//!     cargo run --release -p llmp-model --example logits FOLDER [IDS...] > logits.json
//!
//! Without a folder's ids, every vocabulary's first few are taken.

use llmp_model::Sampler;
use llmp_stage::{Error, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::new("give a model folder"))?;
    let sampler = Sampler::load(folder.as_ref(), "cpu")?;
    let parse = |id: String| id.parse().map_err(|_| Error::new(format!("`{id}` is no token id")));
    let mut tokens: Vec<u32> = arguments.map(parse).collect::<Result<_>>()?;
    if tokens.is_empty() {
        let (context, vocabulary) = (sampler.config().context as u32, sampler.config().vocabulary as u32);
        tokens = (0..context.min(64)).map(|i| (i * i * 31 + i * 7 + 1) % vocabulary).collect();
    }
    let logits = sampler.logits(&tokens)?;
    println!("{}", serde_json::json!({ "tokens": tokens, "logits": logits }));
    Ok(())
}
