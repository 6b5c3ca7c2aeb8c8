//! Answers in a file that the processes of a machine share.
//!
//! | file | does |
//! |---|---|
//! | [`store`] | `Cache`: the store in memory, and the file beside it |
//! | [`file`] | opens, makes and judges the file |
//! | [`format`] | its tables |
//! | [`bell`] | wakes the other processes |
//! | [`handle`] | an SQLite connection that no fork passes on |
//! | [`queue`] | what waits for the disk |
//! | [`keeper`] | the thread that writes groups and follows what others wrote |
//! | [`rows`] | an entry as a row, with its checksum |
//! | [`changes`] | puts, drops, reports and purges as SQL |
//! | [`times`] | instants that mean the same in another process and after a reboot |
//! | [`visit`] | `CacheFile`: for people who look at the file beside its processes |

mod bell;
mod changes;
mod file;
mod format;
mod handle;
mod keeper;
mod queue;
mod rows;
mod store;
mod times;
mod visit;

pub use changes::PurgeMark;
pub use store::{Cache, Found, Home, Look};
pub use visit::{CacheFile, FileEntry, FileStats, OwnerStats};
