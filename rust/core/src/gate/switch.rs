//! From one policy to the next, with everything that was taken under the first.

use std::ops::Range;
use std::sync::Arc;

use crate::gate::{Gate, Shelf, Stock};
use crate::rules::{Rule, RuleKind, Rules};

impl<S: Shelf> Gate<S> {
    /// Lets other rules decide from the next call on; they are the successors of the present ones. Scopes of rules whose
    /// numbers are others now are to be brought along with [`Gate::bring_along`] before anything is asked.
    pub fn switch(&mut self, rules: Arc<Rules>) {
        self.memo.fit(&rules);
        self.rules = rules;
    }

    /// Brings the scopes in some slots to the numbers of the rules in force. Doing it twice changes nothing.
    pub fn bring_along(&mut self, slots: Range<u32>) {
        let rules = Arc::clone(&self.rules);
        for slot in slots {
            let Some(number) = self.shelf.rule_at(slot).filter(|number| rules.is_in_force(*number)) else { continue };
            if let Some(rule) = rules.get(number) {
                self.bring_scope_along(&rules, number, rule, slot);
            }
        }
    }

    fn bring_scope_along(&mut self, rules: &Rules, number: u16, rule: &Rule, slot: u32) {
        match &rule.kind {
            RuleKind::Refill(_, quota) => {
                let Some(before) = rules.was(number) else { return };
                self.shelf.change(slot, |stock| {
                    if let Stock::Bucket(bucket) = stock {
                        bucket.go_on(&before, quota, rules.since_boot_ns());
                    }
                });
            }
            RuleKind::Budget(budget) => {
                self.shelf.change(slot, |stock| {
                    if let Stock::Accounts(accounts) = stock {
                        for account in accounts {
                            account.hold_to(budget.limit_nusd, &budget.warn_at_permille);
                        }
                    }
                });
            }
            RuleKind::Hold(_) => {}
        }
    }
}
