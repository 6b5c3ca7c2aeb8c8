//! Check all, then apply all.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::clock::Now;
use crate::decision::{Cause, Failing, Refusal, Wait};
use crate::error::{Error, Result};
use crate::gate::bound::BoundScope;
use crate::gate::{Ask, Bound, Gate, Grant, Shelf, Stock};
use crate::ledger::{Account, Entry, EntryKind, Flags, Posting, Reservation, State, Take, Window};
use crate::rules::{Mode, Rule, RuleKind, Rules};
use crate::throttle::{Bucket, Dimension, Units};

/// Marks a take that no scope was needed for, or found room for.
pub(super) const NO_SLOT: u32 = u32::MAX;

/// What a first walk over the scopes of a request found.
struct Walk {
    /// The slot of each scope that is kept and counts the request.
    slots: SmallVec<[u32; 24]>,
    /// Whether a rule that only observes would refuse.
    observed: bool,
}

/// The answer to an ask.
pub type Admitted = std::result::Result<Grant, Refusal>;

impl<S: Shelf> Gate<S> {
    /// Reserves every scope of a request, or none. The same id with the same body is admitted again without a charge.
    ///
    /// # Errors
    /// `ReservationConflict` for the same id with another body, `AlreadySettled` for one that was cancelled (nothing is held or
    /// booked for it), `Config` for negative units.
    pub fn admit(&mut self, ask: &Ask<'_>, now: Now) -> Result<Admitted> {
        self.expire(now);
        check_units(&ask.units)?;
        if let Some(known) = self.shelf.standing(ask.id, Some((ask.bound.labels(), &ask.units))) {
            if known.same_body && known.state == State::Void {
                return Err(Error::AlreadySettled(format!(
                    "reservation '{}' was cancelled, so nothing is held for it; give another attempt an id of its own",
                    ask.id
                )));
            }
            if known.same_body {
                return Ok(Ok(Grant { state: known.state, replayed: true }));
            }
            return Err(Error::ReservationConflict(format!(
                "reservation '{}' exists with other labels or amounts; use a new id for a new request",
                ask.id
            )));
        }
        let mut takes = Vec::with_capacity(ask.bound.scopes().len());
        if let Err(refusal) = self.take_all(ask.bound, &ask.units, now, Some(&mut takes)) {
            return Ok(Err(refusal));
        }
        for take in &takes {
            self.shelf.open(take.slot, 1);
        }
        let mut reservation = Box::new(Reservation {
            id: ask.id.clone(),
            labels: Arc::clone(ask.bound.labels()),
            units: ask.units,
            takes,
            state: State::Open,
            expires_boot_ns: now.boot_ns.saturating_add(ask.ttl_ns),
            at_ns: now.wall_ns,
            usage: None,
            adjustments: Vec::new(),
            is_written: true,
        });
        self.journal_reserve(&mut reservation, ask.may_be_unwritten, now);
        self.shelf.put(reservation);
        Ok(Ok(Grant { state: State::Open, replayed: false }))
    }

    /// Takes units that refill, without a reservation. What is held (concurrency, money) needs [`Gate::admit`] and an end.
    pub fn take(&mut self, bound: &Bound, units: &Units, now: Now) -> std::result::Result<(), Refusal> {
        if self.take_first(bound, units, now) {
            return Ok(());
        }
        self.take_all(bound, units, now, None)
    }

    /// [`Gate::take`] where every scope is an enforced rate that is kept and has room. False takes nothing and leaves the
    /// answer to the whole walk.
    pub fn take_at_once(&mut self, bound: &Bound, units: &Units, boot_ns: u64) -> bool {
        match bound.scopes() {
            [scope] => self.has_room(scope, units, boot_ns, true),
            scopes => {
                scopes.iter().all(|scope| self.has_room(scope, units, boot_ns, false))
                    && scopes.iter().all(|scope| self.has_room(scope, units, boot_ns, true))
            }
        }
    }

