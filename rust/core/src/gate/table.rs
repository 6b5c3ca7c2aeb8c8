//! The flat table of scopes. Only idle scopes are ever forgotten, and forgetting one changes no decision.

use std::collections::HashMap;

use crate::clock::Now;
use crate::gate::bound::BoundScope;
use crate::gate::shelf::{SWEEP, Stock, room_for};
use crate::labels::{Key, key_part};
use crate::rules::Rules;

/// One keyed instance of a rule.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Rule and label values.
    pub key: Key,
    /// What it holds.
    pub stock: Stock,
    /// Open reservations that took from it.
    open: u32,
}

impl Scope {
    /// Index of its rule.
    pub fn rule(&self) -> u16 {
        self.key.first_chunk::<2>().map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }
}

/// Scopes by slot, and slots by key.
#[derive(Debug)]
pub struct Table {
    slots: Vec<Option<Scope>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    by_key: HashMap<Key, u32, ahash::RandomState>,
    /// How many scopes each part of the keys owns.
    parts: HashMap<Box<[u8]>, usize, ahash::RandomState>,
    capacity: usize,
    hand: usize,
}

impl Table {
    /// An empty table that keeps at most `capacity` scopes.
    pub fn new(seed: [u64; 2], capacity: usize) -> Self {
        let [one, two] = seed;
        Self {
            slots: Vec::new(),
            generations: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::with_hasher(ahash::RandomState::with_seeds(one, two, two, one)),
            parts: HashMap::with_hasher(ahash::RandomState::with_seeds(two, one, one, two)),
            capacity: capacity.min(u32::MAX as usize - 1),
            hand: 0,
        }
    }

    /// How many scopes are kept.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many slots there are, kept or free.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// A scope by slot.
    pub fn get(&self, slot: u32) -> Option<&Scope> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    /// A scope by slot.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Scope> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut)
    }

    /// All scopes.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.slots.iter().flatten()
    }

    /// The slot of a bound scope, if it is kept; the hint saves the hash.
    pub fn find(&self, scope: &BoundScope) -> Option<u32> {
        let hint = scope.hint();
        let slot = u32::try_from(hint & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        if self.generations.get(slot as usize).is_some_and(|generation| u64::from(*generation) == hint >> 32) {
            return Some(slot);
        }
        let slot = *self.by_key.get(&scope.key)?;
        let generation = self.generations.get(slot as usize)?;
        scope.remember(u64::from(*generation) << 32 | u64::from(slot));
        Some(slot)
    }

    /// The slot of a key, made if need be. `None` when the table is full of scopes in use.
    pub fn slot_or_insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        if let Some(slot) = self.by_key.get(key) {
            return Some(*slot);
        }
        if !self.has_room(rules, 1, self.capacity, now) {
            return None;
        }
        self.insert(rules, rule, key, now)
    }

    /// The slot of a key, if it is kept.
    pub fn slot_of(&self, key: &Key) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// Makes the scope of a key that is not kept, whatever the capacity.
    pub fn insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        let stock = Stock::fresh(&rules.get(rule)?.kind, now);
        let scope = Some(Scope { key: key.clone(), stock, open: 0 });
        let slot = if let Some(slot) = self.free.pop() {
            if let Some(place) = self.slots.get_mut(slot as usize) {
                *place = scope;
            }
            slot
        } else {
            self.slots.push(scope);
            self.generations.push(0);
            u32::try_from(self.slots.len() - 1).ok()?
        };
        self.by_key.insert(key.clone(), slot);
        match self.parts.get_mut(key_part(key)) {
            Some(owned) => *owned += 1,
            None => drop(self.parts.insert(key_part(key).into(), 1)),
        }
        Some(slot)
    }

    /// Whether so many new scopes can be kept, this key's among them, after forgetting idle ones if need be.
    pub fn has_room_for(&mut self, rules: &Rules, wanted: usize, key: &Key, now: Now) -> bool {
        // The least that any part has, without a look at whose it is.
        if self.by_key.len() + wanted <= room_for(self.capacity, usize::MAX) {
            return true;
        }
        let owned = self.parts.get(key_part(key)).copied().unwrap_or(0);
        self.has_room(rules, wanted, room_for(self.capacity, owned), now)
    }

    fn has_room(&mut self, rules: &Rules, wanted: usize, most: usize, now: Now) -> bool {
        for _ in 0..SWEEP.min(self.slots.len()) {
            if self.by_key.len() + wanted <= most {
                return true;
            }
            self.hand = (self.hand + 1) % self.slots.len();
            self.forget_if_idle(rules, self.hand, now);
        }
        self.by_key.len() + wanted <= most
    }

    fn forget_if_idle(&mut self, rules: &Rules, index: usize, now: Now) {
        let Some(Some(scope)) = self.slots.get(index) else { return };
        let kind = rules.get(scope.rule()).map(|rule| &rule.kind);
        if scope.open > 0 || !scope.stock.is_idle(kind, now) {
            return;
        }
        self.by_key.remove(&scope.key);
        let part = key_part(&scope.key);
        if let Some(owned) = self.parts.get_mut(part) {
            *owned -= 1;
            if *owned == 0 {
                self.parts.remove(part);
            }
        }
        if let Some(place) = self.slots.get_mut(index) {
            *place = None;
        }
        if let (Some(generation), Ok(slot)) = (self.generations.get_mut(index), u32::try_from(index)) {
            *generation = generation.wrapping_add(1);
            self.free.push(slot);
        }
    }

    /// Counts an open reservation in or out.
    pub fn open(&mut self, slot: u32, change: i32) {
        if let Some(scope) = self.get_mut(slot) {
            scope.open = scope.open.saturating_add_signed(change);
        }
    }
}
