//! Whole calls of the gate from several processes that die at any store: the same answers and the same books as one process
//! that makes the calls one after the other.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends with what it found")]

use std::sync::atomic::{AtomicU64 as Plain, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tierkit_model::clock::Now;
use tierkit_model::gate::{Actual, Ask, Bound, Gate, HeapShelf, Layout, Memo, SharedShelf, Shelf, Sizes};
use tierkit_model::labels::Labels;
use tierkit_model::ledger::{BudgetSpec, Calendar, Flags, ReservationId};
use tierkit_model::life::{self, chance, interleave};
use tierkit_model::rules::{Matcher, Mode, Rule, RuleKind, Rules};
use tierkit_model::segment::{Lock, Surroundings, Words};
use tierkit_model::shuttle::thread;
use tierkit_model::sync::AtomicU64;
use tierkit_model::throttle::{Dimension, Quota, Units};

const SIZES: Sizes = Sizes { scopes: 24, accounts: 24, reservations: 64, blocks: 600, journal: 96 };
const SEED: [u8; 32] = [7; 32];
const PROCESSES: u64 = 3;
const CALLS: usize = 5;
/// Stores of one process, so that any of them may be the last.
const STORES: u64 = 900;

fn rules() -> Arc<Rules> {
    let rule = |name: &str, label: Option<&str>, kind| Rule {
        name: name.into(),
        matcher: Matcher { per: label.map(Into::into).into_iter().collect(), clauses: vec![] },
        kind,
        mode: Mode::Enforce,
        replaces: vec![],
    };
    let (requests, rate) = Quota::parse("9 requests/second", None).unwrap();
    let calendar = Calendar::new("hour", "UTC").unwrap();
    let budget = BudgetSpec { limit_nusd: 900, calendar, downgrade: false, warn_at_permille: vec![] };
    let all = vec![
        rule("rpm", Some("user"), RuleKind::Refill(requests, rate)),
        rule("slots", Some("team"), RuleKind::Hold(2)),
        rule("spend", Some("team"), RuleKind::Budget(budget)),
    ];
    Arc::new(Rules::new(all).unwrap())
}

/// One call, as small numbers.
#[derive(Debug, Clone, Copy)]
struct Call {
    what: u64,
    id: u64,
    amount: i64,
    now: Now,
}

impl Call {
    fn any() -> Self {
        let now = Now { boot_ns: 0, wall_ns: 0 };
        Self { what: chance(7), id: chance(6), amount: chance(400).cast_signed(), now }
    }

    /// Makes the call and gives everything that it answers.
    fn on<S: Shelf>(self, gate: &mut Gate<S>) -> String {
        let Self { what, id, amount, now } = self;
        let name = ReservationId::new(&format!("r{id}")).unwrap();
        let pairs = [("team".into(), "t".into()), ("user".into(), format!("u{}", id % 2).into())];
        let bound = Bound::new(&gate.rules().clone(), Labels::new(pairs).unwrap());
        let units = Units([1, amount, 0, amount, amount, 1]);
        let actual = Actual { units: units.with(Dimension::Concurrency, 0), usage: None, flags: Flags::default(), saved_nusd: 0 };
        match what {
            0..=2 => format!(
                "{:?}",
                gate.admit(&Ask { id: &name, bound: &bound, units, ttl_ns: 800_000_000, may_be_unwritten: false }, now)
            ),
            3 => format!("{:?}", gate.settle(&name, &actual, now)),
            4 => format!("{:?}", gate.cancel(&name, now)),
            5 => {
                gate.release_holds(&name, now);
                String::new()
            }
            _ => format!("{:?}", gate.balances(now)),
        }
    }
}

/// What the processes share, and what the test notes: calls in the order of their commits.
struct Shared {
    layout: Layout,
    lock: Lock,
    words: Box<[AtomicU64]>,
    lives: Vec<AtomicU64>,
    rules: Arc<Rules>,
    clock_ns: Plain,
    done: Mutex<Vec<(Call, String)>>,
}

struct Process<'a> {
    shared: &'a Shared,
    me: u64,
}

