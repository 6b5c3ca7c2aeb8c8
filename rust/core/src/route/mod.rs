//! Which tier is chosen: a share of the own traffic, never a fixed score.

mod pace;
mod pins;
mod quota;
mod share;
mod sketch;

pub use pace::{Pace, WHOLE_PPM};
pub use pins::SessionPins;
pub use quota::ShareQuota;
pub use share::ShareRouter;
pub use sketch::Sketch;
