//! Every decision of tierkit, as pure functions of state, request and time.
//!
//! Nothing here reads a clock, a file, a socket or the environment: time and randomness come in as arguments, values go out.

pub mod cache;
pub mod clock;
pub mod decision;
pub mod dimension;
pub mod error;
pub mod features;
pub mod gate;
pub mod labels;
pub mod ledger;
pub mod price;
pub mod quantity;
pub mod queue;
pub mod route;
pub mod rules;
pub mod segment;
pub mod suggest;
pub mod sync;
pub mod throttle;
pub mod tokens;
pub mod units;
