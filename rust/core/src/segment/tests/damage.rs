//! Damaged words: wrong values are allowed; a panic, an endless loop or a stray store is not.

use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// Random words of several kinds: wild ones, and small ones with and without the mark of a live row, which look right.
fn garbage(seed: u64, count: usize) -> Vec<u64> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ mixed >> 27
    };
    let wild = next() % 8;
    (0..count)
        .map(|_| match next() % 8 {
            kind if kind < wild => next(),
            0 => u64::MAX,
            1 | 2 => 0,
            3 | 4 => (next() % 8) | (1 << 63),
            _ => next() % 12,
        })
        .collect()
}

fn read_everything(rig: &Rig, words: Words<'_>) {
    assert!(rig.pool.rows(words).count() <= rig.pool.capacity() as usize);
    assert!(rig.pool.len(words) <= rig.pool.capacity());
    for row in (0..8).chain([u32::MAX - 1, u32::MAX]) {
        words.load(rig.pool.word_index(row, 2));
        rig.pool.link(words, row);
        assert!(rig.blobs.get(words, row, usize::MAX).len() <= 5 * 120);
        rig.index.find(words, [u64::from(row), 1]);
    }
    rig.blobs.free_blocks(words);
    assert!(rig.index.len(words) <= 8);
    assert!(rig.ring.free_slots(words) <= rig.ring.capacity());
    for seq in [0, 1, 5, rig.ring.tail(words), rig.ring.head(words), u64::MAX] {
        rig.ring.get(words, seq).map(Iterator::count);
    }
}

fn change_everything(rig: &Rig, tx: &mut Tx<'_>, steps: &[Step]) {
    for (kind, a, b) in steps {
        match kind % 4 {
            0 => drop(rig.pool.free(tx, *a as u32)),
            1 => drop(rig.blobs.free(tx, *a as u32)),
            2 => drop(rig.index.remove(tx, [*a, *b])),
            _ => apply(rig, tx, (*b as u8, *a, *b)),
        }
    }
    // What a caller does with everything that is due.
    while rig.pool.alloc(tx).is_some() {}
    while rig.blobs.put(tx, b"x").is_some() {}
    while rig.ring.push(tx, &[1]).is_some() {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn damaged_words_never_panic_and_a_dropped_change_restores_them(
        seed: u64,
        steps in proptest::collection::vec((any::<u8>(), 0_u64..9, 0_u64..400), 1..12),
        lost in prop_oneof![3 => Just(0_usize), 1 => 0_usize..400],
        stores in 0_usize..300,
    ) {
        let rig = Rig::new(stores);
        let mut start = garbage(seed, rig.words.saturating_sub(lost));
        if let Some(count) = start.get_mut(rig.log.region().start) {
            *count = 0;
        }
        let memory = copy(&start);
        read_everything(&rig, memory.view());
        let Ok(mut tx) = Tx::begin(memory.view(), rig.log) else { return Ok(()) };
        change_everything(&rig, &mut tx, &steps);
        read_everything(&rig, tx.words());
        drop(tx);
        prop_assert_eq!(rig.data(&memory), rig.data(&copy(&start)));
    }

    #[test]
    fn a_damaged_log_is_an_error_or_undone_but_never_half(seed: u64, lost in prop_oneof![Just(0_usize), 0_usize..400]) {
        let rig = Rig::new(10);
        let start = garbage(seed, rig.words.saturating_sub(lost));
        let memory = copy(&start);
        match recover(memory.view(), rig.log) {
            Ok(undone) => prop_assert!(!recover(memory.view(), rig.log).unwrap(), "undone twice after {}", undone),
            Err(error) => {
                prop_assert!(matches!(error, Error::Damaged(_)));
                prop_assert_eq!(snapshot(&memory), start);
            }
        }
    }
}
