//! A switch of the policy, killed at every store: the old rules or the new ones, and every scope with them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::gate::{Ask, Bound, Gate, Memo};
use crate::ledger::{BudgetSpec, Calendar};
use crate::rules::{Matcher, Mode, Rule, RuleKind};
use crate::segment::{Memory, recover};
use crate::throttle::{Dimension, Quota};

const SIZES: Sizes = Sizes { scopes: 8, accounts: 8, reservations: 8, blocks: 200, journal: 8 };
const SEED: [u8; 32] = [7; 32];
const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Now {
    Now { boot_ns: seconds * SECOND, wall_ns: 1_767_225_600_000_000_000 }
}

fn rules(per_second: u64, limit_nusd: i64) -> Vec<Rule> {
    let quota = Quota::new(per_second, SECOND, 10 * per_second).unwrap_or_else(|error| unreachable!("{error}"));
    let calendar = Calendar::new("total", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
    let spec = BudgetSpec { limit_nusd, calendar, downgrade: false, warn_at_permille: vec![] };
    let rule =
        |name: &str, kind| Rule { name: name.into(), matcher: Matcher::default(), kind, mode: Mode::Enforce, replaces: vec![] };
    vec![rule("rate", RuleKind::Refill(Dimension::Requests, quota)), rule("spend", RuleKind::Budget(spec))]
}

fn memory(layout: &Layout) -> Box<[AtomicU64]> {
    (0..layout.words()).map(|_| AtomicU64::new(0)).collect()
}

fn copy(words: &[AtomicU64]) -> Box<[AtomicU64]> {
    words.iter().map(|word| AtomicU64::new(word.load(std::sync::atomic::Ordering::Relaxed))).collect()
}

/// Everything but the words of the undo log, which may hold what was undone.
fn content(words: &[AtomicU64], layout: &Layout) -> Vec<u64> {
    let log = layout.log().region();
    let kept = words.iter().enumerate().filter(|(index, _)| !log.contains(*index));
    kept.map(|(_, word)| word.load(std::sync::atomic::Ordering::Relaxed)).collect()
}

/// The text of a directory stands for the store's JSON: long enough for three pieces when asked.
fn text(name: &str, bytes: usize) -> String {
    format!("{name}{}", "ö".repeat(bytes / 2))
}

fn switch(words: Words<'_>, layout: &Layout, next: &Arc<Rules>, text: &str) -> Result<()> {
    layout.draft(words, text)?;
    layout.put_in_force(words, next.version())?;
    layout.finish_switch(words, next)
}

/// What is left of each scope under some rules.
fn stocks(words: Words<'_>, layout: &Layout) -> Vec<Stock> {
    (0..layout.slots()).filter_map(|slot| layout.scope(words, slot)).map(|(_, _, stock)| stock).collect()
}

struct Case {
    layout: Layout,
    old: Arc<Rules>,
    new: Arc<Rules>,
    memory: Box<[AtomicU64]>,
}

/// A segment where a request took 40 of 50 units and 70 of 100 nano-USD five seconds before the switch.
fn case() -> Case {
    let layout = Layout::new(&SIZES);
    let memory = memory(&layout);
    let made = |rules| Rules::new(rules).unwrap_or_else(|error| unreachable!("{error}"));
    let first = made(rules(5, 100));
    let old = first.succeed(rules(5, 100), 1, 0).unwrap_or_default();
    let new = Arc::new(old.succeed(rules(2, 60), 2, 5 * SECOND).unwrap_or_default());
    let old = Arc::new(old);
    assert_eq!(switch(memory.view(), &layout, &old, &text("old", 100)), Ok(()));
    let shelf = SharedShelf::begin(memory.view(), &layout, SEED, 1).unwrap_or_else(|error| unreachable!("{error}"));
    let mut gate = Gate::resume(Arc::clone(&old), shelf, Memo::new(&old));
    let bound = Bound::new(&old, Labels::default());
    let id = ReservationId::new("one").unwrap_or_else(|error| unreachable!("{error}"));
    let units = Units::default().with(Dimension::Requests, 40).with(Dimension::Usd, 70);
    assert!(
        gate.admit(&Ask { id: &id, bound: &bound, units, ttl_ns: SECOND * 60, may_be_unwritten: false }, at(0))
            .is_ok_and(|answer| answer.is_ok())
    );
    assert_eq!(gate.into_parts().0.commit(), Ok(()));
    Case { layout, old, new, memory }
}

#[test]
fn a_switch_refills_by_the_old_numbers_and_goes_on_by_the_new() {
    let Case { layout, new, memory, .. } = case();
    assert_eq!(switch(memory.view(), &layout, &new, &text("new", 100)), Ok(()));
    let found = stocks(memory.view(), &layout);
    // 10 were left, 5 s at 5 a second make 35; the new bucket holds 20. The budget stands 10 above its new limit.
    assert!(found.contains(&Stock::Bucket(Bucket::from_parts(20, 0, 5 * SECOND))), "{found:?}");
    let above = |stock: &Stock| matches!(stock, Stock::Accounts(all) if all.iter().all(|account| account.excused == 10));
    assert!(found.iter().any(above), "{found:?}");
    assert_eq!(layout.rules_text(memory.view()), Some((2, text("new", 100))));
}

#[test]
fn killed_at_any_store_it_is_the_old_policy_or_the_new_one_and_nothing_leaks() {
    let Case { layout, old, new, memory } = case();
    let (old_text, new_text) = (text("old", 100), text("new", 300));
    let old_stocks = stocks(memory.view(), &layout);
    let whole = copy(&memory);
    assert_eq!(switch(whole.view(), &layout, &new, &new_text), Ok(()));
    let (new_stocks, free) = (stocks(whole.view(), &layout), layout.blobs.free_blocks(whole.view()));
    let (mut kept, mut switched) = (0, 0);
    for stores in 0.. {
        let words = copy(&memory);
        let fuse = AtomicU64::new(stores);
        let _ = switch(Words::dying(&words, &fuse), &layout, &new, &new_text);
        if fuse.load(std::sync::atomic::Ordering::Relaxed) > 0 {
            break;
        }
        assert!(recover(words.view(), layout.log()).is_ok());
        let (version, found) = layout.rules_text(words.view()).unwrap_or_default();
        let is_new = version == 2;
        assert_eq!((version, &found), if is_new { (2, &new_text) } else { (1, &old_text) }, "after {stores} stores");
        // Whoever comes next finishes a switch before anything is asked; it may be killed in that as well.
        if layout.is_switching(words.view()) {
            let fuse = AtomicU64::new(stores % 40);
            let _ = layout.finish_switch(Words::dying(&words, &fuse), &new);
            assert!(recover(words.view(), layout.log()).is_ok());
            assert_eq!(layout.finish_switch(words.view(), &new), Ok(()));
        }
        assert_eq!(stocks(words.view(), &layout), if is_new { new_stocks.clone() } else { old_stocks.clone() });
        *(if is_new { &mut switched } else { &mut kept }) += 1;
        // The next one switches as if nothing had been, and no block is lost.
        let next = if is_new { Arc::clone(&new) } else { Arc::clone(&old) };
        assert_eq!(switch(words.view(), &layout, &next, &new_text), Ok(()));
        assert_eq!(layout.blobs.free_blocks(words.view()), free, "after {stores} stores");
    }
    assert!(kept > 100 && switched > 20, "{kept} before and {switched} after the one change that counts");
}

#[test]
fn a_text_of_many_pieces_is_whole() {
    let layout = Layout::new(&Sizes { blocks: 2_000, ..SIZES });
    let memory = memory(&layout);
    let rules = Arc::new(Rules::default());
    let before = layout.blobs.free_blocks(memory.view());
    for bytes in [0, 1, 256, 257, 9_001] {
        let text = text("x", bytes);
        assert_eq!(switch(memory.view(), &layout, &rules, &text), Ok(()));
        assert_eq!(layout.rules_text(memory.view()).map(|found| found.1), Some(text));
    }
    assert_eq!(switch(memory.view(), &layout, &rules, "last"), Ok(()));
    assert_eq!(layout.blobs.free_blocks(memory.view()), before - 1, "only the text in force is kept");
}

#[test]
fn a_text_that_does_not_fit_changes_nothing() {
    let Case { layout, memory, .. } = case();
    let before = content(&memory, &layout);
    assert!(matches!(layout.draft(memory.view(), &text("new", 30_000)), Err(crate::error::Error::Full(_))));
    let refused = layout.draft(memory.view(), &text("new", MOST_TEXT));
    assert!(matches!(refused, Err(crate::error::Error::Config(_))), "{refused:?}");
    assert_eq!(content(&memory, &layout), before);
}
