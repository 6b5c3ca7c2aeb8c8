//! A disk in memory that knows what was synced: what was not may be lost when the power is cut, whole or in part.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::chance::Chance;

/// What a disk writes at once: a write that was under way is torn at such a border.
const SECTOR: usize = 512;

/// Files by name.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What happens to unsynced changes when the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// None reached the disk.
    Lost,
    /// All did.
    Kept,
    /// Some did, in any order, and some of these in part.
    Torn,
}

/// How a call on the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is done.
    Error,
    /// A write stops in the middle, and the disk is full; another call does nothing.
    Short,
    /// The power is cut: this call and all after it do nothing.
    Dead,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Truncate(size) => to.truncate(*size),
        }
    }

    /// What of it reached the disk by chance.
    fn survivors(&self, chance: &mut Chance) -> Vec<Self> {
        match self {
            Self::Truncate(_) => {
                if chance.flip() {
                    vec![self.clone()]
                } else {
                    Vec::new()
                }
            }
            Self::Write(at, bytes) => {
                let (whole, none) = (chance.below(3) == 0, chance.below(3) == 0);
                let sectors = bytes.chunks(SECTOR).enumerate();
                let kept = sectors.filter(|_| whole || (!none && chance.flip()));
                kept.map(|(place, part)| Self::Write(at + place * SECTOR, part.to_vec())).collect()
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Stored {
    synced: Vec<u8>,
    now: Vec<u8>,
    pending: Vec<Change>,
    /// Whether its name would be found after a cut: so since its first sync, as on ext4, xfs and btrfs.
    named: bool,
    /// Deleted, and the folder not synced since: it may come back.
    deleted: bool,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Stored>,
    calls: u64,
    fails: Option<(u64, Failure)>,
    chance: Option<Chance>,
    lies: bool,
}

/// The disk. Every call that changes it or syncs counts, and one of them can be made to fail.
#[derive(Debug, Default)]
pub struct Disk(Mutex<State>);

/// How a call ended.
pub type Done = Result<(), Failure>;

impl Disk {
    /// A disk with these files, all synced.
    pub fn holding(image: &Image) -> Self {
        let stored = |(name, bytes): (&String, &Vec<u8>)| {
            (name.clone(), Stored { synced: bytes.clone(), now: bytes.clone(), named: true, ..Stored::default() })
        };
        Self(Mutex::new(State { files: image.iter().map(stored).collect(), ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the call with this number, from 1, fail; `chance` says how far a short write came and what a failed sync lost.
    pub fn fail_at(&self, call: u64, failure: Failure, chance: Chance) {
        let mut state = self.state();
        (state.fails, state.chance) = (Some((call, failure)), Some(chance));
    }

    /// Lets syncs answer that all is well, and do nothing.
    pub fn only_say_so(&self) {
        self.state().lies = true;
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Whether the power is off.
    pub fn is_dead(&self) -> bool {
        let state = self.state();
        matches!(state.fails, Some((call, Failure::Dead)) if state.calls >= call)
    }

    /// What is found when the power is back.
    pub fn after_cut(&self, cut: Cut, chance: &mut Chance) -> Image {
        let state = self.state();
        let mut image = Image::new();
        for (name, file) in &state.files {
            let by_chance = |chance: &mut Chance| match cut {
                Cut::Lost => false,
                Cut::Kept => true,
                Cut::Torn => chance.flip(),
            };
            let found = if file.deleted { cut != Cut::Kept && chance.flip() } else { file.named || by_chance(chance) };
            if !found {
                continue;
            }
            let mut bytes = file.synced.clone();
            for change in &file.pending {
                match cut {
                    Cut::Lost => {}
                    Cut::Kept => change.apply(&mut bytes),
                    Cut::Torn => change.survivors(chance).iter().for_each(|part| part.apply(&mut bytes)),
                }
            }
            image.insert(name.clone(), bytes);
        }
        image
    }

    /// Makes a file if it is not there; whether it was.
    pub fn open(&self, name: &str, create: bool) -> bool {
        let mut state = self.state();
        let there = state.files.get(name).is_some_and(|file| !file.deleted);
        if !there && create {
            state.files.insert(name.to_owned(), Stored::default());
        }
        there || create
    }

    /// Whether a file is there.
    pub fn has(&self, name: &str) -> bool {
        self.state().files.get(name).is_some_and(|file| !file.deleted)
    }

    /// Bytes from a place; fewer at the end.
    pub fn read(&self, name: &str, at: usize, size: usize) -> Vec<u8> {
        let state = self.state();
        let bytes = state.files.get(name).map_or(&[] as &[u8], |file| &file.now);
        bytes.get(at.min(bytes.len())..(at + size).min(bytes.len())).unwrap_or_default().to_vec()
    }

    /// The length of a file.
    pub fn size(&self, name: &str) -> usize {
        self.state().files.get(name).map_or(0, |file| file.now.len())
    }

    /// Writes.
    pub fn write(&self, name: &str, at: usize, bytes: &[u8]) -> Done {
        self.change(name, &Change::Write(at, bytes.to_vec()))
    }

    /// Cuts a file short.
    pub fn truncate(&self, name: &str, size: usize) -> Done {
        self.change(name, &Change::Truncate(size))
    }

    fn change(&self, name: &str, change: &Change) -> Done {
        let mut state = self.state();
        let failed = state.count();
        let done = match (failed, change, &mut state.chance) {
            (None, _, _) => Some(change.clone()),
            (Some(Failure::Short), Change::Write(at, bytes), Some(chance)) => {
                let length = usize::try_from(chance.below(bytes.len() as u64)).unwrap_or(0);
                Some(Change::Write(*at, bytes[..length].to_vec()))
            }
            _ => None,
        };
        if let (Some(done), Some(file)) = (done, state.files.get_mut(name)) {
            done.apply(&mut file.now);
            file.pending.push(done);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Syncs a file. A sync that fails may have lost any unsynced change for good: the system does not try it again.
    pub fn sync(&self, name: &str) -> Done {
        let mut state = self.state();
        let failed = state.count();
        let mut chance = state.chance.clone();
        if state.lies {
            return Ok(());
        }
        if let Some(file) = state.files.get_mut(name) {
            match (failed, &mut chance) {
                (None, _) => {
                    let Stored { pending, synced, .. } = file;
                    pending.drain(..).for_each(|change| change.apply(synced));
                    file.named = true;
                }
                (Some(Failure::Error | Failure::Short), Some(chance)) => {
                    for change in std::mem::take(&mut file.pending) {
                        change.survivors(chance).iter().for_each(|part| part.apply(&mut file.synced));
                    }
                }
                _ => {}
            }
        }
        state.chance = chance;
        failed.map_or(Ok(()), Err)
    }

    /// Deletes a file; with `synced` it cannot come back.
    pub fn delete(&self, name: &str, synced: bool) -> Done {
        let mut state = self.state();
        let failed = state.count();
        if failed.is_none() {
            if synced {
                state.files.remove(name);
            } else if let Some(file) = state.files.get_mut(name) {
                file.deleted = true;
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl State {
    fn count(&mut self) -> Option<Failure> {
        if let Some((call, Failure::Dead)) = self.fails
            && self.calls >= call
        {
            return Some(Failure::Dead);
        }
        self.calls += 1;
        self.fails.filter(|(call, _)| *call == self.calls).map(|(_, failure)| failure)
    }
}
