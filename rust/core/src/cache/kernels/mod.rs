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

    /// Adds to `found` the rows that differ from the query in few enough bits, with that number of bits, up to the block that
    /// makes them enough; gives the blocks that it looked at.
    pub fn within(self, signs: Signs<'_>, query: &[u64], wanted: Wanted, found: &mut Vec<(u16, u32)>) -> usize {
        wide::within(self, signs, query, wanted, found)
    }
}

/// Asks for values to be in the nearest cache soon.
pub fn fetch<T>(values: &[T]) {
    wide::fetch(values);
}

/// Bits of rows, in blocks of [`LANES`] rows, word by word: the first words of all blocks, then the others. Without the others
/// a look at the first ones alone is meant.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// The first words.
    pub first: &'a [u64],
    /// The others, or none.
    pub rest: &'a [u64],
    /// First words of one row.
    pub words: usize,
}

impl<'a> Signs<'a> {
    /// Each block: its first words and the others of a query of so many words.
    #[inline(always)]
    #[allow(clippy::inline_always)] // compiled again inside each function that has wider registers
    fn blocks(self, asked: usize) -> impl Iterator<Item = (usize, &'a [[u64; LANES]], &'a [[u64; LANES]])> {
        let (first, rest) = (self.first.as_chunks::<LANES>().0, self.rest.as_chunks::<LANES>().0);
        let others = asked - self.words;
        let blocks = first.chunks_exact(self.words).enumerate();
        blocks.map(move |(at, block)| (at, block, rest.get(at * others..(at + 1) * others).unwrap_or_default()))
    }

    /// How many blocks there are.
    fn len(self) -> usize {
        self.first.len() / (LANES * self.words)
    }
}

/// What a look at bits is for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The number of the first row.
    pub first: u32,
    /// Most bits that may differ.
    pub cut: u16,
    /// Rows that are enough to look at them more closely before going on.
    pub enough: usize,
}

impl Wanted {
    /// Adds the rows of one block that are close enough, one bit of `close` each; tells whether there are enough.
    #[allow(clippy::cast_possible_truncation)] // a row has at most 2^14 bits, and there are fewer than 2^32 rows
    fn note(self, block: usize, counts: &[u64; LANES], mut close: u8, found: &mut Vec<(u16, u32)>) -> bool {
        while close != 0 {
            let lane = close.trailing_zeros() as usize;
            found.push((counts[lane] as u16, self.first + (block * LANES + lane) as u32));
            close &= close - 1;
        }
        found.len() >= self.enough
    }

    /// The rows of one block that are close enough, one bit each.
    #[inline(always)]
    #[allow(clippy::inline_always)] // compiled again inside each function that has wider registers
    fn close(self, counts: &[u64; LANES]) -> u8 {
        let cut = u64::from(self.cut);
        counts.iter().rev().fold(0, |close, count| close << 1 | u8::from(*count <= cut))
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
    #[allow(clippy::cast_possible_truncation)] // small numbers
    fn every_level_finds_the_same_rows_and_stops_at_the_same_block() {
        let mut next = noise(5);
        for words in [1_usize, 2, 4, 6, 17] {
            let first = words.div_ceil(3);
            let (near, far): (Vec<u64>, Vec<u64>) =
                ((0..first * LANES * 50).map(|_| next()).collect(), (0..(words - first) * LANES * 50).map(|_| next()).collect());
            let query: Vec<u64> = (0..words).map(|_| next()).collect();
            let place = |row: usize, word: usize, words: usize| ((row / LANES) * words + word) * LANES + row % LANES;
            let bit = |row: usize, word: usize| match word.checked_sub(first) {
                None => near[place(row, word, first)],
                Some(word) => far[place(row, word, words - first)],
            };
            let count = |row: usize| (0..words).map(|word| (bit(row, word) ^ query[word]).count_ones()).sum::<u32>() as u16;
            let cut = words as u16 * 30;
            let plain: Vec<(u16, u32)> = (0..400).map(|row| (count(row), row as u32)).filter(|row| row.0 <= cut).collect();
            for level in wide::levels() {
                let (mut found, mut at) = (Vec::new(), 0);
                while at < 50 {
                    let wanted = Wanted { first: (at * LANES) as u32, cut, enough: found.len() + 7 };
                    let (begun, others) = (&near[at * first * LANES..], &far[at * (words - first) * LANES..]);
                    let signs = Signs { first: begun, rest: others, words: first };
                    let seen = level.within(signs, &query, wanted, &mut found);
                    let enough = found.len() >= wanted.enough;
                    assert!(enough || at + seen == 50, "{level:?} {words} words");
                    at += seen;
                }
                assert_eq!(found, plain, "{level:?} {words} words");
            }
        }
    }
}
