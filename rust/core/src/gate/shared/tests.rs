//! The shared shelf against this process's memory: the same calls give the same answers, also when processes die in them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::gate::{Actual, Ask, Bound, Gate, HeapShelf, Memo};
use crate::ledger::{BudgetSpec, Calendar, Flags};
use crate::rules::{Matcher, Mode, Rule, RuleKind};
use crate::segment::{Memory, recover};
use crate::throttle::{Dimension, Quota};

const SIZES: Sizes = Sizes { scopes: 24, accounts: 24, reservations: 64, blocks: 600, journal: 96 };
const SEED: [u8; 32] = [7; 32];

fn rule(name: &str, per: &[&str], kind: RuleKind) -> Rule {
    let per = per.iter().map(|label| (*label).into()).collect();
    Rule { name: name.into(), matcher: Matcher { per, clauses: vec![] }, kind, mode: Mode::Enforce, replaces: vec![] }
}

fn rules() -> Arc<Rules> {
    Arc::new(Rules::new(policy(0)).unwrap_or_else(|error| unreachable!("{error}")))
}

/// Policies that differ in their numbers, and in which rules they have.
fn policy(which: u16) -> Vec<Rule> {
    let rate = |text: &str| Quota::parse(text, None).unwrap_or_else(|error| unreachable!("{error}"));
    let (requests, quota) = rate(&format!("{} requests/second", [9, 4, 30][usize::from(which % 3)]));
    let (tokens, tokens_quota) = rate(&format!("{} total_tokens/second", [500, 2_000][usize::from(which / 3 % 2)]));
    let calendar = Calendar::new("hour", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
    let limit_nusd = [900, 300, 1_500][usize::from(which / 6 % 3)];
    let spec = BudgetSpec { limit_nusd, calendar, downgrade: false, warn_at_permille: vec![500] };
    let mut all = vec![
        rule("rpm", &["user"], RuleKind::Refill(requests, quota)),
        rule("tokens", &[], RuleKind::Refill(tokens, tokens_quota)),
        rule("slots", &["team"], RuleKind::Hold(4)),
        rule("spend", &["team"], RuleKind::Budget(spec)),
    ];
    if which % 5 == 4 {
        all.remove(usize::from(which / 20 % 4));
    }
    if which % 7 == 6 {
        all.reverse();
    }
    all
}

/// Puts other rules in force; one that finds them there finishes what a dead process left.
fn switch(words: Words<'_>, layout: &Layout, next: &Arc<Rules>) -> Result<()> {
    if layout.rules_version(words) != next.version() {
        layout.draft(words, "a text for each version is the store's matter")?;
        layout.put_in_force(words, next.version())?;
    }
    layout.finish_switch(words, next)
}

/// One call, as small numbers that any sequence can hold.
type Step = (u8, u8, u8, u16, u64);

struct Caller {
    rules: Arc<Rules>,
    now: Now,
}

impl Caller {
    fn bound(&self, who: u8) -> Bound {
        let pairs = [("team".into(), format!("t{}", who % 2).into()), ("user".into(), format!("u{}", who % 3).into())];
        Bound::new(&self.rules, Labels::new(pairs).unwrap_or_default())
    }

    /// Makes a call and gives everything that it answers.
    fn call<S: Shelf>(&self, gate: &mut Gate<S>, (what, id, who, amount, _): Step) -> String {
        let id = ReservationId::new(&format!("r{}", id % 24)).unwrap_or_else(|error| unreachable!("{error}"));
        let amount = i64::from(amount % 400);
        let units = Units([1, amount, 0, amount, amount, 1]);
        let actual = Actual { units: units.with(Dimension::Concurrency, 0), usage: None, flags: Flags::default(), saved_nusd: 0 };
        let bound = self.bound(who);
        match what % 8 {
            0..=2 => {
                let ask = Ask { id: &id, bound: &bound, units, ttl_ns: 3_000_000_000, may_be_unwritten: false };
                format!("{:?}", gate.admit(&ask, self.now))
            }
            3 => format!("{:?}", gate.settle(&id, &actual, self.now)),
            4 => format!("{:?}", gate.cancel(&id, self.now)),
            5 => format!("{:?}", gate.renew(&id, 2_000_000_000, self.now)),
            6 if gate.take_at_once(&bound, &units, self.now.boot_ns) => "Ok(())".to_owned(),
            6 => format!("{:?}", gate.take(&bound, &units, self.now)),
            _ => format!("{:?} {}", gate.balances(self.now), gate.worst_overshoot_nusd()),
        }
    }
}

fn memory(layout: &Layout) -> Box<[AtomicU64]> {
    (0..layout.words()).map(|_| AtomicU64::new(0)).collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u16>(), 0_u64..900_000_000), 1..80)
}

