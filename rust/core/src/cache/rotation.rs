//! A fixed rotation that spreads every value of a vector over all places.
//!
//! Signs and 8-bit steps are then fair to every vector: one with few or uneven values keeps its angles as well as a dense one.
//!
//! # Invariant
//! Lengths and angles stay as they are, up to f32 rounding; the same machine word by word, since each step is one addition.
//!
//! # Source
//! Walsh-Hadamard transform after random signs: Ailon and Chazelle 2009, "The fast Johnson-Lindenstrauss transform". Two
//! overlapping powers of two cover a length that is none.

/// Seeds of the two rounds of signs; stored rows depend on them.
const SEEDS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// Rotates in place.
pub fn rotate(vector: &mut [f32]) {
    let power = 1_usize << vector.len().max(1).ilog2();
    for seed in SEEDS {
        flip(vector, seed);
        transform(&mut vector[..power]);
        let start = vector.len() - power;
        if start > 0 {
            flip(vector, seed.rotate_left(17));
            transform(&mut vector[start..]);
        }
    }
}

/// Turns the sign of about half of the values.
fn flip(vector: &mut [f32], seed: u64) {
    let mut state = seed;
    for some in vector.chunks_mut(64) {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let bits = state ^ (state >> 29);
        for (at, value) in some.iter_mut().enumerate() {
            if bits >> at & 1 == 1 {
                *value = -*value;
            }
        }
    }
}

/// The Walsh-Hadamard transform, divided so that lengths stay.
#[allow(clippy::cast_precision_loss)] // a power of two up to 2^14
fn transform(values: &mut [f32]) {
    let mut half = 1;
    if values.len() >= 8 {
        // The first three steps in one pass over eight values, which stay in registers.
        let (eights, _) = values.as_chunks_mut::<8>();
        eights.iter_mut().for_each(eight);
        half = 8;
    }
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (values.len() as f32).sqrt();
    for value in values {
        *value *= scale;
    }
}

#[allow(clippy::many_single_char_names)] // eight values, named by their places
fn eight(v: &mut [f32; 8]) {
    let [a, b, c, d, e, f, g, h] = *v;
    let (a, b, c, d, e, f, g, h) = (a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h);
    let (a, c, b, d, e, g, f, h) = (a + c, a - c, b + d, b - d, e + g, e - g, f + h, f - h);
    *v = [a + e, b + f, c + g, d + h, a - e, b - f, c - g, d - h];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_precision_loss)]
    fn angles_stay() {
        for len in [1, 2, 3, 8, 100, 256, 384, 1536] {
            let make = |step: usize| (0..len).map(|at| ((at * step + 1) % 17) as f32 - 8.0).collect::<Vec<_>>();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
            let (mut a, mut b) = (make(7), make(5));
            let before = dot(&a, &b);
            rotate(&mut a);
            rotate(&mut b);
            assert!((dot(&a, &b) - before).abs() < 1e-3 * (1.0 + before.abs()), "{len}");
        }
    }

    #[test]
    fn one_value_becomes_many() {
        let mut axis = [0.0; 384];
        axis[3] = 1.0;
        rotate(&mut axis);
        assert!(axis.iter().all(|value| value.abs() < 0.5));
        assert!(axis.iter().filter(|value| value.abs() > 0.01).count() > 300);
    }
}
