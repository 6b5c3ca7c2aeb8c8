//! Answers kept for later: an exact map and, beside it, nearest vectors, never across a partition.
//!
//! | file | decides |
//! |---|---|
//! | [`form`] | the canonical bytes of values and texts |
//! | [`key`] | which bytes make the partition and which the exact key |
//! | [`rotation`] | the fixed turn that makes quantising fair |
//! | [`unit`] | a vector of length one in integers, checked |
//! | [`kernels`] | sums over quantised rows, for each width of register |
//! | [`bits`] | the rows whose signs are closest |
//! | [`row`] | a quantised vector as bytes of a file |
//! | [`index`] | the nearest rows of one partition |
//! | [`guards`] | which near-duplicates must not share an answer |
//! | [`decision`] | from similarity and common words to a hit |
//! | [`agreement`] | what the nearest neighbours say together |
//! | [`sketch`] | stored questions as the guards read them |
//! | [`entry`] | what one stored answer weighs in bytes and in money |
//! | [`ident`] | the number of a key, stable in files |
//! | [`owner`] | whom answers are kept for, and what hits saved them |
//! | [`semantic`] | the store: put, get, report, bounds |
//! | [`evict`] | who leaves when the store is full |

pub mod agreement;
pub mod bits;
pub mod decision;
pub mod entry;
pub mod evict;
pub mod form;
pub mod guards;
pub mod ident;
pub mod index;
pub mod kernels;
pub mod key;
pub mod owner;
pub mod rotation;
pub mod row;
pub mod semantic;
pub mod sketch;
pub mod unit;
