//! The ledger on a disk that fails and whose power is cut.

mod chance;
mod disk;
mod faults;
mod groups;
mod life;
mod older;
mod power;
mod vfs;
