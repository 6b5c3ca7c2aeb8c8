//! The vectors of one partition: 8-bit rows, scanned flat while they are few, behind a scan of sign bits when they are many.
//!
//! # Invariant
//! |similarity - f32 cosine| ≤ 0.004, and equal vectors are exactly 1. Ties go to the lowest row. The best row is the exact
//! best wherever its cosine is 0.8 or more, up to that rounding; tests and benches measure it on real vectors.
//!
//! # Source
//! A row is rescaled by what its own rounding lost along its own direction, so the error shrinks with the angle to the query
//! (Gao and Long 2024, "RaBitQ", eq. 8).

// Rows count below 2^32, similarities are rounded to f32 on purpose.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

use super::bits::Bits;
use super::kernels::{Level, fetch};
use super::row::Row;
use super::unit::Unit;

/// Narrower rows keep 16 bits beside the 8: their rounding does not average out, and they cost little.
pub(super) const NARROW: usize = 128;
/// Partitions up to this size are scanned without looking at sign bits: a row of 384 values takes as long as the signs of 40.
const FEW: usize = 256;
/// Rows that the first scan hands on.
const FINALISTS: usize = 64;
/// Finalists lie anywhere, so a row is fetched while so many before it are compared.
const AHEAD: usize = 4;
/// What counts as equal to 1 or -1: the rounding of f32 input.
const EQUAL: f64 = 1e-6;

