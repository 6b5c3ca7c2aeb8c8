//! Which tier is chosen: a share of the own traffic, never a fixed score.

mod board;
mod credits;
mod drift;
mod pace;
mod pins;
mod quota;
mod share;
mod sketch;
mod steering;
mod switch;
mod table;

pub use board::{Board, OwnBoard};
pub use credits::Credits;
pub use pace::{Pace, WHOLE_PPM};
pub use pins::{SessionPins, cached, move_to, pinned};
pub use quota::{MoneyQuota, ShareQuota};
pub use share::ShareRouter;
pub use sketch::Sketch;
pub use steering::{Ask, Counted, Figures, Reason, Steering, Way};
pub use switch::{MOST_TURNS, Talk, TokenPrices, Worth, is_worth, switch_cost_pusd};
pub use table::{Digest, Table, digest};
