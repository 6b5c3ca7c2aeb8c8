//! A journal without room: who may be admitted without entries is, nothing else changes, and what the ledger lacks is counted.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::gate::{Actual, Ask, Bound, Gate, HeapShelf, Memo};
use crate::ledger::{BudgetSpec, Calendar, EntryKind, Flags, State};
use crate::rules::{Matcher, Mode, Rule, RuleKind};
use crate::segment::Memory;

const SIZES: Sizes = Sizes { scopes: 24, accounts: 24, reservations: 64, blocks: 600, journal: 8 };
const SEED: [u8; 32] = [7; 32];

fn rules() -> Arc<Rules> {
    let calendar = Calendar::new("hour", "UTC").unwrap_or_else(|error| unreachable!("{error}"));
    let spec = BudgetSpec { limit_nusd: 2_000, calendar, downgrade: false, warn_at_permille: vec![] };
    let matcher = Matcher { per: vec!["team".into()], clauses: vec![] };
    let rule = Rule { name: "spend".into(), matcher, kind: RuleKind::Budget(spec), mode: Mode::Enforce, replaces: vec![] };
    Arc::new(Rules::new(vec![rule]).unwrap_or_else(|error| unreachable!("{error}")))
}

/// A segment, its ledger as the entries that it took, and a gate in memory that has room for all.
struct Bench {
    rules: Arc<Rules>,
    layout: Layout,
    memory: Box<[AtomicU64]>,
    plain: Gate,
    ledger: Vec<Entry>,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let (rules, layout) = (rules(), Layout::new(&SIZES));
        let memory = (0..layout.words()).map(|_| AtomicU64::new(0)).collect();
        let plain = Gate::new(Arc::clone(&rules), HeapShelf::new([1, 2], SIZES.scopes as usize, true));
        Self { rules, layout, memory, plain, ledger: vec![], now: Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 } }
    }

    /// Makes a call on both, which must answer alike. Only a second end, for which no place was kept, is told to come again.
    fn call(&mut self, (what, id, amount): (u8, u8, i64)) -> String {
        let name = ReservationId::new(&format!("r{id}")).unwrap_or_else(|error| unreachable!("{error}"));
        let shelf = SharedShelf::begin(self.memory.view(), &self.layout, SEED, 1).unwrap_or_else(|error| unreachable!("{error}"));
        let mut gate = Gate::resume(Arc::clone(&self.rules), shelf, Memo::new(&self.rules));
        let answer = one(&self.rules, &mut gate, (what, id, amount), self.now);
        let ended = gate.reservation(&name).is_some_and(|known| known.state != State::Open);
        let committed = gate.into_parts().0.commit();
        if matches!(committed, Err(Error::Full(_))) && answer.contains("late: true") && ended {
            return answer;
        }
        assert_eq!(committed, Ok(()), "a full journal stops nobody who may do without");
        assert_eq!(answer, one(&self.rules, &mut self.plain, (what, id, amount), self.now));
        answer
    }

    /// The ledger takes so many entries.
    fn drain(&mut self, most: u64) {
        let waiting = self.layout.waiting(self.memory.view());
        let upto = waiting.end.min(waiting.start.saturating_add(most));
        self.ledger.extend((waiting.start..upto).filter_map(|seq| self.layout.entry(self.memory.view(), seq)));
        let mut tx = Tx::begin(self.memory.view(), self.layout.log()).unwrap_or_else(|error| unreachable!("{error}"));
        self.layout.release(&mut tx, upto);
        assert_eq!(tx.commit(), Ok(()));
    }

    fn unwritten(&self) -> Unwritten {
        self.layout.unwritten(self.memory.view())
    }

    /// What all accounts have posted and hold, and the same by the ledger's entries.
    fn sums(&mut self) -> [(i64, i64); 2] {
        let add = |(posted, pending): (i64, i64), more: (i64, i64)| (posted + more.0, pending + more.1);
        let accounts = self.plain.balances(self.now).into_iter().map(|row| (row.account.posted, row.account.pending));
        let postings = self.ledger.iter().flat_map(|entry| &entry.postings).map(|change| (change.posted, change.pending));
        [accounts.fold((0, 0), add), postings.fold((0, 0), add)]
    }
}

