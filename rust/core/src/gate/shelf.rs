//! Where a gate keeps what it knows. The decisions do not know whether it is this process's memory or a shared segment.

use crate::clock::Now;
use crate::gate::Unwritten;
use crate::gate::bound::BoundScope;
use crate::labels::{Key, Labels};
use crate::ledger::{Account, Entry, Reservation, ReservationId, State};
use crate::rules::{RuleKind, Rules};
use crate::throttle::{Bucket, Units};

/// How long an ended reservation is remembered for idempotent calls.
pub const REMEMBER_NS: u64 = 86_400_000_000_000;
/// How many ended reservations are remembered at most.
pub const REMEMBER_COUNT: usize = 65_536;

/// Slots that one call looks at for an idle scope: enough to find one in a table that is not full of scopes in use, and a
/// bound for what a flood of keys costs the others.
pub const SWEEP: usize = 256;

/// One slot of so many is for scopes that an end has to be booked in: admissions leave it.
pub const SPARE: usize = 64;

/// How many scopes a table may keep when a part that owns so many wants one more: the last eighth of the slots is for parts
/// that own less than an eighth, so that one flooding tenant cannot fill the table for the others.
pub fn room_for(capacity: usize, owned: usize) -> usize {
    let share = capacity / 8;
    capacity - if owned < share { capacity / SPARE } else { share }
}

/// What a scope holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stock {
    /// Units that refill.
    Bucket(Bucket),
    /// Slots that are held.
    Held(i64),
    /// Money, one account per window.
    Accounts(Vec<Account>),
}

impl Stock {
    /// What a scope of a rule holds before anything was taken.
    pub fn fresh(kind: &RuleKind, now: Now) -> Self {
        match kind {
            RuleKind::Refill(_, quota) => Self::Bucket(Bucket::full(quota, now.boot_ns)),
            RuleKind::Hold(_) => Self::Held(0),
            RuleKind::Budget(_) => Self::Accounts(Vec::new()),
        }
    }

    /// Whether its loss changes no decision: full, nothing held, no money in a live window.
    pub fn is_idle(&self, kind: Option<&RuleKind>, now: Now) -> bool {
        match (self, kind) {
            (Self::Bucket(bucket), Some(RuleKind::Refill(_, quota))) => bucket.refilled(quota, now.boot_ns).is_full(quota),
            (Self::Held(held), _) => *held == 0,
            (Self::Accounts(accounts), _) => {
                accounts.iter().all(|account| account.pending == 0 && account.window.end_ns <= now.wall_ns)
            }
            _ => false,
        }
    }
}

/// How a reservation stands, without the rest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: State,
    /// Whether labels and units are those that were asked about.
    pub same_body: bool,
}

/// Scopes by slot and reservations by id.
///
/// A change that cannot be kept (no room, a damaged segment) is the shelf's to report to its owner, who undoes the whole call.
pub trait Shelf {
    /// The slot of a bound scope, if it is kept.
    fn find(&self, scope: &BoundScope) -> Option<u32>;

    /// The slot of a key, made if need be. `None` when the table is full of scopes in use.
    fn slot_or_insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32>;

    /// The slot of a key, made for what has to be booked: also from room that admissions leave. When there is none, the whole
    /// call fails.
    fn slot_to_book(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32>;

    /// The slot of a key, if it is kept.
    fn slot_of(&self, key: &Key) -> Option<u32>;

    /// Whether these scopes, none of which is kept, fit into the quota of one of them, after forgetting idle ones if need be.
    /// Keys that differ only after their first label share a quota; see [`room_for`].
    fn has_room(&mut self, rules: &Rules, wanted: &[&BoundScope], key: &Key, now: Now) -> bool;

    /// Counts a request that was refused for want of room.
    fn found_full(&mut self);

    /// How many were.
    fn full_count(&self) -> u64;

    /// Whether a slot still belongs to a key.
    fn keeps(&self, slot: u32, key: &Key) -> bool;

    /// Looks at what a scope holds.
    fn see<R>(&self, slot: u32, look: impl FnOnce(&Stock) -> R) -> Option<R>;

    /// Changes what a scope holds.
    fn change<R>(&mut self, slot: u32, change: impl FnOnce(&mut Stock) -> R) -> Option<R>;

    /// Changes the bucket of a bound scope, if it is kept and is one: the shortest way for hot takes.
    fn change_bucket<R>(&mut self, scope: &BoundScope, change: impl FnOnce(&mut Bucket) -> R) -> Option<R>;

    /// Counts an open reservation of a scope in or out.
    fn open(&mut self, slot: u32, change: i32);

    /// How many slots there are, kept or free.
    fn slots(&self) -> u32;

    /// The number of the rule that the scope in a slot belongs to; `None` where the slot is free.
    fn rule_at(&self, slot: u32) -> Option<u16>;

    /// How many scopes are kept.
    fn scope_count(&self) -> usize;

    /// The key of the scope in a slot; `None` where the slot is free.
    fn key_at(&self, slot: u32) -> Option<Key>;

    /// Shows every scope: rule, slot and what it holds.
    fn each_scope(&self, show: &mut dyn FnMut(u16, u32, &Stock));

    /// How a reservation stands, if it is known, and whether it has this body.
    fn standing(&self, id: &ReservationId, body: Option<(&Labels, &Units)>) -> Option<Standing>;

    /// A reservation, open or remembered.
    fn reservation(&self, id: &ReservationId) -> Option<Reservation>;

    /// The money that a reservation put on hold, in nano-USD; 0 when it is not known.
    fn reserved_nusd(&self, id: &ReservationId) -> i64;

    /// Takes a reservation out to change it; `put` brings it back.
    fn lift(&mut self, id: &ReservationId) -> Option<Box<Reservation>>;

    /// Keeps a reservation. An open one is due at its expiry.
    fn put(&mut self, reservation: Box<Reservation>);

    /// An open reservation whose time is over; the caller ends it.
    fn due(&mut self, boot_ns: u64) -> Option<ReservationId>;

    /// Counts a reservation as ended, so that it is forgotten in its turn.
    fn remember(&mut self, id: &ReservationId, boot_ns: u64);

    /// Forgets ended reservations that are too old or too many.
    fn forget(&mut self, boot_ns: u64);

    /// Whether entries are kept for a ledger.
    fn journals(&self) -> bool;

    /// Keeps an entry for the ledger.
    fn journal(&mut self, entry: Entry);

    /// Whether there is room for the entries of one more reservation, beside the ends of all that are open.
    fn has_room_for_entries(&self) -> bool {
        true
    }

    /// What was admitted without room for its entries.
    fn unwritten(&self) -> Unwritten {
        Unwritten::default()
    }

    /// Adds to that.
    fn count_unwritten(&mut self, _change: Unwritten) {}

    /// The furthest that any enforced budget was ever exceeded, in nano-USD.
    fn worst_overshoot_nusd(&self) -> i64;

    /// Raises that figure.
    fn overshot(&mut self, nusd: i64);
}
