//! Whom answers are kept for, by a name for people, and what hits saved for them since it was last told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;

/// A tenant, as people name it. Partitions are compared by their own bytes, never by this name.
#[derive(Debug, Default)]
pub struct Owner {
    /// The name; may be empty.
    pub name: Box<str>,
    exact: AtomicU64,
    semantic: AtomicU64,
    saved_nusd: AtomicU64,
}

/// What hits did for one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The owner's name.
    pub owner: String,
    /// Hits by equal key.
    pub exact: u64,
    /// Hits by likeness.
    pub semantic: u64,
    /// What both saved, in nano-USD.
    pub saved_nusd: u64,
}

impl Owner {
    /// Counts a hit.
    pub fn count(&self, exact: bool, saved_nusd: i64) {
        let hits = if exact { &self.exact } else { &self.semantic };
        hits.fetch_add(1, Ordering::Relaxed);
        self.saved_nusd.fetch_add(saved_nusd.unsigned_abs(), Ordering::Relaxed);
    }

    fn take(&self) -> Option<Tally> {
        let taken = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        let (exact, semantic) = (taken(&self.exact), taken(&self.semantic));
        (exact + semantic > 0).then(|| Tally {
            owner: self.name.to_string(),
            exact,
            semantic,
            saved_nusd: taken(&self.saved_nusd),
        })
    }
}

/// All owners of a store.
#[derive(Debug)]
pub struct Owners {
    known: std::collections::HashMap<Box<str>, Arc<Owner>, RandomState>,
}

impl Owners {
    /// None yet.
    pub fn new(hasher: RandomState) -> Self {
        Self { known: std::collections::HashMap::with_hasher(hasher) }
    }

    /// The owner of this name.
    pub fn named(&mut self, name: &str) -> Arc<Owner> {
        if let Some(owner) = self.known.get(name) {
            return Arc::clone(owner);
        }
        let owner = Arc::new(Owner { name: name.into(), ..Owner::default() });
        self.known.insert(name.into(), Arc::clone(&owner));
        owner
    }

    /// What was counted since the last call; owners without an entry are forgotten then.
    pub fn take(&mut self) -> Vec<Tally> {
        let told = self.known.values().filter_map(|owner| owner.take()).collect();
        self.known.retain(|_, owner| Arc::strong_count(owner) > 1);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_told_once_and_idle_owners_are_forgotten() {
        let mut owners = Owners::new(RandomState::with_seeds(1, 2, 3, 4));
        let acme = owners.named("acme");
        acme.count(true, 5);
        owners.named("acme").count(false, 7);
        owners.named("gone").count(true, 1);
        let mut told = owners.take();
        told.sort_by(|a, b| a.owner.cmp(&b.owner));
        assert_eq!(told.first(), Some(&Tally { owner: "acme".into(), exact: 1, semantic: 1, saved_nusd: 12 }));
        assert_eq!((told.len(), owners.take().len(), owners.known.len()), (2, 0, 1));
    }
}
