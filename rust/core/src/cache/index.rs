//! The vectors of one partition, scanned flat: an 8-bit plane is read for every row, a second one only for the finalists.
//!
//! # Invariant
//! Each row knows how far its 8-bit plane lies from its vector. A row is left out only when that bound proves it outside the
//! best `top`, so the result equals a scan of the 16-bit rows: |similarity - f32 cosine| ≤ 0.0001, ties to the lowest row.
//!
//! # Source
//! Cauchy-Schwarz: |a·b - a'·b'| ≤ |a-a'|·|b| + |a'|·|b-b'| for unit vectors a, b and their quantised a', b'.

// Rows count below 2^32, similarities are rounded to f32 on purpose.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

use super::kernels::scalar;
use crate::error::{Error, Result};

/// The widest vector a store takes.
pub const MAX_DIM: usize = 16_384;
/// Largest magnitude of a fine value: 127 in the high plane, 127 in the low one.
const FINE_MAX: f64 = 32_639.0;
/// What f32 and f64 rounding may add to a bound.
const ROUNDING: f32 = 2e-5;

/// A vector of length one, checked.
#[derive(Debug, Clone)]
pub struct Unit {
    high: Vec<i8>,
    low: Vec<i8>,
    fine: Vec<i16>,
    /// Multiplies the high plane back to the vector.
    scale: f32,
    /// Length of the difference between the vector and its high plane.
    error: f32,
}

impl Unit {
    /// Checks and normalises an embedding.
    ///
    /// # Errors
    /// `Config` when the size differs from `dim`, a value is not finite, or all are zero.
    pub fn new(vector: &[f32], dim: usize) -> Result<Self> {
        if vector.len() != dim {
            let seen = vector.len();
            return Err(Error::config(format!(
                "embedding of {seen} values: this cache keeps {dim}; use the encoder it was made for"
            )));
        }
        if let Some(at) = vector.iter().position(|value| !value.is_finite()) {
            return Err(Error::config(format!("embedding value {at} is {}: expected finite numbers", vector[at])));
        }
        let largest = vector.iter().fold(0.0_f64, |most, value| most.max(f64::from(value.abs())));
        if largest == 0.0 {
            return Err(Error::config("embedding of zeros: expected a vector with a direction; leave it out for exact lookups"));
        }
        let fine = vector.iter().map(|value| (f64::from(*value) / largest * FINE_MAX).round() as i16).collect();
        Ok(Self::from_fine(fine))
    }

    fn from_fine(fine: Vec<i16>) -> Self {
        let high: Vec<i8> = fine.iter().map(|value| ((i32::from(*value) + 128) >> 8) as i8).collect();
        let low: Vec<i8> =
            fine.iter().zip(&high).map(|(value, high)| (i32::from(*value) - i32::from(*high) * 256) as i8).collect();
        let length = (scalar::norm_fine(&high, &low) as f64).sqrt();
        let error = low.iter().map(|low| f64::from(*low).powi(2)).sum::<f64>().sqrt() / length;
        Self { high, low, fine, scale: (256.0 / length) as f32, error: error as f32 + ROUNDING }
    }

    /// The query of the coarse scan: as many bits as keep every sum inside `i32`, and how far it lies from the vector.
    fn coarse(&self) -> (Vec<i16>, f32, f32) {
        let room = i32::MAX as usize / (127 * self.fine.len().max(1));
        let shift = (0..15).find(|shift| (32_640_usize >> shift) < room).unwrap_or(15);
        let half = (1_i32 << shift) >> 1;
        let query: Vec<i16> = self.fine.iter().map(|value| ((i32::from(*value) + half) >> shift) as i16).collect();
        let length = f64::from(256.0 / self.scale);
        let step = f64::from(1_u32 << shift);
        let off = self
            .fine
            .iter()
            .zip(&query)
            .map(|(fine, coarse)| (f64::from(*fine) - f64::from(*coarse) * step).powi(2))
            .sum::<f64>();
        (query, (step / length) as f32, (off.sqrt() / length) as f32 + ROUNDING)
    }
}

/// The rows of one partition, as a struct of arrays.
#[derive(Debug, Default)]
pub struct Flat {
    dim: usize,
    high: Vec<i8>,
    low: Vec<i8>,
    scale: Vec<f32>,
    error: Vec<f32>,
    owner: Vec<u64>,
}

