//! Rows of one size with a free list.

use super::{Plan, Region, Tx, Words};

/// Words before the first row: rows ever used, head of the free list, rows in use. A whole cache line keeps rows aligned.
const HEADER: usize = 8;
const USED: usize = 0;
const FREE: usize = 1;
const LIVE_COUNT: usize = 2;

/// The mark of a row in use, in its header word; the low half is a link to another row, plus one.
const LIVE: u64 = 1 << 63;
const LINK: u64 = u32::MAX as u64;

/// A pool of rows. Rows above the high-water mark were never touched, so that zeros are an empty pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    region: Region,
    rows: u32,
    width: usize,
}

impl Pool {
    /// The next region of the plan as a pool of `rows` rows with `width` words each, and one header word before each.
    pub fn take(plan: &mut Plan, rows: u32, width: usize) -> Self {
        // The last number is free for "none": links are stored plus one.
        let rows = rows.min(u32::MAX - 1);
        let words = width.saturating_add(1).saturating_mul(rows as usize).saturating_add(HEADER);
        Self { region: plan.take(words), rows, width }
    }

    /// How many rows there are.
    #[inline]
    pub fn capacity(&self) -> u32 {
        self.rows
    }

    /// How many rows are in use.
    #[inline]
    pub fn len(&self, words: Words<'_>) -> u32 {
        clamp(words.load(self.region.at(LIVE_COUNT)), self.rows)
    }

    /// Whether a row is in use.
    #[inline]
    pub fn is_live(&self, words: Words<'_>, row: u32) -> bool {
        words.load(self.header(row)) & LIVE != 0
    }

    /// The index of word `word` of a row; one beyond every memory when there is no such word.
    #[inline]
    pub fn word_index(&self, row: u32, word: usize) -> usize {
        // A width of no row gives an offset that no region has.
        if word < self.width { self.place(row, word + 1) } else { usize::MAX }
    }

    /// The rows in use, in order of their number.
    pub fn rows<'a>(&self, words: Words<'a>) -> impl Iterator<Item = u32> + use<'a> {
        let pool = *self;
        let used = clamp(words.load(pool.region.at(USED)), pool.rows);
        (0..used).filter(move |row| pool.is_live(words, *row))
    }

    /// A row with the words that its last owner left. `None` when all are in use, or the change has failed.
    pub fn alloc(&self, tx: &mut Tx<'_>) -> Option<u32> {
        let row = match unlink(tx.load(self.region.at(FREE))) {
            Some(row) => self.reuse(tx, row)?,
            None => self.extend(tx)?,
        };
        tx.store(self.header(row), LIVE);
        tx.store(self.region.at(LIVE_COUNT), u64::from(self.len(tx.words()).saturating_add(1)));
        tx.unless_failed(row)
    }

    /// Gives a row back; false when it is not in use, or the change has failed.
    pub fn free(&self, tx: &mut Tx<'_>, row: u32) -> bool {
        if !self.is_live(tx.words(), row) {
            return false;
        }
        let head = tx.load(self.region.at(FREE));
        tx.store(self.header(row), head & LINK);
        tx.store(self.region.at(FREE), u64::from(row) + 1);
        tx.store(self.region.at(LIVE_COUNT), u64::from(self.len(tx.words()).saturating_sub(1)));
        !tx.has_failed()
    }

    /// The row that a row in use links to.
    #[inline]
    pub fn link(&self, words: Words<'_>, row: u32) -> Option<u32> {
        if self.is_live(words, row) { unlink(words.load(self.header(row)) & LINK) } else { None }
    }

    /// Links a row in use to another; a row that is not in use stays as it is.
    #[inline]
    pub fn set_link(&self, tx: &mut Tx<'_>, row: u32, to: Option<u32>) {
        if self.is_live(tx.words(), row) {
            tx.store(self.header(row), LIVE | to.map_or(0, |row| u64::from(row) + 1) & LINK);
        }
    }

    fn reuse(&self, tx: &mut Tx<'_>, row: u32) -> Option<u32> {
        if row >= self.rows || self.is_live(tx.words(), row) {
            tx.fail_damaged("the free list names a row that is in use");
            return None;
        }
        let next = tx.load(self.header(row)) & LINK;
        tx.store(self.region.at(FREE), next);
        Some(row)
    }

    fn extend(&self, tx: &mut Tx<'_>) -> Option<u32> {
        let used = tx.load(self.region.at(USED));
        let row = u32::try_from(used).ok().filter(|row| *row < self.rows)?;
        tx.store(self.region.at(USED), used + 1);
        Some(row)
    }

    #[inline]
    fn header(&self, row: u32) -> usize {
        self.place(row, 0)
    }

    #[inline]
    fn place(&self, row: u32, offset: usize) -> usize {
        self.region.at((row as usize).saturating_mul(self.width.saturating_add(1)).saturating_add(HEADER + offset))
    }
}

/// A stored count, at most what can be true.
#[inline]
fn clamp(value: u64, most: u32) -> u32 {
    u32::try_from(value).unwrap_or(most).min(most)
}

/// A stored link as a row.
#[inline]
fn unlink(stored: u64) -> Option<u32> {
    u32::try_from(stored.checked_sub(1)?).ok()
}