    /// Whether an enforced rate is kept and has room, and takes from it if asked to.
    fn has_room(&mut self, scope: &BoundScope, units: &Units, boot_ns: u64, taken: bool) -> bool {
        let Some((dimension, quota)) = &scope.rate else { return false };
        let amount = units.get(*dimension);
        let fits = self.shelf.change_bucket(scope, |bucket| {
            bucket.refill(quota, boot_ns);
            let fits = bucket.fits(amount);
            if fits && taken {
                bucket.take(amount);
            }
            fits
        });
        fits.unwrap_or(false)
    }

    /// The first take of a key: its one scope is made full and taken from. False leaves the answer to the whole walk.
    fn take_first(&mut self, bound: &Bound, units: &Units, now: Now) -> bool {
        let rules = Arc::clone(&self.rules);
        let [scope] = bound.scopes() else { return false };
        let (Some((dimension, quota)), Some(rule)) = (&scope.rate, rules.get(scope.rule)) else { return false };
        let amount = units.get(*dimension);
        if !(1..=quota.burst).contains(&amount) || self.shelf.find(scope).is_some() {
            return false;
        }
        if !self.shelf.has_room(&rules, &[scope], &scope.key, now) {
            return false;
        }
        let Some(slot) = self.shelf.slot_or_insert(&rules, scope.rule, &scope.key, now) else { return false };
        self.apply_one(rule, scope.rule, slot, amount, now);
        true
    }

    fn take_all(
        &mut self,
        bound: &Bound,
        units: &Units,
        now: Now,
        takes: Option<&mut Vec<Take>>,
    ) -> std::result::Result<(), Refusal> {
        let rules = Arc::clone(&self.rules);
        let mut failing = Vec::new();
        let mut has_all = true;
        let mut walk = Walk { slots: SmallVec::from_elem(NO_SLOT, bound.scopes().len()), observed: false };
        for (scope, slot) in bound.scopes().iter().zip(&mut walk.slots) {
            let Some(rule) = rules.get(scope.rule) else { continue };
            let amount = units.get(rule.kind.dimension());
            if amount == 0 {
                continue;
            }
            let kept = self.shelf.find(scope);
            has_all &= kept.is_some();
            *slot = kept.unwrap_or(NO_SLOT);
            if let Some(found) = self.check(rule, scope, kept, amount, now) {
                match rule.mode {
                    Mode::Enforce => failing.push(found),
                    Mode::Observe => walk.observed = true,
                }
            }
        }
        if failing.is_empty() && !has_all {
            failing.extend(self.crowded_out(bound, units, now));
            // The room that was made for some may have been that of the others.
            walk.slots.fill(NO_SLOT);
        }
        if !failing.is_empty() {
            return Err(Refusal { failing });
        }
        self.apply(&rules, bound, units, &walk, now, takes);
        Ok(())
    }

    /// The first new scope that the table has no room for.
    fn crowded_out(&mut self, bound: &Bound, units: &Units, now: Now) -> Option<Failing> {
        let rules = Arc::clone(&self.rules);
        let counts = |scope: &&BoundScope| rules.get(scope.rule).is_some_and(|rule| units.get(rule.kind.dimension()) != 0);
        let missing = bound.scopes().iter().filter(counts).filter(|scope| self.shelf.find(scope).is_none());
        let missing: SmallVec<[&BoundScope; 8]> = missing.collect();
        let crowded = missing.iter().find(|scope| !self.shelf.has_room(&rules, &missing, &scope.key, now))?;
        self.shelf.found_full();
        Some(full_table(crowded))
    }

    /// What keeps an amount from fitting one scope, which is in a slot or not kept. Changes nothing but the cached window.
    fn check(&mut self, rule: &Rule, scope: &BoundScope, slot: Option<u32>, amount: i64, now: Now) -> Option<Failing> {
        let window = self.window(scope.rule, &rule.kind, now);
        let judged = |stock: Option<&Stock>| judge(rule, scope, amount, window, stock, now);
        match slot {
            Some(slot) => self.shelf.see(slot, |stock| judged(Some(stock)))?,
            None => judged(None),
        }
    }

