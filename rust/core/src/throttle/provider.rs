//! What one provider tells of itself: a pause that it asks for, what is left of its limits, and how much it bears at once.

use std::collections::BTreeMap;

use crate::decision::{Cause, Wait};
use crate::throttle::allowance::Allowance;
use crate::throttle::{Dimension, Quota, Units};

/// A cap without overload for this long is forgotten.
const CALM_NS: u64 = 600_000_000_000;

/// Why a request is not sent to the provider now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What has no room.
    pub dimension: Dimension,
    /// Why.
    pub cause: Cause,
    /// Units asked for.
    pub needed: i64,
    /// Units left.
    pub available: i64,
    /// When there is room.
    pub wait: Wait,
}

#[derive(Debug, Clone, Default)]
struct Model {
    applied_ns: u64,
    allowances: BTreeMap<Dimension, Allowance>,
}

/// One backend, as its answers describe it.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    not_before_ns: u64,
    running: i64,
    cap: Option<i64>,
    cut_ns: u64,
    successes: i64,
    models: BTreeMap<Box<str>, Model>,
}

impl Provider {
    /// Takes room for a request, or says what has none; nothing is taken then.
    ///
    /// # Errors
    /// What holds the request up longest.
    pub fn take(&mut self, model: &str, units: &Units, now_ns: u64) -> Result<(), Held> {
        if now_ns < self.not_before_ns {
            let wait = Wait::For(self.not_before_ns - now_ns);
            return Err(Held { dimension: Dimension::Requests, cause: Cause::Paused, needed: 1, available: 0, wait });
        }
        if self.cap.is_some() && now_ns.saturating_sub(self.cut_ns) > CALM_NS {
            self.cap = None;
        }
        if let Some(cap) = self.cap.filter(|cap| self.running >= *cap) {
            let (needed, available) = (1, cap.saturating_sub(self.running));
            let (dimension, cause) = (Dimension::Concurrency, Cause::Concurrency);
            return Err(Held { dimension, cause, needed, available, wait: Wait::UntilReleased });
        }
        let mut allowances = self.models.get_mut(model).map(|found| &mut found.allowances);
        if let Some(held) = allowances.as_deref_mut().and_then(|found| longest(found, units, now_ns)) {
            return Err(held);
        }
        for (dimension, allowance) in allowances.into_iter().flatten() {
            allowance.take(units.get(*dimension));
        }
        self.running += 1;
        Ok(())
    }

    /// Ends a request that was taken at `began_ns`.
    pub fn end(&mut self, model: &str, taken: &Units, used: &Units, began_ns: u64, now_ns: u64) {
        self.running = (self.running - 1).max(0);
        for (dimension, allowance) in self.models.get_mut(model).into_iter().flat_map(|found| &mut found.allowances) {
            allowance.end(taken.get(*dimension), used.get(*dimension), began_ns, now_ns);
        }
    }

    /// Sends nothing for a while: the wait that the provider asks for, stretched by up to a tenth so that its callers do not
    /// come back all at once.
    pub fn pause(&mut self, wait_ns: u64, jitter_permille: u64, now_ns: u64) {
        let stretched = wait_ns.saturating_add(wait_ns / 1_000 * jitter_permille.min(100));
        self.not_before_ns = self.not_before_ns.max(now_ns.saturating_add(stretched));
    }

    /// Whether an answer is news: sent after the last one that was applied.
    pub fn news(&mut self, model: &str, sent_ns: u64) -> bool {
        let found = self.models.entry(model.into()).or_default();
        let news = sent_ns >= found.applied_ns;
        found.applied_ns = found.applied_ns.max(sent_ns);
        news
    }

    /// Takes one limit of a model as an answer reports it.
    pub fn sync(&mut self, model: &str, dimension: Dimension, quota: Quota, remaining: Option<i64>, now_ns: u64) {
        let found = self.models.entry(model.into()).or_default();
        let allowance = found.allowances.entry(dimension).or_insert_with(|| Allowance::new(quota, now_ns));
        allowance.sync(quota, remaining, now_ns);
    }

    /// The provider said that a rate is used up, and not until when: nothing is left of what is known.
    pub fn exhausted(&mut self, model: &str, now_ns: u64) {
        for allowance in self.models.get_mut(model).into_iter().flat_map(|found| found.allowances.values_mut()) {
            allowance.empty(now_ns);
        }
    }

    /// An answer came: one more at once after as many successes as the cap.
    pub fn succeeded(&mut self) {
        let Some(cap) = self.cap else { return };
        self.successes += 1;
        if self.successes >= cap {
            self.successes = 0;
            self.cap = Some(cap.saturating_add(1));
        }
    }

    /// The provider bears no more: half as many at once. Requests sent before the last cut say nothing new, and one that was
    /// alone says nothing of how many are too many.
    pub fn overloaded(&mut self, sent_ns: u64, now_ns: u64) {
        let now_running = self.running.saturating_add(1);
        if now_running < 2 || (self.cap.is_some() && sent_ns <= self.cut_ns) {
            return;
        }
        self.cap = Some((self.cap.unwrap_or(now_running).min(now_running) / 2).max(1));
        self.successes = 0;
        self.cut_ns = now_ns;
    }

