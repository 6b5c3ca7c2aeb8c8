//! Ends whose scope is gone, in a table without a free slot: what has to be booked is, what changes nothing is not.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::gate::{Actual, Ask, Bound, Gate, Memo};
use crate::ledger::{BudgetSpec, Calendar, Flags};
use crate::rules::{Matcher, Mode, Rule, RuleKind};
use crate::segment::Memory;
use crate::throttle::Quota;

const SIZES: Sizes = Sizes { scopes: 128, accounts: 64, reservations: 512, blocks: 8_192, journal: 1_024 };
const START: Now = Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 };

/// A rate of tokens per user, and a budget per user; each has a tenant of its own, so that no share is held back.
fn rules() -> Arc<Rules> {
    let (dimension, quota) = Quota::parse("100 output_tokens/hour", None).unwrap_or_else(|error| unreachable!("{error}"));
    let calendar = Calendar::new("total", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
    let spec = BudgetSpec { limit_nusd: 1_000, calendar, downgrade: false, warn_at_permille: vec![] };
    let rule = |name: &str, kind| Rule {
        name: name.into(),
        matcher: Matcher { per: vec!["tenant".into(), "user".into()], clauses: vec![] },
        kind,
        mode: Mode::Enforce,
        replaces: vec![],
    };
    let all = vec![rule("tokens", RuleKind::Refill(dimension, quota)), rule("spend", RuleKind::Budget(spec))];
    Arc::new(Rules::new(all).unwrap_or_else(|error| unreachable!("{error}")))
}

struct Table {
    rules: Arc<Rules>,
    layout: Layout,
    memory: Box<[AtomicU64]>,
}

impl Table {
    fn new() -> Self {
        let layout = Layout::new(&SIZES);
        let memory = (0..layout.words()).map(|_| AtomicU64::new(0)).collect();
        Self { rules: rules(), layout, memory }
    }

    fn call<R>(&self, call: impl FnOnce(&mut Gate<SharedShelf<'_>>) -> R) -> Result<R> {
        let shelf = SharedShelf::begin(self.memory.view(), &self.layout, [7; 32], 1)?;
        let mut gate = Gate::resume(Arc::clone(&self.rules), shelf, Memo::new(&self.rules));
        let answer = call(&mut gate);
        gate.into_parts().0.commit().map(|()| answer)
    }

    fn bound(&self, user: u32) -> Bound {
        let user: Box<str> = format!("u{user}").into();
        Bound::new(&self.rules, Labels::new([("tenant".into(), user.clone()), ("user".into(), user)]).unwrap_or_default())
    }

    /// Admits a request of a user, of tokens and money.
    fn admit(&self, user: u32, (tokens, nusd): (i64, i64)) -> bool {
        let bound = self.bound(user);
        let ask = Ask { id: &id(user), bound: &bound, units: units(tokens, nusd), ttl_ns: 1_000, may_be_unwritten: false };
        self.call(|gate| gate.admit(&ask, START)).is_ok_and(|answer| answer.is_ok_and(|answer| answer.is_ok()))
    }

    fn settle(&self, user: u32, (tokens, nusd): (i64, i64)) -> Result<bool> {
        let actual = Actual { units: units(tokens, nusd), usage: None, flags: Flags::default(), saved_nusd: 0 };
        self.call(|gate| gate.settle(&id(user), &actual, START)).map(|answer| answer.is_ok())
    }

    /// Fills the table with users in debt or with money on hold, who keep their scopes.
    fn fill(&self) {
        let full = (1_000..2_000).take_while(|user| self.admit(*user, (50, 0))).count();
        assert!(full > 100, "{full}");
        assert!(!self.admit(5_000, (50, 0)), "the table is full for admissions");
    }

    fn scopes(&self) -> u32 {
        self.layout.crowd(self.memory.view()).0
    }

    fn posted(&self, user: u32) -> i64 {
        let key = self.bound(user).scopes()[1].key.clone();
        let rows = self.call(|gate| gate.balances(START)).unwrap_or_default();
        rows.iter().filter(|row| row.key == key).map(|row| row.account.posted).sum()
    }
}

fn id(user: u32) -> ReservationId {
    ReservationId::new(&format!("r{user}")).unwrap_or_else(|error| unreachable!("{error}"))
}

fn units(tokens: i64, nusd: i64) -> Units {
    Units([1, 0, tokens, 0, nusd, 0])
}

#[test]
fn money_of_a_budget_is_booked_although_admissions_have_no_slot() {
    let table = Table::new();
    // Nothing was reserved, so no scope was made; then it cost something.
    assert!(table.admit(1, (0, 0)));
    table.fill();
    assert_eq!(table.settle(1, (0, 300)), Ok(true));
    assert_eq!(table.posted(1), 300);
    assert!(!table.admit(2, (0, 1)), "the spare slots are for ends");
}

#[test]
fn a_debt_is_kept_and_a_refund_needs_no_slot() {
    let table = Table::new();
    assert!(table.admit(1, (0, 0)));
    table.fill();
    let before = table.scopes();
    let (bound, taken) = (table.bound(3), units(10, 0));
    assert_eq!(table.call(|gate| gate.settle_take(&bound, &taken, &units(4, 0), START)), Ok(()));
    assert_eq!(table.scopes(), before, "a bucket that is gone was full");
    assert_eq!(table.settle(1, (250, 0)), Ok(true));
    assert_eq!(table.scopes(), before + 1);
    let scopes = table.bound(1);
    assert!(table.call(|gate| gate.take(&scopes, &units(1, 0), START)).is_ok_and(|answer| answer.is_err()), "150 are owed");
}

#[test]
fn an_end_that_cannot_be_booked_is_told_of_and_can_be_told_again() {
    let table = Table::new();
    for user in 1..6 {
        assert!(table.admit(user, (0, 0)));
    }
    table.fill();
    let booked = (1..6).filter(|user| table.settle(*user, (0, 300)) == Ok(true)).count();
    assert_eq!(booked, 2, "one slot of 64 is spare");
    let refused = (1..6).find(|user| table.posted(*user) == 0).unwrap_or_default();
    assert!(matches!(table.settle(refused, (0, 300)), Err(crate::error::Error::Full(_))));
    // Nothing of it has happened: it is open, and costs what it costs once there is a slot.
    assert!(
        table
            .call(|gate| gate.reservation(&id(refused)))
            .is_ok_and(|found| found.is_some_and(|found| { found.state == crate::ledger::State::Open }))
    );
}
