//! Text to tokens: tokenizers from elsewhere, their training, and encoding.

mod cl100k;
mod encode;
mod load;
mod merges;
mod train;

llmp_stage::stages! { "data/tokenize":
    "tokenize.cl100k" = cl100k { cost },
    "tokenize.encode" = encode { cost, pace },
    "tokenize.load" = load,
    "tokenize.train" = train { cost, pace },
}