    /// How many may run at once; `None`: as many as the policy lets.
    pub fn cap(&self) -> Option<i64> {
        self.cap
    }

    /// How many run.
    pub fn running(&self) -> i64 {
        self.running
    }
}

fn longest(allowances: &mut BTreeMap<Dimension, Allowance>, units: &Units, now_ns: u64) -> Option<Held> {
    let held = |(dimension, allowance): (&Dimension, &mut Allowance)| {
        let needed = units.get(*dimension);
        let wait = allowance.wait(needed, now_ns);
        let held = Held { dimension: *dimension, cause: Cause::Rate, needed, available: allowance.level(), wait };
        (wait != Wait::For(0)).then_some(held)
    };
    allowances.iter_mut().filter_map(held).max_by_key(|held| held.wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const ONE: Units = Units([1, 100, 50, 150, 0, 1]);

    fn quota(limit: u64) -> Quota {
        Quota::new(limit, 60 * SECOND, limit).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_pause_is_exact_and_never_shortened() {
        let mut provider = Provider::default();
        provider.pause(10 * SECOND, 50, 0);
        provider.pause(SECOND, 0, SECOND);
        let held = provider.take("m", &ONE, SECOND).err();
        assert_eq!(held.map(|held| (held.cause, held.wait)), Some((Cause::Paused, Wait::For(9 * SECOND + SECOND / 2))));
        assert_eq!(provider.take("m", &ONE, 10 * SECOND + SECOND / 2), Ok(()));
    }

    #[test]
    fn answers_only_lower_the_level_and_count_what_is_on_its_way() {
        let mut provider = Provider::default();
        provider.sync("m", Dimension::Requests, quota(60), Some(3), 0);
        assert_eq!(provider.take("m", &ONE, 0), Ok(()));
        provider.sync("m", Dimension::Requests, quota(60), Some(60), 0);
        assert_eq!(provider.take("m", &ONE, 0), Ok(()));
        provider.sync("m", Dimension::Requests, quota(60), Some(2), 0);
        let held = provider.take("m", &ONE, 0).err();
        assert_eq!(held.map(|held| (held.available, held.wait)), Some((0, Wait::For(SECOND))));
        assert_eq!(provider.take("other", &ONE, 0), Ok(()));
        provider.end("m", &ONE, &Units::default(), 0, 0);
        assert_eq!(provider.take("m", &ONE, 0), Ok(()));
    }

    #[test]
    fn a_request_above_the_whole_limit_waits_for_all_of_it() {
        let mut provider = Provider::default();
        provider.sync("m", Dimension::InputTokens, quota(60), Some(60), 0);
        assert_eq!(provider.take("m", &ONE, 0), Ok(()));
        let held = provider.take("m", &ONE, 0).err();
        assert_eq!(held.map(|held| held.wait), Some(Wait::For(100 * SECOND)));
    }

    #[test]
    fn late_answers_are_no_news() {
        let mut provider = Provider::default();
        assert!(provider.news("m", 5) && provider.news("m", 5) && !provider.news("m", 4) && provider.news("other", 1));
    }

    #[test]
    fn overload_halves_once_a_window_and_success_adds_one() {
        let mut provider = Provider::default();
        for _ in 0..15 {
            assert_eq!(provider.take("m", &ONE, 0), Ok(()));
        }
        provider.overloaded(0, 10);
        assert_eq!(provider.cap(), Some(8));
        provider.overloaded(5, 11);
        assert_eq!(provider.cap(), Some(8), "sent before the cut");
        assert_eq!(provider.take("m", &ONE, 12).err().map(|held| held.wait), Some(Wait::UntilReleased));
        (0..8).for_each(|_| provider.succeeded());
        assert_eq!(provider.cap(), Some(9));
        for now in 20..40 {
            provider.overloaded(now, now);
        }
        assert_eq!(provider.cap(), Some(1));
        (0..15).for_each(|_| provider.end("m", &ONE, &ONE, 0, 50));
        assert_eq!(provider.take("m", &ONE, 50), Ok(()));
        assert_eq!(provider.take("m", &ONE, 50 + CALM_NS), Ok(()), "long calm: the cap is forgotten");
    }

    #[test]
    fn who_was_alone_is_not_the_overload() {
        let mut provider = Provider::default();
        provider.overloaded(1, 1);
        assert_eq!(provider.cap(), None);
    }

    #[test]
    fn a_used_up_rate_without_a_hint_leaves_nothing() {
        let mut provider = Provider::default();
        provider.sync("m", Dimension::Requests, quota(60), Some(50), 0);
        provider.exhausted("m", 0);
        assert_eq!(provider.take("m", &ONE, 0).err().map(|held| held.wait), Some(Wait::For(SECOND)));
    }
}
