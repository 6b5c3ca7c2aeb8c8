//! What a text shows without a model.
pub mod embed;
