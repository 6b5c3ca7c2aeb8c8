//! The same bodies for each width of register, and the choice between them.
//!
//! # Why `unsafe` is allowed here
//! A function compiled for more than the target's features may only run where they were found; the compiler cannot see that
//! check, so the call is `unsafe`. Each call below stands behind the level that [`levels`] gives only where all the features
//! of that function are there. Two more read and write one fixed-size array each.
#![allow(unsafe_code)]

use super::{Level, Signs, Wanted, body};

/// The levels of this machine, the widest last.
#[cfg(target_arch = "x86_64")]
pub fn levels() -> &'static [Level] {
    use std::arch::is_x86_feature_detected as has;
    if !has!("avx2") {
        return &[Level::Portable];
    }
    let wide = has!("avx512f") && has!("avx512vl") && has!("avx512vpopcntdq");
    if wide { &[Level::Portable, Level::Avx2, Level::Avx512] } else { &[Level::Portable, Level::Avx2] }
}

/// The levels of 64-bit ARM, all of whose machines have NEON.
#[cfg(target_arch = "aarch64")]
pub fn levels() -> &'static [Level] {
    &[Level::Portable, Level::Neon]
}

/// The one level of other machines.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn levels() -> &'static [Level] {
    &[Level::Portable]
}

pub fn dots(level: Level, rows: &[i8], query: &[i16], out: &mut [i32]) {
    match level {
        // 512 bits are no faster here: measured 1.5 to 3 times slower than 256 on a Zen 4.
        // SAFETY: `levels` gives these levels only where AVX2 was detected.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 if levels().contains(&level) => unsafe { x86::dots_256(rows, query, out) },
        #[cfg(target_arch = "aarch64")]
        Level::Neon => super::neon::dots(rows, query, out),
        _ => body::dots(rows, query, out),
    }
}

pub fn within(level: Level, signs: Signs<'_>, query: &[u64], wanted: Wanted, found: &mut Vec<(u16, u32)>) -> usize {
    match level {
        // SAFETY: `levels` gives this level only where its features were detected.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if levels().contains(&level) => unsafe { x86::within_512(signs, query, wanted, found) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if levels().contains(&level) => unsafe { x86::within_256(signs, query, wanted, found) },
        #[cfg(target_arch = "aarch64")]
        Level::Neon => super::neon::within(signs, query, wanted, found),
        _ => body::within(signs, query, wanted, found),
    }
}

pub fn fetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86::fetch(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi64, _mm512_cmple_epu64_mask, _mm512_loadu_si512, _mm512_popcnt_epi64,
        _mm512_set1_epi64, _mm512_setzero_si512, _mm512_storeu_si512, _mm512_xor_si512,
    };

    use super::super::{LANES, Signs, Wanted};
    use super::body;

    /// A line of the cache.
    const LINE: usize = 64;

    pub fn fetch<T>(values: &[T]) {
        for line in values.chunks(LINE / size_of::<T>().clamp(1, LINE)) {
            // SAFETY: a hint that reads nothing, about an address that is readable.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }

    #[target_feature(enable = "avx2")]
    pub fn dots_256(rows: &[i8], query: &[i16], out: &mut [i32]) {
        body::dots(rows, query, out);
    }

    /// Written out, since the compiler turns the plain loops into gathers here, at five times the time.
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    pub fn within_512(signs: Signs<'_>, query: &[u64], wanted: Wanted, found: &mut Vec<(u16, u32)>) -> usize {
        let (begin, end) = query.split_at(signs.words);
        let cut = _mm512_set1_epi64(i64::from(wanted.cut));
        for (at, first, rest) in signs.blocks(query.len()) {
            let sums = counted(counted(_mm512_setzero_si512(), first, begin), rest, end);
            let close = _mm512_cmple_epu64_mask(sums, cut);
            if close != 0 {
                let mut counts = [0_u64; LANES];
                // SAFETY: `counts` are eight u64, 64 bytes, which is what the store writes at any alignment.
                unsafe { _mm512_storeu_si512(counts.as_mut_ptr().cast(), sums) };
                if wanted.note(at, &counts, close, found) {
                    return at + 1;
                }
            }
        }
        signs.len()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    fn counted(mut sums: __m512i, block: &[[u64; LANES]], query: &[u64]) -> __m512i {
        let mut word = 0;
        // No `zip`: the compiler calls it here, once for each block.
        while word < block.len().min(query.len()) {
            // SAFETY: a word of a block is eight u64, 64 bytes, which is what the load reads at any alignment.
            let words = unsafe { _mm512_loadu_si512(block[word].as_ptr().cast()) };
            let apart = _mm512_xor_si512(words, _mm512_set1_epi64(query[word].cast_signed()));
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(apart));
            word += 1;
        }
        sums
    }

    #[target_feature(enable = "avx2")]
    pub fn within_256(signs: Signs<'_>, query: &[u64], wanted: Wanted, found: &mut Vec<(u16, u32)>) -> usize {
        body::within(signs, query, wanted, found)
    }
}
