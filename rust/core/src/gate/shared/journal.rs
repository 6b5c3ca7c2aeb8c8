//! Entries on their way to the ledger.

use crate::error::Error;
use crate::gate::Unwritten;
use crate::gate::shared::{Layout, SharedShelf};
use crate::ledger::{Entry, EntryKind, Flags, decode_entry, encode_entry};
use crate::segment::{Tx, Words};

const LOW: u64 = u32::MAX as u64;

impl SharedShelf<'_> {
    /// Keeps an entry. A reservation leaves room for its own end, so that a settle never finds the journal full; an adjustment
    /// and a second end, which comes late, take none of that room.
    pub(super) fn append(&mut self, entry: &Entry) {
        let bytes = encode_entry(entry);
        let open = self.promised();
        let promised = match entry.kind {
            EntryKind::Reserve => Some(open + 1),
            EntryKind::Adjust => Some(open),
            _ if entry.flags.has(Flags::LATE) => Some(open),
            EntryKind::Post | EntryKind::Void | EntryKind::Expire => None,
        };
        let room = promised.is_none_or(|promised| self.layout.journal.free_slots(self.words()) > promised);
        let put = if room { self.layout.blobs.put(&mut self.tx, &bytes) } else { None };
        let record = put.map(|head| u64::from(head) | (bytes.len() as u64) << 32);
        if record.and_then(|record| self.layout.journal.push(&mut self.tx, &[record])).is_none() {
            let waiting = self.layout.journal.capacity() - self.layout.journal.free_slots(self.words());
            self.tx.fail(Error::Full(format!("{waiting} entries wait for the ledger; use a faster disk or fewer requests")));
        }
    }

    /// Open reservations whose ends have a place kept: all but those that were admitted without any.
    fn promised(&self) -> usize {
        let unwritten = usize::try_from(self.layout.unwritten(self.words()).open).unwrap_or(0);
        self.layout.due.len(self.words()).saturating_sub(unwritten)
    }

    /// Whether a reservation and its end have places that are promised to nobody. Some blocks stay for ends that need many.
    pub(super) fn has_room_for_one(&self) -> bool {
        let blobs = &self.layout.blobs;
        self.layout.journal.free_slots(self.words()) > self.promised() + 1
            && blobs.free_blocks(self.words()) > blobs.capacity() / 8
    }

    pub(super) fn add_unwritten(&mut self, change: Unwritten) {
        let known = self.layout.unwritten(self.words());
        let words = self.layout.unwritten_words();
        let sums = [known.open + change.open, known.reservations + change.reservations, known.nusd.saturating_add(change.nusd)];
        words.zip(sums).for_each(|(word, sum)| self.tx.store(word, sum.cast_unsigned()));
    }
}

impl Layout {
    /// Numbers of the entries that wait for the ledger, oldest first.
    pub fn waiting(&self, words: Words<'_>) -> std::ops::Range<u64> {
        self.journal.tail(words)..self.journal.head(words)
    }

    /// Whether the ledger is so far behind that callers should wait for it: a power cut would lose much, a flush would take long,
    /// or soon there is no room beyond what open reservations were promised. With few entries to write, no wait makes room.
    pub fn is_crowded(&self, words: Words<'_>) -> bool {
        let (free, capacity) = (self.journal.free_slots(words), self.journal.capacity());
        let waiting = capacity.saturating_sub(free);
        let few_left = free < self.due.len(words) + capacity / 4 || self.blobs.free_blocks(words) < self.blobs.capacity() / 4;
        waiting > capacity / 4 || few_left && waiting > capacity / 64
    }

    /// What was admitted without room for its entries.
    pub fn unwritten(&self, words: Words<'_>) -> Unwritten {
        let mut found = self.unwritten_words().map(|word| words.load(word).cast_signed());
        let mut next = || found.next().unwrap_or(0);
        Unwritten { open: next(), reservations: next(), nusd: next() }
    }

    /// An entry that waits.
    pub fn entry(&self, words: Words<'_>, seq: u64) -> Option<Entry> {
        let record = self.journal.get(words, seq)?.next()?;
        let head = u32::try_from(record & LOW).ok()?;
        decode_entry(&self.blobs.get(words, head, usize::try_from(record >> 32).ok()?))
    }

    /// Lets entries before `upto` go: the ledger has them.
    pub fn release(&self, tx: &mut Tx<'_>, upto: u64) {
        for seq in self.journal.tail(tx.words())..upto.min(self.journal.head(tx.words())) {
            let record = self.journal.get(tx.words(), seq).and_then(|mut record| record.next());
            if let Some(head) = record.and_then(|record| u32::try_from(record & LOW).ok()) {
                self.blobs.free(tx, head);
            }
        }
        self.journal.advance(tx, upto);
    }
}
