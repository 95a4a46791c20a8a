//! Packs one of OpenAI's rank files for `src/tokenizer/vocabularies/`, whose digests a test of `packed.rs`
//! checks.
//!
//!     cargo run --release -p llmp-artifacts --example pack_vocabulary -- cl100k_base.tiktoken cl100k.zst

use llmp_artifacts::tokenizer::pack;
use llmp_stage::{Error, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(ranks), Some(packed)) = (arguments.next(), arguments.next()) else {
        return Err(Error::new("two files are expected").help("pack_vocabulary NAME.tiktoken NAME.zst"));
    };
    let text =
        std::fs::read_to_string(&ranks).map_err(Error::io("cannot read", std::path::Path::new(&ranks)))?;
    std::fs::write(&packed, pack(&text)?).map_err(Error::io("cannot write", std::path::Path::new(&packed)))
}
