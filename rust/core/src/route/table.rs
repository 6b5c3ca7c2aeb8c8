//! Rows by digest in a fixed number of words: nothing is allocated, and a full set of rows gives up the one that is missed least.
//!
//! # Invariant
//! A region of zeros is an empty table. Every change goes through a [`Tx`], so a killed process leaves whole rows.

use crate::segment::{Plan, Region, Tx, Words};

/// Rows that share the words a digest may lie in.
const WAYS: usize = 8;

/// Words of a row; the first two are its digest.
pub const WIDTH: usize = 8;

/// A keyed digest of a key's text; its second word is never 0.
pub type Digest = [u64; 2];

/// Digests a text under a key that callers do not know: they choose the texts, and must not choose who shares rows with them.
pub fn digest(seed: &[u8; 32], text: &str) -> Digest {
    let hash = blake3::keyed_hash(seed, text.as_bytes());
    let word = |from: usize| hash.as_bytes().iter().skip(from).take(8).fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    [word(0), word(8) | 1]
}

/// A table of rows of [`WIDTH`] words.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    region: Region,
    sets: usize,
}

impl Table {
    /// The next region of the plan as a table of about `rows` rows.
    pub fn take(plan: &mut Plan, rows: usize) -> Self {
        let sets = rows.div_ceil(WAYS).next_power_of_two();
        Self { region: plan.take(sets * WAYS * WIDTH), sets }
    }

    /// The first word of a digest's row, if it has one.
    pub fn find(&self, words: Words<'_>, digest: Digest) -> Option<usize> {
        self.ways(digest).find(|at| [words.load(*at), words.load(at + 1)] == digest)
    }

    /// The first word of a digest's row, and whether the row is new: zeros but for the digest.
    ///
    /// A new row takes an empty place, or that of the row which `missed` gives the least.
    pub fn row(&self, tx: &mut Tx<'_>, digest: Digest, missed: impl Fn(Words<'_>, usize) -> u64) -> (usize, bool) {
        let words = tx.words();
        if let Some(at) = self.find(words, digest) {
            return (at, false);
        }
        let worth = |at: &usize| if words.load(at + 1) == 0 { 0 } else { missed(words, *at).saturating_add(1) };
        let at = self.ways(digest).min_by_key(worth).unwrap_or(usize::MAX);
        for word in 0..WIDTH {
            tx.store(at.saturating_add(word), digest.get(word).copied().unwrap_or(0));
        }
        (at, true)
    }

    fn ways(&self, digest: Digest) -> impl Iterator<Item = usize> + use<> {
        let (region, sets) = (self.region, self.sets as u64);
        #[allow(clippy::cast_possible_truncation)] // below the number of sets
        let first = (digest[0] & (sets - 1)) as usize * WAYS;
        (first..first + WAYS).map(move |row| region.at(row * WIDTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::route::board::memory;

    #[test]
    fn rows_are_found_again_and_the_least_missed_goes() -> Result<()> {
        let mut plan = Plan::default();
        let log = crate::segment::Log::take(&mut plan, 100);
        let table = Table::take(&mut plan, 8);
        let words = memory(plan.words());
        let missed = |words: Words<'_>, at: usize| words.load(at + 2);
        for n in 1..=9_u64 {
            let mut tx = Tx::begin(crate::segment::Memory::view(&words), log)?;
            let (at, new) = table.row(&mut tx, [n, 1], missed);
            assert!(new);
            tx.store(at + 2, if n == 4 { 0 } else { 10 });
            tx.commit()?;
        }
        let view = crate::segment::Memory::view(&words);
        assert!(table.find(view, [4, 1]).is_none());
        assert_eq!((1..=9).filter(|n| table.find(view, [*n, 1]).is_some()).count(), 8);
        Ok(())
    }
}
