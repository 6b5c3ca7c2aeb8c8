//! The laws of words, plans and changes, each on the smallest example.

use super::*;
use crate::error::Error;

#[test]
fn the_same_plan_gives_the_same_places_on_cache_lines_apart_from_each_other() {
    let mut plan = Plan::default();
    let regions = [1, 8, 9, 0, 3].map(|words| plan.take(words));
    assert_eq!(regions.map(|region| region.start), [0, 8, 16, 32, 32]);
    assert_eq!(plan.words(), 40);
    assert_eq!(regions[2].at(8), 24);
    assert_eq!(regions[2].at(9), usize::MAX);
}

#[test]
fn a_block_is_two_cache_lines() {
    let [small, large] = [10, 11].map(|blocks| {
        let mut plan = Plan::default();
        Blobs::take(&mut plan, blocks);
        plan.words()
    });
    assert_eq!((large - small) * 8, 128);
}

#[test]
fn beyond_the_end_loads_are_zero_and_a_store_fails_the_change() {
    let rig = Rig::new(8);
    let memory = rig.memory();
    let mut tx = rig.begin(&memory);
    assert_eq!(tx.load(usize::MAX), 0);
    tx.store(0, 7);
    tx.store(usize::MAX, 0);
    tx.store(1, 7);
    assert!(matches!(tx.commit(), Err(Error::Damaged(_))));
    assert_eq!(snapshot(&memory)[..2], [0, 0]);
}

#[test]
fn the_log_itself_cannot_be_changed() {
    let rig = Rig::new(8);
    let memory = rig.memory();
    let mut tx = rig.begin(&memory);
    tx.store(rig.log.region().start + 1, 7);
    assert!(matches!(tx.check(), Err(Error::Damaged(_))));
}

#[test]
fn a_change_holds_as_many_stores_as_the_log_and_equal_values_are_free() {
    let rig = Rig::new(2);
    let memory = rig.memory();
    let mut tx = rig.begin(&memory);
    for (index, value) in [(0, 1), (0, 1), (1, 2), (1, 2), (2, 0)] {
        tx.store(index, value);
    }
    tx.commit().unwrap();
    let mut tx = rig.begin(&memory);
    for index in 0..3 {
        tx.store(index, 3);
    }
    assert!(matches!(tx.commit(), Err(Error::Full(_))));
    assert_eq!(snapshot(&memory)[..3], [1, 2, 0]);
}

#[test]
fn no_change_begins_before_the_last_one_is_recovered() {
    let rig = Rig::new(8);
    let memory = rig.memory();
    let mut tx = rig.begin(&memory);
    tx.store(0, 7);
    std::mem::forget(tx);
    assert!(matches!(Tx::begin(memory.view(), rig.log), Err(Error::Damaged(_))));
    assert!(recover(memory.view(), rig.log).unwrap());
    assert_eq!(rig.begin(&memory).load(0), 0);
}

#[test]
fn a_chain_in_a_circle_ends() {
    let rig = Rig::new(200);
    let memory = rig.memory();
    let mut tx = rig.begin(&memory);
    let head = rig.blobs.put(&mut tx, &[1; 240]).unwrap();
    // The last block links back to the first; its header is 16 words after the first's.
    let first = (0..rig.words).find(|index| tx.load(*index) == 1 << 63 | 2).unwrap();
    tx.store(first + 16, 1 << 63 | 1);
    assert_eq!(rig.blobs.get(tx.words(), head, usize::MAX), [1; 600]);
    assert!(rig.blobs.free(&mut tx, head));
    assert_eq!(rig.blobs.free_blocks(tx.words()), 5);
}
