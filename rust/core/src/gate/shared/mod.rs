//! The shelf in a segment that several processes share. One call is one change of the segment: it happens whole or not at all.

mod directory;
mod due;
#[cfg(test)]
mod flood;
mod journal;
mod layout;
mod reservations;
mod scopes;
mod seen;
#[cfg(test)]
mod spare_tests;
#[cfg(test)]
mod switch_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unwritten_tests;

pub use directory::MOST_TEXT;
pub use layout::{LAYOUT_VERSION, Layout, Sizes};

use std::cell::RefCell;

use crate::clock::Now;
use crate::error::Result;
use crate::gate::Unwritten;
use crate::gate::bound::BoundScope;
use crate::gate::shelf::{Shelf, Standing, Stock};
use crate::labels::{Key, Labels};
use crate::ledger::{Entry, Reservation, ReservationId};
use crate::rules::Rules;
use crate::segment::{Tx, Words};
use crate::throttle::{Bucket, Units};

/// Reservations that one call expires at most; the next call goes on.
const EXPIRE: u32 = 32;

/// A view of the segment for one call, under its lock.
#[derive(Debug)]
pub struct SharedShelf<'a> {
    tx: Tx<'a>,
    layout: &'a Layout,
    seed: [u8; 32],
    owner: u64,
    expired: u32,
    last_id: RefCell<Option<(ReservationId, [u64; 2])>>,
}

impl<'a> SharedShelf<'a> {
    /// Begins a call. `seed` keys the digests and `owner` is the process; both stand in the segment.
    ///
    /// # Errors
    /// `Damaged`.
    pub fn begin(words: Words<'a>, layout: &'a Layout, seed: [u8; 32], owner: u64) -> Result<Self> {
        let (tx, last_id) = (Tx::begin(words, layout.log())?, RefCell::default());
        Ok(Self { tx, layout, seed, owner, expired: 0, last_id })
    }

    /// Makes the call last. Dropped without it, nothing has happened.
    ///
    /// # Errors
    /// `Full` or `Damaged`: nothing has happened.
    pub fn commit(self) -> Result<()> {
        self.tx.commit()
    }

    /// Open reservations that a process made.
    pub fn open_of(&self, owner: u64) -> Vec<ReservationId> {
        self.owned(owner)
    }

    fn words(&self) -> Words<'a> {
        self.tx.words()
    }

    fn digest(&self, bytes: &[u8]) -> [u64; 2] {
        let digest = blake3::keyed_hash(&self.seed, bytes);
        let word = |from: usize| {
            let mut word = [0_u8; 8];
            word.iter_mut().zip(digest.as_bytes().iter().skip(from)).for_each(|(to, byte)| *to = *byte);
            u64::from_le_bytes(word)
        };
        [word(0), word(8) | 1]
    }
}

impl Shelf for SharedShelf<'_> {
    fn find(&self, scope: &BoundScope) -> Option<u32> {
        self.find_scope(scope)
    }

    fn slot_or_insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.insert_scope(rules, rule, key, now)
    }

    fn slot_to_book(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.insert_to_book(rules, rule, key, now)
    }

    fn slot_of(&self, key: &Key) -> Option<u32> {
        self.layout.by_key.find(self.words(), self.digest(key))
    }

    fn has_room(&mut self, rules: &Rules, wanted: &[&BoundScope], key: &Key, now: Now) -> bool {
        self.make_room_for(rules, wanted.len(), key, now)
    }

    fn found_full(&mut self) {
        let count = self.full_count();
        self.tx.store(self.layout.full(), count.wrapping_add(1));
    }

    fn full_count(&self) -> u64 {
        self.words().load(self.layout.full())
    }

    fn keeps(&self, slot: u32, key: &Key) -> bool {
        self.keeps_key(slot, key)
    }

    fn see<R>(&self, slot: u32, look: impl FnOnce(&Stock) -> R) -> Option<R> {
        self.layout.scopes.is_live(self.words(), slot).then(|| look(&self.stock(slot)))
    }

    fn change<R>(&mut self, slot: u32, change: impl FnOnce(&mut Stock) -> R) -> Option<R> {
        if !self.layout.scopes.is_live(self.words(), slot) {
            return None;
        }
        let mut stock = self.stock(slot);
        let changed = change(&mut stock);
        self.write_stock(slot, &stock);
        Some(changed)
    }

    fn change_bucket<R>(&mut self, scope: &BoundScope, change: impl FnOnce(&mut Bucket) -> R) -> Option<R> {
        let slot = self.find_scope(scope).filter(|slot| self.is_bucket(*slot))?;
        let mut bucket = self.bucket(slot);
        let changed = change(&mut bucket);
        self.write_bucket(slot, &bucket);
        Some(changed)
    }

    fn open(&mut self, slot: u32, change: i32) {
        self.count_open(slot, change);
    }

    fn slots(&self) -> u32 {
        self.layout.slots()
    }

    fn rule_at(&self, slot: u32) -> Option<u16> {
        self.layout.scopes.is_live(self.words(), slot).then(|| self.rule_of(slot))
    }

    fn scope_count(&self) -> usize {
        self.layout.scopes.len(self.words()) as usize
    }

    fn key_at(&self, slot: u32) -> Option<Key> {
        self.layout.scopes.is_live(self.words(), slot).then(|| self.key_of(slot))
    }

    fn each_scope(&self, show: &mut dyn FnMut(u16, u32, &Stock)) {
        for slot in self.layout.scopes.rows(self.words()) {
            show(self.rule_of(slot), slot, &self.stock(slot));
        }
    }

    fn standing(&self, id: &ReservationId, body: Option<(&Labels, &Units)>) -> Option<Standing> {
        self.standing_of(id, body)
    }

    fn reservation(&self, id: &ReservationId) -> Option<Reservation> {
        self.read_by_id(id)
    }

    fn reserved_nusd(&self, id: &ReservationId) -> i64 {
        self.held_nusd(id)
    }

    fn lift(&mut self, id: &ReservationId) -> Option<Box<Reservation>> {
        self.read_by_id(id).map(Box::new)
    }

    fn put(&mut self, reservation: Box<Reservation>) {
        self.keep(&reservation);
    }

    fn due(&mut self, boot_ns: u64) -> Option<ReservationId> {
        if self.expired >= EXPIRE {
            return None;
        }
        self.expired += 1;
        self.first_due(boot_ns)
    }

    fn remember(&mut self, id: &ReservationId, boot_ns: u64) {
        self.add_ended(id, boot_ns);
    }

    fn forget(&mut self, boot_ns: u64) {
        self.forget_ended(boot_ns);
    }

    fn journals(&self) -> bool {
        true
    }

    fn journal(&mut self, entry: Entry) {
        self.append(&entry);
    }

    fn has_room_for_entries(&self) -> bool {
        self.has_room_for_one()
    }

    fn unwritten(&self) -> Unwritten {
        self.layout.unwritten(self.words())
    }

    fn count_unwritten(&mut self, change: Unwritten) {
        self.add_unwritten(change);
    }

    fn worst_overshoot_nusd(&self) -> i64 {
        self.words().load(self.layout.overshoot()).cast_signed()
    }

    fn overshot(&mut self, nusd: i64) {
        let worst = self.worst_overshoot_nusd().max(nusd);
        self.tx.store(self.layout.overshoot(), worst.cast_unsigned());
    }
}