fn one<S: Shelf>(rules: &Arc<Rules>, gate: &mut Gate<S>, (what, id, amount): (u8, u8, i64), now: Now) -> String {
    let name = ReservationId::new(&format!("r{id}")).unwrap_or_else(|error| unreachable!("{error}"));
    let units = Units([1, 0, 0, 0, amount, 0]);
    match what % 4 {
        0 | 1 => {
            let labels = Labels::new([("team".into(), format!("t{}", id % 2).into())]).unwrap_or_default();
            let bound = Bound::new(rules, labels);
            let ask = Ask { id: &name, bound: &bound, units, ttl_ns: 3_000_000_000, may_be_unwritten: true };
            format!("{:?}", gate.admit(&ask, now))
        }
        2 => {
            let actual = Actual { units, usage: None, flags: Flags::default(), saved_nusd: 0 };
            format!("{:?}", gate.settle(&name, &actual, now))
        }
        _ => format!("{:?}", gate.cancel(&name, now)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn ledger_and_what_it_lacks_make_up_the_accounts(
        steps in proptest::collection::vec((any::<u8>(), 0..24_u8, 0..300_i64, 0_u64..900_000_000, 0..12_u64), 1..120),
    ) {
        let mut bench = Bench::new();
        for (what, id, amount, time, taken) in steps {
            bench.now.boot_ns += time;
            bench.now.wall_ns += time.cast_signed();
            bench.call((what, id, amount));
            // Most of the time the ledger takes nothing.
            bench.drain(taken.saturating_sub(8));
        }
        // Time ends what is open, with room for it or without.
        bench.now.boot_ns += 4_000_000_000;
        bench.call((3, 255, 0));
        bench.drain(u64::MAX);
        let [(posted, pending), written] = bench.sums();
        let lacks = bench.unwritten();
        prop_assert_eq!((posted, pending), (written.0 + lacks.nusd, written.1));
        prop_assert!(lacks.open == 0 && lacks.reservations >= 0, "{:?}", lacks);
        let reserved = bench.ledger.iter().filter(|entry| entry.kind == EntryKind::Reserve).count();
        let ended = bench.ledger.iter().filter(|entry| entry.kind != EntryKind::Reserve).count();
        prop_assert!(reserved <= ended, "every reservation of the ledger has its end");
    }
}

#[test]
fn what_ends_when_there_is_room_again_is_written_whole() {
    let mut bench = Bench::new();
    for id in 0..10 {
        assert!(bench.call((0, id, 100)).starts_with("Ok(Ok"));
    }
    // Four have places for both of their entries; the fifth to the tenth have none.
    assert_eq!(bench.unwritten(), Unwritten { open: 6, reservations: 6, nusd: 0 });
    assert!(bench.call((2, 9, 70)).starts_with("Ok"));
    assert_eq!(bench.unwritten(), Unwritten { open: 5, reservations: 6, nusd: 70 }, "no room: the ledger never hears of it");
    for id in 0..4 {
        assert!(bench.call((2, id, 70)).starts_with("Ok"), "places were kept");
    }
    assert_eq!(bench.layout.waiting(bench.memory.view()), 0..8);
    bench.drain(8);
    for id in 4..8 {
        assert!(bench.call((2, id, 70)).starts_with("Ok"));
    }
    assert_eq!(bench.unwritten(), Unwritten { open: 1, reservations: 2, nusd: 70 });
    bench.drain(8);
    assert!(bench.call((3, 8, 0)).starts_with("Ok"));
    bench.drain(8);
    assert_eq!(bench.unwritten(), Unwritten { open: 0, reservations: 1, nusd: 70 });
    assert_eq!(bench.sums(), [(630, 0), (560, 0)]);
}
