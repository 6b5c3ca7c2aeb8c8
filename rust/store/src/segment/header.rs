//! The first words of a segment.

use std::sync::atomic::Ordering;

use tierkit_core::gate::{LAYOUT_VERSION, Layout};
use tierkit_core::rules::Rules;
use tierkit_core::segment::{Memory, Tx};

use crate::ids::random;
use crate::row::Names;
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
    /// The policy that its scopes belong to, two words.
    Rules = 4,
    /// The key of all digests, four words.
    Seed = 6,
    /// Length of the segment.
    Words = 10,
    /// The ledger's last entry when the segment was made.
    Base = 11,
    /// The names of the rules.
    Names = 12,
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
    /// 0, or the length of the fault that keeps the ledger from being written.
    Fault = 18,
    /// What the rules count, for whoever only looks; 0 where it is not said.
    Specs = 20,
    /// The first bytes of the hash of the last entry that is in the ledger.
    Head = 30,
    /// Rings when units, slots or money came back.
    Freed = 24,
    /// Processes asleep on it, in which somebody waits for room.
    FreedSleepers = 25,
}

/// What decides whether a segment can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It can.
    Good,
    /// It was made under another policy; its entries can still be read.
    OtherRules,
    /// Another version, another boot, or no segment at all.
    Foreign,
}

/// A digest of everything in the rules that a decision depends on.
pub fn fingerprint(rules: &Rules) -> [u64; 2] {
    let mut hasher = blake3::Hasher::new();
    for rule in rules.iter() {
        hasher.update(format!("{rule:?}\n").as_bytes());
    }
    two_words(hasher.finalize().as_bytes())
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

/// Looks at a mapped file.
pub fn fit(map: &Map, layout: &Layout, rules: [u64; 2]) -> Fit {
    let words = map.view();
    let at = |word: Word, offset: usize| words.load(layout.header(word as usize + offset));
    let two = |word: Word| [at(word, 0), at(word, 1)];
    let ours = at(Word::Magic, 0) == MAGIC
        && at(Word::Version, 0) == LAYOUT_VERSION
        && two(Word::Boot) == boot()
        && at(Word::Words, 0) == layout.words() as u64;
    match (ours, two(Word::Rules) == rules) {
        (false, _) => Fit::Foreign,
        (true, false) => Fit::OtherRules,
        (true, true) => Fit::Good,
    }
}

/// Writes the header of a fresh file, all but the magic word.
///
/// # Errors
/// A segment too small for the names.
pub fn write(
    map: &Map,
    layout: &Layout,
    rules: [u64; 2],
    names: &Names,
    (base, chain): (i64, &[u8]),
) -> tierkit_core::error::Result<()> {
    let mut tx = Tx::begin(map.view(), layout.log())?;
    let text = layout.put_text(&mut tx, &names.to_json()).unwrap_or_default();
    let boot = boot();
    let pairs = [
        (Word::Version, vec![LAYOUT_VERSION]),
        (Word::Boot, boot.to_vec()),
        (Word::Rules, rules.to_vec()),
        (Word::Seed, vec![random(), random(), random(), random()]),
        (Word::Words, vec![layout.words() as u64]),
        (Word::Base, vec![base.cast_unsigned()]),
        (Word::Names, vec![text]),
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
