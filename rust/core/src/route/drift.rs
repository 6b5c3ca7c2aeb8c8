//! Whether needs are distributed as before: an alert, since a new kind of traffic and an attack look alike.
//!
//! # Source
//! Population stability index over 16 bins, `Σ (p − q)·ln(p/q)`; above 0.2 by convention a population has changed. Of 1,000 needs
//! against 2,000 of the same kind it is some 0.02.

use super::board::Board;
use crate::segment::{Tx, Words};

const BINS: usize = 16;
/// Needs that are compared at once, and needs that they are compared with.
const WINDOW: u64 = 1_000;
const REFERENCE: u64 = 2_000;
/// Alert above this index.
const DRIFTED: f64 = 0.2;

/// Words: how many needs are in the reference and in the window, the last index in millionths, then both histograms.
const IN_REFERENCE: usize = 0;
const IN_WINDOW: usize = 1;
const INDEX: usize = 2;
const BEFORE: usize = 8;
const NOW: usize = BEFORE + BINS;

/// Counts a need; true when a whole window of them lies apart from what was before. What comes next is then the new reference:
/// one change alerts once, also when it falls into the middle of a window.
pub fn drifts(board: &Board, tx: &mut Tx<'_>, need: f64) -> bool {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // held inside the bins
    let bin = ((need.clamp(0.0, 1.0) * 16.0) as usize).min(BINS - 1);
    let learning = tx.load(board.drift.at(IN_REFERENCE)) < REFERENCE;
    let (first, count) = if learning { (BEFORE, IN_REFERENCE) } else { (NOW, IN_WINDOW) };
    add(tx, board.drift.at(first + bin));
    add(tx, board.drift.at(count));
    if learning || tx.load(board.drift.at(IN_WINDOW)) < WINDOW {
        return false;
    }
    let index = stability(histogram(board, tx.words(), BEFORE), histogram(board, tx.words(), NOW));
    let drifted = index > DRIFTED;
    for bin in 0..BINS {
        tx.store(board.drift.at(NOW + bin), 0);
    }
    tx.store(board.drift.at(IN_WINDOW), 0);
    if drifted {
        forget(board, tx);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at least 0, and far below 2^64
    tx.store(board.drift.at(INDEX), (index * 1e6) as u64);
    drifted
}

/// The index of the last whole window, in millionths.
pub fn last_index_ppm(board: &Board, words: Words<'_>) -> u64 {
    words.load(board.drift.at(INDEX))
}

/// Begins anew, for another model.
pub fn forget(board: &Board, tx: &mut Tx<'_>) {
    for word in 0..board.drift.words {
        tx.store(board.drift.at(word), 0);
    }
}

fn add(tx: &mut Tx<'_>, at: usize) {
    tx.store(at, tx.load(at).saturating_add(1));
}

fn histogram(board: &Board, words: Words<'_>, first: usize) -> [u64; BINS] {
    std::array::from_fn(|bin| words.load(board.drift.at(first + bin)))
}

/// The index; half a need more in each bin, so that an empty one has a logarithm.
fn stability(before: [u64; BINS], now: [u64; BINS]) -> f64 {
    #[allow(clippy::cast_precision_loss)] // counts of some thousands
    let shares = |counts: [u64; BINS]| {
        let total: f64 = counts.iter().map(|count| *count as f64 + 0.5).sum();
        counts.map(|count| (count as f64 + 0.5) / total)
    };
    shares(before).into_iter().zip(shares(now)).map(|(q, p)| (p - q) * (p / q).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::route::board::OwnBoard;
    use crate::segment::Memory;

    #[test]
    fn a_change_alerts_once_and_chance_never() -> Result<()> {
        let own = OwnBoard::new([0; 32]);
        let (mut state, mut alerts) = (1_u64, Vec::new());
        for n in 0..40_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let even = f64::from(u32::try_from(state >> 32).unwrap_or(0)) / f64::from(u32::MAX);
            let mut tx = Tx::begin(own.words.view(), own.log)?;
            if drifts(&own.board, &mut tx, if n < 20_500 { even } else { even * even }) {
                alerts.push(n);
            }
            tx.commit()?;
        }
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!((20_000..22_000).contains(&alerts[0]));
        Ok(())
    }
}
