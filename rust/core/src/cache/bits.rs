//! One sign bit per value, and the rows whose signs are closest to a query's.
//!
//! # Source
//! Sign bits of a random rotation differ with probability angle/π (Charikar 2002, "Similarity estimation techniques from
//! rounding algorithms"), so a wanted cosine says how many bits may differ.

// Rows count below 2^32, and a share of bits is rounded on purpose.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

use super::kernels::{LANES, Level, Wanted};

/// So many times the rows that are wanted are gathered before the farther ones are let go.
const FULL: usize = 3;
/// Standard deviations of the count of differing bits that a row at the wanted cosine may lie off.
const SIGMAS: f64 = 6.0;

/// The signs of all rows, in blocks of eight rows, word by word, so that one step compares eight rows.
#[derive(Debug)]
pub struct Bits {
    words: usize,
    blocks: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// No rows of so many 64-bit words.
    pub fn new(words: usize) -> Self {
        Self { words, blocks: Vec::new(), rows: 0 }
    }

    /// Adds a row.
    pub fn push(&mut self, bits: &[u64]) {
        if self.rows.is_multiple_of(LANES) {
            let block = LANES * self.words;
            if self.blocks.capacity() < self.blocks.len() + block {
                self.blocks.reserve_exact(block * (self.rows / LANES / 8).max(1));
            }
            self.blocks.resize(self.blocks.len() + block, 0);
        }
        self.rows += 1;
        self.write(self.rows - 1, bits);
    }

    /// Removes a row by moving the last one into its place.
    pub fn remove(&mut self, row: usize) {
        let Some(last) = self.rows.checked_sub(1).filter(|last| row <= *last) else { return };
        let moved = self.row(last);
        self.write(row, &moved);
        self.rows = last;
        self.blocks.truncate(last.div_ceil(LANES) * LANES * self.words);
    }

    /// The words of one row.
    pub fn row(&self, row: usize) -> Vec<u64> {
        (0..self.words).map(|word| self.blocks[self.place(row, word)]).collect()
    }

    /// Gives memory back.
    pub fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
    }

    /// The rows with the fewest differing bits, at most `most` and in no order; ties go to the lowest rows.
    ///
    /// Rows that a cosine of `floor` makes all but impossible are left out.
    pub fn closest(&self, query: &[u64], dim: usize, floor: f32, most: usize) -> Vec<u32> {
        let (level, block) = (Level::here(), LANES * self.words);
        let (mut cut, mut at) = (Some(reach(dim, floor)), 0);
        let mut found = Vec::with_capacity(FULL * most + LANES);
        while let Some(bits) = cut.filter(|_| at < self.blocks.len()) {
            let wanted = Wanted { first: (at / self.words) as u32, cut: bits, enough: FULL * most };
            at += block * level.within(&self.blocks[at..], query, wanted, &mut found);
            // The last block may have places without a row.
            while found.pop_if(|(_, row)| *row as usize >= self.rows).is_some() {}
            if found.len() > most {
                let (_, last, _) = found.select_nth_unstable(most - 1);
                // From here on a row must be closer than the last one kept, since an equal one comes later.
                cut = last.0.checked_sub(1);
                found.truncate(most);
            }
        }
        found.into_iter().map(|(_, row)| row).collect()
    }

    fn place(&self, row: usize, word: usize) -> usize {
        ((row / LANES) * self.words + word) * LANES + row % LANES
    }

    fn write(&mut self, row: usize, bits: &[u64]) {
        for (word, value) in bits.iter().enumerate() {
            let place = self.place(row, word);
            self.blocks[place] = *value;
        }
    }
}

/// Most differing bits of a row at this cosine, with [`SIGMAS`] to spare.
fn reach(dim: usize, floor: f32) -> u16 {
    let share = f64::from(floor).clamp(-1.0, 1.0).acos() / std::f64::consts::PI;
    let dim = dim as f64;
    (dim * share + SIGMAS * (dim * share * (1.0 - share)).sqrt() + 1.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(rows: &[u64]) -> Bits {
        let mut bits = Bits::new(1);
        for row in rows {
            bits.push(&[*row]);
        }
        bits
    }

    fn sorted(mut rows: Vec<u32>) -> Vec<u32> {
        rows.sort_unstable();
        rows
    }

    #[test]
    fn the_closest_rows_win_and_ties_go_to_the_lowest() {
        let rows: Vec<u64> = (0..5_000).map(|row: u64| if row % 100 == 7 { 1 } else { 0xff }).collect();
        let bits = bits(&rows);
        assert_eq!(sorted(bits.closest(&[1], 64, -1.0, 4)), [7, 107, 207, 307]);
        assert_eq!(bits.closest(&[1], 64, 1.0, 1_000).len(), 50);
        assert_eq!(sorted(bits.closest(&[!0], 64, -1.0, 3)), [0, 1, 2]);
    }

    #[test]
    fn removal_moves_the_last_row() {
        let mut bits = bits(&(0..20).map(|row| 1 << row).collect::<Vec<_>>());
        bits.remove(3);
        bits.remove(18);
        assert_eq!(bits.rows, 18);
        assert_eq!(bits.closest(&[1 << 19], 64, 1.0, 5), [3]);
        assert!(sorted(bits.closest(&[1 << 18], 64, -1.0, 1)) == [0]);
    }
}