/// A row near the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The entry that owns the row.
    pub owner: u64,
    /// Cosine in [-1, 1].
    pub similarity: f32,
}

impl Flat {
    /// No rows of `dim` values.
    pub fn new(dim: usize) -> Self {
        Self { dim, ..Self::default() }
    }

    /// Bytes that one row takes.
    pub fn row_bytes(dim: usize) -> usize {
        2 * dim + 2 * size_of::<f32>() + size_of::<u64>()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.owner.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.owner.is_empty()
    }

    /// Adds a row and returns its place.
    pub fn push(&mut self, owner: u64, unit: &Unit) -> usize {
        self.grow();
        self.high.extend_from_slice(&unit.high);
        self.low.extend_from_slice(&unit.low);
        self.scale.push(unit.scale);
        self.error.push(unit.error);
        self.owner.push(owner);
        self.len() - 1
    }

    /// Grows by an eighth: doubling would hold twice the bytes that are accounted.
    fn grow(&mut self) {
        if self.owner.len() == self.owner.capacity() {
            let rows = 4.max(self.len() / 8);
            self.high.reserve_exact(rows * self.dim);
            self.low.reserve_exact(rows * self.dim);
            self.scale.reserve_exact(rows);
            self.error.reserve_exact(rows);
            self.owner.reserve_exact(rows);
        }
    }

    /// Removes a row by moving the last one into its place; returns the owner of the moved row.
    pub fn remove(&mut self, row: usize) -> Option<u64> {
        let last = self.len().checked_sub(1).filter(|last| row <= *last)?;
        for plane in [&mut self.high, &mut self.low] {
            plane.copy_within(last * self.dim.., row * self.dim);
            plane.truncate(last * self.dim);
        }
        self.scale.swap_remove(row);
        self.error.swap_remove(row);
        self.owner.swap_remove(row);
        if self.owner.capacity() > 64 && self.len() < self.owner.capacity() / 2 {
            self.shrink();
        }
        self.owner.get(row).copied()
    }

    fn shrink(&mut self) {
        self.high.shrink_to_fit();
        self.low.shrink_to_fit();
        self.scale.shrink_to_fit();
        self.error.shrink_to_fit();
        self.owner.shrink_to_fit();
    }

    /// The best `top` rows at or above `floor` whose owner is `alive`, best first.
    pub fn nearest(&self, query: &Unit, floor: f32, top: usize, alive: impl Fn(u64) -> bool) -> Vec<Near> {
        if self.is_empty() || top == 0 || query.high.len() != self.dim {
            return Vec::new();
        }
        let mut found: Vec<(usize, Near)> = self
            .finalists(query, floor, top, alive)
            .into_iter()
            .map(|row| (row, Near { owner: self.owner[row], similarity: self.similarity(row, query) }))
            .filter(|(_, near)| near.similarity >= floor)
            .collect();
        found.sort_by(|a, b| b.1.similarity.total_cmp(&a.1.similarity).then(a.0.cmp(&b.0)));
        found.truncate(top);
        found.into_iter().map(|(_, near)| near).collect()
    }

    /// Rows that the coarse plane cannot rule out.
    fn finalists(&self, query: &Unit, floor: f32, top: usize, alive: impl Fn(u64) -> bool) -> Vec<usize> {
        let (coarse, step, off) = query.coarse();
        let mut lower = Lowest::new(top, floor);
        let mut kept: Vec<(usize, f32)> = Vec::new();
        for (row, plane) in self.high.chunks_exact(self.dim).enumerate() {
            let near = scalar::dot(plane, &coarse) as f32 * self.scale[row] * step;
            let slack = self.error[row] + (1.0 + self.error[row]) * off + ROUNDING;
            if near + slack >= lower.cut && alive(self.owner[row]) {
                kept.push((row, near + slack));
                lower.see(near - slack);
            }
        }
        kept.into_iter().filter(|(_, upper)| *upper >= lower.cut).map(|(row, _)| row).collect()
    }

