//! The exact bucket: lazily refilled in integers, with the remainder kept, so that no rate ever drifts.

use crate::decision::Wait;
use crate::throttle::Quota;

/// Deepest debt of a bucket.
const FLOOR: i64 = -(1 << 62);

/// Level and remainder of one scope, as of `last_ns`.
///
/// # Invariant
/// `level <= burst`, `rem < den_ns`, and a full bucket has `rem == 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    level: i64,
    rem: u64,
    last_ns: u64,
}

impl Bucket {
    /// A full bucket.
    pub fn full(quota: &Quota, now_ns: u64) -> Self {
        Self { level: quota.burst, rem: 0, last_ns: now_ns }
    }

    /// A bucket as it was kept: level, remainder and the instant of both, in ns.
    pub fn from_parts(level: i64, rem: u64, last_ns: u64) -> Self {
        Self { level, rem, last_ns }
    }

    /// Level, remainder and the instant of both, in ns.
    pub fn parts(&self) -> (i64, u64, u64) {
        (self.level, self.rem, self.last_ns)
    }

    /// Units left; negative in debt.
    pub fn level(&self) -> i64 {
        self.level
    }

    /// True when forgetting the bucket changes no decision.
    pub fn is_full(&self, quota: &Quota) -> bool {
        self.level >= quota.burst
    }

    /// The bucket at a later instant. An earlier one changes nothing.
    #[must_use]
    pub fn refilled(mut self, quota: &Quota, now_ns: u64) -> Self {
        self.refill(quota, now_ns);
        self
    }

    /// Moves the bucket to a later instant, which alone changes no decision.
    pub fn refill(&mut self, quota: &Quota, now_ns: u64) {
        let elapsed = now_ns.saturating_sub(self.last_ns);
        if elapsed == 0 {
            return;
        }
        self.last_ns = now_ns;
        if self.level >= quota.burst {
            return;
        }
        let (units, rem) = gain(elapsed, quota, self.rem);
        if units >= quota.burst.abs_diff(self.level) {
            self.level = quota.burst;
            self.rem = 0;
        } else {
            self.level = self.level.saturating_add_unsigned(units);
            self.rem = rem;
        }
    }

    /// Whether a cost fits now; a cost of 0 always does.
    pub fn fits(&self, cost: i64) -> bool {
        cost <= 0 || self.level >= cost
    }

    /// The exact wait until a cost fits if nothing else happens: it fits then, and not one nanosecond before.
    pub fn wait(&self, quota: &Quota, cost: i64) -> Wait {
        if self.fits(cost) {
            return Wait::For(0);
        }
        if cost > quota.burst || quota.num == 0 {
            return Wait::Never;
        }
        let short = (i128::from(cost) - i128::from(self.level)).unsigned_abs();
        let needed = short * u128::from(quota.den_ns) - u128::from(self.rem);
        u64::try_from(needed.div_ceil(u128::from(quota.num))).map_or(Wait::Never, Wait::For)
    }

    /// Takes a cost that fits.
    pub fn take(&mut self, cost: i64) {
        self.level = self.level.saturating_sub(cost).max(FLOOR);
    }

    /// Goes on with other numbers from an instant: refilled by the old ones until then. A full bucket stays full, a debt stays
    /// a debt, and the fraction of a unit is dropped.
    pub fn go_on(&mut self, before: &Quota, quota: &Quota, since_ns: u64) {
        self.refill(before, since_ns);
        self.level = if self.is_full(before) { quota.burst } else { self.level.min(quota.burst) };
        self.rem = 0;
    }

    /// Corrects a take to what was really used: gives back the rest, or books the debt.
    pub fn settle(&mut self, quota: &Quota, taken: i64, used: i64) {
        self.level = self.level.saturating_add(taken).saturating_sub(used).max(FLOOR);
        if self.level >= quota.burst {
            self.level = quota.burst;
            self.rem = 0;
        }
    }
}

/// Whole units gained, `u64::MAX` when more, and the remainder. Most products fit 64 bits, where a division is several times
/// cheaper.
fn gain(elapsed: u64, quota: &Quota, rem: u64) -> (u64, u64) {
    if let Some(gained) = elapsed.checked_mul(quota.num).and_then(|gained| gained.checked_add(rem)) {
        return (gained / quota.den_ns, gained % quota.den_ns);
    }
    let gained = u128::from(elapsed) * u128::from(quota.num) + u128::from(rem);
    let den = u128::from(quota.den_ns);
    (u64::try_from(gained / den).unwrap_or(u64::MAX), u64::try_from(gained % den).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same bucket in exact rationals over `den_ns`: level in units of `1/den_ns`.
    struct Model {
        level: i128,
        last_ns: u64,
    }

    impl Model {
        fn refill(&mut self, quota: &Quota, now_ns: u64) {
            let full = i128::from(quota.burst) * i128::from(quota.den_ns);
            let gain = i128::from(now_ns.saturating_sub(self.last_ns)) * i128::from(quota.num);
            self.level = if self.level >= full { self.level } else { (self.level + gain).min(full) };
            self.last_ns = self.last_ns.max(now_ns);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn equals_the_rational_model(
            num in 0_u64..5_000, den in 1_u64..5_000, burst in 1_u64..500,
            steps in proptest::collection::vec((0_u64..20_000, 0_i64..600, -50_i64..700), 1..60),
        ) {
            let quota = Quota::new(num, den, burst).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let mut bucket = Bucket::full(&quota, 0);
            let mut model = Model { level: i128::from(quota.burst) * i128::from(quota.den_ns), last_ns: 0 };
            let mut now = 0;
            for (dt, cost, used) in steps {
                now += dt;
                bucket = bucket.refilled(&quota, now);
                model.refill(&quota, now);
                let den = i128::from(quota.den_ns);
                prop_assert_eq!(i128::from(bucket.level()), model.level.div_euclid(den));
                if bucket.fits(cost) {
                    prop_assert!(cost == 0 || model.level >= i128::from(cost) * den);
                    bucket.take(cost);
                    model.level -= i128::from(cost) * den;
                    let used = used.max(0);
                    bucket.settle(&quota, cost, used);
                    model.level += i128::from(cost - used) * den;
                    let full = i128::from(quota.burst) * den;
                    // A refund to the brim drops the fraction of a unit, in the model as in the bucket.
                    if model.level.div_euclid(den) >= i128::from(quota.burst) { model.level = full; }
                } else if let Wait::For(wait) = bucket.wait(&quota, cost) {
                    prop_assert!(wait > 0);
                    prop_assert!(bucket.refilled(&quota, now + wait).fits(cost));
                    prop_assert!(!bucket.refilled(&quota, now + wait - 1).fits(cost));
                } else {
                    prop_assert!(cost > quota.burst || quota.num == 0);
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for (num, den, burst) in [(1 << 62, 1, 1 << 62), (1, 1 << 55, 1), (0, 1, 1 << 62), (10_000, 3_600, 10_000_000_000_000)] {
            let Ok(quota) = Quota::new(num, den, burst) else { continue };
            let mut bucket = Bucket::full(&quota, 0);
            bucket.take(i64::MAX);
            bucket.settle(&quota, 0, i64::MAX);
            assert!(bucket.level() >= FLOOR);
            let _ = bucket.wait(&quota, quota.burst);
            assert!(bucket.refilled(&quota, u64::MAX).level() <= quota.burst);
        }
    }
}