    fn apply(&mut self, rules: &Rules, bound: &Bound, units: &Units, walk: &Walk, now: Now, mut takes: Option<&mut Vec<Take>>) {
        for (scope, slot) in bound.scopes().iter().zip(&walk.slots) {
            let Some(rule) = rules.get(scope.rule) else { continue };
            let amount = units.get(rule.kind.dimension());
            if amount == 0 {
                // Nothing to take now, but a settle may still book use here.
                if let Some(takes) = takes.as_deref_mut() {
                    let window = self.window(scope.rule, &rule.kind, now).unwrap_or(Window::NONE);
                    takes.push(Take { rule: scope.rule, key: scope.key.clone(), slot: NO_SLOT, amount, window });
                }
                continue;
            }
            let found = Some(*slot).filter(|slot| *slot != NO_SLOT).or_else(|| self.shelf.find(scope));
            if walk.observed && rule.mode == Mode::Observe && self.check(rule, scope, found, amount, now).is_some() {
                if let Some(count) = self.memo.would_refuse.get_mut(usize::from(scope.rule)) {
                    *count += 1;
                }
                continue;
            }
            // The room that was made for the others may have been an idle scope of this very request: it is admitted, so it is
            // booked.
            let Some(slot) = found.or_else(|| self.shelf.slot_to_book(rules, scope.rule, &scope.key, now)) else { continue };
            let window = self.apply_one(rule, scope.rule, slot, amount, now);
            if let Some(takes) = takes.as_deref_mut() {
                takes.push(Take { rule: scope.rule, key: scope.key.clone(), slot, amount, window });
            }
        }
    }

    /// Takes from one scope, and gives the window of the account that it took from.
    fn apply_one(&mut self, rule: &Rule, index: u16, slot: u32, amount: i64, now: Now) -> Window {
        let window = self.window(index, &rule.kind, now).unwrap_or(Window::NONE);
        self.shelf.change(slot, |stock| match (&rule.kind, stock) {
            (RuleKind::Refill(_, quota), Stock::Bucket(bucket)) => {
                bucket.refill(quota, now.boot_ns);
                bucket.take(amount);
            }
            (RuleKind::Hold(_), Stock::Held(held)) => *held = held.saturating_add(amount),
            (RuleKind::Budget(_), Stock::Accounts(accounts)) => {
                forget_ended(accounts, now.wall_ns);
                account_of(accounts, window).apply(0, amount);
            }
            _ => {}
        });
        window
    }

    /// The window of a budget now, computed again only when it ends.
    pub(super) fn window(&mut self, index: u16, kind: &RuleKind, now: Now) -> Option<Window> {
        let RuleKind::Budget(budget) = kind else { return None };
        let cached = self.memo.windows.get_mut(usize::from(index))?;
        Some(match cached {
            Some(window) if window.contains(now.wall_ns) => *window,
            _ => *cached.insert(budget.window(now.wall_ns)),
        })
    }

    /// The entry of a reservation.
    pub(super) fn reserve_entry(&self, reservation: &Reservation, now: Now) -> Entry {
        let postings = reservation.takes.iter().filter_map(|take| self.posting(take, 0, take.amount)).collect();
        let left_ns = reservation.expires_boot_ns.saturating_sub(now.boot_ns);
        Entry {
            id: reservation.id.clone(),
            kind: EntryKind::Reserve,
            at_ns: reservation.at_ns,
            nusd: reservation.nusd(),
            labels: Arc::clone(&reservation.labels),
            units: reservation.units,
            usage: None,
            flags: Flags::default(),
            expires_ns: now.wall_ns.saturating_add_unsigned(left_ns),
            saved_nusd: 0,
            postings,
            adjustment: None,
        }
    }

    /// The change of the account behind a take, if it is a budget's.
    pub(super) fn posting(&self, take: &Take, posted: i64, pending: i64) -> Option<Posting> {
        self.rules.get(take.rule).filter(|rule| matches!(rule.kind, RuleKind::Budget(_)))?;
        let Window { start_ns, end_ns } = take.window;
        Some(Posting { rule: take.rule, key: take.key.clone(), start_ns, end_ns, posted, pending })
    }
}

