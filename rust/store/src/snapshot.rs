//! What the writer keeps of buckets, about each second: the levels that changed since the last time.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use tierkit_core::clock::Clock;
use tierkit_core::gate::Stock;
use tierkit_core::labels::Key;
use tierkit_core::rules::{RuleKind, Rules};

use crate::buckets::{Level, save};
use crate::clock::SystemClock;
use crate::error::StateError;
use crate::row::Names;
use crate::segment::{Segment, fork};

/// How often.
const EVERY_NS: u64 = 1_000_000_000;
/// Slots that are looked at under one lock.
const CHUNK: usize = 128;
/// Levels written at most at once; the others follow.
const MOST: usize = 8_192;

/// A bucket as it was last written: its rule and key, and its level, remainder and time.
type Kept = (u16, Key, (i64, u64, u64));

/// What was written, by slot.
#[derive(Debug, Default)]
pub struct Snapshots {
    kept: HashMap<u32, Kept>,
    begun: bool,
    taken_ns: u64,
}

impl Snapshots {
    /// Writes what changed, when it is time or `now` says so.
    ///
    /// # Errors
    /// A segment that cannot be locked. A file that cannot be written is tried again: no answer depends on it.
    pub fn take(&mut self, segment: &Segment, connection: &mut Connection, at_once: bool) -> Result<(), StateError> {
        let boot_ns = SystemClock.boot_ns();
        if !at_once && boot_ns.saturating_sub(self.taken_ns) < EVERY_NS {
            return Ok(());
        }
        self.taken_ns = boot_ns;
        let (rules, names) = {
            let turn = segment.turn()?;
            (Arc::clone(&turn.known.directory.rules), Arc::clone(&turn.known.directory.names))
        };
        let mut next = HashMap::with_capacity(self.kept.len());
        let mut changed = Vec::new();
        let slots: Vec<u32> = segment.layout.live_slots(segment.words()).collect();
        for chunk in slots.chunks(CHUNK) {
            for (slot, found) in busy_buckets(segment, &rules, chunk)? {
                match self.kept.get(&slot) {
                    Some(known) if *known == found => {}
                    known if changed.len() >= MOST => {
                        // Told the next time; until then what was written of it stays.
                        if let Some(known) = known {
                            next.insert(slot, known.clone());
                        }
                        continue;
                    }
                    _ => changed.push(level(&rules, &names, &found)),
                }
                next.insert(slot, found);
            }
        }
        let gone =
            self.kept.iter().filter(|(slot, (rule, key, _))| next.get(slot).is_none_or(|new| (new.0, &new.1) != (*rule, key)));
        let idle: Vec<_> = gone.map(|(_, (rule, key, _))| names.scope(*rule, key)).collect();
        if self.begun && changed.is_empty() && idle.is_empty() {
            return Ok(());
        }
        let _unforked = fork::hold();
        if save(connection, !self.begun, &changed, &idle).is_ok() {
            (self.kept, self.begun) = (next, true);
        }
        Ok(())
    }
}

/// Those of some slots that hold a bucket that is not full.
fn busy_buckets(segment: &Segment, rules: &Rules, slots: &[u32]) -> Result<Vec<(u32, Kept)>, StateError> {
    let _turn = segment.turn()?;
    let boot_ns = SystemClock.boot_ns();
    let busy = |slot: &u32| {
        let (rule, key, stock) = segment.layout.scope(segment.words(), *slot)?;
        let (Stock::Bucket(bucket), Some(RuleKind::Refill(_, quota))) = (stock, rules.get(rule).map(|rule| &rule.kind)) else {
            return None;
        };
        (!bucket.refilled(quota, boot_ns).is_full(quota)).then(|| (*slot, (rule, key, bucket.parts())))
    };
    Ok(slots.iter().filter_map(busy).collect())
}

/// A bucket as the file keeps it: its time by the wall.
fn level(rules: &Rules, names: &Names, (rule, key, (units, _, last_ns)): &Kept) -> Level {
    let now = SystemClock.now();
    let at_ns = now.wall_ns.saturating_sub_unsigned(now.boot_ns.saturating_sub(*last_ns));
    let dimension = rules.get(*rule).map_or("", |rule| rule.kind.dimension().as_str()).to_owned();
    let (rule, scope) = names.scope(*rule, key);
    Level { rule, scope, dimension, units: *units, at_ns }
}
