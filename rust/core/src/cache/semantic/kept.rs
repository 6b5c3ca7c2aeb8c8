//! The store beside a file that keeps its entries: what to write, what others wrote, and which values stay in memory.
//!
//! # Invariant
//! Nothing from a file is believed: a record under another number, with another vector or past its life is not taken in.
//! Only entries that the file holds give up their values.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Mark, Shape, Store};
use crate::cache::entry::{Entry, Record};
use crate::cache::owner::Tally;

impl Store {
    /// What a file is to keep of an entry; None when the entry is gone.
    pub fn record(&self, id: u64) -> Option<Record> {
        let entry = self.held(id)?;
        let rows = &self.partitions.get(&entry.namespace)?.rows;
        Some(Record {
            id,
            seq: entry.seq,
            version: entry.version,
            namespace: Arc::clone(&entry.namespace),
            key: entry.key.clone(),
            owner: entry.owner.name.clone(),
            text: entry.text.clone(),
            tag: entry.tag.clone(),
            row: entry.row.and_then(|row| rows.row(row)),
            put_ns: entry.put_ns,
            expires_ns: entry.expires_ns,
            saved_nusd: entry.saved_nusd,
            praise: entry.praise,
            value_bytes: entry.value.as_ref().map_or(0, |value| value.len()),
            value: entry.value.clone(),
        })
    }

    /// Notes that the file holds this version of an entry; tells whether the entry, or a newer one in its place, is still held.
    pub fn written(&mut self, id: u64, version: u64, seq: i64) -> bool {
        let Some(entry) = self.places.get(&id).and_then(|place| self.entries.get_mut(*place)) else { return false };
        if entry.version == version && entry.seq == 0 {
            entry.seq = seq;
        }
        true
    }

    /// Whether the number belongs to the namespace and key: a record of another store, or a damaged one, has another.
    pub fn is_own(&self, record: &Record) -> bool {
        !record.namespace.is_empty() && record.saved_nusd >= 0 && record.id == self.id(&record.namespace, &record.key)
    }

    /// Takes in an entry that a file keeps, unless this process put a newer one, or its life is over.
    pub fn adopt(&mut self, record: Record, now_ns: i64) {
        let bytes = record.bytes(self.bounds.dim);
        let newer = |entry: &Entry| entry.seq == 0 || entry.seq >= record.seq;
        if now_ns >= record.expires_ns || bytes > self.bounds.capacity_bytes || self.held(record.id).is_some_and(newer) {
            return;
        }
        if let Some(place) = self.places.get(&record.id) {
            self.remove(*place);
        }
        self.make_room(bytes, now_ns);
        let (owner, row) = (self.owners.named(&record.owner), record.row.clone());
        self.insert(Entry::kept(record, owner, bytes), row.as_ref().map(Shape::Kept));
    }

    /// Drops an entry that left the file before `seq`; one that is not written yet stays.
    pub fn forget(&mut self, id: u64, seq: i64) {
        if self.held(id).is_some_and(|entry| entry.seq != 0 && entry.seq < seq)
            && let Some(place) = self.places.get(&id)
        {
            self.remove(*place);
        }
    }

    /// Drops one entry, whether a file holds it or not.
    pub fn discard(&mut self, id: u64) {
        if let Some(place) = self.places.get(&id) {
            self.remove(*place);
        }
    }

    /// Applies a bad report of another process.
    pub fn cut_too(&mut self, id: u64) {
        self.cut(id);
    }

    /// Applies a purge of another process; one of everything fits all that was put before it.
    pub fn purge_too(&mut self, mark: &Mark<'_>) {
        let _ = self.purge(mark);
    }

    /// Forgets what the file holds, for reading it again from its beginning.
    pub fn forget_all(&mut self) {
        self.forget_where(|entry| entry.seq != 0);
    }

    /// Forgets what no file holds: in a child it is the parent's to write.
    pub fn forget_unwritten(&mut self) {
        self.forget_where(|entry| entry.seq == 0);
    }

    fn forget_where(&mut self, fits: impl Fn(&Entry) -> bool) {
        let mut place = 0;
        while let Some(entry) = self.entries.get(place) {
            if fits(entry) { self.remove(place) } else { place += 1 }
        }
    }

    /// Keeps in memory a value that was read from the file, while the entry is the same.
    pub fn warm(&mut self, id: u64, seq: i64, value: &Arc<[u8]>) {
        let entry = self.places.get(&id).and_then(|place| self.entries.get_mut(*place));
        if let Some(entry) = entry.filter(|entry| entry.seq == seq && entry.value.is_none()) {
            entry.value = Some(Arc::clone(value));
            if entry.class.is_none() && entry.row.is_some() {
                // From now on it has a voice: its answer was not known before.
                let class = self.partitions.hasher().hash_one(value);
                entry.class = Some(class);
                self.partitions.get_mut(&entry.namespace).into_iter().for_each(|partition| partition.classes.add(class));
            }
            self.hot_bytes += value.len() as u64;
            self.cool();
        }
    }

    /// Lets values go that the file holds, those not used lately first, until the rest fits.
    ///
    /// # Source
    /// CLOCK (Corbató 1968): a value that was used since the hand last passed gets another round.
    pub(super) fn cool(&mut self) {
        let Some(most) = self.bounds.memory_bytes else { return };
        for _ in 0..2 * self.entries.len() {
            if self.hot_bytes <= most {
                return;
            }
            self.hand = if self.hand + 1 < self.entries.len() { self.hand + 1 } else { 0 };
            let Some(entry) = self.entries.get_mut(self.hand) else { return };
            if entry.seq != 0 && entry.value.is_some() && !entry.used.swap(false, Ordering::Relaxed) {
                self.hot_bytes -= entry.hot_bytes();
                entry.value = None;
            }
        }
    }

