//! The store: exact keys first, then the nearest vector of the same namespace that the guards let through.
//!
//! # Invariant
//! No function takes two namespaces. Entries and bytes never exceed their bounds. A hit changes counters only, so lookups
//! share the store.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;

use super::agreement::{Classes, Jury, NEAR, Voice};
use super::decision::{Asked, Reading, Stored, check_similarity, floor};
use super::entry::{Entry, Put};
use super::evict::Evictor;
use super::ident::Ident;
use super::index::Flat;
use super::owner::Owners;
use super::row::Row;
use super::sketch::Room;
use super::unit::{MAX_DIM, Unit};
use crate::error::{Error, Result};

type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

/// Candidates that the guards see, best first.
const CANDIDATES: usize = 8;
/// How many reported entries are remembered; the oldest report is forgotten first.
pub const CUTS: usize = 65_536;
/// Entries that each put looks at for expiry.
const SWEEP: usize = 2;
/// A namespace above a quarter of all bytes gives way first.
const SHARES: u64 = 4;

/// What bounds a store.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Values per vector.
    pub dim: usize,
    /// Most entries.
    pub capacity: usize,
    /// Most bytes, keys, texts and rows included.
    pub capacity_bytes: u64,
    /// Where a file keeps the values too: most bytes of values in memory. None: there is no file.
    pub memory_bytes: Option<u64>,
}

/// What a caller asks for.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// Equality key of the partition, not empty.
    pub namespace: &'a [u8],
    /// Exact key inside the partition.
    pub key: &'a [u8],
    /// The question, for the guards.
    pub text: &'a str,
    /// The question's vector; None looks at exact keys only.
    pub unit: Option<&'a Unit>,
    /// Least cosine of a semantic hit; None leaves it to the calibrated decision.
    pub min_similarity: Option<f32>,
}

/// A found answer.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The entry, for [`Store::report`].
    pub id: u64,
    /// The answer; None while it lies in the file alone, see [`Store::warm`].
    pub value: Option<Arc<[u8]>>,
    /// Cosine in [-1, 1]; 1 for an exact hit.
    pub similarity: f32,
    /// Whether the key was equal.
    pub exact: bool,
    /// What the hit saves, in nano-USD.
    pub saved_nusd: i64,
}

/// Which entries to purge: those that fit every part that is given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark<'a> {
    /// Of this namespace.
    pub namespace: Option<&'a [u8]>,
    /// With this tag.
    pub tag: Option<&'a str>,
    /// Put before this instant, in ns.
    pub put_before_ns: Option<i64>,
    /// Kept for the owner of this name.
    pub owner: Option<&'a str>,
}

impl Mark<'_> {
    fn fits(&self, entry: &Entry) -> bool {
        self.namespace.is_none_or(|namespace| *entry.namespace == *namespace)
            && self.tag.is_none_or(|tag| *entry.tag == *tag)
            && self.put_before_ns.is_none_or(|instant| entry.put_ns < instant)
            && self.owner.is_none_or(|owner| *entry.owner.name == *owner)
    }

    fn is_empty(&self) -> bool {
        self.namespace.is_none() && self.tag.is_none() && self.put_before_ns.is_none() && self.owner.is_none()
    }
}