/// The ledger takes what waits.
fn drain(words: Words<'_>, layout: &Layout) -> Vec<String> {
    let waiting = layout.waiting(words);
    let entries = waiting.clone().map(|seq| format!("{:?}", layout.entry(words, seq))).collect();
    let mut tx = Tx::begin(words, layout.log()).unwrap_or_else(|error| unreachable!("{error}"));
    layout.release(&mut tx, waiting.end);
    assert_eq!(tx.commit(), Ok(()));
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn both_shelves_decide_alike(steps in steps(), fuses in proptest::collection::vec(proptest::option::of(0_u64..600), 80)) {
        let mut caller = Caller { rules: rules(), now: Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 } };
        let mut plain = Gate::new(Arc::clone(&caller.rules), HeapShelf::new([1, 2], SIZES.scopes as usize, true));
        let layout = Layout::new(&SIZES);
        let memory = memory(&layout);
        let mut memo = Memo::new(&caller.rules);
        for (step, fuse) in steps.into_iter().zip(fuses) {
            caller.now.boot_ns += step.4;
            caller.now.wall_ns += step.4.cast_signed();
            if step.0 % 9 == 8 {
                let (before, since) = (Arc::clone(&caller.rules), caller.now.boot_ns);
                let next = before.succeed(policy(step.3), before.version() + 1, since)?;
                caller.rules = Arc::new(next);
                if let Some(stores) = fuse {
                    let fuse = AtomicU64::new(stores);
                    let _ = switch(Words::dying(&memory, &fuse), &layout, &caller.rules);
                    recover(memory.view(), layout.log())?;
                }
                prop_assert_eq!(switch(memory.view(), &layout, &caller.rules), Ok(()));
                plain.switch(Arc::clone(&caller.rules));
                let slots = plain.shelf().slots();
                plain.bring_along(0..slots);
                continue;
            }
            if let Some(stores) = fuse {
                // Another process begins the same call and dies in it; whoever comes next recovers.
                let fuse = AtomicU64::new(stores);
                let dying = Words::dying(&memory, &fuse);
                let shelf = SharedShelf::begin(dying, &layout, SEED, 9)?;
                let mut gate = Gate::resume(Arc::clone(&caller.rules), shelf, Memo::new(&caller.rules));
                let _ = caller.call(&mut gate, step);
                // It dies before its commit, whatever it had stored by then.
                std::mem::forget(gate);
                recover(memory.view(), layout.log())?;
            }
            let shelf = SharedShelf::begin(memory.view(), &layout, SEED, 1)?;
            let mut gate = Gate::resume(Arc::clone(&caller.rules), shelf, memo);
            let answer = caller.call(&mut gate, step);
            let (shelf, kept) = gate.into_parts();
            memo = kept;
            prop_assert_eq!(shelf.commit(), Ok(()));
            prop_assert_eq!(answer, caller.call(&mut plain, step));
            // Of two that are due at once, either may end first.
            let (mut ours, mut theirs) = (drain(memory.view(), &layout), plain.shelf_mut().drain_entries());
            ours.sort();
            theirs.sort_by_key(|entry| format!("{entry:?}"));
            prop_assert_eq!(ours, theirs.iter().map(|entry| format!("{:?}", Some(entry))).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_full_journal_changes_nothing_and_leaves_room_for_every_settle() {
    let caller = Caller { rules: rules(), now: Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 } };
    let layout = Layout::new(&Sizes { journal: 8, ..SIZES });
    let memory = memory(&layout);
    let call = |step: Step| {
        let shelf = SharedShelf::begin(memory.view(), &layout, SEED, 1).unwrap_or_else(|error| unreachable!("{error}"));
        let mut gate = Gate::resume(Arc::clone(&caller.rules), shelf, Memo::new(&caller.rules));
        let answer = caller.call(&mut gate, step);
        gate.into_parts().0.commit().map(|()| answer)
    };
    let admitted: Vec<u8> =
        (0..24).filter(|id| call((0, *id, *id, 1, 0)).is_ok_and(|answer| answer.starts_with("Ok(Ok"))).collect();
    assert_eq!(admitted.len(), 4, "each admission keeps a place for its own end");
    assert!(admitted.iter().all(|id| call((3, *id, *id, 1, 0)).is_ok_and(|answer| answer.starts_with("Ok"))));
    assert_eq!(layout.waiting(memory.view()), 0..8);
    assert!(call((0, 23, 0, 1, 0)).is_err(), "the ledger must take entries first");
    assert_eq!(drain(memory.view(), &layout).len(), 8);
    assert!(call((0, 23, 0, 1, 0)).is_ok());
}