/// What keeps an amount from fitting a stock; a scope that is not kept is a fresh one.
fn judge(
    rule: &Rule,
    scope: &BoundScope,
    amount: i64,
    window: Option<Window>,
    stock: Option<&Stock>,
    now: Now,
) -> Option<Failing> {
    let (cause, available, wait) = match (&rule.kind, stock) {
        (RuleKind::Refill(_, quota), stock) => {
            let bucket = match stock {
                Some(Stock::Bucket(bucket)) => bucket.refilled(quota, now.boot_ns),
                _ => Bucket::full(quota, now.boot_ns),
            };
            if bucket.fits(amount) {
                return None;
            }
            (Cause::Rate, bucket.level(), bucket.wait(quota, amount))
        }
        (RuleKind::Hold(slots), stock) => {
            let held = if let Some(Stock::Held(held)) = stock { *held } else { 0 };
            let free = slots.saturating_sub(held);
            if amount <= free {
                return None;
            }
            (Cause::Concurrency, free.max(0), if amount > *slots { Wait::Never } else { Wait::UntilReleased })
        }
        (RuleKind::Budget(budget), stock) => {
            let account = current_account(stock, window?);
            let free = account.free(budget.limit_nusd);
            if amount <= free {
                return None;
            }
            // An edit of the policy may have put the limit below what is spent: there is nothing, not less than nothing.
            (Cause::Budget, free.max(0), account.wait(budget.limit_nusd, amount, now.wall_ns))
        }
    };
    let large = wait == Wait::Never && !matches!(rule.kind, RuleKind::Budget(_));
    let cause = if large { Cause::TooLarge } else { cause };
    let downgrades = matches!(&rule.kind, RuleKind::Budget(budget) if budget.downgrade);
    let next_tier = downgrades || rule.matcher.tier_wide();
    let dimension = rule.kind.dimension();
    Some(Failing { rule: scope.rule, key: scope.key.clone(), dimension, cause, needed: amount, available, wait, next_tier })
}

/// Drops accounts whose window is over, all but the last one: a clock that was set ahead and back finds its spend again.
fn forget_ended(accounts: &mut Vec<Account>, wall_ns: i64) {
    let ended = |account: &Account| account.window.end_ns <= wall_ns;
    let last = accounts.iter().filter(|account| ended(account)).map(|account| account.window.end_ns).max();
    accounts.retain(|account| account.pending > 0 || !ended(account) || Some(account.window.end_ns) == last);
}

/// The account of a window among those kept, made if need be.
pub(super) fn account_of(accounts: &mut Vec<Account>, window: Window) -> &mut Account {
    let found = accounts.iter().position(|account| account.window.start_ns == window.start_ns);
    let index = found.unwrap_or_else(|| {
        accounts.push(Account::new(window));
        accounts.len() - 1
    });
    &mut accounts[index]
}

fn current_account(stock: Option<&Stock>, window: Window) -> Account {
    match stock {
        Some(Stock::Accounts(accounts)) => accounts.iter().find(|account| account.window.start_ns == window.start_ns).copied(),
        _ => None,
    }
    .unwrap_or_else(|| Account::new(window))
}

fn full_table(scope: &BoundScope) -> Failing {
    Failing {
        rule: scope.rule,
        key: scope.key.clone(),
        dimension: Dimension::Requests,
        cause: Cause::Full,
        needed: 1,
        available: 0,
        wait: Wait::UntilReleased,
        next_tier: false,
    }
}

/// Refuses negative units: they would give away what others reserved.
pub(super) fn check_units(units: &Units) -> Result<()> {
    match Dimension::ALL.into_iter().find(|dimension| units.get(*dimension) < 0) {
        Some(dimension) => Err(Error::config(format!("{}={}: expected 0 or more", dimension.as_str(), units.get(dimension)))),
        None => Ok(()),
    }
}
