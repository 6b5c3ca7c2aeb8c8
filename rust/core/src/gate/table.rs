//! The table of scopes in this process's memory: a row for each key of a family of rules, and in it a cell for each of its rules.
//! Only rows whose cells are all idle are ever forgotten, and forgetting one changes no decision.

use std::collections::HashMap;

use hashbrown::HashTable;

use crate::clock::Now;
use crate::gate::bound::BoundScope;
use crate::gate::families::{CELLS, Families};
use crate::gate::name::Name;
use crate::gate::shelf::{SWEEP, Stock, room_for};
use crate::labels::{Key, first_value, key_of, key_split};
use crate::rules::Rules;

/// The low bits of a slot are the cell, the others the row.
const CELL_BITS: u32 = CELLS.trailing_zeros();

/// Rows that slots can tell apart, but for the last: the slot of no scope is in it.
const MOST_ROWS: usize = (u32::MAX >> CELL_BITS) as usize;

/// The scopes of one key.
#[derive(Debug)]
struct Row {
    name: Name,
    /// The first of its cells. They are the row's for good, so that one that is free serves families of as many rules.
    cells: u32,
    /// How often the row was forgotten: a hint of an earlier time is none.
    generation: u32,
    /// Takes of open reservations from its cells.
    open: u32,
    family: u16,
    is_kept: bool,
}

/// A row by the hash of its family and name, which is kept so that the index grows without a look at any row.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    row: u32,
}

impl Entry {
    /// The index takes its place from low bits and its mark from high ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// Scopes by slot, and slots by key.
#[derive(Debug)]
pub struct Table {
    families: Families,
    rows: Vec<Row>,
    cells: Vec<Stock>,
    index: HashTable<Entry>,
    /// Rows that are free, by how many cells they have.
    free: [Vec<u32>; CELLS + 1],
    /// How many rows each part of the keys owns, by the hash of family and part.
    parts: HashMap<u64, usize, ahash::RandomState>,
    hasher: ahash::RandomState,
    capacity: usize,
    hand: usize,
}

impl Table {
    /// An empty table that keeps at most `capacity` rows.
    pub fn new(seed: [u64; 2], capacity: usize) -> Self {
        let [one, two] = seed;
        Self {
            families: Families::default(),
            rows: Vec::new(),
            cells: Vec::new(),
            index: HashTable::new(),
            free: Default::default(),
            parts: HashMap::with_hasher(ahash::RandomState::with_seeds(two, one, one, two)),
            hasher: ahash::RandomState::with_seeds(one, two, two, one),
            capacity: capacity.min(MOST_ROWS),
            hand: 0,
        }
    }

    /// How many scopes are kept.
    pub fn scope_count(&self) -> usize {
        self.rows.iter().filter(|row| row.is_kept).map(|row| self.families.members(row.family).len()).sum()
    }

    /// One more than the last slot; most rows have fewer cells than slots.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.rows.len() << CELL_BITS).unwrap_or(u32::MAX)
    }

    /// The rule of the scope in a slot.
    pub fn rule_at(&self, slot: u32) -> Option<u16> {
        self.families.members(self.row(slot)?.family).get(cell_of(slot)).copied()
    }

    /// The key of the scope in a slot.
    pub fn key_at(&self, slot: u32) -> Option<Key> {
        Some(key_of(self.rule_at(slot)?, self.row(slot)?.name.bytes()))
    }

    /// What the scope in a slot holds.
    pub fn get(&self, slot: u32) -> Option<&Stock> {
        self.cells.get(self.row(slot)?.cells as usize + cell_of(slot))
    }

