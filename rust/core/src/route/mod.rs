//! Which tier is chosen: a share of the own traffic, never a fixed score.

mod share;
mod sketch;

pub use share::ShareRouter;
pub use sketch::Sketch;
