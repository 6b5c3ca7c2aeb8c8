//! Scopes as rows of the segment.

use crate::clock::Now;
use crate::error::Error;
use crate::gate::bound::BoundScope;
use crate::gate::shared::SharedShelf;
use crate::gate::shelf::{SWEEP, Stock, room_for};
use crate::labels::{Key, key_part};
use crate::ledger::Account;
use crate::rules::Rules;
use crate::throttle::Bucket;

/// Words of a scope: its key's digest, generation and open reservations, its key, the rule with the kind, and the stock.
pub const ROW: usize = 8;
const DIGEST: usize = 0;
const MARK: usize = 2;
pub(super) const NAME: usize = 3;
pub(super) const KIND: usize = 4;
pub(super) const STOCK: usize = 5;

/// Words of an account.
pub const ACCOUNT_ROW: usize = 7;

pub(super) const BUCKET: u64 = 0;
pub(super) const HELD: u64 = 1;
const ACCOUNTS: u64 = 2;

/// Low half of a mark: open reservations. High half: the generation.
pub(super) const OPEN: u64 = u32::MAX as u64;

impl SharedShelf<'_> {
    pub(super) fn scope_word(&self, slot: u32, word: usize) -> u64 {
        self.words().load(self.layout.scopes.word_index(slot, word))
    }

    fn store_scope(&mut self, slot: u32, word: usize, value: u64) {
        self.tx.store(self.layout.scopes.word_index(slot, word), value);
    }

    pub(super) fn find_scope(&self, scope: &BoundScope) -> Option<u32> {
        let hint = scope.hint();
        let slot = u32::try_from(hint & OPEN).unwrap_or(u32::MAX);
        if self.layout.scopes.is_live(self.words(), slot) && self.scope_word(slot, MARK) >> 32 == hint >> 32 {
            return Some(slot);
        }
        let slot = self.layout.by_key.find(self.words(), self.digest(&scope.key))?;
        scope.remember((self.scope_word(slot, MARK) & !OPEN) | u64::from(slot));
        Some(slot)
    }

    pub(super) fn keeps_key(&self, slot: u32, key: &Key) -> bool {
        let digest = self.digest(key);
        self.layout.scopes.is_live(self.words(), slot)
            && [self.scope_word(slot, DIGEST), self.scope_word(slot, DIGEST + 1)] == digest
    }

    pub(super) fn insert_scope(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        let digest = self.digest(key);
        if let Some(slot) = self.layout.by_key.find(self.words(), digest) {
            return Some(slot);
        }
        if !self.make_room(rules, 1, self.layout.scopes.capacity() as usize, now) {
            return None;
        }
        self.write_scope(rules, rule, key, now)
    }

    /// The slot of a key for what has to be booked; fails the call where neither the slots nor the blocks that admissions leave
    /// are enough.
    pub(super) fn insert_to_book(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        if let Some(slot) = self.insert_scope(rules, rule, key, now) {
            return Some(slot);
        }
        let made = self.write_scope(rules, rule, key, now);
        if made.is_none() && rules.get(rule).is_some() {
            let most = self.layout.scopes.capacity();
            self.tx.fail(Error::Full(format!("all {most} scopes of the segment are in use, so this end cannot be booked")));
        }
        made
    }

    fn write_scope(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        let digest = self.digest(key);
        let kind = &rules.get(rule)?.kind;
        let slot = self.layout.scopes.alloc(&mut self.tx)?;
        let name = self.layout.blobs.put(&mut self.tx, key)?;
        if !self.layout.by_key.insert(&mut self.tx, digest, slot) {
            self.tx.fail(Error::Full("the index of scopes has no room".to_owned()));
            return None;
        }
        self.count_part(key, 1);
        let mark = self.scope_word(slot, MARK) & !OPEN;
        self.store_scope(slot, DIGEST, digest[0]);
        self.store_scope(slot, DIGEST + 1, digest[1]);
        self.store_scope(slot, MARK, mark);
        self.store_scope(slot, NAME, u64::from(name) | (key.len() as u64) << 32);
        self.store_scope(slot, STOCK, 0);
        let stock = Stock::fresh(kind, now);
        let tag = match &stock {
            Stock::Bucket(_) => BUCKET,
            Stock::Held(_) => HELD,
            Stock::Accounts(_) => ACCOUNTS,
        };
        self.store_scope(slot, KIND, tag | u64::from(rule) << 8);
        self.write_stock(slot, &stock);
        Some(slot)
    }

    /// Whether so many new scopes fit, this key's among them, after forgetting idle ones if need be.
    pub(super) fn make_room_for(&mut self, rules: &Rules, wanted: usize, key: &Key, now: Now) -> bool {
        let capacity = self.layout.scopes.capacity() as usize;
        // The least that any part has, without a look at whose it is.
        let least = room_for(capacity, usize::MAX);
        if self.fits(wanted, least) {
            return true;
        }
        let owned = self.layout.parts.find(self.words(), self.digest(key_part(key))).unwrap_or(0);
        self.make_room(rules, wanted, room_for(capacity, owned as usize), now)
    }

    /// Forgets idle scopes until no more than `most` are kept with the new ones.
    fn make_room(&mut self, rules: &Rules, wanted: usize, most: usize, now: Now) -> bool {
        let (capacity, hand) = (self.layout.scopes.capacity() as usize, self.layout.hand());
        let start = usize::try_from(self.words().load(hand)).unwrap_or(0);
        for looked in 0..SWEEP.min(capacity) {
            if self.fits(wanted, most) {
                self.tx.store(hand, ((start + looked) % capacity) as u64);
                return true;
            }
            let slot = u32::try_from((start + looked) % capacity).unwrap_or(0);
            self.forget_if_idle(rules, slot, now);
        }
        // Once, not at each slot: each store is one of those that a call may make.
        self.tx.store(hand, ((start + SWEEP.min(capacity)) % capacity.max(1)) as u64);
        self.fits(wanted, most)
    }

    /// Keys leave a good part of the blocks to reservations and entries: a flood of long ones refuses keys, not settles.
    fn fits(&self, wanted: usize, most: usize) -> bool {
        let (used, blobs) = (self.layout.scopes.len(self.words()) as usize, &self.layout.blobs);
        used + wanted <= most && blobs.free_blocks(self.words()) > blobs.capacity() * 3 / 8 + 4 * wanted
    }

    /// Counts a scope of a key's part in or out. The row of a part in its index is how many it owns.
    fn count_part(&mut self, key: &[u8], change: i32) {
        let part = self.digest(key_part(key));
        let owned = self.layout.parts.find(self.words(), part).unwrap_or(0).saturating_add_signed(change);
        if owned == 0 {
            self.layout.parts.remove(&mut self.tx, part);
        } else {
            self.layout.parts.insert(&mut self.tx, part, owned);
        }
    }

    fn forget_if_idle(&mut self, rules: &Rules, slot: u32, now: Now) {
        let mark = self.scope_word(slot, MARK);
        if !self.layout.scopes.is_live(self.words(), slot) || mark & OPEN > 0 {
            return;
        }
        let kind = rules.get(self.rule_of(slot)).map(|rule| &rule.kind);
        if !self.stock(slot).is_idle(kind, now) {
            return;
        }
        self.write_stock(slot, &Stock::Accounts(Vec::new()));
        let key = self.key_of(slot);
        self.count_part(&key, -1);
        let digest = [self.scope_word(slot, DIGEST), self.scope_word(slot, DIGEST + 1)];
        self.layout.by_key.remove(&mut self.tx, digest);
        let name = self.scope_word(slot, NAME);
        self.layout.blobs.free(&mut self.tx, u32::try_from(name & OPEN).unwrap_or(u32::MAX));
        self.store_scope(slot, MARK, (mark & !OPEN).wrapping_add(1 << 32));
        self.layout.scopes.free(&mut self.tx, slot);
    }

    pub(super) fn rule_of(&self, slot: u32) -> u16 {
        self.layout.scope_rule(self.words(), slot)
    }

    pub(super) fn key_of(&self, slot: u32) -> Key {
        self.layout.scope_key(self.words(), slot)
    }

    pub(super) fn count_open(&mut self, slot: u32, change: i32) {
        if self.layout.scopes.is_live(self.words(), slot) {
            let mark = self.scope_word(slot, MARK);
            let open = u32::try_from(mark & OPEN).unwrap_or(0).saturating_add_signed(change);
            self.store_scope(slot, MARK, (mark & !OPEN) | u64::from(open));
        }
    }

    pub(super) fn is_bucket(&self, slot: u32) -> bool {
        self.scope_word(slot, KIND) & 0xFF == BUCKET
    }

    pub(super) fn bucket(&self, slot: u32) -> Bucket {
        self.layout.scope_bucket(self.words(), slot)
    }

    pub(super) fn write_bucket(&mut self, slot: u32, bucket: &Bucket) {
        let (level, rem, last_ns) = bucket.parts();
        self.store_scope(slot, STOCK, level.cast_unsigned());
        self.store_scope(slot, STOCK + 1, rem);
        self.store_scope(slot, STOCK + 2, last_ns);
    }

    pub(super) fn stock(&self, slot: u32) -> Stock {
        self.layout.scope_stock(self.words(), slot)
    }

    pub(super) fn write_stock(&mut self, slot: u32, stock: &Stock) {
        match stock {
            Stock::Bucket(bucket) => self.write_bucket(slot, bucket),
            Stock::Held(held) => self.store_scope(slot, STOCK, held.cast_unsigned()),
            Stock::Accounts(accounts) if self.scope_word(slot, KIND) & 0xFF == ACCOUNTS => self.write_accounts(slot, accounts),
            Stock::Accounts(_) => {}
        }
    }

    /// Writes a scope's accounts over its rows, with more or fewer rows as needed.
    fn write_accounts(&mut self, slot: u32, accounts: &[Account]) {
        let mut rows = self.layout.account_rows(self.words(), slot);
        while rows.len() < accounts.len() {
            let Some(row) = self.layout.accounts.alloc(&mut self.tx) else {
                return self.tx.fail(Error::Full(format!(
                    "all {} accounts of the segment are in use; fewer keys or longer budget periods need fewer",
                    self.layout.accounts.capacity()
                )));
            };
            rows.push(row);
        }
        for row in rows.split_off(accounts.len()) {
            self.layout.accounts.free(&mut self.tx, row);
        }
        for (row, account) in rows.iter().zip(accounts) {
            let words = [account.window.start_ns, account.window.end_ns, account.posted, account.pending, account.overrun];
            for (offset, word) in words.into_iter().chain([i64::from(account.warned), account.excused]).enumerate() {
                self.tx.store(self.layout.accounts.word_index(*row, offset), word.cast_unsigned());
            }
        }
        for (place, row) in rows.iter().enumerate() {
            self.layout.accounts.set_link(&mut self.tx, *row, rows.get(place + 1).copied());
        }
        self.store_scope(slot, STOCK, rows.first().map_or(0, |row| u64::from(*row) + 1));
    }
}
