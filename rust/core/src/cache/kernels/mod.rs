//! Sums over many quantised rows at once, at the widest step that the machine knows.
//!
//! # Invariant
//! Every level gives the same integers. All but one body of x86 and those of ARM are the same safe code, compiled again for wider registers; tests compare
//! each with the plain sum.

mod body;
#[cfg(target_arch = "aarch64")]
mod neon;
mod wide;

/// How wide the machine's integer registers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What every machine of the target has.
    Portable,
    /// 256 bits.
    Avx2,
    /// 512 bits, with a count of bits.
    Avx512,
    /// 128 bits of 64-bit ARM.
    Neon,
}

impl Level {
    /// The widest level of this machine; the answer is remembered by the standard library.
    pub fn here() -> Self {
        wide::levels().last().copied().unwrap_or(Self::Portable)
    }

    /// Writes the dot product of each row with the query.
    ///
    /// # Invariant
    /// The caller keeps `127 * max|query| * len < 2^31`, so no partial sum leaves `i32`.
    pub fn dots(self, rows: &[i8], query: &[i16], out: &mut [i32]) {
        wide::dots(self, rows, query, out);
    }

    /// Writes how many bits of each row differ from the query; rows lie in blocks of [`LANES`], word by word.
    pub fn hammings(self, blocks: &[u64], query: &[u64], out: &mut [u16]) {
        wide::hammings(self, blocks, query, out);
    }
}

/// Rows in one block of bits: one register of 64-bit words.
pub const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    #[test]
    #[allow(clippy::cast_possible_truncation)] // any bits will do
    fn every_level_gives_the_integers_of_the_plain_sum() {
        let mut next = noise(11);
        for len in [1_usize, 7, 8, 31, 32, 33, 64, 200, 256, 384, 500] {
            let rows: Vec<i8> = (0..len * 9).map(|_| next() as i8).collect();
            let query: Vec<i16> = (0..len).map(|_| next() as i16).collect();
            let plain: Vec<i32> =
                rows.chunks(len).map(|row| row.iter().zip(&query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()).collect();
            for level in wide::levels() {
                let mut out = vec![0; 9];
                level.dots(&rows, &query, &mut out);
                assert_eq!(out, plain, "{level:?} {len}");
            }
        }
    }

    #[test]
    fn every_level_counts_the_same_bits() {
        let mut next = noise(5);
        for words in [1_usize, 2, 4, 6, 17] {
            let blocks: Vec<u64> = (0..words * LANES * 3).map(|_| next()).collect();
            let query: Vec<u64> = (0..words).map(|_| next()).collect();
            let bit = |row: usize, word: usize| blocks[((row / LANES) * words + word) * LANES + row % LANES];
            for level in wide::levels() {
                let mut out = vec![0; LANES * 3];
                level.hammings(&blocks, &query, &mut out);
                for (row, seen) in out.iter().enumerate() {
                    let plain: u32 = (0..words).map(|word| (bit(row, word) ^ query[word]).count_ones()).sum();
                    assert_eq!(u32::from(*seen), plain, "{level:?} {words} words, row {row}");
                }
            }
        }
    }
}
