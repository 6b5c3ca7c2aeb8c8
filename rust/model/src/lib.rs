//! The gate and the segment of `tierkit-core`, the same files, over atomics that a model checker schedules.
//!
//! Only [`sync`] differs. Each thread of a test is a process of a state directory, and may die at any step.

// The unit tests of the core belong to the core.
#![cfg(not(test))]

pub use {loom, shuttle};

#[path = "../../core/src/clock.rs"]
pub mod clock;
#[path = "../../core/src/decision.rs"]
pub mod decision;
#[path = "../../core/src/dimension.rs"]
pub mod dimension;
#[path = "../../core/src/error.rs"]
pub mod error;
#[path = "../../core/src/gate/mod.rs"]
pub mod gate;
#[path = "../../core/src/labels.rs"]
pub mod labels;
#[path = "../../core/src/ledger/mod.rs"]
pub mod ledger;
pub mod life;
#[path = "../../core/src/price/mod.rs"]
pub mod price;
#[path = "../../core/src/quantity.rs"]
pub mod quantity;
#[path = "../../core/src/route/mod.rs"]
pub mod route;
#[path = "../../core/src/rules/mod.rs"]
pub mod rules;
#[path = "../../core/src/segment/mod.rs"]
pub mod segment;
#[path = "../../core/src/suggest.rs"]
pub mod suggest;
pub mod sync;
#[path = "../../core/src/throttle/mod.rs"]
pub mod throttle;
#[path = "../../core/src/units.rs"]
pub mod units;
