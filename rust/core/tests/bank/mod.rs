//! A small state directory: accounts whose sum never changes, a journal, and processes that come, die and come again.

use std::sync::atomic::AtomicU64 as Plain;

use tierkit_model::life;
use tierkit_model::segment::{Blocked, Held, Lock, Log, Owners, Plan, Region, Ring, Surroundings, Tx, Words, number_of};
use tierkit_model::sync::{AtomicU64, Ordering};

/// What all accounts hold together.
const TOTAL: u64 = 90;
/// What a step of the clock is: the third look at a lock asks for its holder.
const STEP_NS: u64 = 600_000;

/// What processes share.
pub struct Bank {
    lock: Lock,
    owners: Owners,
    accounts: Region,
    count: usize,
    journal: Ring,
    words: Box<[AtomicU64]>,
    /// The record locks: 1 while the number is in use.
    numbers: Box<[AtomicU64]>,
    /// Who is inside, as the test sees it.
    inside: Plain,
    /// Payments that were answered.
    answered: Plain,
    clock_ns: Plain,
}

impl Bank {
    /// A bank for so many processes at a time, with a journal of so many records.
    pub fn new(numbers: usize, records: u32) -> Self {
        let mut plan = Plan::default();
        let header = plan.take(4);
        let names = plan.take(numbers + 1);
        let accounts = plan.take(3);
        let log = Log::take(&mut plan, 12);
        let journal = Ring::take(&mut plan, records, 2);
        let words = (0..plan.words()).map(|index| if accounts.contains(index) { TOTAL / 3 } else { 0 });
        Self {
            words: words.map(AtomicU64::new).collect(),
            lock: Lock { holder: header.at(0), turns: header.at(1), log },
            owners: Owners { names, given: header.at(2) },
            count: header.at(3),
            accounts,
            journal,
            numbers: (0..=numbers).map(|_| AtomicU64::new(0)).collect(),
            inside: Plain::new(0),
            answered: Plain::new(0),
            clock_ns: Plain::new(0),
        }
    }

    fn words(&self) -> Words<'_> {
        Words::new(&self.words)
    }

    /// What must be so between any two changes; gives the number of payments.
    fn audit(&self) -> u64 {
        let words = self.words();
        let balances: Vec<u64> = (0..3).map(|at| words.load(self.accounts.at(at))).collect();
        assert_eq!(balances.iter().sum::<u64>(), TOTAL, "half a payment is there: {balances:?}");
        let count = words.load(self.count);
        assert_eq!(self.journal.head(words), count, "a payment without its record, or the reverse");
        if let Some(last) = count.checked_sub(1).and_then(|seq| self.journal.get(words, seq)) {
            assert_eq!(last.collect::<Vec<_>>(), [count - 1, balances[0]], "the last record is not of the last payment");
        }
        count
    }

    /// Looks without the lock, at most so often; gives the number of payments seen.
    pub fn look(&self, looks: usize) -> Option<u64> {
        (0..looks).find_map(|_| {
            life::give_way();
            let read = || {
                let words = self.words();
                let balances = (0..3).map(|at| words.load(self.accounts.at(at))).collect::<Vec<_>>();
                (balances, words.load(self.count), self.journal.head(words))
            };
            let (balances, count, head) = self.lock.glance(self.words(), read)?;
            assert_eq!(balances.iter().sum::<u64>(), TOTAL, "a reader sees half a payment: {balances:?}");
            assert_eq!(count, head, "a reader sees a payment without its record");
            Some(count)
        })
    }

    /// A process comes, works, and dies in place of a store or goes when it is done. False when no number was free.
    pub fn process(&self, dies_at: Option<u64>, work: impl FnOnce(&Process<'_>)) -> bool {
        let claim = |number: &usize| self.numbers[*number].compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let Some(number) = (1..self.numbers.len()).find(claim) else { return false };
        let me = Plain::new(0);
        let ended = life::live(dies_at, || {
            let process = Process::attach(self, number, &me);
            work(&process);
        });
        if ended.is_none() {
            let me = me.into_inner();
            let _ = self.inside.compare_exchange(me, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        // The system drops the record lock after the last store of its process.
        self.numbers[number].store(0, Ordering::Release);
        true
    }

    /// After all threads: what was answered is there, and nothing more than those who died may have made.
    pub fn close(&self, deaths: u64) {
        let mut closed = false;
        self.process(None, |last| {
            let _held = last.enter().unwrap_or_else(|blocked| panic!("the lock stays taken: {blocked:?}"));
            let (count, answered) = (self.audit(), self.answered.load(Ordering::Relaxed));
            assert!((answered..=answered + deaths).contains(&count), "{answered} answered, {count} there, {deaths} died");
            last.leave();
            closed = true;
        });
        assert!(closed, "a number stays taken");
    }
}

/// One process at a bank.
pub struct Process<'a> {
    bank: &'a Bank,
    me: u64,
}

impl Surroundings for Process<'_> {
    const SPINS: u32 = 1;

    fn lives(&self, owner: u64) -> bool {
        let bank = self.bank;
        // A process does not see its own record locks.
        let in_use = |number| number != number_of(self.me) && self.number(number).load(Ordering::Acquire) == 1;
        owner == self.me || bank.owners.lives(bank.words(), owner, in_use)
    }

    fn boot_ns(&self) -> u64 {
        self.bank.clock_ns.fetch_add(STEP_NS, Ordering::Relaxed)
    }

    fn give_way(&self, _waited_ns: u64) {
        life::give_way();
    }
}