    /// The entries that left by themselves since the last call.
    pub fn take_gone(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.gone)
    }

    /// What hits saved, by owner, since the last call.
    pub fn take_tallies(&mut self) -> Vec<Tally> {
        self.owners.take()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bounds, Get};
    use super::*;
    use crate::cache::entry::Put;
    use crate::cache::unit::Unit;

    fn store(capacity: usize, memory_bytes: u64) -> Store {
        let bounds = Bounds { dim: 2, capacity, capacity_bytes: 1 << 20, memory_bytes: Some(memory_bytes) };
        match Store::new(bounds, [1, 2, 3, 4]) {
            Ok(store) => store,
            Err(error) => unreachable!("{error}"),
        }
    }

    fn put(store: &mut Store, key: &[u8], value: &[u8]) -> u64 {
        let new = Put { namespace: b"a", key, text: "what is this", value, tag: "t", ttl_ns: 100, saved_nusd: 3, owner: "acme" };
        let unit = Unit::new(&[1.0, f32::from(u8::try_from(key.len()).unwrap_or(9))], 2).ok();
        store.put(&new, unit.as_ref(), 0).ok().flatten().unwrap_or(0)
    }

    fn get(store: &Store, key: &[u8], unit: Option<&Unit>) -> Option<super::super::Hit> {
        let ask = Get { namespace: b"a", key, text: "what is this", unit, min_similarity: Some(0.9) };
        store.get(&ask, 1).ok().flatten()
    }

    fn adopt(store: &mut Store, record: Option<&Record>, now_ns: i64) {
        if let Some(record) = record {
            store.adopt(record.clone(), now_ns);
        }
    }

    #[test]
    fn what_one_store_writes_another_one_of_the_same_secret_answers() {
        let (mut one, mut other) = (store(10, 1 << 20), store(10, 1 << 20));
        let id = put(&mut one, b"k", b"v");
        let record = one.record(id).map(|record| Record { seq: 7, value: None, ..record });
        assert!(record.as_ref().is_some_and(|record| other.is_own(record)));
        adopt(&mut other, record.as_ref(), 1);
        let near = Unit::new(&[1.0, 1.01], 2).ok();
        assert!(get(&other, b"k", None).is_some_and(|hit| hit.id == id && hit.value.is_none() && hit.saved_nusd == 3));
        assert!(get(&other, b"?", near.as_ref()).is_some_and(|hit| !hit.exact));
        other.warm(id, 7, &Arc::from(&b"v"[..]));
        assert!(get(&other, b"k", None).is_some_and(|hit| hit.value.as_deref() == Some(b"v")));
        let foreign = record.map(|record| Record { key: b"other"[..].into(), ..record });
        assert!(foreign.is_some_and(|record| !other.is_own(&record)));
    }

    #[test]
    fn older_late_and_expired_records_change_nothing() {
        let (mut one, mut other) = (store(10, 1 << 20), store(10, 1 << 20));
        let id = put(&mut one, b"k", b"old");
        let record = one.record(id).map(|record| Record { seq: 7, value: None, ..record });
        put(&mut other, b"k", b"new");
        adopt(&mut other, record.as_ref(), 1);
        assert!(get(&other, b"k", None).is_some_and(|hit| hit.value.as_deref() == Some(b"new")), "its own put is newer");
        other.forget(id, 9);
        assert!(get(&other, b"k", None).is_some(), "and not yet in the file");
        let version = other.record(id).map_or(0, |record| record.version);
        other.written(id, version, 8);
        other.forget(id, 8);
        assert!(get(&other, b"k", None).is_some());
        other.forget(id, 9);
        assert!(get(&other, b"k", None).is_none());
        adopt(&mut other, record.as_ref(), 100);
        assert!(get(&other, b"k", None).is_none(), "its life is over");
    }

    #[test]
    fn values_in_memory_stay_bounded_and_unwritten_ones_stay() {
        let mut store = store(100, 1_000);
        let ids: Vec<u64> = (1..=50_u8).map(|n| put(&mut store, &vec![n; usize::from(n)], &[n; 100])).collect();
        assert_eq!(store.hot_bytes, 5_000, "no file holds them yet");
        for (id, seq) in ids.iter().zip(1..) {
            let version = store.record(*id).map_or(0, |record| record.version);
            store.written(*id, version, seq);
        }
        put(&mut store, b"one more", &[0; 100]);
        assert!(store.hot_bytes <= 1_000, "{}", store.hot_bytes);
        assert!(get(&store, b"one more", None).is_some_and(|hit| hit.value.is_some()));
        assert_eq!(store.len(), 51);
        store.forget_all();
        assert_eq!((store.len(), store.hot_bytes), (1, 100));
    }

    #[test]
    fn who_leaves_by_itself_is_told_and_hits_are_told_by_owner() {
        let mut store = store(2, 1 << 20);
        for n in 1..=5_u8 {
            put(&mut store, &vec![n; usize::from(n)], b"v");
        }
        assert_eq!((store.take_gone().len(), store.take_gone().len()), (3, 0));
        let kept = store.entries.first().map(|entry| entry.key.clone()).unwrap_or_default();
        assert!(get(&store, &kept, None).is_some());
        let told = store.take_tallies();
        assert_eq!(told, [Tally { owner: "acme".into(), exact: 1, semantic: 0, saved_nusd: 3 }]);
    }
}