/// A vector on its way into a partition.
#[derive(Debug, Clone, Copy)]
enum Shape<'a> {
    Fresh(&'a Unit),
    Kept(&'a Row),
}

#[derive(Debug)]
struct Partition {
    rows: Flat,
    /// For the sketches of its entries with a row.
    room: Room,
    entries: usize,
    bytes: u64,
    /// The answers of entries that have a row.
    classes: Classes,
}

/// Answers by namespace and key, with their vectors.
#[derive(Debug)]
pub struct Store {
    bounds: Bounds,
    ident: Ident,
    entries: Vec<Entry>,
    places: Map<u64, usize>,
    partitions: Map<Arc<[u8]>, Partition>,
    cut: HashSet<u64, RandomState>,
    cut_order: VecDeque<u64>,
    evictor: Evictor,
    owners: Owners,
    bytes: u64,
    /// Bytes of values in memory, and where the search for a cold one goes on.
    hot_bytes: u64,
    hand: usize,
    /// Entries that left by themselves, for the file that keeps them.
    gone: Vec<u64>,
    swept: usize,
    counters: Counters,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Counters {
    exact: AtomicU64,
    semantic: AtomicU64,
    misses: AtomicU64,
    blocked: AtomicU64,
    saved_nusd: AtomicU64,
    puts: u64,
    evicted: u64,
    expired: u64,
    refused: u64,
    reported: u64,
}

impl Store {
    /// An empty store; the seeds key its hash tables and ids, so callers who choose keys cannot choose collisions.
    ///
    /// # Errors
    /// `Config` when a bound is zero or the dimension is above [`MAX_DIM`].
    pub fn new(bounds: Bounds, seeds: [u64; 4]) -> Result<Self> {
        if bounds.dim == 0 || bounds.dim > MAX_DIM {
            return Err(Error::config(format!("dim {}: expected 1 to {MAX_DIM} values per vector", bounds.dim)));
        }
        if bounds.capacity == 0 || bounds.capacity_bytes == 0 {
            return Err(Error::config(
                "capacity 0: expected room for at least one entry and one byte; leave the cache out instead",
            ));
        }
        let hasher = RandomState::with_seeds(seeds[0], seeds[1], seeds[2], seeds[3]);
        Ok(Self {
            bounds,
            entries: Vec::new(),
            places: Map::with_hasher(hasher.clone()),
            partitions: Map::with_hasher(hasher.clone()),
            cut: HashSet::with_hasher(hasher.clone()),
            cut_order: VecDeque::new(),
            evictor: Evictor::new(seeds[0] ^ seeds[3]),
            owners: Owners::new(hasher),
            ident: Ident::new([seeds[1], seeds[2]]),
            bytes: 0,
            hot_bytes: 0,
            hand: 0,
            gone: Vec::new(),
            swept: 0,
            counters: Counters::default(),
        })
    }

    /// The bounds it was made with.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Entries held, including expired ones that no put has swept yet.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keeps an answer, in place of an older one with the same namespace and key; gives its id.
    ///
    /// None means that nothing changed: the life is zero, or the entry alone is larger than the store.
    ///
    /// # Errors
    /// `Config` when the namespace is empty or the saving is negative.
    pub fn put(&mut self, new: &Put<'_>, unit: Option<&Unit>, now_ns: i64) -> Result<Option<u64>> {
        check_namespace(new.namespace)?;
        if new.saved_nusd < 0 {
            return Err(Error::config("saved below zero: expected what one hit saves, 0 USD or more"));
        }
        self.sweep(now_ns);
        let bytes = new.bytes(unit.map(|_| self.bounds.dim));
        if new.ttl_ns <= 0 || bytes > self.bounds.capacity_bytes {
            self.counters.refused += u64::from(new.ttl_ns > 0);
            return Ok(None);
        }
        let id = self.id(new.namespace, new.key);
        if let Some(place) = self.places.get(&id) {
            self.remove(*place);
        }
        self.make_room(bytes, now_ns);
        self.counters.puts += 1;
        // Without a file nobody asks by owner, and a name per tenant would be memory for nothing.
        let owner = self.owners.named(if self.bounds.memory_bytes.is_some() { new.owner } else { "" });
        let entry = Entry::new(new, (id, self.counters.puts), owner, bytes, now_ns);
        self.insert(entry, unit.map(Shape::Fresh));
        self.cool();
        Ok(Some(id))
    }

    /// The answer under this key, else the nearest one at or above `min_similarity` that no guard blocks.
    ///
    /// # Errors
    /// `Config` when the namespace is empty or the similarity is no cosine.
    pub fn get(&self, ask: &Get<'_>, now_ns: i64) -> Result<Option<Hit>> {
        check_namespace(ask.namespace)?;
        ask.min_similarity.map_or(Ok(()), check_similarity)?;
        let id = self.id(ask.namespace, ask.key);
        let hit = self.exact(ask, id, now_ns).or_else(|| self.semantic(ask, id, now_ns));
        let counter = match &hit {
            Some(hit) if hit.exact => &self.counters.exact,
            Some(_) => &self.counters.semantic,
            None => &self.counters.misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(hit)
    }

    /// Notes whether a hit was right. A right one raises the odds of the entry's later hits a little. A wrong one drops the entry, and its key takes part in no semantic hit any more,
    /// neither as the stored question nor as the new one. Returns whether the entry was still held.
    pub fn report(&mut self, id: u64, ok: bool) -> bool {
        let place = self.places.get(&id).copied();
        self.counters.reported += u64::from(!ok);
        if ok && let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.praise = entry.praise.saturating_add(1);
        }
        if !ok {
            self.cut(id);
        }
        place.is_some()
    }

    /// Drops an entry and keeps its key out of semantic hits.
    fn cut(&mut self, id: u64) {
        if self.cut.insert(id) {
            self.cut_order.push_back(id);
        }
        if self.cut_order.len() > CUTS
            && let Some(oldest) = self.cut_order.pop_front()
        {
            self.cut.remove(&oldest);
        }
        if let Some(place) = self.places.get(&id).copied() {
            self.remove(place);
        }
    }

    /// Drops every entry that the mark fits, and says how many; later questions are asked again.
    ///
    /// # Errors
    /// `Config` when the mark names nothing, which would empty the store by mistake.
    pub fn purge(&mut self, mark: &Mark<'_>) -> Result<usize> {
        if mark.is_empty() {
            return Err(Error::config("purge of everything: name a namespace, a tag or an age; make a new cache to empty it"));
        }
        let before = self.entries.len();
        let mut place = 0;
        while let Some(entry) = self.entries.get(place) {
            if mark.fits(entry) { self.remove(place) } else { place += 1 }
        }
        Ok(before - self.entries.len())
    }

    /// Counts by name, for people.
    pub fn stats(&self) -> Vec<(&'static str, u64)> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        vec![
            ("entries", self.entries.len() as u64),
            ("bytes", self.bytes),
            ("hot_bytes", self.hot_bytes),
            ("capacity", self.bounds.capacity as u64),
            ("capacity_bytes", self.bounds.capacity_bytes),
            ("namespaces", self.partitions.len() as u64),
            ("exact_hits", read(&counters.exact)),
            ("semantic_hits", read(&counters.semantic)),
            ("misses", read(&counters.misses)),
            ("blocked", read(&counters.blocked)),
            ("saved_nusd", read(&counters.saved_nusd)),
            ("puts", counters.puts),
            ("evicted", counters.evicted),
            ("expired", counters.expired),
            ("refused", counters.refused),
            ("reported", counters.reported),
        ]
    }

    fn id(&self, namespace: &[u8], key: &[u8]) -> u64 {
        self.ident.of(namespace, key)
    }

    fn exact(&self, ask: &Get<'_>, id: u64, now_ns: i64) -> Option<Hit> {
        let entry = self.entries.get(*self.places.get(&id)?)?;
        let same = *entry.namespace == *ask.namespace && *entry.key == *ask.key;
        (same && entry.alive(now_ns)).then(|| self.hit(entry, 1.0, true))
    }

    fn semantic(&self, ask: &Get<'_>, id: u64, now_ns: i64) -> Option<Hit> {
        let Partition { rows, room, classes, .. } = self.partitions.get(ask.namespace)?;
        let unit = ask.unit.filter(|_| !self.cut.contains(&id))?;
        let alive = |owner: u64| self.held(owner).is_some_and(|entry| entry.alive(now_ns));
        let asked = Asked::of(ask.text);
        let heard = ask.min_similarity.map_or(NEAR, |least| least.max(NEAR));
        let (mut jury, mut found) = (Jury::default(), None);
        for near in rows.nearest(unit, floor(ask.text, ask.min_similarity), CANDIDATES, alive) {
            let Some(entry) = self.held(near.owner) else { continue };
            let weighed = classes.any_shared() && near.similarity >= heard && !jury.is_full();
            if found.is_some() && !weighed {
                break;
            }
            let stored = Stored { text: &entry.text, sketch: (&entry.sketch, room), praise: entry.praise };
            let reading = asked.read(&stored, near.similarity, ask.min_similarity, weighed);
            if weighed && reading != Reading::Apart {
                jury.hear(Voice { owner: near.owner, similarity: near.similarity, class: classes.shared(entry.class) });
            }
            if reading == Reading::Serves {
                found = found.or(Some((entry, near.similarity)));
            } else if found.is_none() {
                self.counters.blocked.fetch_add(1, Ordering::Relaxed);
            }
        }
        let agreed = jury.agreed().and_then(|voice| Some((self.held(voice.owner)?, voice.similarity)));
        let (entry, similarity) = agreed.or(found.filter(|(entry, _)| !jury.doubts(entry.class)))?;
        Some(self.hit(entry, similarity, false))
    }

    fn held(&self, id: u64) -> Option<&Entry> {
        self.entries.get(*self.places.get(&id)?)
    }

    fn hit(&self, entry: &Entry, similarity: f32, exact: bool) -> Hit {
        entry.touch(self.evictor.clock());
        entry.used.store(true, Ordering::Relaxed);
        entry.owner.count(exact, entry.saved_nusd);
        self.counters.saved_nusd.fetch_add(entry.saved_nusd.unsigned_abs(), Ordering::Relaxed);
        Hit { id: entry.id, value: entry.value.clone(), similarity, exact, saved_nusd: entry.saved_nusd }
    }

    fn insert(&mut self, mut entry: Entry, shape: Option<Shape<'_>>) {
        entry.touch(self.evictor.clock());
        let dim = self.bounds.dim;
        let hasher = self.places.hasher();
        let partition = self.partitions.entry(Arc::clone(&entry.namespace)).or_insert_with(|| Partition {
            rows: Flat::new(dim),
            room: Room::default(),
            entries: 0,
            bytes: 0,
            classes: Classes::new(hasher.clone()),
        });
        entry.class = entry.value.as_ref().map(|value| hasher.hash_one(value));
        // A cut key keeps its answer for equal questions, and its row stays out.
        entry.row = shape.filter(|_| !self.cut.contains(&entry.id)).map(|shape| match shape {
            Shape::Fresh(unit) => partition.rows.push(entry.id, unit),
            Shape::Kept(row) => partition.rows.push_row(entry.id, row),
        });
        entry.class.filter(|_| entry.row.is_some()).into_iter().for_each(|class| partition.classes.add(class));
        partition.entries += 1;
        partition.bytes += entry.bytes;
        if entry.row.is_some() {
            partition.room.grow(entry.text.len());
        }
        self.bytes += entry.bytes;
        self.hot_bytes += entry.hot_bytes();
        self.places.insert(entry.id, self.entries.len());
        self.entries.push(entry);
    }

    fn make_room(&mut self, bytes: u64, now_ns: i64) {
        while self.entries.len() >= self.bounds.capacity || self.bytes.saturating_add(bytes) > self.bounds.capacity_bytes {
            let (partitions, share) = (&self.partitions, self.bounds.capacity_bytes / SHARES);
            let greedy = |entry: &Entry| partitions.get(&entry.namespace).is_some_and(|partition| partition.bytes > share);
            let Some(place) = self.evictor.choose(&self.entries, now_ns, greedy) else { return };
            self.leave(place);
            self.counters.evicted += 1;
        }
    }

    /// Drops expired entries a few at a time, so that no put waits for a long sweep.
    fn sweep(&mut self, now_ns: i64) {
        for _ in 0..SWEEP {
            if self.swept >= self.entries.len() {
                self.swept = 0;
            }
            match self.entries.get(self.swept) {
                Some(entry) if !entry.alive(now_ns) => {
                    self.leave(self.swept);
                    self.counters.expired += 1;
                }
                _ => self.swept += 1,
            }
        }
    }

    /// Removes an entry that leaves by itself, and notes it for the file.
    fn leave(&mut self, place: usize) {
        if self.bounds.memory_bytes.is_some() {
            self.gone.extend(self.entries.get(place).map(|entry| entry.id));
        }
        self.remove(place);
    }

    fn remove(&mut self, place: usize) {
        if place >= self.entries.len() {
            return;
        }
        let gone = self.entries.swap_remove(place);
        self.places.remove(&gone.id);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.id, place);
        }
        self.bytes -= gone.bytes;
        self.hot_bytes -= gone.hot_bytes();
        let Some(partition) = self.partitions.get_mut(&gone.namespace) else { return };
        partition.bytes -= gone.bytes;
        partition.entries -= 1;
        gone.class.filter(|_| gone.row.is_some()).into_iter().for_each(|class| partition.classes.drop(class));
        if gone.row.is_some() {
            partition.room.shrink(gone.text.len(), &gone.sketch);
        }
        let moved = gone.row.and_then(|row| partition.rows.remove(row).map(|owner| (owner, row)));
        if partition.entries == 0 {
            self.partitions.remove(&gone.namespace);
        }
        if let Some((owner, row)) = moved
            && let Some(entry) = self.places.get(&owner).and_then(|place| self.entries.get_mut(*place))
        {
            entry.row = Some(row);
        }
    }
}

fn check_namespace(namespace: &[u8]) -> Result<()> {
    if namespace.is_empty() {
        return Err(Error::config("namespace '': an empty one would be shared by everybody; name the tenant, such as 'acme'"));
    }
    Ok(())
}

mod kept;
#[cfg(test)]
mod tests;
