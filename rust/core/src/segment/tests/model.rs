//! Each structure against its peer in std, over committed and dropped changes.

use std::collections::{BTreeSet, HashMap, VecDeque};

use proptest::prelude::*;

use super::*;

const STORES: usize = 2_000;

/// Changes of a few steps each, and whether each is committed.
fn changes() -> impl Strategy<Value = Vec<(Vec<Step>, bool)>> {
    let step = (any::<u8>(), any::<u64>(), 0_u64..20);
    proptest::collection::vec((proptest::collection::vec(step, 1..10), proptest::bool::weighted(0.8)), 1..25)
}

/// Runs the changes on a structure and its model: dropped changes leave the model as it was.
fn walk<M: Clone>(changes: &[(Vec<Step>, bool)], mut model: M, step: impl Fn(&Rig, &mut Tx<'_>, &mut M, Step)) {
    let rig = Rig::new(STORES);
    let memory = rig.memory();
    for (steps, commit) in changes {
        let mut tx = rig.begin(&memory);
        let mut changed = model.clone();
        for one in steps {
            step(&rig, &mut tx, &mut changed, *one);
        }
        tx.check().unwrap();
        if *commit {
            tx.commit().unwrap();
            model = changed;
        }
    }
}

fn pool_step(rig: &Rig, tx: &mut Tx<'_>, model: &mut HashMap<u32, u64>, (kind, value, pick): Step) {
    let pool = &rig.pool;
    if kind % 3 < 2 {
        let row = pool.alloc(tx);
        assert_eq!(row.is_none(), model.len() == 6);
        if let Some(row) = row {
            assert!(model.insert(row, value).is_none());
            (0..3).for_each(|word| tx.store(pool.word_index(row, word), value));
        }
    } else {
        assert_eq!(pool.free(tx, pick as u32 % 7), model.remove(&(pick as u32 % 7)).is_some());
    }
    let words = tx.words();
    assert_eq!(pool.len(words) as usize, model.len());
    let live: BTreeSet<u32> = pool.rows(words).collect();
    assert_eq!(live, model.keys().copied().collect());
    assert!(model.iter().all(|(row, value)| (0..3).all(|word| words.load(pool.word_index(*row, word)) == *value)));
}

fn blob_step(rig: &Rig, tx: &mut Tx<'_>, model: &mut HashMap<u32, Vec<u8>>, (kind, value, pick): Step) {
    let blobs = &rig.blobs;
    let used: usize = model.values().map(|bytes| Blobs::blocks_for(bytes.len())).sum();
    if kind % 2 == 0 {
        let bytes: Vec<u8> = (0..value % 700).map(|place| (value ^ place) as u8).collect();
        let before = snapshot_len(rig, tx);
        let head = blobs.put(tx, &bytes);
        assert_eq!(head.is_some(), used + Blobs::blocks_for(bytes.len()) <= 5);
        assert!(head.is_some() || before == snapshot_len(rig, tx));
        if let Some(head) = head {
            assert!(model.insert(head, bytes).is_none());
        }
    } else {
        let mut heads: Vec<u32> = model.keys().copied().collect();
        heads.sort_unstable();
        let head = heads.get(pick as usize % 5).copied();
        assert_eq!(head.is_some_and(|head| blobs.free(tx, head)), head.is_some_and(|head| model.remove(&head).is_some()));
    }
    assert!(model.iter().all(|(head, bytes)| blobs.get(tx.words(), *head, bytes.len()) == *bytes));
    let used: usize = model.values().map(|bytes| Blobs::blocks_for(bytes.len())).sum();
    assert_eq!(blobs.free_blocks(tx.words()), 5 - used);
}

fn snapshot_len(rig: &Rig, tx: &Tx<'_>) -> (usize, Vec<u64>) {
    let words = tx.words();
    (rig.blobs.free_blocks(words), (0..words.count()).map(|index| words.load(index)).collect())
}

fn index_step(rig: &Rig, tx: &mut Tx<'_>, model: &mut HashMap<[u64; 2], u32>, (kind, value, pick): Step) {
    let index = &rig.index;
    // Few homes, so that runs are long and wrap around the end.
    let key = [pick % 3 * 7, pick];
    if kind % 3 < 2 {
        let row = value as u32;
        let fits = model.contains_key(&key) || model.len() < index.capacity();
        assert_eq!(index.insert(tx, key, row), fits);
        if fits {
            model.insert(key, row);
        }
    } else {
        assert_eq!(index.remove(tx, key), model.remove(&key));
    }
    assert_eq!(index.len(tx.words()), model.len());
    for pick in 0..20 {
        let key = [pick % 3 * 7, pick];
        assert_eq!(index.find(tx.words(), key), model.get(&key).copied());
    }
}

fn ring_step(rig: &Rig, tx: &mut Tx<'_>, (model, next): &mut (VecDeque<Vec<u64>>, u64), (kind, value, pick): Step) {
    let ring = &rig.ring;
    if kind % 3 < 2 {
        let record = vec![value; pick as usize % 5];
        let fits = model.len() < 4 && record.len() <= 3;
        assert_eq!(ring.push(tx, &record), fits.then_some(*next));
        if fits {
            model.push_back(record.into_iter().chain([0; 3]).take(3).collect());
            *next += 1;
        }
    } else {
        let tail = *next - model.len() as u64;
        // Also before the tail and beyond the head.
        let upto = (tail + pick % 7).saturating_sub(1);
        ring.advance(tx, upto);
        model.drain(..model.len().min(upto.saturating_sub(tail) as usize));
    }
    let (words, tail) = (tx.words(), *next - model.len() as u64);
    assert_eq!((ring.tail(words), ring.head(words), ring.free_slots(words)), (tail, *next, 4 - model.len()));
    for seq in tail.saturating_sub(2)..*next + 2 {
        let expected = seq.checked_sub(tail).and_then(|place| model.get(place as usize));
        assert_eq!(ring.get(words, seq).map(Iterator::collect::<Vec<u64>>).as_ref(), expected);
    }
}

proptest! {
    #[test]
    fn the_pool_is_a_map_of_rows(changes in changes()) {
        walk(&changes, HashMap::new(), pool_step);
    }

    #[test]
    fn the_blobs_are_byte_vectors(changes in changes()) {
        walk(&changes, HashMap::new(), blob_step);
    }

    #[test]
    fn the_index_is_a_hash_map(changes in changes()) {
        walk(&changes, HashMap::new(), index_step);
    }

    #[test]
    fn the_ring_is_a_deque(changes in changes()) {
        walk(&changes, (VecDeque::new(), 0), ring_step);
    }
}
