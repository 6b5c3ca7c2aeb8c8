//! The numbers of a budget.

use crate::ledger::Calendar;
use crate::ledger::{Period, Window};

/// An amount of money per window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetSpec {
    /// The amount, in nano-USD.
    pub limit_nusd: i64,
    /// The windows, in their zone.
    pub calendar: Calendar,
    /// True when an exhausted budget lets cheaper tiers be tried instead of refusing.
    pub downgrade: bool,
    /// Thresholds that raise an alert once each per window, in thousandths of the limit.
    pub warn_at_permille: Vec<u32>,
}

impl BudgetSpec {
    /// The window of an instant.
    pub fn window(&self, wall_ns: i64) -> Window {
        self.calendar.window(wall_ns)
    }

    /// How many thresholds a spend has reached.
    pub fn reached(&self, posted_nusd: i64) -> usize {
        let reached = |permille: &&u32| i128::from(posted_nusd) * 1_000 >= i128::from(self.limit_nusd) * i128::from(**permille);
        self.warn_at_permille.iter().take_while(reached).count()
    }

    /// The period as written.
    pub fn period(&self) -> &Period {
        self.calendar.period()
    }
}
