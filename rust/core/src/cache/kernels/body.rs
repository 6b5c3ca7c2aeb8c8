//! The sums themselves, in safe code that the compiler turns into the machine's widest steps.

use super::LANES;

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
pub fn hammings(blocks: &[u64], query: &[u64], out: &mut [u16]) {
    // A known number of words is unrolled, and its eight lanes become one register; 256, 384, 768, 1,024 and 1,536 values.
    match query.len() {
        4 => fixed::<4>(blocks, query, out),
        6 => fixed::<6>(blocks, query, out),
        12 => fixed::<12>(blocks, query, out),
        16 => fixed::<16>(blocks, query, out),
        24 => fixed::<24>(blocks, query, out),
        _ => any(blocks, query, out),
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn fixed<const WORDS: usize>(blocks: &[u64], query: &[u64], out: &mut [u16]) {
    let Ok(query) = <&[u64; WORDS]>::try_from(query) else { return };
    let (rows, _) = blocks.as_chunks::<LANES>();
    let (blocks, _) = rows.as_chunks::<WORDS>();
    let (counts, _) = out.as_chunks_mut::<LANES>();
    for (block, counts) in blocks.iter().zip(counts) {
        *counts = counted(block, query);
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // as above
fn any(blocks: &[u64], query: &[u64], out: &mut [u16]) {
    let (rows, _) = blocks.as_chunks::<LANES>();
    let (counts, _) = out.as_chunks_mut::<LANES>();
    for (block, counts) in rows.chunks_exact(query.len()).zip(counts) {
        *counts = counted(block, query);
    }
}

#[inline(always)]
#[allow(clippy::inline_always, clippy::cast_possible_truncation)] // as above; a row has at most 2^14 bits
fn counted(block: &[[u64; LANES]], query: &[u64]) -> [u16; LANES] {
    let mut sums = [0_u64; LANES];
    for (words, asked) in block.iter().zip(query) {
        for lane in 0..LANES {
            sums[lane] += u64::from((words[lane] ^ asked).count_ones());
        }
    }
    sums.map(|sum| sum as u16)
}
