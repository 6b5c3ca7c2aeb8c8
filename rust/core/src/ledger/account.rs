//! What one scope of a budget spent and holds in one window.

use crate::decision::Wait;
use crate::ledger::Window;

/// Money of one window of one scope, in nano-USD: `free = limit - posted - pending`, negative after an overrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its window.
    pub window: Window,
    /// Spent.
    pub posted: i64,
    /// Reserved and not yet settled.
    pub pending: i64,
    /// Spent above what was reserved.
    pub overrun: i64,
    /// How many alert thresholds were crossed.
    pub warned: u32,
    /// What stood above the limit when this limit began to hold: an edit of the policy, not an overspend.
    pub excused: i64,
}

impl Account {
    /// An untouched account.
    pub fn new(window: Window) -> Self {
        Self { window, posted: 0, pending: 0, overrun: 0, warned: 0, excused: 0 }
    }

    /// What is left of a limit.
    pub fn free(&self, limit: i64) -> i64 {
        limit.saturating_sub(self.posted).saturating_sub(self.pending)
    }

    /// How far a limit is exceeded by what was spent and held under it.
    pub fn overspent(&mut self, limit: i64) -> i64 {
        let above = self.free(limit).saturating_neg().max(0);
        let overspent = above.saturating_sub(self.excused).max(0);
        self.excused = self.excused.min(above);
        overspent
    }

    /// Lets another limit hold from now on, with these alert thresholds in thousandths of it. Those that are crossed only
    /// under the new one are told at the next settle.
    pub fn hold_to(&mut self, limit: i64, warn_at_permille: &[u32]) {
        self.excused = self.free(limit).saturating_neg().max(0);
        let crossed = warn_at_permille.iter().filter(|permille| self.has_crossed(limit, **permille)).count();
        self.warned = self.warned.min(u32::try_from(crossed).unwrap_or(u32::MAX));
    }

    /// Whether so many thousandths of a limit are spent.
    pub fn has_crossed(&self, limit: i64, permille: u32) -> bool {
        i128::from(self.posted) * 1_000 >= i128::from(limit) * i128::from(permille)
    }

    /// How long until a cost fits.
    pub fn wait(&self, limit: i64, cost: i64, wall_ns: i64) -> Wait {
        if cost > limit {
            Wait::Never
        } else if self.posted.saturating_add(cost) > limit {
            let rest = u64::try_from(self.window.end_ns.saturating_sub(wall_ns)).unwrap_or(0);
            if self.window.end_ns == i64::MAX { Wait::Never } else { Wait::For(rest) }
        } else {
            Wait::UntilReleased
        }
    }

    /// Adds to what is posted and pending; either may be negative.
    pub fn apply(&mut self, posted: i64, pending: i64) {
        self.posted = self.posted.saturating_add(posted);
        self.pending = self.pending.saturating_add(pending).max(0);
    }
}
