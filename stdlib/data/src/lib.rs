//! Stages from crawled pages to tokens: crawl, filter, extract, dedup, tokenize.
