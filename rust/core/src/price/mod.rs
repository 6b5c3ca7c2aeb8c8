//! What a call costs: integer prices per token, and the usage that they multiply.
//!
//! A [`PriceBook`] finds a [`ModelPrice`] by name; its [`PriceRow`]s say which [`Rates`] hold for which processing, context
//! length and time. A price that is not in the book is an error, never a guess and never zero.

mod book;
mod model;
mod names;
mod rates;
mod row;
mod usage;

pub use book::PriceBook;
pub use model::{ModelPrice, Terms, billed_processing};
pub use names::nearest;
pub use rates::Rates;
pub use row::PriceRow;
pub use usage::{MAX_TOKENS, Usage};
