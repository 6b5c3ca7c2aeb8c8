//! Portable kernels, written so that the compiler can use the machine's widest multiply-add.

const LANES: usize = 32;

/// Sum of `row[i] * query[i]`.
///
/// # Invariant
/// The caller keeps `127 * max|query| * len < 2^31`, so no partial sum leaves `i32`.
pub fn dot(row: &[i8], query: &[i16]) -> i32 {
    // Many running sums: the compiler keeps them in registers, where one sum would be re-packed for every block.
    let mut sums = [0_i32; LANES];
    let (rows, queries) = (row.chunks_exact(LANES), query.chunks_exact(LANES));
    let rest: i32 = rows.remainder().iter().zip(queries.remainder()).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
    for (a, b) in rows.zip(queries) {
        for lane in 0..LANES {
            sums[lane] += i32::from(a[lane]) * i32::from(b[lane]);
        }
    }
    rest + sums.iter().sum::<i32>()
}

/// Sum of `(256 * high[i] + low[i]) * query[i]` without rounding.
pub fn dot_fine(high: &[i8], low: &[i8], query: &[i16]) -> i64 {
    let fine = high.iter().zip(low).map(|(h, l)| i64::from(*h) * 256 + i64::from(*l));
    fine.zip(query).map(|(a, b)| a * i64::from(*b)).sum()
}

/// Sum of the squares of `256 * high[i] + low[i]`.
pub fn norm_fine(high: &[i8], low: &[i8]) -> i64 {
    high.iter().zip(low).map(|(h, l)| i64::from(*h) * 256 + i64::from(*l)).map(|value| value * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_at_the_extremes() {
        for len in [1, 7, 31, 64, 256, 516] {
            assert_eq!(dot(&vec![-127; len], &vec![32_639; len]), -127 * 32_639 * i32::try_from(len).unwrap_or(0));
            assert_eq!(
                dot_fine(&vec![127; len], &vec![127; len], &vec![32_639; len]),
                32_639 * 32_639 * i64::try_from(len).unwrap_or(0)
            );
        }
        assert_eq!(norm_fine(&[1, -1], &[-128, 127]), 128 * 128 + 129 * 129);
    }
}