impl<'a> Process<'a> {
    fn attach(bank: &'a Bank, number: usize, name: &Plain) -> Self {
        let me = bank.owners.name(bank.words(), number as u64).unwrap_or_else(|| panic!("there is no count of owners"));
        name.store(me, Ordering::Relaxed);
        let process = Self { bank, me };
        if let Ok(held) = process.enter() {
            process.change(|tx| bank.owners.write(tx, me));
            process.leave();
            drop(held);
        }
        process
    }

    fn number(&self, number: u64) -> &AtomicU64 {
        usize::try_from(number).ok().and_then(|number| self.bank.numbers.get(number)).unwrap_or(&self.bank.numbers[0])
    }

    /// Takes the lock; nobody else may have it then.
    fn enter(&self) -> Result<Held<'a>, Blocked> {
        let held = self.bank.lock.acquire(self.bank.words(), self.me, self)?;
        let other = self.bank.inside.swap(self.me, Ordering::Relaxed);
        assert_eq!(other, 0, "two are inside");
        self.bank.audit();
        Ok(held)
    }

    fn leave(&self) {
        let me = self.bank.inside.swap(0, Ordering::Relaxed);
        assert_eq!(me, self.me, "somebody else came in");
    }

    fn change(&self, change: impl FnOnce(&mut Tx<'_>)) {
        let mut tx = Tx::begin(self.bank.words(), self.bank.lock.log).unwrap_or_else(|error| panic!("{error}"));
        change(&mut tx);
        tx.commit().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Moves money between accounts, and writes it down. A holder that lives and does not go on may refuse it.
    pub fn pay(&self, amount: u64) {
        let bank = self.bank;
        let held = match self.enter() {
            Ok(held) => held,
            Err(Blocked::Held(_)) => return,
            Err(broken) => panic!("{broken:?}"),
        };
        self.change(|tx| {
            let (from, to) = (bank.accounts.at(0), bank.accounts.at(1));
            let (left, count) = (tx.load(from) - amount, tx.load(bank.count));
            tx.store(from, left);
            let more = tx.load(to) + amount;
            tx.store(to, more);
            bank.journal.advance(tx, count);
            bank.journal.push(tx, &[count, left]);
            tx.store(bank.count, count + 1);
        });
        bank.answered.fetch_add(1, Ordering::Relaxed);
        bank.audit();
        self.leave();
        drop(held);
    }

    /// Forgets one owner that is dead.
    pub fn bury(&self) {
        let dead = self.bank.owners.all(self.bank.words()).find(|owner| *owner != self.me && !self.lives(*owner));
        let Some((dead, held)) = dead.and_then(|dead| Some((dead, self.enter().ok()?))) else { return };
        self.change(|tx| self.bank.owners.forget(tx, dead));
        self.leave();
        drop(held);
    }
}
