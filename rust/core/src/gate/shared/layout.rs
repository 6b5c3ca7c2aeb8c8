//! Which words of the segment hold what.

use crate::gate::shared::due::Due;
use crate::gate::shared::reservations::ROW as RESERVATION_ROW;
use crate::gate::shared::scopes::{ACCOUNT_ROW, ROW as SCOPE_ROW};
use crate::route::Board;
use crate::segment::{Blobs, Index, Log, Plan, Pool, Region, Ring, Tx, Words};

/// Changes whenever words move or change their meaning: a segment of another version is made anew.
pub const LAYOUT_VERSION: u64 = 6;

/// Words of the header that the gate uses; the store has the others.
const HEADER_WORDS: usize = 64;
/// Processes that can share a segment.
const OWNERS: usize = 1_024;
/// Words for the text of a fault.
const FAULT_WORDS: usize = 32;
const OVERSHOOT: usize = 32;
const HAND: usize = 33;
const DIRECTORY: usize = 34;
const DRAFT: usize = 35;
const VERSION: usize = 36;
const UNFINISHED: usize = 37;
const FULL: usize = 40;
const UNWRITTEN: std::ops::Range<usize> = 44..47;

/// Stores that one call may make: some 40 for each of 64 scopes, and the reservations that expire with it.
const LOG_STORES: usize = 16_384;

/// How much a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Scopes.
    pub scopes: u32,
    /// Accounts: one per scope of a budget and window that is live or holds money.
    pub accounts: u32,
    /// Reservations, open or remembered.
    pub reservations: u32,
    /// Blocks of 120 bytes for keys, labels and entries.
    pub blocks: u32,
    /// Entries that wait for the ledger.
    pub journal: u32,
}

impl Default for Sizes {
    /// 34 MiB.
    fn default() -> Self {
        Self { scopes: 65_536, accounts: 65_536, reservations: 32_768, blocks: 131_072, journal: 16_384 }
    }
}

/// The places of everything, the same in every process.
#[derive(Debug, Clone)]
pub struct Layout {
    header: Region,
    owners: Region,
    fault: Region,
    pub(super) log: Log,
    pub(super) scopes: Pool,
    pub(super) by_key: Index,
    pub(super) parts: Index,
    pub(super) accounts: Pool,
    pub(super) reservations: Pool,
    pub(super) by_id: Index,
    pub(super) due: Due,
    pub(super) ended: Ring,
    pub(super) blobs: Blobs,
    pub(super) journal: Ring,
    board: Board,
    words: usize,
}

impl Layout {
    /// Places regions of these sizes.
    pub fn new(sizes: &Sizes) -> Self {
        let mut plan = Plan::default();
        let header = plan.take(HEADER_WORDS);
        let owners = plan.take(OWNERS);
        let fault = plan.take(FAULT_WORDS);
        let log = Log::take(&mut plan, LOG_STORES);
        let scopes = Pool::take(&mut plan, sizes.scopes, SCOPE_ROW);
        let by_key = Index::take(&mut plan, sizes.scopes);
        let parts = Index::take(&mut plan, sizes.scopes);
        let accounts = Pool::take(&mut plan, sizes.accounts, ACCOUNT_ROW);
        let reservations = Pool::take(&mut plan, sizes.reservations, RESERVATION_ROW);
        let by_id = Index::take(&mut plan, sizes.reservations);
        let due = Due::take(&mut plan, sizes.reservations);
        let ended = Ring::take(&mut plan, sizes.reservations, 2);
        let blobs = Blobs::take(&mut plan, sizes.blocks);
        let journal = Ring::take(&mut plan, sizes.journal, 1);
        let board = Board::take(&mut plan);
        let words = plan.words();
        Self {
            header,
            owners,
            fault,
            log,
            scopes,
            by_key,
            parts,
            accounts,
            reservations,
            by_id,
            due,
            ended,
            blobs,
            journal,
            board,
            words,
        }
    }

    /// What routing remembers.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// How many words a segment has.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The undo log, to recover what a dead process left.
    pub fn log(&self) -> Log {
        self.log
    }

    /// A word of the header: 0 to 31 belong to the store.
    pub fn header(&self, word: usize) -> usize {
        self.header.at(word)
    }

    /// One word for each number that an owner can have; the first stays unused.
    pub fn owners(&self) -> Region {
        self.owners
    }

    /// The words of a fault's text.
    pub fn fault(&self) -> Region {
        self.fault
    }

    /// Keeps a text in the segment and gives what [`Layout::text`] reads it by; `None` when there is no room.
    pub fn put_text(&self, tx: &mut Tx<'_>, text: &str) -> Option<u64> {
        let head = self.blobs.put(tx, text.as_bytes())?;
        Some(u64::from(head) | (text.len() as u64) << 32)
    }

    /// A text of [`Layout::put_text`].
    pub fn text(&self, words: Words<'_>, name: u64) -> Option<String> {
        let head = u32::try_from(name & u64::from(u32::MAX)).ok()?;
        String::from_utf8(self.blobs.get(words, head, usize::try_from(name >> 32).ok()?)).ok()
    }

    /// Frees a text of [`Layout::put_text`].
    pub(super) fn free_text(&self, tx: &mut Tx<'_>, name: u64) {
        self.blobs.free(tx, u32::try_from(name & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    }

    /// Whether a text fits and leaves the room that requests need.
    pub(super) fn has_room_for_text(&self, words: Words<'_>, bytes: usize) -> bool {
        Blobs::blocks_for(bytes) + self.blobs.capacity() / 4 < self.blobs.free_blocks(words)
    }

    pub(super) fn directory(&self) -> usize {
        self.header.at(DIRECTORY)
    }

    pub(super) fn draft_word(&self) -> usize {
        self.header.at(DRAFT)
    }

    pub(super) fn version(&self) -> usize {
        self.header.at(VERSION)
    }

    pub(super) fn unfinished(&self) -> usize {
        self.header.at(UNFINISHED)
    }

    pub(super) fn overshoot(&self) -> usize {
        self.header.at(OVERSHOOT)
    }

    pub(super) fn full(&self) -> usize {
        self.header.at(FULL)
    }

    pub(super) fn unwritten_words(&self) -> impl Iterator<Item = usize> + use<> {
        let header = self.header;
        UNWRITTEN.map(move |word| header.at(word))
    }

    pub(super) fn hand(&self) -> usize {
        self.header.at(HAND)
    }
}
