//! A million steps of buckets against exact rationals: takes, refunds, debts, pauses of every size, changes of the rate.

use crate::decision::Wait;
use crate::throttle::{Bucket, Quota};

/// Level in units of `1/den_ns`, so that nothing is ever rounded.
struct Exact {
    quota: Quota,
    level: i128,
    now_ns: u64,
}

impl Exact {
    fn den(&self) -> i128 {
        i128::from(self.quota.den_ns)
    }

    fn full(&self) -> i128 {
        i128::from(self.quota.burst) * self.den()
    }

    fn units(&self) -> i128 {
        self.level.div_euclid(self.den())
    }

    fn pass(&mut self, ns: u64) {
        self.now_ns += ns;
        self.level = self.full().min(self.level + i128::from(ns) * i128::from(self.quota.num));
    }

    /// The first instant at which a cost fits, counted from now.
    fn wait(&self, cost: i64) -> Wait {
        let short = i128::from(cost) * self.den() - self.level;
        let num = i128::from(self.quota.num);
        match () {
            () if cost <= 0 || short <= 0 => Wait::For(0),
            () if cost > self.quota.burst || num == 0 => Wait::Never,
            () => u64::try_from((short + num - 1) / num).map_or(Wait::Never, Wait::For),
        }
    }

    fn book(&mut self, units: i64) {
        self.level += i128::from(units) * self.den();
        // A refund to the brim drops the fraction of a unit.
        if self.units() >= i128::from(self.quota.burst) {
            self.level = self.full();
        }
    }

    /// A full bucket stays full; what is left of another is whole units, at most the new burst.
    fn under(&mut self, quota: Quota) {
        let (was_full, units) = (self.level >= self.full(), self.units());
        self.quota = quota;
        self.level = if was_full { self.full() } else { (units * self.den()).min(self.full()) };
    }
}

/// A small generator of one's own: the same steps on every machine and in every version.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn units(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).unwrap_or(0)
    }

    fn quota(&mut self) -> Quota {
        let (num, den, burst) = (self.below(5_000), 1 + self.below(5_000), 1 + self.below(500));
        Quota::new(num, den, burst).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn pause(&mut self) -> u64 {
        let longest = [1, 10, 1_000, 100_000][usize::try_from(self.below(4)).unwrap_or(0)];
        self.below(longest)
    }
}

#[test]
fn a_million_steps_equal_exact_rationals() {
    let mut chance = Chance(2026);
    let quota = chance.quota();
    let mut exact = Exact { quota, level: i128::from(quota.burst) * i128::from(quota.den_ns), now_ns: 0 };
    let mut bucket = Bucket::full(&quota, 0);
    for step in 0..1_000_000 {
        exact.pass(chance.pause());
        bucket.refill(&exact.quota, exact.now_ns);
        assert_eq!(i128::from(bucket.level()), exact.units(), "step {step}");
        let cost = chance.units(600);
        assert_eq!(bucket.wait(&exact.quota, cost), exact.wait(cost), "step {step}");
        if bucket.fits(cost) {
            let used = chance.units(700);
            bucket.take(cost);
            bucket.settle(&exact.quota, cost, used);
            exact.book(-cost);
            exact.book(cost - used);
        }
        if chance.below(50) == 0 {
            let quota = chance.quota();
            bucket.go_on(&exact.quota, &quota, exact.now_ns);
            exact.under(quota);
        }
    }
}

#[test]
fn what_comes_in_within_the_slack_is_kept_and_what_comes_later_is_lost() {
    for (num, den_ns, burst, cost) in [(1, 1_000_000, 50, 1), (3, 7, 10, 4), (1_000, 1, 1 << 40, 5), (1, 60, 8, 8)] {
        let Ok(quota) = Quota::new(num, den_ns, burst) else { panic!("a rate") };
        let level_after = |ns| Bucket::from_parts(cost, 0, 0).refilled(&quota, ns).level();
        let slack_ns = quota.slack_ns(cost);
        assert_eq!(level_after(slack_ns + quota.den_ns), quota.burst);
        assert!(slack_ns == 0 || level_after(slack_ns - 1) < quota.burst);
    }
    assert_eq!(Quota::new(0, 1, 5).map(|quota| quota.slack_ns(2)).ok(), Some(u64::MAX));
}
