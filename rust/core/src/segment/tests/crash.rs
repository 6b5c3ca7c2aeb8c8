//! A kill at every store, in the change, in its rollback and in the recovery.

use proptest::prelude::*;

use super::*;

const STORES: usize = 400;

/// More stores than any test makes.
const FOREVER: u64 = 1 << 40;

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((any::<u8>(), 0_u64..9, 0_u64..400), 1..most)
}

/// The words after earlier, finished changes.
fn history(rig: &Rig, steps: &[Step]) -> Vec<u64> {
    let memory = rig.memory();
    for step in steps {
        let mut tx = rig.begin(&memory);
        apply(rig, &mut tx, *step);
        tx.commit().unwrap();
    }
    snapshot(&memory)
}

/// Runs one change whose owner dies after `fuse` stores. Gives the words, and how many stores the whole change makes.
fn run(rig: &Rig, start: &[u64], steps: &[Step], fuse: u64, commit: bool) -> (Box<[AtomicU64]>, u64) {
    let memory = copy(start);
    let left = AtomicU64::new(fuse);
    let mut tx = Tx::begin(Words::dying(&memory, &left), rig.log).unwrap();
    for step in steps {
        apply(rig, &mut tx, *step);
    }
    if commit {
        // The dead go on in here without their stores, so that they may see words that contradict each other.
        assert!(tx.commit().is_ok() || fuse < FOREVER);
    } else {
        drop(tx);
    }
    (memory, fuse - left.into_inner())
}

/// The same for a recovery.
fn recover_dying(rig: &Rig, start: &[u64], fuse: u64) -> (Box<[AtomicU64]>, u64) {
    let memory = copy(start);
    let left = AtomicU64::new(fuse);
    recover(Words::dying(&memory, &left), rig.log).unwrap();
    (memory, fuse - left.into_inner())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_kill_at_any_store_leaves_the_state_before_or_after(past in steps(25), change in steps(8), commit: bool) {
        let rig = Rig::new(STORES);
        let start = history(&rig, &past);
        let before = rig.data(&copy(&start));
        let (finished, stores) = run(&rig, &start, &change, FOREVER, commit);
        let after = rig.data(&finished);
        prop_assert!(commit || after == before, "a dropped change leaves a trace");
        for fuse in 0..=stores {
            let (memory, _) = run(&rig, &start, &change, fuse, commit);
            let undone = recover(memory.view(), rig.log).unwrap();
            prop_assert!(fuse < stores || !undone, "nothing is left to undo after the last store");
            let expected = if fuse < stores { &before } else { &after };
            prop_assert_eq!(&rig.data(&memory), expected, "killed after {} of {} stores", fuse, stores);
            prop_assert!(!recover(memory.view(), rig.log).unwrap());
        }
    }

    #[test]
    fn a_kill_at_any_store_of_the_recovery_changes_nothing(past in steps(25), change in steps(3)) {
        let rig = Rig::new(STORES);
        let start = history(&rig, &past);
        let before = rig.data(&copy(&start));
        let (_, stores) = run(&rig, &start, &change, FOREVER, true);
        for fuse in 0..stores {
            let killed = snapshot(&run(&rig, &start, &change, fuse, true).0);
            let (_, recovery) = recover_dying(&rig, &killed, FOREVER);
            for second in 0..=recovery {
                let (memory, _) = recover_dying(&rig, &killed, second);
                recover(memory.view(), rig.log).unwrap();
                prop_assert_eq!(&rig.data(&memory), &before, "killed after {} and {} stores", fuse, second);
            }
        }
    }

    #[test]
    fn a_full_log_undoes_the_whole_change(past in steps(25), change in steps(8), room in 0_usize..60) {
        let (roomy, small) = (Rig::new(STORES), Rig::new(room));
        let start = roomy.data(&copy(&history(&roomy, &past)));
        // The same data around a smaller log.
        let memory = small.memory();
        let places = (0..small.words).filter(|index| !small.log.region().contains(*index));
        places.zip(&start).for_each(|(index, word)| memory[index].store(*word, Ordering::Relaxed));
        let before = small.data(&memory);
        let mut tx = small.begin(&memory);
        for step in &change {
            apply(&small, &mut tx, *step);
        }
        let failed = tx.has_failed();
        prop_assert_eq!(tx.commit().is_err(), failed);
        prop_assert!(!failed || small.data(&memory) == before);
        prop_assert!(!recover(memory.view(), small.log).unwrap());
    }
}
