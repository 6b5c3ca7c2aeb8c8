//! The sums themselves, in safe code that the compiler turns into the machine's widest steps.

use super::{LANES, Signs, Wanted};

/// Products added side by side: the compiler keeps them in registers, where one sum would be re-packed for every block.
const WIDE: usize = 32;

#[inline(always)]
#[allow(clippy::inline_always)] // the body must be compiled again inside each function that has wider registers
pub fn dots(rows: &[i8], query: &[i16], out: &mut [i32]) {
    for (row, sum) in rows.chunks_exact(query.len()).zip(out) {
        let mut sums = [0_i32; WIDE];
        let ((mine, left), (theirs, right)) = (row.as_chunks::<WIDE>(), query.as_chunks::<WIDE>());
        *sum = left.iter().zip(right).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        for (a, b) in mine.iter().zip(theirs) {
            for lane in 0..WIDE {
                sums[lane] += i32::from(a[lane]) * i32::from(b[lane]);
            }
        }
        *sum += sums.iter().sum::<i32>();
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
pub fn within(signs: Signs<'_>, query: &[u64], wanted: Wanted, found: &mut Vec<(u16, u32)>) -> usize {
    for (at, first, rest) in signs.blocks(query.len()) {
        let counts = counted(first, rest, query);
        let close = wanted.close(&counts);
        if close != 0 && wanted.note(at, &counts, close, found) {
            return at + 1;
        }
    }
    signs.len()
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn counted(first: &[[u64; LANES]], rest: &[[u64; LANES]], query: &[u64]) -> [u64; LANES] {
    let mut sums = [0_u64; LANES];
    let (begin, end) = query.split_at(first.len());
    for (words, asked) in [(first, begin), (rest, end)] {
        for (words, asked) in words.iter().zip(asked) {
            for lane in 0..LANES {
                sums[lane] += u64::from((words[lane] ^ asked).count_ones());
            }
        }
    }
    sums
}
