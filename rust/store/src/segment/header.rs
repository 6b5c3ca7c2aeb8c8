//! The first words of a segment.

use std::sync::atomic::Ordering;

use tierkit_core::gate::{LAYOUT_VERSION, Layout};
use tierkit_core::segment::{Memory, Tx};

use crate::ids::random;
use crate::segment::map::Map;

/// "tierkit1" as a number.
const MAGIC: u64 = 0x7469_6572_6b69_7431;

/// Places in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Word {
    /// Says what the file is; written last, so that a half-made file is none.
    Magic = 0,
    /// Meaning of the words.
    Version = 1,
    /// The boot of the machine that its times belong to, two words.
    Boot = 2,
    /// The key of all digests, four words.
    Seed = 6,
    /// Length of the segment.
    Words = 10,
    /// The ledger's last entry when the segment was made.
    Base = 11,
    /// Who holds the lock; 0 is nobody.
    Lock = 13,
    /// How often it was taken: while this number moves, whoever waits is only unlucky.
    Turns = 19,
    /// Rings when entries wait for the ledger.
    Work = 14,
    /// Writers asleep on it.
    WorkSleepers = 15,
    /// Rings when entries were committed or could not be.
    Done = 16,
    /// Callers asleep on it.
    DoneSleepers = 17,
    /// Rings when somebody begins to wait for a commit.
    Hurry = 26,
    /// Writers asleep on it.
    HurrySleepers = 27,
    /// 0, or the length of the fault that keeps the ledger from being written.
    Fault = 18,
    /// How many owners there ever were.
    Given = 21,
    /// When the policy in force was loaded, on the wall clock.
    Loaded = 20,
    /// The first bytes of the hash of the last entry that is in the ledger.
    Head = 30,
    /// Rings when units, slots or money came back.
    Freed = 24,
    /// Processes asleep on it, in which somebody waits for room.
    FreedSleepers = 25,
}

fn two_words(bytes: &[u8]) -> [u64; 2] {
    let word = |from: usize| {
        let chunk = bytes.get(from..from + 8).unwrap_or_default();
        chunk.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
    };
    [word(0), word(8)]
}

/// This boot of the machine; zeros where the system does not tell.
pub fn boot() -> [u64; 2] {
    std::fs::read("/proc/sys/kernel/random/boot_id").map_or([0, 0], |id| two_words(blake3::hash(&id).as_bytes()))
}

/// Whether a mapped file can be used: a whole segment of this version and this boot.
pub fn fits(map: &Map, layout: &Layout) -> bool {
    let words = map.view();
    let at = |word: Word, offset: usize| words.load(layout.header(word as usize + offset));
    at(Word::Magic, 0) == MAGIC
        && at(Word::Version, 0) == LAYOUT_VERSION
        && [at(Word::Boot, 0), at(Word::Boot, 1)] == boot()
        && at(Word::Words, 0) == layout.words() as u64
}

/// Writes the header of a fresh file, all but the magic word.
///
/// # Errors
/// A file that is too short.
pub fn write(map: &Map, layout: &Layout, loaded_ns: i64, (base, chain): (i64, &[u8])) -> tierkit_core::error::Result<()> {
    let mut tx = Tx::begin(map.view(), layout.log())?;
    let boot = boot();
    let pairs = [
        (Word::Version, vec![LAYOUT_VERSION]),
        (Word::Boot, boot.to_vec()),
        (Word::Seed, vec![random(), random(), random(), random()]),
        (Word::Words, vec![layout.words() as u64]),
        (Word::Base, vec![base.cast_unsigned()]),
        (Word::Loaded, vec![loaded_ns.cast_unsigned()]),
        (Word::Head, vec![head(chain)]),
    ];
    for (word, values) in pairs {
        for (offset, value) in values.into_iter().enumerate() {
            tx.store(layout.header(word as usize + offset), value);
        }
    }
    tx.commit()
}

/// What a segment keeps of the hash of the ledger's last entry.
pub fn head(chain: &[u8]) -> u64 {
    chain.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Says that the file is whole.
pub fn seal(map: &Map, layout: &Layout) {
    if let Some(word) = map.words().get(layout.header(Word::Magic as usize)) {
        word.store(MAGIC, Ordering::Release);
    }
}
