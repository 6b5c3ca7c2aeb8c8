//! One sign bit per value, and the rows whose signs are closest to a query's.
//!
//! # Source
//! Sign bits of a random rotation differ with probability angle/π (Charikar 2002, "Similarity estimation techniques from
//! rounding algorithms"), so a wanted cosine says how many bits may differ.

// Rows count below 2^32, and a share of bits is rounded on purpose.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

use std::ops::Range;

use super::kernels::{LANES, Level, Signs, Wanted, fetch};

/// So many times the rows that are wanted are gathered before the farther ones are let go.
const FULL: usize = 3;
/// Standard deviations of the count of differing bits that a row at the wanted cosine may lie off.
const SIGMAS: f64 = 6.0;
/// The same for the first words alone.
const FIRST_SIGMAS: f64 = 5.0;
/// Blocks whose first words are looked at before the rest of those that passed.
const STRIP: usize = 512;
/// Rows that passed lie anywhere, so one is fetched while so many before it are compared.
const AHEAD: usize = 8;

/// The signs of all rows, in blocks of eight rows, word by word, so that one step compares eight rows.
///
/// Half of the words, which tells most rows apart from the query, lies by itself: a scan of many rows takes as long as
/// memory gives them.
#[derive(Debug)]
pub struct Bits {
    first: Part,
    rest: Part,
    rows: usize,
}

/// Some words of every row.
#[derive(Debug)]
struct Part {
    words: usize,
    blocks: Vec<u64>,
}

impl Bits {
    /// No rows of so many 64-bit words.
    pub fn new(words: usize) -> Self {
        let first = words.div_ceil(2).max(2).min(words);
        Self { first: Part::new(first), rest: Part::new(words - first), rows: 0 }
    }

    /// Adds a row.
    pub fn push(&mut self, bits: &[u64]) {
        if self.rows.is_multiple_of(LANES) {
            self.first.grow(self.rows);
            self.rest.grow(self.rows);
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
        self.first.cut(last);
        self.rest.cut(last);
    }

    /// The words of one row.
    pub fn row(&self, row: usize) -> Vec<u64> {
        self.first.row(row).chain(self.rest.row(row)).collect()
    }

    /// Gives memory back.
    pub fn shrink(&mut self) {
        self.first.blocks.shrink_to_fit();
        self.rest.blocks.shrink_to_fit();
    }

    /// The rows with the fewest differing bits, at most `most` and in no order; ties go to the lowest rows.
    ///
    /// Rows that a cosine of `floor` makes all but impossible are left out.
    pub fn closest(&self, query: &[u64], dim: usize, floor: f32, most: usize) -> Vec<u32> {
        let share = apart(floor);
        let (mut cut, mut at) = (Some(reach(dim as f64, share, SIGMAS)), 0);
        let mut found = Vec::with_capacity(FULL * most + LANES);
        while let Some(bits) = cut.filter(|_| at * LANES < self.rows) {
            at += match self.sieve(dim, share, bits) {
                Some(few) => self.sifted(at, query, (few, bits), &mut found),
                None => self.scanned(at, query, (bits, FULL * most), &mut found),
            };
            // The last block may have places without a row.
            found.retain(|(_, row)| (*row as usize) < self.rows);
            if found.len() > most {
                let (_, last, _) = found.select_nth_unstable(most - 1);
                // From here on a row must be closer than the last one kept, since an equal one comes later.
                cut = last.0.checked_sub(1);
                found.truncate(most);
            }
        }
        found.into_iter().map(|(_, row)| row).collect()
    }

    /// Most bits of the first words that a wanted row may differ in; `None` where that lets too many rows pass.
    fn sieve(&self, dim: usize, share: f64, cut: u16) -> Option<u16> {
        let (all, first) = (dim as f64, (64 * self.first.words) as f64);
        if first >= all {
            return None;
        }
        // Of a row at the floor, and of one that differs in so many bits wherever they lie.
        let spread = FIRST_SIGMAS * (1.0 - first / all).sqrt();
        let most = reach(first, share, FIRST_SIGMAS).min(reach(first, (f64::from(cut) / all).min(0.5), spread));
        // Two standard deviations below the half that unrelated rows differ in: 2 % of them pass.
        (f64::from(most) <= first / 2.0 - first.sqrt()).then_some(most)
    }

    /// Looks at all words of the blocks from one on, until there are enough rows; gives how many blocks it looked at.
    fn scanned(&self, at: usize, query: &[u64], (cut, enough): (u16, usize), found: &mut Vec<(u16, u32)>) -> usize {
        let signs = Signs { first: self.first.from(at), rest: self.rest.from(at), words: self.first.words };
        Level::here().within(signs, query, Wanted { first: (at * LANES) as u32, cut, enough }, found)
    }

    /// Looks at the first words of a strip of blocks, and at the others where a row passes; gives how many blocks it looked at.
    fn sifted(&self, at: usize, query: &[u64], (few, cut): (u16, u16), found: &mut Vec<(u16, u32)>) -> usize {
        let (begin, end) = query.split_at(self.first.words);
        let strip = self.first.from(at);
        let signs = Signs { first: &strip[..strip.len().min(STRIP * LANES * begin.len())], rest: &[], words: begin.len() };
        let mut passed = Vec::with_capacity(STRIP);
        let wanted = Wanted { first: (at * LANES) as u32, cut: few, enough: usize::MAX };
        let seen = Level::here().within(signs, begin, wanted, &mut passed);
        for (place, (bits, row)) in passed.iter().enumerate() {
            if let Some((_, later)) = passed.get(place + AHEAD) {
                fetch(self.rest.block(*later as usize));
            }
            let others = self.rest.row(*row as usize).zip(end).map(|(word, asked)| (word ^ asked).count_ones() as u16);
            let apart = bits + others.sum::<u16>();
            if apart <= cut {
                found.push((apart, *row));
            }
        }
        seen
    }

    fn write(&mut self, row: usize, bits: &[u64]) {
        let (first, rest) = bits.split_at(self.first.words.min(bits.len()));
        self.first.write(row, first);
        self.rest.write(row, rest);
    }
}

impl Part {
    fn new(words: usize) -> Self {
        Self { words, blocks: Vec::new() }
    }

