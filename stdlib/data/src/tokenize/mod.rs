//! Text to tokens: tokenizers from elsewhere, their training, and encoding.

mod cl100k;
mod encode;
mod load;
mod merges;
mod o200k;
mod report;
mod train;

llmp_stage::stages! { "data/tokenize":
    "tokenize.cl100k" = cl100k { cost },
    "tokenize.encode" = encode { cost, pace },
    "tokenize.load" = load,
    "tokenize.o200k" = o200k { cost },
    "tokenize.report" = report,
    "tokenize.train" = train { cost, pace },
}