    /// What the scope in a slot holds.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Stock> {
        let index = self.row(slot)?.cells as usize + cell_of(slot);
        self.cells.get_mut(index)
    }

    /// All scopes: rule, slot and stock.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u32, &Stock)> {
        let slots = (0_u32..).step_by(CELLS).zip(&self.rows).filter(|(_, row)| row.is_kept);
        slots.flat_map(|(first, row)| {
            let cells = self.cells.iter().skip(row.cells as usize);
            self.families.members(row.family).iter().zip(first..).zip(cells).map(|((rule, slot), stock)| (*rule, slot, stock))
        })
    }

    /// The slot of a bound scope, if it is kept; the hint saves the hash.
    pub fn find(&self, scope: &BoundScope) -> Option<u32> {
        let hint = scope.hint();
        let slot = u32::try_from(hint & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        if self.row(slot).is_some_and(|row| u64::from(row.generation) == hint >> 32) {
            return Some(slot);
        }
        let slot = self.slot_of(&scope.key)?;
        scope.remember(u64::from(self.row(slot)?.generation) << 32 | u64::from(slot));
        Some(slot)
    }

    /// The slot of a key, if it is kept.
    pub fn slot_of(&self, key: &Key) -> Option<u32> {
        let (rule, values) = key_split(key);
        let place = self.families.place(rule)?;
        let hash = self.hash(place.family, values);
        Some(slot_at(self.row_of(hash, place.family, values)?, place.cell))
    }

    /// Whether a slot is that of a key.
    pub fn keeps(&self, slot: u32, key: &Key) -> bool {
        let (rule, values) = key_split(key);
        self.rule_at(slot) == Some(rule) && self.row(slot).is_some_and(|row| row.name.bytes() == values)
    }

    /// The slot of a key, made if need be. `None` when the table is full of rows in use.
    pub fn slot_or_insert(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.slot_within(rules, rule, key, now, self.capacity)
    }

    /// The slot of a key, made if need be whatever the capacity.
    pub fn slot_to_book(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now) -> Option<u32> {
        self.slot_or_insert(rules, rule, key, now).or_else(|| self.slot_within(rules, rule, key, now, MOST_ROWS))
    }

    fn slot_within(&mut self, rules: &Rules, rule: u16, key: &Key, now: Now, most: usize) -> Option<u32> {
        self.learn(rules);
        let place = self.families.place(rule)?;
        let (_, values) = key_split(key);
        let hash = self.hash(place.family, values);
        if let Some(row) = self.row_of(hash, place.family, values) {
            return Some(slot_at(row, place.cell));
        }
        if !self.has_room(rules, 1, most, now) {
            return None;
        }
        let row = self.make_row(rules, place.family, values, now)?;
        self.index.insert_unique(Entry::spread(hash), Entry { hash, row }, |entry| Entry::spread(entry.hash));
        *self.parts.entry(self.part(place.family, values)).or_default() += 1;
        Some(slot_at(row, place.cell))
    }

    /// A row with fresh cells, one that is free or a new one.
    fn make_row(&mut self, rules: &Rules, family: u16, values: &[u8], now: Now) -> Option<u32> {
        let members = self.families.members(family);
        let fresh = members.iter().map(|number| Some(Stock::fresh(&rules.get(*number)?.kind, now)));
        let free = self.free.get_mut(members.len()).and_then(Vec::pop);
        if let Some(row) = free.and_then(|row| self.rows.get_mut(row as usize)) {
            let cells = self.cells.iter_mut().skip(row.cells as usize);
            cells.zip(fresh.flatten()).for_each(|(cell, stock)| *cell = stock);
            (row.name, row.family, row.is_kept) = (Name::new(values), family, true);
            return free;
        }
        let row = u32::try_from(self.rows.len()).ok().filter(|row| (*row as usize) < MOST_ROWS)?;
        let cells = u32::try_from(self.cells.len()).ok()?;
        self.cells.extend(fresh.map(|stock| stock.unwrap_or(Stock::Held(0))));
        self.rows.push(Row { name: Name::new(values), cells, generation: 0, open: 0, family, is_kept: true });
        Some(row)
    }

    /// Whether the rows of these scopes, none of which is kept, fit into the quota of a key, after forgetting idle ones if need
    /// be.
    pub fn has_room_for(&mut self, rules: &Rules, wanted: &[&BoundScope], key: &Key, now: Now) -> bool {
        // The least that any part has and the most that is wanted, without a look at whose it is.
        if self.index.len() + wanted.len() <= room_for(self.capacity, usize::MAX) {
            return true;
        }
        self.learn(rules);
        let wanted = self.families.count(wanted.iter().map(|scope| scope.rule));
        let (rule, values) = key_split(key);
        let family = self.families.place(rule).map_or(u16::MAX, |place| place.family);
        let owned = self.parts.get(&self.part(family, values)).copied().unwrap_or(0);
        self.has_room(rules, wanted, room_for(self.capacity, owned), now)
    }

    fn has_room(&mut self, rules: &Rules, wanted: usize, most: usize, now: Now) -> bool {
        for _ in 0..SWEEP.min(self.rows.len()) {
            if self.index.len() + wanted <= most {
                return true;
            }
            self.hand = (self.hand + 1) % self.rows.len();
            self.forget_if_idle(rules, self.hand, now);
        }
        self.index.len() + wanted <= most
    }

    fn forget_if_idle(&mut self, rules: &Rules, index: usize, now: Now) {
        let Some(row) = self.rows.get(index).filter(|row| row.is_kept && row.open == 0) else { return };
        let members = self.families.members(row.family);
        let mut cells = members.iter().zip(self.cells.iter().skip(row.cells as usize));
        if cells.all(|(number, stock)| stock.is_idle(rules.get(*number).map(|rule| &rule.kind), now)) {
            self.forget(index);
        }
    }

    fn forget(&mut self, index: usize) {
        let Some(row) = self.rows.get(index) else { return };
        let (family, values) = (row.family, row.name.bytes());
        let (hash, part) = (self.hash(family, values), self.part(family, values));
        if let Ok(entry) = self.index.find_entry(Entry::spread(hash), |entry| entry.row as usize == index) {
            entry.remove();
        }
        if let Some(owned) = self.parts.get_mut(&part) {
            *owned -= 1;
            if *owned == 0 {
                self.parts.remove(&part);
            }
        }
        let width = self.families.members(family).len();
        let (Some(row), Some(free)) = (self.rows.get_mut(index), self.free.get_mut(width)) else { return };
        let cells = self.cells.iter_mut().skip(row.cells as usize);
        cells.take(width).for_each(|cell| *cell = Stock::Held(0));
        (row.name, row.is_kept) = (Name::new(&[]), false);
        row.generation = row.generation.wrapping_add(1);
        free.extend(u32::try_from(index).ok());
    }

    /// Counts an open reservation in or out.
    pub fn open(&mut self, slot: u32, change: i32) {
        if let Some(row) = self.rows.get_mut((slot >> CELL_BITS) as usize) {
            row.open = row.open.saturating_add_signed(change);
        }
    }

    fn learn(&mut self, rules: &Rules) {
        if !self.families.know(rules) {
            self.families.learn(rules);
        }
    }

    fn row(&self, slot: u32) -> Option<&Row> {
        self.rows.get((slot >> CELL_BITS) as usize).filter(|row| row.is_kept)
    }

    fn row_of(&self, hash: u32, family: u16, values: &[u8]) -> Option<u32> {
        let is_it = |row: &Row| row.family == family && row.name.bytes() == values;
        let same = |entry: &Entry| entry.hash == hash && self.rows.get(entry.row as usize).is_some_and(is_it);
        self.index.find(Entry::spread(hash), same).map(|entry| entry.row)
    }

    fn hash(&self, family: u16, values: &[u8]) -> u32 {
        let hash = self.hasher.hash_one((family, values));
        u32::try_from(hash >> 32).unwrap_or_default()
    }

    /// What shares a quota with all keys of the family that begin so.
    fn part(&self, family: u16, values: &[u8]) -> u64 {
        self.hasher.hash_one((first_value(values), family))
    }
}

fn slot_at(row: u32, cell: u8) -> u32 {
    row << CELL_BITS | u32::from(cell)
}

fn cell_of(slot: u32) -> usize {
    slot as usize % CELLS
}
