//! Each structure against its peer in std, a kill at every store, and damaged words.
#![allow(clippy::cast_possible_truncation)] // Random numbers are cut to size on purpose.

mod crash;
mod damage;
mod laws;
mod model;

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// All structures in one small memory, so that full is never far.
struct Rig {
    log: Log,
    pool: Pool,
    blobs: Blobs,
    index: Index,
    ring: Ring,
    words: usize,
}

impl Rig {
    fn new(stores: usize) -> Self {
        let mut plan = Plan::default();
        let pool = Pool::take(&mut plan, 6, 3);
        let index = Index::take(&mut plan, 7);
        // In the middle, as nothing may depend on where the log lies.
        let log = Log::take(&mut plan, stores);
        let blobs = Blobs::take(&mut plan, 5);
        let ring = Ring::take(&mut plan, 4, 3);
        Self { log, pool, blobs, index, ring, words: plan.words() }
    }

    fn memory(&self) -> Box<[AtomicU64]> {
        copy(&vec![0; self.words])
    }

    fn begin<'a>(&self, memory: &'a [AtomicU64]) -> Tx<'a> {
        Tx::begin(Words::new(memory), self.log).unwrap()
    }

    /// All words but the log's.
    fn data(&self, memory: &[AtomicU64]) -> Vec<u64> {
        let log = self.log.region();
        let words = snapshot(memory).into_iter().enumerate();
        words.filter(|(index, _)| !log.contains(*index)).map(|(_, word)| word).collect()
    }
}

fn snapshot(memory: &[AtomicU64]) -> Vec<u64> {
    memory.iter().map(|word| word.load(Ordering::Relaxed)).collect()
}

fn copy(words: &[u64]) -> Box<[AtomicU64]> {
    words.iter().map(|word| AtomicU64::new(*word)).collect()
}

/// One step of a mixed change: what to do, and two numbers that choose how.
type Step = (u8, u64, u64);

/// A reservation's life in small: a row with a blob, an index entry, a deadline and a record.
fn apply(rig: &Rig, tx: &mut Tx<'_>, (kind, a, b): Step) {
    match kind % 5 {
        0 | 1 => open(rig, tx, a, b),
        2 => close(rig, tx, a),
        3 => drop(rig.ring.push(tx, &[a, b])),
        _ => rig.ring.advance(tx, rig.ring.tail(tx.words()).saturating_add(a % 4)),
    }
}

fn open(rig: &Rig, tx: &mut Tx<'_>, a: u64, b: u64) {
    let Some(row) = rig.pool.alloc(tx) else { return };
    let bytes = vec![a as u8; b as usize % 300];
    let Some(head) = rig.blobs.put(tx, &bytes) else {
        rig.pool.free(tx, row);
        return;
    };
    for (word, value) in [a, u64::from(head), bytes.len() as u64].into_iter().enumerate() {
        tx.store(rig.pool.word_index(row, word), value);
    }
    rig.index.insert(tx, [a, 1], row);
    rig.ring.push(tx, &[a, b, u64::from(row)]);
}

fn close(rig: &Rig, tx: &mut Tx<'_>, a: u64) {
    let rows: Vec<u32> = rig.pool.rows(tx.words()).collect();
    let Some(row) = rows.get(a as usize % rows.len().max(1)).copied() else { return };
    let [key, head] = [0, 1].map(|word| tx.load(rig.pool.word_index(row, word)));
    rig.blobs.free(tx, head as u32);
    rig.index.remove(tx, [key, 1]);
    rig.pool.free(tx, row);
}