impl Surroundings for Process<'_> {
    const SPINS: u32 = 1;

    fn lives(&self, owner: u64) -> bool {
        let life = usize::try_from(owner).ok().and_then(|owner| self.shared.lives.get(owner));
        owner == self.me || life.is_none_or(|life| life.load(std::sync::atomic::Ordering::Acquire) == 1)
    }

    fn boot_ns(&self) -> u64 {
        self.shared.clock_ns.fetch_add(600_000, Relaxed)
    }

    fn give_way(&self, _waited_ns: u64) {
        life::give_way();
    }
}

impl Shared {
    fn new() -> Self {
        let layout = Layout::new(&SIZES);
        Self {
            lock: Lock { holder: layout.header(13), turns: layout.header(19), log: layout.log() },
            words: (0..layout.words()).map(|_| AtomicU64::new(0)).collect(),
            layout,
            lives: (0..=PROCESSES).map(|_| AtomicU64::new(1)).collect(),
            rules: rules(),
            clock_ns: Plain::new(1),
            done: Mutex::default(),
        }
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.words)
    }

    fn gate(&self, owner: u64) -> Gate<SharedShelf<'_>> {
        let shelf = SharedShelf::begin(self.words(), &self.layout, SEED, owner).unwrap();
        Gate::resume(Arc::clone(&self.rules), shelf, Memo::new(&self.rules))
    }

    fn call(&self, me: u64, mut call: Call) {
        let process = Process { shared: self, me };
        // A holder that does not go on refuses the call; it then never was.
        let Ok(_held) = self.lock.acquire(self.words(), me, &process) else { return };
        let boot_ns = self.clock_ns.fetch_add(100_000_000, Relaxed);
        call.now = Now { boot_ns, wall_ns: 1_767_225_600_000_000_000 + boot_ns.cast_signed() };
        let mut gate = self.gate(me);
        let answer = call.on(&mut gate);
        gate.into_parts().0.commit().unwrap();
        self.done.lock().unwrap().push((call, answer));
    }

    fn process(&self, me: u64) {
        let dies_at = (chance(4) > 0).then(|| 1 + chance(STORES));
        life::live(dies_at, || (0..CALLS).for_each(|_| self.call(me, Call::any())));
        self.lives[usize::try_from(me).unwrap()].store(0, std::sync::atomic::Ordering::Release);
    }

    /// Makes the same calls one after the other in memory, and compares answers, entries and balances.
    fn compare(&self) {
        let judge = PROCESSES + 1;
        self.call(judge, Call { what: 6, ..Call::any() });
        let mut plain = Gate::new(Arc::clone(&self.rules), HeapShelf::new([1, 2], SIZES.scopes as usize, true));
        for (call, answer) in self.done.lock().unwrap().iter() {
            assert_eq!(&call.on(&mut plain), answer, "{call:?} is not what one process answers");
        }
        let waiting = self.layout.waiting(self.words());
        let mut ours: Vec<String> = waiting.map(|seq| format!("{:?}", self.layout.entry(self.words(), seq).unwrap())).collect();
        let mut theirs: Vec<String> = plain.shelf_mut().drain_entries().iter().map(|entry| format!("{entry:?}")).collect();
        // Of two that are due at once, either may end first.
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "the journal is not that of one process");
    }
}

fn calls() {
    let shared = Arc::new(Shared::new());
    let one = |me: u64| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || shared.process(me))
    };
    let threads: Vec<_> = (1..=PROCESSES).map(one).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    shared.compare();
}

#[test]
fn calls_of_processes_that_die_are_those_of_one_that_lives() {
    interleave(150, calls);
}

/// For `make crash`.
#[test]
#[ignore = "long"]
fn many_lives_of_the_gate() {
    interleave(20_000, calls);
}
