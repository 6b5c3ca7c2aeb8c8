//! Scopes as the words of the segment tell them, without a change under way: for the shelf, and for whoever only looks.

use crate::gate::shared::Layout;
use crate::gate::shared::scopes::{BUCKET, HELD, KIND, NAME, OPEN, STOCK};
use crate::gate::shelf::Stock;
use crate::labels::Key;
use crate::ledger::{Account, Window};
use crate::segment::Words;
use crate::throttle::Bucket;

/// Accounts that one scope can have: more is a damaged chain.
const MOST_ACCOUNTS: usize = 4_096;

impl Layout {
    /// How many slots there are for scopes.
    pub fn slots(&self) -> u32 {
        self.scopes.capacity()
    }

    /// How many scopes are kept, and how many requests were refused for want of room.
    pub fn crowd(&self, words: Words<'_>) -> (u32, u64) {
        (self.scopes.len(words), words.load(self.full()))
    }

    /// The slots that hold scopes.
    pub fn live_slots<'a>(&self, words: Words<'a>) -> impl Iterator<Item = u32> + use<'a> {
        self.scopes.rows(words)
    }

    /// The rule, the key and the stock of a scope; `None` where a slot is free. A reader without the lock may see a mix of
    /// two calls, and reads again when the lock was taken meanwhile.
    pub fn scope(&self, words: Words<'_>, slot: u32) -> Option<(u16, Key, Stock)> {
        let live = self.scopes.is_live(words, slot);
        live.then(|| (self.scope_rule(words, slot), self.scope_key(words, slot), self.scope_stock(words, slot)))
    }

    #[inline]
    fn scope_word(&self, words: Words<'_>, slot: u32, word: usize) -> u64 {
        words.load(self.scopes.word_index(slot, word))
    }

    pub(super) fn scope_rule(&self, words: Words<'_>, slot: u32) -> u16 {
        u16::try_from(self.scope_word(words, slot, KIND) >> 8).unwrap_or(u16::MAX)
    }

    pub(super) fn scope_key(&self, words: Words<'_>, slot: u32) -> Key {
        let name = self.scope_word(words, slot, NAME);
        let (head, len) = (u32::try_from(name & OPEN).unwrap_or(u32::MAX), usize::try_from(name >> 32).unwrap_or(0));
        self.blobs.get(words, head, len).into()
    }

    #[inline]
    pub(super) fn scope_bucket(&self, words: Words<'_>, slot: u32) -> Bucket {
        let word = |offset| self.scope_word(words, slot, STOCK + offset);
        Bucket::from_parts(word(0).cast_signed(), word(1), word(2))
    }

    #[inline]
    pub(super) fn scope_stock(&self, words: Words<'_>, slot: u32) -> Stock {
        match self.scope_word(words, slot, KIND) & 0xFF {
            BUCKET => Stock::Bucket(self.scope_bucket(words, slot)),
            HELD => Stock::Held(self.scope_word(words, slot, STOCK).cast_signed()),
            _ => Stock::Accounts(self.account_rows(words, slot).into_iter().map(|row| self.account(words, row)).collect()),
        }
    }

    #[inline]
    pub(super) fn account_rows(&self, words: Words<'_>, slot: u32) -> Vec<u32> {
        let first = self.scope_word(words, slot, STOCK).checked_sub(1).and_then(|row| u32::try_from(row).ok());
        let next = |row: &u32| self.accounts.link(words, *row);
        std::iter::successors(first, next).take(MOST_ACCOUNTS).collect()
    }

    fn account(&self, words: Words<'_>, row: u32) -> Account {
        let word = |offset| words.load(self.accounts.word_index(row, offset)).cast_signed();
        Account {
            window: Window { start_ns: word(0), end_ns: word(1) },
            posted: word(2),
            pending: word(3),
            overrun: word(4),
            warned: u32::try_from(word(5)).unwrap_or(0),
            excused: word(6),
        }
    }
}
