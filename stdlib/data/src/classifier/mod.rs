//! Classifiers of documents by their words: fastText's supervised model (Joulin et al. 2016, arXiv
//! 1607.01759).

mod dictionary;
mod model;
pub mod train;
pub(crate) mod words;

llmp_stage::stages! { "data/classifier":
    "quality.train" = train,
}