    fn similarity(&self, row: usize, query: &Unit) -> f32 {
        let span = row * self.dim..(row + 1) * self.dim;
        let (high, low) = (&self.high[span.clone()], &self.low[span]);
        let product = scalar::dot_fine(high, low, &query.fine) as f64;
        let lengths = scalar::norm_fine(high, low) as f64 * scalar::norm_fine(&query.high, &query.low) as f64;
        (product / lengths.sqrt()).clamp(-1.0, 1.0) as f32
    }
}

/// The `top` best lower bounds so far: what a row must be able to reach.
struct Lowest {
    best: Vec<f32>,
    top: usize,
    floor: f32,
    cut: f32,
}

impl Lowest {
    fn new(top: usize, floor: f32) -> Self {
        Self { best: Vec::with_capacity(top), top, floor, cut: floor }
    }

    fn see(&mut self, bound: f32) {
        let full = self.best.len() == self.top;
        if full && self.best.last().is_some_and(|worst| bound <= *worst) {
            return;
        }
        if full {
            self.best.pop();
        }
        let place = self.best.partition_point(|other| *other >= bound);
        self.best.insert(place, bound);
        if self.best.len() == self.top {
            self.cut = self.best.last().map_or(self.floor, |worst| worst.max(self.floor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small deterministic stream of numbers in [-1, 1).
    fn stream(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        }
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    fn unit(vector: &[f32]) -> Unit {
        match Unit::new(vector, vector.len()) {
            Ok(unit) => unit,
            Err(error) => unreachable!("{error}"),
        }
    }

    #[test]
    fn the_best_row_is_the_exact_best() {
        for dim in [1, 3, 64, 256, 1536] {
            let mut next = stream(dim as u64 * 977);
            let rows: Vec<Vec<f32>> = (0..400).map(|_| (0..dim).map(|_| next()).collect()).collect();
            let mut flat = Flat::new(dim);
            for (id, row) in rows.iter().enumerate() {
                flat.push(id as u64, &unit(row));
            }
            for base in rows.iter().take(60) {
                let query: Vec<f32> = base.iter().map(|value| value + 0.4 * next()).collect();
                let exact = rows.iter().map(|row| cosine(&query, row)).fold(f64::MIN, f64::max);
                let found = flat.nearest(&unit(&query), -1.0, 1, |_| true);
                let best = cosine(&query, &rows[found[0].owner as usize]);
                assert!((exact - best).abs() < 1e-6, "dim {dim}: {exact} {best}");
                assert!((f64::from(found[0].similarity) - exact).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn equal_vectors_are_exactly_one_and_opposite_ones_minus_one() {
        let mut next = stream(5);
        let vector: Vec<f32> = (0..256).map(|_| next() * 1e-30).collect();
        let mut flat = Flat::new(256);
        flat.push(1, &unit(&vector));
        let (same, opposite) = (unit(&vector), unit(&vector.iter().map(|value| -value).collect::<Vec<_>>()));
        assert_eq!(flat.nearest(&same, 1.0, 8, |_| true), vec![Near { owner: 1, similarity: 1.0 }]);
        assert!(flat.nearest(&opposite, -1.0, 8, |_| true)[0].similarity < -0.9999);
    }

    #[test]
    fn removal_moves_the_last_row() {
        let mut flat = Flat::new(2);
        for (id, row) in [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]].iter().enumerate() {
            flat.push(id as u64, &unit(row));
        }
        assert_eq!(flat.remove(0), Some(2));
        assert_eq!(flat.remove(1), None);
        assert_eq!(flat.len(), 1);
        assert_eq!(flat.nearest(&unit(&[-2.0, 0.0]), 0.9, 8, |_| true), vec![Near { owner: 2, similarity: 1.0 }]);
        assert!(flat.nearest(&unit(&[-2.0, 0.0]), 0.9, 8, |owner| owner != 2).is_empty());
    }

    #[test]
    fn bad_vectors_are_refused() {
        for vector in [&[0.0, 0.0][..], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[1.0], &[1.0, 2.0, 3.0]] {
            assert!(Unit::new(vector, 2).is_err(), "{vector:?}");
        }
        assert!(Unit::new(&[1e-45, 0.0], 2).is_ok());
        assert!(Unit::new(&[f32::MAX, f32::MIN], 2).is_ok());
    }
}