/// The rows of one partition, as a struct of arrays.
#[derive(Debug)]
pub struct Flat {
    dim: usize,
    high: Vec<i8>,
    /// Rows in 16 bits, for narrow ones.
    fine: Vec<i16>,
    /// Sign bits, for wide ones.
    bits: Bits,
    /// Makes the product of an 8-bit row with a query of length one a cosine.
    factor: Vec<f32>,
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
        let bits = Bits::new(dim.div_ceil(64));
        Self { dim, high: Vec::new(), fine: Vec::new(), bits, factor: Vec::new(), owner: Vec::new() }
    }

    /// Bytes that one row takes.
    pub fn row_bytes(dim: usize) -> usize {
        let beside = if dim < NARROW { 2 * dim } else { 8 * dim.div_ceil(64) };
        dim + beside + size_of::<f32>() + size_of::<u64>()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.owner.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.owner.is_empty()
    }

    /// Adds a vector and returns its place.
    pub fn push(&mut self, owner: u64, unit: &Unit) -> usize {
        let mut own = [0];
        Level::here().dots(&unit.high, &unit.fine, &mut own);
        let factor = (unit.length / f64::from(own[0].max(1))) as f32;
        self.add(owner, (&unit.high, &unit.fine, &unit.bits), factor)
    }

    /// Adds a row that was one before, of this dimension, and returns its place.
    pub fn push_row(&mut self, owner: u64, row: &Row) -> usize {
        self.add(owner, (&row.high, &row.fine, &row.bits), row.factor)
    }

    fn add(&mut self, owner: u64, (high, fine, bits): (&[i8], &[i16], &[u64]), factor: f32) -> usize {
        self.grow();
        self.high.extend_from_slice(high);
        if self.dim < NARROW {
            self.fine.extend_from_slice(fine);
        } else {
            self.bits.push(bits);
        }
        self.factor.push(factor);
        self.owner.push(owner);
        self.len() - 1
    }

    /// A copy of one row.
    pub fn row(&self, row: usize) -> Option<Row> {
        let range = row * self.dim..(row + 1) * self.dim;
        let high = self.high.get(range.clone())?.to_vec();
        let fine = if self.dim < NARROW { self.fine.get(range)?.to_vec() } else { Vec::new() };
        let bits = if self.dim < NARROW { Vec::new() } else { self.bits.row(row) };
        Some(Row { high, fine, bits, factor: *self.factor.get(row)? })
    }

    /// Grows by an eighth: doubling would hold twice the bytes that are accounted.
    fn grow(&mut self) {
        if self.owner.len() == self.owner.capacity() {
            let rows = 4.max(self.len() / 8);
            self.high.reserve_exact(rows * self.dim);
            if self.dim < NARROW {
                self.fine.reserve_exact(rows * self.dim);
            }
            self.factor.reserve_exact(rows);
            self.owner.reserve_exact(rows);
        }
    }

    /// Removes a row by moving the last one into its place; returns the owner of the moved row.
    pub fn remove(&mut self, row: usize) -> Option<u64> {
        let last = self.len().checked_sub(1).filter(|last| row <= *last)?;
        self.high.copy_within(last * self.dim.., row * self.dim);
        self.high.truncate(last * self.dim);
        if self.dim < NARROW {
            self.fine.copy_within(last * self.dim.., row * self.dim);
            self.fine.truncate(last * self.dim);
        } else {
            self.bits.remove(row);
        }
        self.factor.swap_remove(row);
        self.owner.swap_remove(row);
        if self.owner.capacity() > 64 && self.len() < self.owner.capacity() / 2 {
            self.shrink();
        }
        self.owner.get(row).copied()
    }

    fn shrink(&mut self) {
        self.high.shrink_to_fit();
        self.fine.shrink_to_fit();
        self.bits.shrink();
        self.factor.shrink_to_fit();
        self.owner.shrink_to_fit();
    }

    /// The best `top` rows at or above `floor` whose owner is `alive`, best first.
    pub fn nearest(&self, query: &Unit, floor: f32, top: usize, alive: impl Fn(u64) -> bool) -> Vec<Near> {
        if self.is_empty() || top == 0 || query.fine.len() != self.dim {
            return Vec::new();
        }
        if self.dim < NARROW || self.len() <= FEW {
            return self.best(self.scanned(query, floor, top, &alive), top);
        }
        let close = self.bits.closest(&query.bits, self.dim, floor, FINALISTS);
        let full = close.len() == FINALISTS;
        let mut near = self.finals(query, &close, floor);
        let found = near.len();
        near.retain(|(row, _)| alive(self.owner[*row]));
        // Only where the first scan was full can dead rows have crowded out living ones.
        if full && near.len() < found && near.len() < top {
            near = self.scanned(query, floor, top, &alive);
        }
        self.best(near, top)
    }

    /// The best first, equal ones in the order of their rows.
    fn best(&self, mut near: Vec<(usize, f32)>, top: usize) -> Vec<Near> {
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(top);
        near.into_iter().map(|(row, similarity)| Near { owner: self.owner[row], similarity }).collect()
    }

    /// The given rows that reach the floor.
    fn finals(&self, query: &Unit, rows: &[u32], floor: f32) -> Vec<(usize, f32)> {
        let level = Level::here();
        let mut product = [0];
        let mut near = Vec::with_capacity(rows.len());
        let values = |row: u32| &self.high[row as usize * self.dim..(row as usize + 1) * self.dim];
        for (at, row) in rows.iter().enumerate() {
            if let Some(later) = rows.get(at + AHEAD) {
                fetch(values(*later));
            }
            level.dots(values(*row), &query.fine, &mut product);
            let similarity = self.similarity(*row as usize, product[0], query);
            if similarity >= floor {
                near.push((*row as usize, similarity));
            }
        }
        near
    }

    /// Looks at every row, and keeps the best living ones.
    fn scanned(&self, query: &Unit, floor: f32, top: usize, alive: &impl Fn(u64) -> bool) -> Vec<(usize, f32)> {
        const STRIP: usize = 64;
        let mut products = [0_i32; STRIP];
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(top + 1);
        for (strip, rows) in self.high.chunks(STRIP * self.dim).enumerate() {
            let products = &mut products[..rows.len() / self.dim];
            Level::here().dots(rows, &query.fine, products);
            for (at, product) in products.iter().enumerate() {
                let row = strip * STRIP + at;
                let near = (row, self.similarity(row, *product, query));
                let full = best.len() == top && best.last().is_some_and(|worst| near.1 <= worst.1);
                if near.1 >= floor && !full && alive(self.owner[row]) {
                    best.insert(best.partition_point(|other| other.1 >= near.1), near);
                    best.truncate(top);
                }
            }
        }
        best
    }

    fn similarity(&self, row: usize, product: i32, query: &Unit) -> f32 {
        let cosine = if self.dim < NARROW {
            let pairs = self.fine[row * self.dim..(row + 1) * self.dim].iter().zip(&query.fine);
            let (mut product, mut squares) = (0_i64, 0_i64);
            for (a, b) in pairs {
                product += i64::from(*a) * i64::from(*b);
                squares += i64::from(*a) * i64::from(*a);
            }
            product as f64 / ((squares as f64).sqrt() * query.length)
        } else {
            f64::from(product) * f64::from(self.factor[row]) / query.length
        };
        if 1.0 - cosine.abs() < EQUAL { cosine.signum() as f32 } else { cosine as f32 }
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
        for dim in [1, 3, 64, 128, 256, 384, 1536] {
            let mut next = stream(dim as u64 * 977);
            let rows: Vec<Vec<f32>> = (0..1_500).map(|_| (0..dim).map(|_| next()).collect()).collect();
            let mut flat = Flat::new(dim);
            for (id, row) in rows.iter().enumerate() {
                flat.push(id as u64, &unit(row));
            }
            for base in rows.iter().take(60) {
                let query: Vec<f32> = base.iter().map(|value| value + 0.4 * next()).collect();
                let exact = rows.iter().map(|row| cosine(&query, row)).fold(f64::MIN, f64::max);
                let found = flat.nearest(&unit(&query), -1.0, 1, |_| true);
                let best = cosine(&query, &rows[found[0].owner as usize]);
                assert!((exact - best).abs() < 1e-3, "dim {dim}: {exact} {best}");
                assert!((f64::from(found[0].similarity) - best).abs() < 4e-3, "dim {dim}: {exact} {:?}", found[0]);
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
}
