//! Plain data structures in a flat array of 64-bit words: a file that several processes map and one lock protects.
//!
//! A process may be killed at any instruction while it holds the lock. Every change therefore goes through a [`Tx`], which
//! keeps the old values in the same words; the next holder of the lock calls [`recover`] first, and sees the state from before
//! the change or from after it, never between. A region of zeros is a valid empty structure, so a new file needs no
//! preparation. Damaged words can give wrong values, but never a panic, an endless loop or a store outside the structure.

pub mod bell;
mod blob;
mod index;
mod lock;
mod log;
mod owners;
mod plan;
mod pool;
mod ring;
#[cfg(test)]
mod tests;
mod tx;
mod words;

pub use blob::Blobs;
pub use index::Index;
pub use lock::{Blocked, Held, Lock, PATIENCE_NS, Surroundings};
pub use log::{Log, recover};
pub use owners::{Owners, number_of};
pub use plan::{Plan, Region};
pub use pool::Pool;
pub use ring::Ring;
pub use tx::Tx;
pub use words::{Memory, Words};