    /// Makes room for a block behind so many rows, and grows by an eighth.
    fn grow(&mut self, rows: usize) {
        let block = LANES * self.words;
        if self.blocks.capacity() < self.blocks.len() + block {
            self.blocks.reserve_exact(block * (rows / LANES / 8).max(1));
        }
        self.blocks.resize(self.blocks.len() + block, 0);
    }

    fn cut(&mut self, rows: usize) {
        self.blocks.truncate(rows.div_ceil(LANES) * LANES * self.words);
    }

    /// The blocks from one on.
    fn from(&self, block: usize) -> &[u64] {
        &self.blocks[block * LANES * self.words..]
    }

    /// Where the block of a row lies.
    fn place(&self, row: usize) -> Range<usize> {
        let block = LANES * self.words;
        row / LANES * block..(row / LANES + 1) * block
    }

    fn block(&self, row: usize) -> &[u64] {
        &self.blocks[self.place(row)]
    }

    fn row(&self, row: usize) -> impl Iterator<Item = u64> {
        self.block(row).iter().skip(row % LANES).step_by(LANES).copied()
    }

    fn write(&mut self, row: usize, bits: &[u64]) {
        let place = self.place(row);
        for (place, value) in self.blocks[place].iter_mut().skip(row % LANES).step_by(LANES).zip(bits) {
            *place = *value;
        }
    }
}

/// The share of bits that differ at a cosine.
fn apart(cosine: f32) -> f64 {
    f64::from(cosine).clamp(-1.0, 1.0).acos() / std::f64::consts::PI
}

/// Most differing bits of so many, where a share of them differs, with some standard deviations to spare.
fn reach(bits: f64, share: f64, sigmas: f64) -> u16 {
    (bits * share + sigmas * (bits * share * (1.0 - share)).sqrt() + 1.0) as u16
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

    #[test]
    fn the_first_words_let_every_wanted_row_through_and_few_others() {
        let mut state = 9_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let (words, dim, floor) = (6, 384, 0.79);
        let query: Vec<u64> = (0..words).map(|_| next()).collect();
        // Every tenth row is near: each word of it differs in up to ten bits, the others in about half.
        let near = |mut word: u64, at: u64| {
            (0..10).for_each(|turn| word ^= 1 << (at >> (6 * turn) & 63));
            word
        };
        let rows: Vec<Vec<u64>> = (0..9_001)
            .map(|row| query.iter().map(|word| if row % 10 == 3 { near(*word, next()) } else { next() }).collect())
            .collect();
        let mut bits = Bits::new(words);
        for row in &rows {
            bits.push(row);
        }
        let apart = |row: &[u64]| row.iter().zip(&query).map(|(a, b)| (a ^ b).count_ones() as u16).sum::<u16>();
        let mut exact: Vec<(u16, u32)> = (0..).zip(&rows).map(|(number, row)| (apart(row), number)).collect();
        exact.sort_unstable();
        let most = reach(dim as f64, super::apart(floor), SIGMAS);
        assert!(bits.sieve(dim, super::apart(floor), most).is_some_and(|few| few < 80));
        assert_eq!(bits.sieve(dim, super::apart(0.2), most), None, "half of all rows would pass");
        let wanted: Vec<u32> = exact.iter().take(64).map(|(_, row)| *row).collect();
        assert_eq!(sorted(bits.closest(&query, dim, floor, 64)), sorted(wanted.clone()));
        assert_eq!(sorted(bits.closest(&query, dim, -1.0, 64)), sorted(wanted));
        let all: Vec<u32> = exact.iter().filter(|(apart, _)| *apart <= most).map(|(_, row)| *row).collect();
        assert_eq!(sorted(bits.closest(&query, dim, floor, 9_001)), sorted(all));
    }
}
