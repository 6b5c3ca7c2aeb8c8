//! The shelf in this process's memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use crate::clock::Now;
use crate::gate::bound::BoundScope;
use crate::gate::shelf::{REMEMBER_COUNT, REMEMBER_NS, Shelf, Standing, Stock};
use crate::gate::table::Table;
use crate::labels::{Key, Labels};
use crate::ledger::{Entry, Reservation, ReservationId, State};
use crate::rules::Rules;
use crate::throttle::{Bucket, Units};

/// Hash tables of one process.
#[derive(Debug)]
pub struct HeapShelf {
    table: Table,
    /// By reference, so that the many that have ended are not between those that are open; none while one is lifted.
    reservations: HashMap<ReservationId, Option<Box<Reservation>>, ahash::RandomState>,
    expiries: BinaryHeap<Reverse<(u64, ReservationId)>>,
    ended: VecDeque<(u64, ReservationId)>,
    entries: Vec<Entry>,
    worst_overshoot_nusd: i64,
    full_count: u64,
    keep_entries: bool,
}

impl HeapShelf {
    /// An empty shelf.
    ///
    /// `seed` keys the hash of scope keys, so that callers cannot choose keys that collide. `capacity` bounds the keys kept,
    /// whatever the number of rules that share one.
    /// With `keep_entries` each change leaves ledger entries for [`HeapShelf::drain_entries`].
    pub fn new(seed: [u64; 2], capacity: usize, keep_entries: bool) -> Self {
        let [one, two] = seed;
        Self {
            table: Table::new(seed, capacity),
            reservations: HashMap::with_hasher(ahash::RandomState::with_seeds(one, two, !one, !two)),
            expiries: BinaryHeap::new(),
            ended: VecDeque::new(),
            entries: Vec::new(),
            worst_overshoot_nusd: 0,
            full_count: 0,
            keep_entries,
        }
    }

    /// Takes the ledger entries made since the last call, in order.
    pub fn drain_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    fn kept(&self, id: &ReservationId) -> Option<&Reservation> {
        self.reservations.get(id)?.as_deref()
    }

    fn is_open(&self, id: &ReservationId) -> bool {
        self.kept(id).is_some_and(|kept| kept.state == State::Open)
    }

    /// Drops expiries of ended reservations once they are the larger part, so that the heap follows what is open.
    fn forget_stale_expiries(&mut self) {
        let open = self.reservations.len().saturating_sub(self.ended.len());
        if self.expiries.len() <= 2 * open + 1_024 {
            return;
        }
        let mut expiries = std::mem::take(&mut self.expiries).into_vec();
        expiries.retain(|Reverse((_, id))| self.is_open(id));
        self.expiries = expiries.into();
    }
}

impl Shelf for HeapShelf {
    fn find(&self, scope: &BoundScope) -> Option<u32> {
        self.table.find(scope)
    }

    fn slot_or_insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.table.slot_or_insert(rules, rule, key, now)
    }

    fn slot_to_book(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.table.slot_to_book(rules, rule, key, now)
    }

    fn slot_of(&self, key: &Key) -> Option<u32> {
        self.table.slot_of(key)
    }

    fn has_room(&mut self, rules: &Rules, wanted: &[&BoundScope], key: &Key, now: Now) -> bool {
        self.table.has_room_for(rules, wanted, key, now)
    }

    fn found_full(&mut self) {
        self.full_count += 1;
    }

    fn full_count(&self) -> u64 {
        self.full_count
    }

    fn keeps(&self, slot: u32, key: &Key) -> bool {
        self.table.keeps(slot, key)
    }

    fn see<R>(&self, slot: u32, look: impl FnOnce(&Stock) -> R) -> Option<R> {
        self.table.get(slot).map(look)
    }

    fn change<R>(&mut self, slot: u32, change: impl FnOnce(&mut Stock) -> R) -> Option<R> {
        self.table.get_mut(slot).map(change)
    }

    fn change_bucket<R>(&mut self, scope: &BoundScope, change: impl FnOnce(&mut Bucket) -> R) -> Option<R> {
        let slot = self.table.find(scope)?;
        match self.table.get_mut(slot)? {
            Stock::Bucket(bucket) => Some(change(bucket)),
            Stock::Held(_) | Stock::Accounts(_) => None,
        }
    }

    fn open(&mut self, slot: u32, change: i32) {
        self.table.open(slot, change);
    }

    fn slots(&self) -> u32 {
        self.table.slots()
    }

    fn rule_at(&self, slot: u32) -> Option<u16> {
        self.table.rule_at(slot)
    }

    fn scope_count(&self) -> usize {
        self.table.scope_count()
    }

    fn key_at(&self, slot: u32) -> Option<Key> {
        self.table.key_at(slot)
    }

    fn each_scope(&self, show: &mut dyn FnMut(u16, u32, &Stock)) {
        self.table.iter().for_each(|(rule, slot, stock)| show(rule, slot, stock));
    }

    fn standing(&self, id: &ReservationId, body: Option<(&Labels, &Units)>) -> Option<Standing> {
        let known = self.kept(id)?;
        let same_body = body.is_some_and(|(labels, units)| known.same_body(labels, units));
        Some(Standing { state: known.state, same_body })
    }

    fn reservation(&self, id: &ReservationId) -> Option<Reservation> {
        self.kept(id).cloned()
    }

    fn reserved_nusd(&self, id: &ReservationId) -> i64 {
        self.kept(id).map_or(0, Reservation::nusd)
    }

    fn lift(&mut self, id: &ReservationId) -> Option<Box<Reservation>> {
        self.reservations.get_mut(id)?.take()
    }

    fn put(&mut self, reservation: Box<Reservation>) {
        if reservation.state == State::Open {
            self.expiries.push(Reverse((reservation.expires_boot_ns, reservation.id.clone())));
        }
        match self.reservations.get_mut(&reservation.id) {
            Some(place) => *place = Some(reservation),
            None => drop(self.reservations.insert(reservation.id.clone(), Some(reservation))),
        }
    }

    fn due(&mut self, boot_ns: u64) -> Option<ReservationId> {
        while self.expiries.peek().is_some_and(|Reverse((at, _))| *at <= boot_ns) {
            let Reverse((_, id)) = self.expiries.pop()?;
            if self.kept(&id).is_some_and(|kept| kept.state == State::Open && kept.expires_boot_ns <= boot_ns) {
                return Some(id);
            }
        }
        None
    }

    fn remember(&mut self, id: &ReservationId, boot_ns: u64) {
        self.ended.push_back((boot_ns, id.clone()));
        self.forget_stale_expiries();
    }

    fn forget(&mut self, boot_ns: u64) {
        while self.ended.front().is_some_and(|(at, _)| self.ended.len() > REMEMBER_COUNT || at + REMEMBER_NS <= boot_ns) {
            if let Some((_, id)) = self.ended.pop_front() {
                self.reservations.remove(&id);
            }
        }
    }

    fn journals(&self) -> bool {
        self.keep_entries
    }

    fn journal(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    fn worst_overshoot_nusd(&self) -> i64 {
        self.worst_overshoot_nusd
    }

    fn overshot(&mut self, nusd: i64) {
        self.worst_overshoot_nusd = self.worst_overshoot_nusd.max(nusd);
    }
}
