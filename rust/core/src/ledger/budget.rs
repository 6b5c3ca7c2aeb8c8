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

    /// The period as written.
    pub fn period(&self) -> &Period {
        self.calendar.period()
    }
}
