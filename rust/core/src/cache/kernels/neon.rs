//! The sums in NEON, which every 64-bit ARM machine has, written out: the plain bodies leave half of each register empty there.
//!
//! # Why `unsafe` is allowed here
//! Loads and stores go through pointers; each reads or writes one array of exactly the register's size.
#![allow(unsafe_code)]

use std::arch::aarch64::{
    vaddlvq_s32, vaddq_s32, vaddq_u64, vcntq_u8, vdupq_n_s32, vdupq_n_u64, veorq_u64, vget_high_s8, vget_high_s16, vget_low_s8,
    vget_low_s16, vld1q_s8, vld1q_s16, vld1q_u64, vmlal_s16, vmovl_s8, vpaddlq_u8, vpaddlq_u16, vpaddlq_u32,
    vreinterpretq_u8_u64, vst1q_u64,
};

use super::{LANES, Signs, Wanted};

/// Values per step: one register of 8-bit rows.
const STEP: usize = 16;
/// 64-bit words per register.
const HALF: usize = 2;

/// Each row's dot product: 8 bits are widened to 16, products are added in 32, as in the plain body.
#[allow(clippy::cast_possible_truncation)] // the caller keeps every sum inside `i32`
pub fn dots(rows: &[i8], query: &[i16], out: &mut [i32]) {
    for (row, sum) in rows.chunks_exact(query.len()).zip(out) {
        let ((mine, left), (theirs, right)) = (row.as_chunks::<STEP>(), query.as_chunks::<STEP>());
        let tail: i32 = left.iter().zip(right).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        // SAFETY: NEON is part of the target; `a` is 16 bytes, `b` twice 16 bytes, as the loads read.
        *sum = tail
            + unsafe {
                let (mut low, mut high) = (vdupq_n_s32(0), vdupq_n_s32(0));
                for (a, b) in mine.iter().zip(theirs) {
                    let a = vld1q_s8(a.as_ptr());
                    let (first, last) = (vmovl_s8(vget_low_s8(a)), vmovl_s8(vget_high_s8(a)));
                    let (begin, end) = (vld1q_s16(b.as_ptr()), vld1q_s16(b.as_ptr().add(STEP / 2)));
                    low = vmlal_s16(low, vget_low_s16(first), vget_low_s16(begin));
                    high = vmlal_s16(high, vget_high_s16(first), vget_high_s16(begin));
                    low = vmlal_s16(low, vget_low_s16(last), vget_low_s16(end));
                    high = vmlal_s16(high, vget_high_s16(last), vget_high_s16(end));
                }
                vaddlvq_s32(vaddq_s32(low, high)) as i32
            };
    }
}

/// The rows of few differing bits, two rows of a block in one register.
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

fn counted(first: &[[u64; LANES]], rest: &[[u64; LANES]], query: &[u64]) -> [u64; LANES] {
    let mut sums = [0_u64; LANES];
    for (pair, sums) in sums.as_chunks_mut::<HALF>().0.iter_mut().enumerate() {
        // SAFETY: NEON is part of the target; two words from `HALF * pair` lie inside the eight of a block, and `sums` are two.
        unsafe {
            let mut sum = vdupq_n_u64(0);
            for (words, asked) in first.iter().chain(rest).zip(query) {
                let apart = veorq_u64(vld1q_u64(words.as_ptr().add(HALF * pair)), vdupq_n_u64(*asked));
                let bits = vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(vreinterpretq_u8_u64(apart)))));
                sum = vaddq_u64(sum, bits);
            }
            vst1q_u64(sums.as_mut_ptr(), sum);
        }
    }
    sums
}
