//! Which processes share the segment. A number is a record lock on its byte of `procs`; the segment keeps who had it last, so
//! that a dead process is not taken for the next one with its number.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tierkit_core::clock::Clock;
use tierkit_core::gate::{Gate, Memo, SharedShelf};
use tierkit_core::segment::{Tx, number_of};

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::segment::record::Locks;
use crate::segment::{Segment, Word, bell};

/// Takes a free number; `None` when all are taken.
pub fn claim(procs: &Locks, most: usize) -> Option<u64> {
    (1..most as u64).find(|number| procs.try_lock(*number))
}

/// Whether an owner is a living process.
pub fn lives(segment: &Segment, owner: u64) -> bool {
    let in_use = |number| segment.procs.is_held(number);
    owner == segment.me || segment.owners.lives(segment.words(), owner, in_use)
}

/// Gives this process's number back.
pub fn leave(segment: &Segment) {
    segment.procs.unlock(number_of(segment.me));
}

/// Owners that are gone and still named.
pub fn dead(segment: &Segment) -> Vec<u64> {
    let is_ours = |owner| number_of(owner) == number_of(segment.me);
    segment.owners.all(segment.words()).filter(|owner| !is_ours(*owner) && !lives(segment, *owner)).collect()
}

/// Frees what dead processes held: their slots come back at once, their money waits for the expiry of its reservation.
///
/// # Errors
/// A segment that cannot be locked or changed.
pub fn bury(segment: &Segment) -> Result<(), StateError> {
    let dead = dead(segment);
    if !dead.is_empty() {
        // They may have died asleep. Who sleeps now looks again within 100 ms without being woken.
        segment.word(Word::WorkSleepers).store(0, Ordering::Release);
        segment.word(Word::DoneSleepers).store(0, Ordering::Release);
        segment.word(Word::HurrySleepers).store(0, Ordering::Release);
    }
    let freed = !dead.is_empty();
    for owner in dead {
        release(segment, owner)?;
    }
    if freed {
        bell::rouse(segment.word(Word::Freed), segment.word(Word::FreedSleepers));
    }
    Ok(())
}

/// Frees the slots of one owner, one reservation per change, and forgets it.
pub fn release(segment: &Segment, owner: u64) -> Result<(), StateError> {
    let failed =
        |error: tierkit_core::error::Error| StateError::new(&segment.path, error, "rebuild it: stop all processes first");
    let begin = || SharedShelf::begin(segment.words(), &segment.layout, segment.seed, segment.me).map_err(failed);
    let left = {
        let _turn = segment.turn()?;
        begin()?.open_of(owner)
    };
    for id in left {
        let turn = segment.turn()?;
        let rules = &turn.known.directory.rules;
        let mut gate = Gate::resume(Arc::clone(rules), begin()?, Memo::new(rules));
        gate.release_holds(&id, SystemClock.now());
        gate.into_parts().0.commit().map_err(failed)?;
    }
    let turn = segment.turn()?;
    let mut tx = Tx::begin(segment.words(), segment.layout.log()).map_err(failed)?;
    segment.owners.forget(&mut tx, owner);
    tx.commit().map_err(failed)?;
    drop(turn);
    Ok(())
}
