//! What a provider says is left of one of its limits.

use crate::decision::Wait;
use crate::throttle::{Bucket, Quota};

/// A bucket whose numbers come from the provider's answers. Answers only lower its level; time refills it.
#[derive(Debug, Clone)]
pub struct Allowance {
    quota: Quota,
    bucket: Bucket,
    open: i64,
    since_ns: u64,
}

impl Allowance {
    /// A full allowance.
    pub fn new(quota: Quota, now_ns: u64) -> Self {
        Self { quota, bucket: Bucket::full(&quota, now_ns), open: 0, since_ns: now_ns }
    }

    /// Takes what the last answer said: `level = min(level, remaining - open)`, since requests on their way may not be counted
    /// there yet.
    pub fn sync(&mut self, quota: Quota, remaining: Option<i64>, now_ns: u64) {
        self.bucket.refill(&self.quota, now_ns);
        self.quota = quota;
        let remaining = remaining.map_or(i64::MAX, |remaining| remaining.saturating_sub(self.open));
        let above = self.bucket.level().saturating_sub(remaining.min(quota.burst));
        if above > 0 {
            self.bucket.take(above);
        }
    }

    /// Nothing is left.
    pub fn empty(&mut self, now_ns: u64) {
        self.bucket.refill(&self.quota, now_ns);
        self.bucket.take(self.bucket.level().max(0));
    }

    /// Whether a cost fits, and when. More than the whole limit asks for all of it: the provider decides then.
    pub fn wait(&mut self, cost: i64, now_ns: u64) -> Wait {
        self.bucket.refill(&self.quota, now_ns);
        self.bucket.wait(&self.quota, cost.min(self.quota.burst))
    }

    /// Units left; negative in debt.
    pub fn level(&self) -> i64 {
        self.bucket.level()
    }

    /// Takes units for a request that begins.
    pub fn take(&mut self, cost: i64) {
        self.bucket.take(cost);
        self.open = self.open.saturating_add(cost);
    }

    /// Corrects them when it ends; one that began before the limit was known took nothing from it.
    pub fn end(&mut self, taken: i64, used: i64, began_ns: u64, now_ns: u64) {
        if began_ns < self.since_ns {
            return;
        }
        self.bucket.refill(&self.quota, now_ns);
        self.bucket.settle(&self.quota, taken, used);
        self.open = self.open.saturating_sub(taken).max(0);
    }
}
