//! The state directory of tierkit and the clock: the only crate that does I/O.
//!
//! `cache.db` keeps answers in a file of its own, so that bulk never delays the ledger.
//!
//! `ledger.db` is an SQLite file in WAL mode with one writer thread and group commit. Anything that reads SQLite reads it.

mod book;
mod buckets;
mod cache;
mod chain;
mod changes;
mod clock;
mod crowd;
mod desk;
mod directory;
mod durable;
mod error;
mod export;
mod ids;
mod journal;
mod limits;
mod older;
mod place;
mod plain;
mod private;
mod reader;
mod restore;
mod row;
mod schema;
mod segment;
mod shared;
mod snapshot;
#[cfg(test)]
mod tests;
mod verify;
mod worker;
mod writer;

pub use cache::{Cache, CacheFile, FileEntry, FileStats, Found, Home, Look, OwnerStats, PurgeMark};
pub use clock::SystemClock;
pub use crowd::{Crowd, crowd};
pub use durable::{DurableGate, Options};
pub use error::{StateError, StoreError};
pub use export::{Change, Entries, LedgerEntry};
pub use limits::{ScopeRow, limits, rule_text, rules_in_force};
pub use reader::{EntryRow, SpendRow, explain, spend};
pub use segment::Offer;
pub use verify::{Check, Finding};
